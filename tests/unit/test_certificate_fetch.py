"""Fetching a certificate over the wire: nothing but the bytes of one small file."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from shared.partner_center import certificates
from shared.partner_center.certificates import MAX_BYTES, HttpsFetcher
from shared.partner_center.refusal import CertificateUnavailable, Reason, SignatureRefused
from tests.support import pki
from tests.support.connections import recorded

# --- fetching --------------------------------------------------------------------------------------------------------


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[BaseHTTPRequestHandler], None]], str]]:
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(reply: Callable[[BaseHTTPRequestHandler], None]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                reply(self)

            def log_message(self, *_args: object) -> None:
                """Stay silent."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}/a.cer"

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


Serve = Callable[[Callable[[BaseHTTPRequestHandler], None]], str]


def _reply(
    status: int, body: bytes = b"", *, location: str = "", length: int | None = None
) -> Callable[[BaseHTTPRequestHandler], None]:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        if location:
            handler.send_header("Location", location)
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def test_a_certificate_is_fetched_as_it_is(serve: Serve) -> None:
    content = pki.leaf().der
    assert HttpsFetcher().fetch(serve(_reply(200, content))) == content


def test_a_redirect_of_the_certificate_is_refused(serve: Serve) -> None:
    with pytest.raises(SignatureRefused) as caught:
        HttpsFetcher().fetch(serve(_reply(302, location="http://127.0.0.1:9/other.cer")))
    assert caught.value.reason is Reason.REDIRECT


@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_host_that_fails_is_asked_again_later(serve: Serve, status: int) -> None:
    with pytest.raises(CertificateUnavailable):
        HttpsFetcher().fetch(serve(_reply(status, b"sorry")))


def test_a_huge_certificate_is_refused(serve: Serve) -> None:
    with pytest.raises(SignatureRefused) as caught:
        HttpsFetcher().fetch(serve(_reply(200, b"x" * (MAX_BYTES + 1))))
    assert caught.value.reason is Reason.TOO_LARGE


def test_a_certificate_that_breaks_off_is_asked_for_again_later(serve: Serve) -> None:
    with pytest.raises(CertificateUnavailable):
        HttpsFetcher().fetch(serve(_reply(200, b"half", length=1000)))


def test_a_connection_that_is_reset_within_the_certificate_is_asked_again_later(serve: Serve) -> None:
    def reset(handler: BaseHTTPRequestHandler) -> None:
        _reply(200, b"half", length=1000)(handler)
        handler.wfile.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()

    with pytest.raises(CertificateUnavailable):
        HttpsFetcher().fetch(serve(reset))


def test_an_unreachable_host_is_asked_again_later() -> None:
    with pytest.raises(CertificateUnavailable):
        HttpsFetcher().fetch("http://127.0.0.1:9/a.cer")


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.4", "169.254.169.254", "192.168.1.1", "::1", "fd00::1", "::ffff:10.0.0.4", "224.0.0.1"],
)
def test_a_name_that_leads_into_a_private_network_is_not_called(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("20.60.1.1", 443))] * 2
    found[1] = (*found[1][:4], (address, 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
    with recorded() as connections, pytest.raises(SignatureRefused) as caught:
        HttpsFetcher().fetch("https://certificates.example/a.cer")
    assert caught.value.reason is Reason.ADDRESS
    assert connections.hosts == []


def test_a_name_that_leads_nowhere_is_asked_for_again_later() -> None:
    with recorded() as connections, pytest.raises(CertificateUnavailable):
        HttpsFetcher().fetch("https://certificates.invalid/a.cer")
    assert connections.hosts == ["certificates.invalid"]


def test_no_credentials_go_along(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password CANARY\n")
    monkeypatch.setenv("NETRC", str(netrc))
    seen: list[str] = []

    def reply(handler: BaseHTTPRequestHandler) -> None:
        seen.append(str(handler.headers))
        _reply(200, b"content")(handler)

    HttpsFetcher().fetch(serve(reply))
    HttpsFetcher().fetch(serve(reply))
    assert len(seen) == 2
    assert not any(word in headers.lower() for headers in seen for word in ("authorization", "cookie"))


def test_a_certificate_that_drips_is_given_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "TOTAL_TIME", 0.0)
    with pytest.raises(CertificateUnavailable, match="too slow"):
        HttpsFetcher().fetch(serve(_reply(200, b"content")))
