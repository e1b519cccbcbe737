"""Time that only moves when it is told to, or looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.clock import Clock

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class FakeClock:
    """Implements Clock: `sleep` moves it, and each look moves it by a tick, so that no two moments are equal."""

    def __init__(self, start: datetime = START, tick: timedelta = timedelta(milliseconds=1)) -> None:
        self._now = start
        self._tick = tick

    def now(self) -> datetime:
        """Return the time, one tick later than at the last look."""
        self._now += self._tick
        return self._now

    def sleep(self, seconds: float) -> None:
        """Move on by `seconds`."""
        self._now += timedelta(seconds=seconds)

    def advance(self, by: timedelta) -> None:
        """Move on by `by`."""
        self._now += by


class SkewedClock:
    """Another system's clock: wrong by `skew`, which may change at any time, but otherwise in step."""

    def __init__(self, clock: Clock, skew: timedelta = timedelta()) -> None:
        self._clock = clock
        self.skew = skew

    def now(self) -> datetime:
        """Return that system's time."""
        return self._clock.now() + self.skew

    def sleep(self, seconds: float) -> None:
        """Let time pass everywhere."""
        self._clock.sleep(seconds)
