"""The transport: one request over a real connection, and what its failures mean."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shared.errors import (
    OutcomeUnknown,
    ServiceUnavailable,
)
from shared.http import Request, RequestsTransport
from tests.support.stand_ins import lower

# --- the network -----------------------------------------------------------------------------------------------------


class Site:
    """A loopback web server whose answer is one function."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.reply: Callable[[BaseHTTPRequestHandler], None] = lambda handler: reply(handler, 200)
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                site.seen.append((self.command, self.path, lower(dict(self.headers)), body))
                site.reply(self)

            do_GET = do_POST = do_PATCH = _serve  # noqa: N815 - the base class asks for these names

            def log_message(self, *_args: object) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def reply(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"{}", **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = True


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Break the connection without an answer, hard."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    # The server's own shutdown would send a clean end first.
    handler.connection.close()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.stop()


def test_a_request_arrives_as_it_was_given(site: Site) -> None:
    response = RequestsTransport().send(Request("PATCH", f"{site.url}/a?b=c", {"If-Match": '"v1"'}, b"[1]"))
    assert response.status == 200
    assert response.json() == {}
    (method, path, headers, body) = site.seen[0]
    assert (method, path, headers["if-match"], body) == ("PATCH", "/a?b=c", '"v1"', b"[1]")


def test_header_names_of_the_answer_are_in_lower_case(site: Site) -> None:
    site.reply = lambda handler: reply(handler, 200, ETag='"v2"', X_Ms_Thing="1")
    headers = RequestsTransport().send(Request("GET", site.url, {})).headers
    assert (headers["etag"], headers["x-ms-thing"]) == ('"v2"', "1")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(site: Site, status: int) -> None:
    site.reply = lambda handler: reply(handler, status, Location=f"{site.url}/elsewhere")
    assert RequestsTransport().send(Request("GET", site.url, {"Authorization": "Bearer x"})).status == status
    assert len(site.seen) == 1


def test_no_cookie_is_kept(site: Site) -> None:
    site.reply = lambda handler: reply(handler, 200, Set_Cookie="ARRAffinity=server7; Path=/")
    transport = RequestsTransport()
    for _ in range(2):
        transport.send(Request("GET", site.url, {}))
    assert "cookie" not in site.seen[1][2]


def test_a_refused_connection_had_no_effect() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        port = held.getsockname()[1]
        with pytest.raises(ServiceUnavailable) as caught:
            RequestsTransport().send(Request("POST", f"http://127.0.0.1:{port}/x?code=CANARY", {}, b"{}"))
    assert "CANARY" not in str(caught.value)


def test_an_unknown_host_had_no_effect() -> None:
    with pytest.raises(ServiceUnavailable):
        RequestsTransport().send(Request("POST", "http://no-such-host.invalid/", {}, b"{}"))


def test_a_connection_that_breaks_after_sending_may_have_had_an_effect(site: Site) -> None:
    site.reply = reset
    with pytest.raises(OutcomeUnknown) as caught:
        RequestsTransport().send(Request("POST", f"{site.url}/x?code=CANARY", {}, b"{}"))
    assert len(site.seen) == 1, "the network must not repeat a write by itself"
    assert "CANARY" not in str(caught.value)


def test_an_answer_that_breaks_off_may_have_had_an_effect(site: Site) -> None:
    def half(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"{")
        handler.close_connection = True

    site.reply = half
    with pytest.raises(OutcomeUnknown):
        RequestsTransport().send(Request("POST", site.url, {}, b"{}"))


def test_threads_share_no_connection(site: Site) -> None:
    transport = RequestsTransport()
    seen: list[int] = []
    threads = [
        threading.Thread(target=lambda: seen.append(transport.send(Request("GET", site.url, {})).status))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [200] * 4
