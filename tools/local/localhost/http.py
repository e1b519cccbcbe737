"""The HTTP front: routes, keys, and requests and answers in the shape the worker library knows."""

import json
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from shared.urls import is_loopback
from tools.local.localhost.app import Function
from tools.local.localhost.keys import Keys
from tools.local.localhost.messages import TypedData, http_data
from tools.local.localhost.routes import Routes
from tools.local.localhost.runtime import Runtime

MAX_BODY = 100 * 1024 * 1024
"""The host's default limit (FUNCTIONS_REQUEST_BODY_SIZE_LIMIT)."""

BODY_TIME = 30.0
"""Seconds for the whole body, then 408. The host's server asks for 240 bytes a second instead (Kestrel's default
MinRequestBodyDataRate), which for the bodies of this app is the same: a client that stalls or drips is let go."""

Fire = Callable[[str, str], bool]
"""Runs a function by name with an input text; False when there is no such function."""


class Front:
    """The WSGI application: `/admin/...` and the functions' routes. `keys` None means keys are not checked."""

    def __init__(self, runtime: Runtime, routes: Routes, keys: Keys | None, fire: Fire) -> None:
        self._runtime = runtime
        self._routes = routes
        self._keys = keys
        self._fire = fire

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        path = request.path.strip("/").lower()
        # A page that is open in the developer's browser reaches this machine, too. Keys keep it out of the functions,
        # as they do in Azure; where none are asked for, and of the host's own doors, it is to stay away.
        if (self._keys is None or path.startswith("admin/")) and _from_elsewhere(request):
            return _empty(403)(environ, start_response)
        response = self._admin(request, path) if path.startswith("admin/") else self._function(request)
        return response(environ, start_response)

    def _function(self, request: Request) -> Response:
        found = self._routes.find(request.method, request.path)
        if found is None:
            return _empty(404)
        function, params = found
        level = str(function.trigger.options.get("authLevel", "function")).lower()
        if not self._allowed(level, function.name, request):
            return _empty(401)
        try:
            body = _body(request)
        except (ClientDisconnected, OSError):
            return _empty(408)
        if body is None:
            return _empty(413)
        if function.name in self._runtime.load_errors:
            return _empty(500)
        data = http_data(
            request.method, _url(request), body, headers=_headers(request), params=params, query=_query(request)
        )
        outcome = self._runtime.invoke(function, data, "This function was called over HTTP.").result()
        # The exception is for the log only.
        return answer(outcome.returned) if outcome.ok else _empty(500)

    def _admin(self, request: Request, path: str) -> Response:
        if not self._allowed("admin", "", request):
            return _empty(401)
        if path == "admin/host/status" and request.method == "GET":
            return Response(json.dumps({"state": "Running"}), mimetype="application/json")
        name = path.removeprefix("admin/functions/")
        if name == path or request.method != "POST":
            return _empty(404)
        try:
            value = json.loads(request.get_data() or b"{}").get("input") or ""
        except (ValueError, AttributeError):
            return _empty(400)
        text = value if isinstance(value, str) else json.dumps(value)
        return _empty(202 if self._fire(name, text) else 404)

    def _allowed(self, level: str, function: str, request: Request) -> bool:
        given = request.headers.get("x-functions-key") or request.args.get("code") or ""
        return self._keys is None or self._keys.allows(level, function, given)


def _from_elsewhere(request: Request) -> bool:
    """Whether a browser sends this for another site's page, or under a name that was made to mean this machine."""
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return True
    origin = request.headers.get("origin")
    try:
        here = urlsplit(f"//{request.headers.get('host', '')}")
        foreign = origin is not None and urlsplit(origin).netloc != here.netloc
        return foreign or not is_loopback(here.hostname or "")
    except ValueError:
        return True


class HttpServer:
    """The socket around a Front, on loopback, a thread for each request."""

    def __init__(self, front: Front, port: int, log: Callable[[str], None]) -> None:
        self._server = _Server("127.0.0.1", port, front, handler=_Handler)
        self._server.log_line = log
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="http", daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self, patience: float) -> None:
        """Take no more requests, and wait until the answers on their way are written."""
        self._server.shutdown()
        self._server.in_flight.wait_until_none(patience)
        self._server.server_close()


class _InFlight:
    """Counts the requests being answered."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait_until_none(self, patience: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._count == 0, patience)


class _Server(ThreadedWSGIServer):
    # Connections that never send a request must not hold up the end; answers are waited for by `in_flight`.
    daemon_threads = True
    block_on_close = False
    log_line: Callable[[str], None]

    def __init__(self, host: str, port: int, app: Front, handler: type[WSGIRequestHandler]) -> None:
        self.in_flight = _InFlight()
        super().__init__(host, port, app, handler)


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30  # for each read of the head, as Kestrel's RequestHeadersTimeout
    wbufsize = -1  # unbuffered, each small write would wait for a delayed ACK
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        with cast("_Server", self.server).in_flight:
            super().run_wsgi()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the invocation has its own lines, and this one would show the key."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        cast("_Server", self.server).log_line(f"http {type}: {message % args if args else message}")


def answer(data: TypedData | None) -> Response:
    """The response for what an HTTP function returned."""
    http: Any = getattr(data, "http", None)
    if http is not None:
        response = Response(http.body.bytes, int(http.status_code), http.headers)
        for cookie in http.cookies or []:
            _set_cookie(response, cookie)
        return response
    text: Any = getattr(data, "string", None)
    return _sniffed(text) if isinstance(text, str) else _empty(200)


def _sniffed(text: str) -> Response:
    """A returned string: the host takes a JSON object with a `body` for a whole response."""
    try:
        value: Any = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict) or "body" not in value:
        return Response(text, mimetype="text/plain")
    body = value["body"] if isinstance(value["body"], str) else json.dumps(value["body"])
    status = int(value.get("status") or value.get("statusCode") or 200)
    return Response(body, status, value.get("headers"), mimetype="text/plain")


def _set_cookie(response: Response, cookie: Any) -> None:
    def plain(name: str) -> Any:
        value = getattr(getattr(cookie, name), "value", None)
        return getattr(value, "seconds", value)

    age = plain("max_age")
    response.set_cookie(
        cookie.name,
        cookie.value,
        max_age=None if age is None else int(age),
        expires=plain("expires"),
        path=plain("path") or None,
        domain=plain("domain") or None,
        secure=bool(plain("secure")),
        httponly=bool(plain("http_only")),
        samesite=[None, "Lax", "Strict", "None"][cookie.same_site],
    )


def _body(request: Request) -> bytes | None:
    """The raw body; None when it is too large; empty when it came in chunks, as on Azure (host issue #4926).

    Raises ClientDisconnected or OSError when it has not arrived after BODY_TIME, or never will.
    """
    late = threading.Timer(BODY_TIME, _hang_up, [request.environ["werkzeug.socket"]])
    late.start()
    try:
        if request.environ.get("wsgi.input_terminated"):
            while request.environ["wsgi.input"].read(1 << 16):
                pass
            return b""
        if (request.content_length or 0) > MAX_BODY:
            return None
        return request.get_data()
    finally:
        late.cancel()


def _hang_up(connection: socket.socket) -> None:
    """Stop listening to a client; it can still be answered."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RD)


def _url(request: Request) -> str:
    """As the client wrote it, the key included."""
    return f"http://{request.host}{request.environ['REQUEST_URI']}"


def _headers(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _query(request: Request) -> dict[str, str]:
    """Empty values are dropped, repeated ones joined with a comma."""
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.query_string.decode("latin-1")):
        values.setdefault(name, []).append(value)
    return {name: ",".join(items) for name, items in values.items()}


def _empty(status: int) -> Response:
    response = Response(b"", status)
    del response.headers["Content-Type"]
    return response


def http_functions(functions: Iterable[Function]) -> list[Function]:
    """Those with an HTTP trigger."""
    return [function for function in functions if function.kind == "httptrigger"]
