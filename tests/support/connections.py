"""Sees every connection and name look-up of this process, at the socket, whoever makes it."""

from __future__ import annotations

import functools
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})
_EVENTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"})


class Connections:
    """What was tried while it listened; `hosts` are names looked up and addresses connected to."""

    def __init__(self) -> None:
        self.hosts: list[str] = []

    @property
    def foreign(self) -> set[str]:
        """The hosts that are not this machine."""
        return set(self.hosts) - _LOCAL


_listening: list[Connections] = []


def _hook(event: str, args: tuple[object, ...]) -> None:
    if not _listening or event not in _EVENTS:
        return
    target = args[-1] if event in {"socket.connect", "socket.sendto"} else args[0]
    host = str(target[0] if isinstance(target, tuple) else target)
    for each in _listening:
        each.hosts.append(host)
    if host not in _LOCAL:
        # Nothing of a test leaves this machine, whatever it proves.
        raise ConnectionRefusedError(f"a test tried to reach {host}")


@functools.cache
def _install() -> None:
    """Add the hook, once: it can never be taken away again."""
    sys.addaudithook(_hook)


@contextmanager
def recorded() -> Iterator[Connections]:
    """Record while the context lasts; foreign hosts are refused."""
    _install()
    connections = Connections()
    _listening.append(connections)
    try:
        yield connections
    finally:
        _listening.remove(connections)


def proof(port: int) -> None:
    """Look a name up and connect to a port of this machine, without any library of HTTP."""
    family, kind, protocol, _, address = socket.getaddrinfo("localhost", port, socket.AF_INET, socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as connection:
        connection.connect(address)
