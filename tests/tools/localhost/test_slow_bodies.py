"""Clients that stall or drip: the host lets them go, and no function sees half a body."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.tools.localhost import toyapp
from tools.local.localhost import http
from tools.local.localhost.app import load_app
from tools.local.localhost.http import Front, HttpServer
from tools.local.localhost.routes import Routes
from tools.local.localhost.runtime import Runtime

HEAD = b"POST /api/Echo HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    """A front that gives a body a moment; no function may run."""
    monkeypatch.setattr(http, "BODY_TIME", 0.3)
    functions = load_app(toyapp.write(tmp_path / "app", {"Echo": (toyapp.http(), toyapp.ECHO)}), {}).functions
    runtime = cast("Runtime", SimpleNamespace(load_errors={}))
    front = Front(runtime, Routes(functions.values(), "api"), None, lambda _name, _text: False)
    running = HttpServer(front, 0, lambda _line: None)
    running.start()
    yield running
    running.stop(5)


def _drip(connection: socket.socket, piece: bytes) -> None:
    """Send a piece now and then, until the other side is gone; with nothing to send, stall."""
    try:
        while piece:
            connection.sendall(piece)
            time.sleep(0.02)
    except OSError:
        pass  # The host has let go of us.


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"Content-Length: 100000\r\n\r\n{", b""),
        (b"Content-Length: 100000\r\n\r\n{", b"1"),
        (b"Transfer-Encoding: chunked\r\n\r\n", b""),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
)
def test_a_client_whose_body_does_not_arrive_is_let_go(head: bytes, piece: bytes, server: HttpServer) -> None:
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=10) as connection:
        connection.sendall(HEAD + head)
        sender = threading.Thread(target=_drip, args=(connection, piece))
        sender.start()
        answer = _answer(connection)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)  # The host may have been quicker.
        sender.join()
    # To a client that goes on sending, the reset may get through before the answer.
    assert answer.startswith(b"HTTP/1.1 408 ") or (piece and not answer)


def _answer(connection: socket.socket) -> bytes:
    try:
        return connection.recv(64)
    except ConnectionResetError:
        return b""
