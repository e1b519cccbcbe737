"""How often each CRM is asked for changes: the timer wakes for all, and each has an interval of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from shared.clock import Clock

EARLY = timedelta(seconds=2)
"""How much sooner than its interval a CRM may be asked: a timer never wakes at exactly the same distance."""


class Pace:
    """Keeps the least time between two polls of a CRM, and lets none begin while one runs; one per process.

    The host runs a timer on one instance at a time. Where it moves to another one, a single poll comes early.
    """

    def __init__(self, clock: Clock, least: Mapping[str, timedelta] | None = None) -> None:
        self._clock = clock
        self._least = least or {}
        self._lock = threading.Lock()
        self._begun: dict[str, datetime] = {}
        self._complete: dict[str, datetime] = {}
        self._running: set[str] = set()

    def run(self, crm: str, poll: Callable[[datetime | None], bool]) -> None:
        """Poll a CRM, unless it was polled a moment ago or is being polled.

        `poll` tells whether it went well. It is given when the last one that did began: what it finds was not there
        then. Raises what it raises.
        """
        begun = self._begin(crm)
        if begun is None:
            return
        try:
            if poll(self._complete.get(crm)):
                self._complete[crm] = begun
        finally:
            self._running.discard(crm)

    def _begin(self, crm: str) -> datetime | None:
        with self._lock:
            now, last = self._clock.now(), self._begun.get(crm)
            least = self._least.get(crm, timedelta())
            # A clock that was set back says nothing of how long ago that was.
            if crm in self._running or (last is not None and timedelta() <= now - last < least - EARLY):
                return None
            self._running.add(crm)
            self._begun[crm] = now
            return now
