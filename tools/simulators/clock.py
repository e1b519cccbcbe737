"""The simulated vendors' clock: runs with real time, and can be moved forward by a test."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class SimulatorClock:
    """Wall time plus an offset that tests may advance (expiry sweeps, token lifetimes, throttle windows)."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the simulated time, timezone-aware, in UTC."""
        with self._lock:
            return datetime.fromtimestamp(time.time(), UTC) + self._offset

    def advance(self, by: timedelta) -> None:
        """Move simulated time forward by `by`."""
        with self._lock:
            self._offset += by
