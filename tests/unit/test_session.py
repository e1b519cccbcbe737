"""What holds for a request is what requests itself would say, and the environment is read once for each host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from shared.session import Session

PLACES = ("https://one.example/a", "http://one.example/a", "https://two.example:8443/b?c=d", "https://inside.example/")


def settings(session: requests.Session, url: str, **given: Any) -> dict[str, Any]:
    wanted = {"proxies": {}, "stream": None, "verify": None, "cert": None, **given}
    return dict(session.merge_environment_settings(url, **wanted))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ssl/proxy.pem")


@pytest.mark.parametrize("url", PLACES)
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"verify": True},
        {"verify": False},
        {"stream": True},
        {"proxies": {"https": "http://own"}},
        {"cert": "own.pem"},
    ],
    ids=str,
)
def test_a_request_has_what_requests_would_give_it(url: str, given: dict[str, Any]) -> None:
    session = Session()
    first, again = settings(session, url, **given), settings(session, url, **given)
    assert first == again == settings(requests.Session(), url, **given)


def test_the_environment_is_read_once_for_each_host(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session()
    before = {url: settings(session, url) for url in PLACES}
    for name in ("HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name)
    assert {url: settings(session, url) for url in PLACES} == before
    assert settings(session, "https://three.example/") == settings(requests.Session(), "https://three.example/")


def test_what_a_caller_makes_of_an_answer_changes_no_later_one() -> None:
    session = Session()
    settings(session, PLACES[0])["proxies"]["https"] = "http://elsewhere"
    assert settings(session, PLACES[0]) == settings(requests.Session(), PLACES[0])


def test_a_netrc_on_the_machine_names_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine one.example login user password CANARY\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    request = requests.Request("GET", PLACES[0], headers={"Authorization": "Bearer ours"})
    assert requests.Session().prepare_request(request).headers["Authorization"] != "Bearer ours"
    assert Session().prepare_request(request).headers["Authorization"] == "Bearer ours"
