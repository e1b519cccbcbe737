"""Failures that a test orders from a simulated server."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

FaultKind = Literal["status", "reset_before", "reset_after", "delay"]


@dataclass
class Fault:
    """One ordered failure, for the next requests that match.

    status        answer `status`, `headers`, `body` without running the app
    reset_before  drop the connection without running the app
    reset_after   run the app, then drop the connection: the write took effect, the client cannot know
    delay         wait `seconds`, then serve normally

    `path` and `content` are regular expressions searched in the request's path and body. `skip` lets that many
    matching requests pass first; `times` limits how often it fires (None: forever); `fired` counts.
    """

    kind: FaultKind
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    method: str | None = None
    path: str | None = None
    content: str | None = None
    times: int | None = 1
    seconds: float = 0.0
    skip: int = 0
    fired: int = 0

    @property
    def is_spent(self) -> bool:
        """Whether it has fired as often as it was ordered."""
        return self.times is not None and self.fired >= self.times

    def matches(self, method: str, path: str, content: bytes) -> bool:
        """Tell whether this fault is about such a request, fired up or not."""
        return (
            (self.method is None or self.method == method)
            and (self.path is None or re.search(self.path, path) is not None)
            and (self.content is None or re.search(self.content.encode(), content) is not None)
        )


class Faults:
    """The faults of one server; the first that applies wins."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def inject(self, fault: Fault) -> Fault:
        """Arm a fault and return it, so that the caller can watch `fired`."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Disarm all."""
        with self._lock:
            self._faults.clear()

    def take(self, method: str, path: str, content: bytes) -> Fault | None:
        """Return the fault that this request suffers, and count it."""
        with self._lock:
            for fault in self._faults:
                if not fault.matches(method, path, content) or fault.is_spent:
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.fired += 1
                return fault
        return None
