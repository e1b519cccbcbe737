"""The org's daily allowance of API calls, which all integrations share (api_rest: headers_api_usage)."""

from __future__ import annotations

import re
import threading
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.errors import AllowanceSpent
from shared.http import Response

SLOWEST = 10.0
"""Seconds between two calls of a process just before it stops."""

PROBE = timedelta(minutes=10)
"""How often one call is let through while stopped, to learn what the rolling day has freed."""

_USAGE = re.compile(r"\bapi-usage=(\d+)/(\d+)")


def usage(response: Response) -> tuple[int, int]:
    """Return how many calls of the org's rolling day are used, and how many there are; 0 when it is not told."""
    found = _USAGE.search(response.headers.get("sforce-limit-info", ""))
    return (int(found[1]), int(found[2])) if found else (0, 0)


class Allowance:
    """Watches how much is used: from `slow_at` percent on calls are spaced out, from `stop_at` on they are refused."""

    def __init__(self, clock: Clock, slow_at: float, stop_at: float) -> None:
        self._clock = clock
        self._slow_at = slow_at
        self._stop_at = stop_at
        self._used = 0.0
        self._next: datetime | None = None
        self._probed: datetime | None = None
        self._lock = threading.Lock()

    def observe(self, response: Response) -> None:
        """Take the figures that every answer carries."""
        used, total = usage(response)
        if total:
            self._used = 100 * used / total

    def admit(self) -> None:
        """Wait for one call's turn. Raises AllowanceSpent."""
        with self._lock:
            if self._used >= self._stop_at:
                self._probe()
                return
            now = self._clock.now()
            starts = max(now, self._next or now)
            self._next = starts + timedelta(seconds=self._pace())
        if starts > now:
            self._clock.sleep((starts - now).total_seconds())

    def _pace(self) -> float:
        into = (self._used - self._slow_at) / (self._stop_at - self._slow_at)
        return SLOWEST * max(0.0, into)

    def _probe(self) -> None:
        now = self._clock.now()
        if self._probed and now - self._probed < PROBE:
            raise AllowanceSpent(
                f"Salesforce: {self._used:.0f} % of the org's daily API calls are used; the app stopped at "
                f"{self._stop_at:.0f} % (SALESFORCE_API_STOP_AT) so that others can go on. It resumes by itself."
            )
        self._probed = now
