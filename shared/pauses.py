"""The pauses that a service asks for: of all of it, or of one operation that has a separate limit."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from shared.clock import Clock


class Pauses:
    """Until when a service is left alone. An operation without a separate limit has the empty name: the service's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def ask(self, operation: str, seconds: float) -> None:
        """Note that a pause was asked for; a longer one that holds already stays."""
        until = self._clock.now() + timedelta(seconds=seconds)
        with self._lock:
            self._until[operation] = max(until, self._until.get(operation, until))

    def remaining(self, operation: str) -> float:
        """Return how many seconds are left to wait; 0 when none."""
        now = self._clock.now()
        with self._lock:
            ends = [self._until[name] for name in {"", operation} if name in self._until]
        return max((0.0, *((end - now).total_seconds() for end in ends)))
