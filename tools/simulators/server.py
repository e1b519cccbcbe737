"""Serves a WSGI app over TLS on loopback, with a request log and faults on order.

Werkzeug's own server closes every connection; clients of the real services keep theirs, so this one does as well.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
import traceback
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from socketserver import ThreadingMixIn
from typing import IO, TYPE_CHECKING, Any, Self, cast
from urllib.parse import unquote, urlsplit

from werkzeug.datastructures import Headers
from werkzeug.serving import DechunkedInput
from werkzeug.test import run_wsgi_app

from tools.simulators.certificates import CertificateAuthority
from tools.simulators.faults import Fault, Faults
from tools.simulators.request_log import LogEntry, RequestLog

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

__all__ = ["Fault", "Faults", "LogEntry", "RequestLog", "SimulatorServer"]

_Request = socket.socket | tuple[bytes, socket.socket]
_SECRET_HEADERS = frozenset({"authorization", "cookie"})


class _Handler(BaseHTTPRequestHandler):
    """Translates HTTP/1.1 to WSGI: whole body in, whole body out, one write, connection kept."""

    server: _Listener
    protocol_version = "HTTP/1.1"
    server_version = "Simulator"
    sys_version = ""
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        if isinstance(self.connection, ssl.SSLSocket):
            self.connection.do_handshake()

    def parse_request(self) -> bool:
        """Serve every method alike; what a method means is the app's business."""
        parsed = super().parse_request()
        if parsed:
            setattr(self, f"do_{self.command}", self._serve)
        return parsed

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class named it
        """Stay silent; requests are in the log."""

    def _serve(self) -> None:
        body = self._read_body()
        url = urlsplit(self.path)
        path = unquote(url.path)
        fault = self.server.faults.take(self.command, path, body)
        if fault and fault.kind == "delay":
            time.sleep(fault.seconds)
        answer = self._answer(fault, path, url.query, body)
        dropped = fault is not None and fault.kind.startswith("reset")
        self.server.log.add(
            LogEntry(
                method=self.command,
                path=path,
                query=url.query,
                status=None if dropped or answer is None else answer[0],
                headers={k.lower(): v for k, v in self.headers.items() if k.lower() not in _SECRET_HEADERS},
                body=body,
                fault=fault.kind if fault else None,
            )
        )
        if dropped or answer is None:
            self._drop()
        else:
            self._write(*answer)

    def _read_body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return DechunkedInput(cast("IO[bytes]", self.rfile)).readall()
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, fault: Fault | None, path: str, query: str, body: bytes) -> tuple[int, Headers, bytes] | None:
        if fault and fault.kind == "reset_before":
            return None
        if fault and fault.kind == "status":
            headers = Headers(list(fault.headers.items()))
            headers.setdefault("Content-Type", "text/html")
            return fault.status, headers, fault.body.encode()
        return self._run_app(path, query, body)

    def _run_app(self, path: str, query: str, body: bytes) -> tuple[int, Headers, bytes]:
        chunks: Iterable[bytes]
        try:
            chunks, status, headers = run_wsgi_app(self.server.app, self._environ(path, query, body), buffered=True)
        except Exception:  # noqa: BLE001 -- a bug in a simulator must be seen, not hang the client
            return 500, Headers({"Content-Type": "text/plain"}), traceback.format_exc().encode()
        return int(status.split()[0]), headers, b"".join(chunks)

    def _environ(self, path: str, query: str, body: bytes) -> WSGIEnvironment:
        environ: WSGIEnvironment = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": self.server.scheme,
            "wsgi.input": BytesIO(body),
            "wsgi.input_terminated": True,
            "wsgi.errors": BytesIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": path.encode().decode("latin-1"),
            "QUERY_STRING": query,
            "REQUEST_URI": self.path,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": self.request_version,
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        environ["CONTENT_LENGTH"] = str(len(body))
        return environ

    def _write(self, status: int, headers: Headers, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Server", self.version_string())
        # A simulator whose clock was moved says so; others leave the date to the server.
        self.send_header("Date", headers.get("Date") or self.date_time_string())
        for name, value in headers.items():
            if name.lower() not in {"content-length", "connection", "date"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


class _Listener(ThreadingMixIn, HTTPServer):
    """A thread per connection; knows its open connections so that stopping ends them, and waits for their threads."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, port: int, app: WSGIApplication, context: ssl.SSLContext | None) -> None:
        self.app = app
        self.log = RequestLog()
        self.faults = Faults()
        self.scheme = "https" if context else "http"
        self._context = context
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._context:
            # The handshake runs in the connection's own thread: a slow client must not hold up the others.
            connection = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: _Request) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: _Request, client_address: object) -> None:
        """Say nothing: clients that distrust our CA or hang up are part of the tests."""

    def close_connections(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                self._open.discard(connection)


class SimulatorServer:
    """One simulated service on a free loopback port (TLS when an authority is given).

    The port is bound on construction, so `url` is known before `start`.
    """

    def __init__(
        self, name: str, app: WSGIApplication, authority: CertificateAuthority | None, *, port: int = 0
    ) -> None:
        self.name = name
        self._listener = _Listener(port, app, authority.server_context() if authority else None)
        self._thread = threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.05}, name=name, daemon=True
        )

    @property
    def log(self) -> RequestLog:
        """Every request so far."""
        return self._listener.log

    @property
    def faults(self) -> Faults:
        """Failures on order."""
        return self._listener.faults

    @property
    def host(self) -> str:
        """`localhost:PORT`."""
        return f"localhost:{self._listener.server_address[1]}"

    @property
    def url(self) -> str:
        """Base URL without a trailing slash."""
        return f"{self._listener.scheme}://{self.host}"

    def start(self) -> Self:
        """Begin to serve; returns itself."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and end all open connections."""
        if self._thread.is_alive():
            self._listener.shutdown()
            self._thread.join()
        self._listener.close_connections()
        self._listener.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
