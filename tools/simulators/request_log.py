"""What a simulated server was asked, so that tests can count remote calls."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LogEntry:
    """One request and its outcome.

    `status` is None when the connection was dropped without an answer; `fault` names the injected fault, if any.
    `headers` has lower-case names and no credentials.
    """

    method: str
    path: str
    query: str
    status: int | None
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    fault: str | None = None
    at: float = field(default_factory=time.time)


class RequestLog:
    """A thread-safe list of requests, oldest first."""

    def __init__(self) -> None:
        self._entries: list[LogEntry] = []
        self._lock = threading.Lock()

    def add(self, entry: LogEntry) -> None:
        """Append one request."""
        with self._lock:
            self._entries.append(entry)

    @property
    def entries(self) -> list[LogEntry]:
        """A copy of all entries."""
        with self._lock:
            return list(self._entries)

    def matching(self, method: str | None = None, path: str | None = None) -> list[LogEntry]:
        """Return the entries with this method whose path is matched (searched) by the regular expression `path`."""
        return [
            entry
            for entry in self.entries
            if (method is None or entry.method == method) and (path is None or re.search(path, entry.path))
        ]

    def count(self, method: str | None = None, path: str | None = None) -> int:
        """Return how many entries `matching` finds."""
        return len(self.matching(method, path))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
