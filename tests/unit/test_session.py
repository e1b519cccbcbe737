"""What holds for a request is what requests itself would say, and the environment is read once for each host."""

from __future__ import annotations

import io
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


Asked = tuple[requests.PreparedRequest, dict[str, Any]]


class Recorder(requests.adapters.BaseAdapter):
    """A network that answers everything alike, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Asked] = []

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:  # type: ignore[override]
        self.asked.append((request, settings))
        answer = requests.Response()
        answer.status_code, answer.request, answer.url, answer.raw = 302, request, str(request.url), io.BytesIO(b"{}")
        answer.headers.update({"Location": "https://elsewhere.example/"})
        answer.cookies.set("server", "7", domain="one.example")
        return answer

    def close(self) -> None:
        pass


def sent(session: requests.Session, method: str, url: str, given: dict[str, Any]) -> Asked:
    recorder = Recorder()
    session.mount("https://", recorder)
    session.request(method, url, **given, allow_redirects=False)
    (asked,) = recorder.asked
    return asked


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"headers": {"accept": "application/json", "If-Match": '"1"'}},
        {"data": b'{"a": 1}', "headers": {"Content-Type": "application/json"}},
        {
            "data": "<a>\u00fc</a>".encode(),
            "timeout": (5, 20),
            "verify": True,
            "cert": None,
            "proxies": None,
            "files": None,
        },
        {"stream": True},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "url", ["https://one.example/a b?q=\u00fc&r=%27", "https://one.example/$batch", "https://one.example"]
)
def test_a_request_is_sent_as_requests_would_send_it(url: str, given: dict[str, Any]) -> None:
    method = "POST" if "data" in given else "GET"
    (ours, our_settings), (theirs, their_settings) = (
        sent(session, method, url, given) for session in (Session(), requests.Session())
    )
    assert (ours.method, ours.url, ours.body) == (theirs.method, theirs.url, theirs.body)
    assert dict(ours.headers.lower_items()) == dict(theirs.headers.lower_items())
    assert our_settings == their_settings


def test_neither_a_cookie_nor_a_redirect_leads_to_another_request() -> None:
    session, recorder = Session(), Recorder()
    session.mount("https://", recorder)
    answers = [session.request("GET", PLACES[0], allow_redirects=True) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert [request.headers.get("Cookie") for request, _ in recorder.asked] == [None, None]
    assert not session.cookies


@pytest.mark.parametrize(
    "more", [{"params": {"a": 1}}, {"json": {}}, {"auth": ("a", "b")}, {"files": {"a": b""}}], ids=str
)
def test_what_is_not_passed_on_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=next(iter(more))):
        Session().request("GET", PLACES[0], **more)


def test_a_netrc_on_the_machine_names_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine one.example login user password CANARY\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    given = {"headers": {"Authorization": "Bearer ours"}}
    (theirs, _), (ours, _) = (sent(session, "GET", PLACES[0], given) for session in (requests.Session(), Session()))
    assert theirs.headers["Authorization"] != "Bearer ours"
    assert ours.headers["Authorization"] == "Bearer ours"
