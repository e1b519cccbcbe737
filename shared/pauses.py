"""The pauses that a service asks for: of all of it, or of one operation that has a separate limit."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from shared.clock import Clock


class Pauses:
    """Until when a service is left alone. An operation without a separate limit has the empty name: the service's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, tuple[datetime, float]] = {}
        """By operation, until when it is left alone, and for how many seconds that was."""
        self._lock = threading.Lock()

    def ask(self, operation: str, seconds: float) -> None:
        """Note that a pause was asked for; a longer one that holds already stays."""
        asked = self._clock.now() + timedelta(seconds=seconds), seconds
        with self._lock:
            self._until[operation] = max(asked, self._until.get(operation, asked))

    def remaining(self, operation: str) -> float:
        """Return how many seconds are left to wait, never more than were asked for; 0 when none.

        Where our clock was set back meanwhile, a pause begins anew, and does not last until the clock is where it was.
        """
        now = self._clock.now()
        with self._lock:
            held = [self._until[name] for name in {"", operation} if name in self._until]
        return max((0.0, *(min((until - now).total_seconds(), seconds) for until, seconds in held)))
