"""How many calls the org has answered, and how many it will: a rolling day, and calls that run at the same time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tools.simulators.salesforce.quirks import Quirks

_DAY = timedelta(days=1)


@dataclass
class Usage:
    """The calls of the last 24 hours."""

    quirks: Quirks
    calls: deque[datetime] = field(default_factory=deque)

    def used(self, now: datetime) -> int:
        """Return the number of calls within the last 24 hours."""
        while self.calls and now - self.calls[0] >= _DAY:
            self.calls.popleft()
        return len(self.calls)

    def is_exhausted(self, now: datetime) -> bool:
        """Tell whether the daily limit is reached."""
        return self.used(now) >= self.quirks.daily_limit

    def count(self, now: datetime, calls: int = 1) -> None:
        """Count answered calls."""
        self.calls.extend([now] * calls)

    def header(self, now: datetime) -> str:
        """Return the value of `Sforce-Limit-Info`."""
        return f"api-usage={self.used(now)}/{self.quirks.daily_limit}"

    def limits(self, now: datetime) -> dict[str, object]:
        """Return what the limits resource shows."""
        total = self.quirks.daily_limit
        return {"DailyApiRequests": {"Max": total, "Remaining": max(0, total - self.used(now))}}
