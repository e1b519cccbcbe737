"""Fetching a certificate over the wire: nothing but the bytes of one small file."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from shared.partner_center.certificates import MAX_BYTES, NetworkFetcher
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
    assert NetworkFetcher().fetch(serve(_reply(200, content))) == content


def test_a_redirect_of_the_certificate_is_refused(serve: Serve) -> None:
    with pytest.raises(SignatureRefused) as caught:
        NetworkFetcher().fetch(serve(_reply(302, location="http://127.0.0.1:9/other.cer")))
    assert caught.value.reason is Reason.REDIRECT


@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_host_that_fails_is_asked_again_later(serve: Serve, status: int) -> None:
    with pytest.raises(CertificateUnavailable):
        NetworkFetcher().fetch(serve(_reply(status, b"sorry")))


def test_a_huge_certificate_is_refused(serve: Serve) -> None:
    with pytest.raises(SignatureRefused) as caught:
        NetworkFetcher().fetch(serve(_reply(200, b"x" * (MAX_BYTES + 1))))
    assert caught.value.reason is Reason.TOO_LARGE


def test_a_certificate_that_breaks_off_is_asked_for_again_later(serve: Serve) -> None:
    with pytest.raises(CertificateUnavailable):
        NetworkFetcher().fetch(serve(_reply(200, b"half", length=1000)))


def test_a_connection_that_is_reset_within_the_certificate_is_asked_again_later(serve: Serve) -> None:
    def reset(handler: BaseHTTPRequestHandler) -> None:
        _reply(200, b"half", length=1000)(handler)
        handler.wfile.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()

    with pytest.raises(CertificateUnavailable):
        NetworkFetcher().fetch(serve(reset))


def test_an_unreachable_host_is_asked_again_later() -> None:
    with pytest.raises(CertificateUnavailable):
        NetworkFetcher().fetch("http://127.0.0.1:9/a.cer")


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.4", "169.254.169.254", "192.168.1.1", "::1", "fd00::1", "::ffff:10.0.0.4", "224.0.0.1"],
)
def test_a_name_that_leads_into_a_private_network_is_not_called(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("20.60.1.1", 443))] * 2
    found[1] = (*found[1][:4], (address, 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
    with recorded() as connections, pytest.raises(SignatureRefused) as caught:
        NetworkFetcher().fetch("https://certificates.example/a.cer")
    assert caught.value.reason is Reason.ADDRESS
    assert connections.hosts == []


def test_a_name_that_leads_nowhere_is_asked_for_again_later() -> None:
    with recorded() as connections, pytest.raises(CertificateUnavailable):
        NetworkFetcher().fetch("https://certificates.invalid/a.cer")
    assert connections.hosts == ["certificates.invalid"]


def test_no_credentials_go_along(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password CANARY\n")
    monkeypatch.setenv("NETRC", str(netrc))
    seen: list[str] = []

    def reply(handler: BaseHTTPRequestHandler) -> None:
        seen.append(str(handler.headers))
        _reply(200, b"content")(handler)

    NetworkFetcher().fetch(serve(reply))
    NetworkFetcher().fetch(serve(reply))
    assert len(seen) == 2
    assert not any(word in headers.lower() for headers in seen for word in ("authorization", "cookie"))


# --- overall time, and the address that was checked ------------------------------------------------------------------


@contextmanager
def _raw_server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve one connection by hand; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve_one() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    talk(connection)
                except OSError:
                    return  # The other side hung up, which is what is waited for.

        thread = threading.Thread(target=serve_one, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)
        assert not thread.is_alive(), "the connection was not ended"


def _dribble(*pieces: bytes) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        connection.sendall(pieces[0])
        while True:  # Each piece is quick, and there is no end of them.
            for piece in pieces[1:]:
                connection.sendall(piece)
                time.sleep(0.01)

    return talk


ENDLESS = {
    "header bytes": (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"),
    "going on": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body": (b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b"a"),
    "a body in pieces": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
}


@pytest.mark.parametrize("kind", sorted(ENDLESS))
def test_one_deadline_holds_for_headers_and_body(kind: str) -> None:
    with _raw_server(_dribble(*ENDLESS[kind])) as port, pytest.raises(CertificateUnavailable, match="too slow"):
        NetworkFetcher().fetch(f"http://127.0.0.1:{port}/a.cer", 0.3)


def test_one_deadline_holds_for_a_handshake_that_never_ends() -> None:
    with _raw_server(_dribble(b"\x16\x03\x03\x3f\x00", b"a")) as port, pytest.raises(CertificateUnavailable):
        NetworkFetcher().fetch(f"https://127.0.0.1:{port}/a.cer", 0.3)


def test_headers_without_end_are_given_up(serve: Serve) -> None:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n")

    with pytest.raises(CertificateUnavailable):
        NetworkFetcher().fetch(serve(reply))


def test_a_name_that_means_another_address_a_moment_later_is_called_where_it_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [("20.60.1.1", 443), ("127.0.0.1", 443)]
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_a, **_k: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", answers.pop(0))]
    )
    with recorded() as connections, pytest.raises(CertificateUnavailable):
        NetworkFetcher().fetch("https://certificates.example/a.cer")
    assert connections.hosts == ["20.60.1.1"]
    assert len(answers) == 1, "the name was looked up once"


@pytest.mark.parametrize(
    "address",
    [
        "168.63.129.16",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "::127.0.0.1",
        "::10.0.0.1",
        "fec0::1",
        "fe80::1%eth0",
        "2001:0:53aa:64c::1",
        "::ffff:168.63.129.16",
        "100.64.0.1",
        "0.0.0.1",
        "::",
        "ff02::1",
    ],
)
def test_what_only_looks_public_is_not(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, 443, 0, 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: found)
    with recorded() as connections, pytest.raises(SignatureRefused) as caught:
        NetworkFetcher().fetch("https://certificates.example/a.cer")
    assert caught.value.reason is Reason.ADDRESS
    assert connections.hosts == []


@pytest.mark.parametrize("address", ["20.60.1.1", "2603:1030::1"])
def test_what_is_public_is_called(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    target = (address, 443, 0, 0) if ":" in address else (address, 443)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: [(family, socket.SOCK_STREAM, 6, "", target)])
    with recorded() as connections, pytest.raises(CertificateUnavailable):
        NetworkFetcher().fetch("https://certificates.example/a.cer")
    assert connections.hosts == [address]


def test_this_machine_under_its_own_name_is_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.4", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: found)
    with pytest.raises(SignatureRefused):
        NetworkFetcher().fetch("http://localhost:8443/a.cer")


def test_a_proxy_of_the_environment_is_not_asked(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert NetworkFetcher().fetch(serve(_reply(200, b"content"))) == b"content"


def test_what_is_packed_is_taken_as_it_comes(serve: Serve) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", str(len(bomb)))
        handler.end_headers()
        handler.wfile.write(bomb)

    assert NetworkFetcher().fetch(serve(reply)) == bomb
