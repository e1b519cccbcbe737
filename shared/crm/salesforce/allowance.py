"""The org's daily allowance of API calls, which all integrations share (api_rest: headers_api_usage)."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.errors import AllowanceSpent
from shared.http import Response

SLOWEST = 10.0
"""Seconds between two calls of a process just before it stops."""

PROBE = timedelta(minutes=10)
"""How often it is asked, while stopped, what the rolling day has freed."""

PAUSE = 1800.0
"""Seconds after which work that was refused is tried again: a rolling day frees little in less."""

_USAGE = re.compile(r"\bapi-usage=(\d+)/(\d+)")


def usage(response: Response) -> tuple[int, int]:
    """Return how many calls of the org's rolling day are used, and how many there are; 0 when it does not say."""
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

    def admit(self, probe: Callable[[], object]) -> None:
        """Wait for one call's turn.

        While stopped, now and then `probe` makes a call that does nothing but tell the figures: the work itself is not
        let through on the chance. Raises AllowanceSpent when too much is used.
        """
        if self._is_spent() and self._is_probe_due():
            probe()
        if self._is_spent():
            # Without today's figure: an alert whose text changes is sent again, and `doctor` shows the figure.
            raise AllowanceSpent(
                f"Salesforce: {self._stop_at:.0f} % of the org's daily API calls are used, and the app stopped there "
                "(SALESFORCE_API_STOP_AT) so that others can go on. It resumes when fewer are.",
                retry_after=PAUSE,
            )
        with self._lock:
            now = self._clock.now()
            starts = max(now, self._next or now)
            self._next = starts + timedelta(seconds=self._pace())
        if starts > now:
            self._clock.sleep((starts - now).total_seconds())

    def _pace(self) -> float:
        into = (self._used - self._slow_at) / (self._stop_at - self._slow_at)
        return SLOWEST * max(0.0, into)

    def _is_spent(self) -> bool:
        return self._used >= self._stop_at

    def _is_probe_due(self) -> bool:
        """Whether this caller is the one to ask now."""
        with self._lock:
            now = self._clock.now()
            due = self._probed is None or now - self._probed >= PROBE
            if due:
                self._probed = now
            return due
