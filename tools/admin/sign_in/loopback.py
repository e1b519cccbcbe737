"""What the browser brings back: a listener on this machine alone, or an address that a person pastes.

Only loopback is bound (RFC 8252, 7.3), on both families, since a browser chooses one of them for `localhost`. The
answer comes as a form (response_mode=form_post), which leaves nothing in the browser's history.
"""

from __future__ import annotations

import contextlib
import hmac
import queue
import socket
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from shared.errors import AccessDenied, ServiceUnavailable

MEMBERS = frozenset({"code", "state", "error", "error_description"})
"""What counts of an answer."""

_MAX_BODY = 64 * 1024
_DONE = "You can close this window. The rest is in the terminal."
_FOREIGN = "This is not the answer to the sign-in that is waited for."
_ATTEMPTS = 20


class Loopback:
    """Listens for one answer to one sign-in. A context manager; the port is bound when it is made.

    Raises ServiceUnavailable when the port is taken.
    """

    def __init__(self, port: int = 0) -> None:
        self._answers: queue.Queue[Mapping[str, str]] = queue.Queue()
        self._state = ""
        self._servers = list(_bind(port, self._handler()))
        self.port = int(self._servers[0].server_address[1])

    @property
    def redirect_uri(self) -> str:
        """Where the browser is sent; Entra ID ignores the port of localhost when it compares."""
        return f"http://localhost:{self.port}/"

    def __enter__(self) -> Self:
        """Begin to listen."""
        for server in self._servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def expect(self, state: str) -> None:
        """Take the answer with this state from now on, and no other."""
        self._state = state

    def wait(self, seconds: float) -> Mapping[str, str]:
        """Return the answer. Raises ServiceUnavailable when none comes in time."""
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            raise ServiceUnavailable(
                f"the browser brought nothing back within {seconds:.0f} seconds. If it shows AADSTS50011, add the "
                "redirect URI http://localhost/ to the app registration, on the platform Web. If it shows another "
                "AADSTS number, do what the page says. Then start again; where the browser is on another machine, "
                "with --no-browser"
            ) from None

    def _take(self, answer: Mapping[str, str]) -> bool:
        """Whether this is the answer that is waited for; any page on this machine can send something here."""
        ours = bool(self._state) and hmac.compare_digest(answer.get("state", "").encode(), self._state.encode())
        if ours:
            self._answers.put(answer)
        return ours

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            """One request; nothing of it is logged."""

            timeout = 10

            def do_GET(self) -> None:
                self._answer(urlsplit(self.path).query)

            def do_POST(self) -> None:
                length = self.headers.get("Content-Length", "")
                if not length.isdecimal() or int(length) > _MAX_BODY:
                    return self._say(413, _FOREIGN)
                return self._answer(self.rfile.read(int(length)).decode("ascii", "replace"))

            def _answer(self, members: str) -> None:
                here = self.headers.get("Host", "") == f"localhost:{loopback.port}"
                if not here or urlsplit(self.path).path != "/":
                    return self._say(404, _FOREIGN)
                taken = loopback._take(_members(members))
                return self._say(200, _DONE) if taken else self._say(400, _FOREIGN)

            def _say(self, status: int, text: str) -> None:
                body = f"<!doctype html><meta charset=utf-8><title>Sign-in</title><p>{text}</p>".encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.send_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
                self.send_header("Referrer-Policy", "no-referrer")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Nothing: a request line may hold the code."""

        return Handler


class _Server(ThreadingHTTPServer):
    """Threads, since browsers open connections ahead of time and leave them idle."""

    daemon_threads = True
    allow_reuse_address = False


class _Server6(_Server):
    address_family = socket.AF_INET6


def _bind(port: int, handler: type[BaseHTTPRequestHandler]) -> Iterator[_Server]:
    """Yield a server for 127.0.0.1, and one for ::1 on the same port where this machine has it."""
    for attempt in range(_ATTEMPTS):
        with contextlib.ExitStack() as bound:
            try:
                first = _Server(("127.0.0.1", port), handler)
            except OSError as error:
                raise ServiceUnavailable(f"port {port} is taken on this machine; choose another with --port") from error
            bound.callback(first.server_close)
            second = _second(int(first.server_address[1]), handler)
            if second is None and port == 0 and _has_ipv6() and attempt < _ATTEMPTS - 1:
                continue  # Somebody has that port there: a browser would bring the answer to them.
            bound.pop_all()
            yield first
            if second:
                yield second
            return


def _second(port: int, handler: type[BaseHTTPRequestHandler]) -> _Server | None:
    try:
        return _Server6(("::1", port), handler)
    except OSError:
        return None


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def pasted(text: str, redirect_uri: str) -> Mapping[str, str]:
    """Return the answer in an address that a person copied. Raises AccessDenied when it is another's."""
    address = urlsplit(text.strip())
    wanted = urlsplit(redirect_uri)
    if (address.scheme, address.netloc, address.path or "/") != (wanted.scheme, wanted.netloc, wanted.path):
        raise AccessDenied(f"that is not the address after the sign-in: it begins with {redirect_uri}?code=")
    return _members(address.query)


def _members(text: str) -> Mapping[str, str]:
    with contextlib.suppress(ValueError):
        return {name: value for name, value in parse_qsl(text, max_num_fields=20) if name in MEMBERS}
    return {}
