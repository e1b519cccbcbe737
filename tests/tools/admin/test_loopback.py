"""The listener of a sign-in takes one answer, of one sign-in, from this machine's browser, and nothing else."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import requests

from shared.errors import AccessDenied, ServiceUnavailable
from tools.admin.sign_in.loopback import Loopback, pasted


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with Loopback() as listening:
        listening.expect("the-state")
        yield listening


def post(loopback: Loopback, path: str = "/", host: str | None = None, **members: str) -> requests.Response:
    headers = {"Host": host} if host else {}
    return requests.post(f"http://localhost:{loopback.port}{path}", data=members, headers=headers, timeout=10)


def test_the_answer_is_taken_once_and_not_repeated_to_the_browser(loopback: Loopback) -> None:
    answer = post(loopback, code="CANARY", state="the-state", id_token="CANARY", session_state="x")
    assert answer.status_code == 200
    assert "CANARY" not in answer.text + str(answer.headers)
    assert answer.headers["Cache-Control"] == "no-store"
    assert loopback.wait(5) == {"code": "CANARY", "state": "the-state"}


def test_an_answer_in_the_address_is_taken_too(loopback: Loopback) -> None:
    url = f"{loopback.redirect_uri}?error=access_denied&state=the-state"
    assert requests.get(url, timeout=10).status_code == 200
    assert loopback.wait(5)["error"] == "access_denied"


@pytest.mark.parametrize(
    ("path", "host", "members", "status"),
    [
        ("/", None, {"code": "x", "state": "another"}, 400),
        ("/", None, {"code": "x"}, 400),
        ("/", None, {"code": "x", "state": ""}, 400),
        ("/favicon.ico", None, {"code": "x", "state": "the-state"}, 404),
        ("/", "evil.example", {"code": "x", "state": "the-state"}, 404),
        ("/", None, {"code": "x" * 70_000, "state": "the-state"}, 413),
    ],
)
def test_strays_change_nothing(
    loopback: Loopback, path: str, host: str | None, members: dict[str, str], status: int
) -> None:
    assert post(loopback, path, host, **members).status_code == status
    post(loopback, code="right", state="the-state")
    assert loopback.wait(5)["code"] == "right"


def test_before_a_state_is_expected_nothing_is_taken() -> None:
    with Loopback() as early:
        assert post(early, code="x", state="").status_code == 400


def test_a_connection_that_says_nothing_keeps_nobody_waiting(loopback: Loopback) -> None:
    with socket.create_connection(("127.0.0.1", loopback.port)):
        post(loopback, code="right", state="the-state")
        assert loopback.wait(5)["code"] == "right"


def test_only_this_machine_is_listened_to(loopback: Loopback) -> None:
    assert {str(server.server_address[0]) for server in loopback._servers} <= {"127.0.0.1", "::1"}


def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServiceUnavailable, match=f"port {port} is taken"):
            Loopback(port)


def test_nobody_comes(loopback: Loopback) -> None:
    with pytest.raises(ServiceUnavailable, match="AADSTS50011"):
        loopback.wait(0.01)


@pytest.mark.parametrize(
    "text", ["", "the-code", "https://localhost:1/?code=x", "http://localhost:2/?code=x", "http://evil.example/?code=x"]
)
def test_another_address_is_not_an_answer(text: str) -> None:
    with pytest.raises(AccessDenied, match="begins with http://localhost:1/"):
        pasted(text, "http://localhost:1/")


def test_an_address_is_an_answer() -> None:
    assert pasted(" http://localhost:1/?code=x&state=y&other=z\n", "http://localhost:1/") == {"code": "x", "state": "y"}
    assert pasted("http://localhost:1?code=x", "http://localhost:1/") == {"code": "x"}
