"""How long a change takes from one side to the other: counted in memory, and kept by the hour for a day.

Both moments are of our own clock. A change of Partner Center's counts from the moment at which its event was taken in.
A change of the CRM's counts from the beginning of the last poll that did not see it yet: its figure is an upper bound.
"""

from __future__ import annotations

import logging
import threading
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from shared.clock import Clock
from shared.errors import CosellError
from shared.ledger.drawers import Drawer, Drawers, document

log = logging.getLogger(__name__)

BOUNDS = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 300, 600, 1800, 3600, 21600, 86400)
"""Seconds up to which a step of the histogram reaches; the last step has no end."""

KEPT = timedelta(hours=24)

PAUSE = timedelta(minutes=1)
"""A process writes its counts at most once in this time."""

IDLE_PAUSE = timedelta(minutes=5)
"""How old the stored moment of the last poll may be while nothing else is to be written."""


class Direction(StrEnum):
    """Which way a change went."""

    TO_CRM = "to_crm"
    TO_PARTNER_CENTER = "to_partner_center"


Counts = tuple[int, ...]
"""How many changes took so long, by step of BOUNDS; one more than there are bounds."""

NOTHING: Counts = (0,) * (len(BOUNDS) + 1)

Hours = Mapping[str, Mapping[str, Counts]]
"""Counts by the beginning of the hour (ISO 8601, UTC), and by direction."""


@dataclass(frozen=True)
class Figures:
    """What is kept for a CRM: when it was polled last, and the counts of the last day."""

    polled_at: datetime | None = None
    hours: Hours = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """The last day of one direction: how many changes, and the seconds within which half and 95 % of them arrived."""

    changes: int
    p50: float
    p95: float


class Freshness:
    """Notes how long changes take; one per process. The ledger is made when something is first written."""

    def __init__(self, drawers: Callable[[], Drawers], clock: Clock) -> None:
        self._drawers = drawers
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[str, Figures] = {}
        self._written: dict[str, datetime] = {}

    def note(self, crm: str, direction: Direction, age: timedelta) -> None:
        """Count a change that was just written. A failure to keep it is only logged."""
        hour = f"{self._clock.now().astimezone(UTC):%Y-%m-%dT%H}:00:00+00:00"
        step = bisect_left(BOUNDS, age.total_seconds())
        counts = tuple(int(index == step) for index in range(len(NOTHING)))
        self._add(crm, Figures(hours={hour: {direction: counts}}), PAUSE)

    def polled(self, crm: str) -> None:
        """Note that a poll of a CRM went well. A failure to keep it is only logged."""
        self._add(crm, Figures(self._clock.now()), IDLE_PAUSE)

    def _add(self, crm: str, news: Figures, pause: timedelta) -> None:
        now = self._clock.now()
        with self._lock:
            held = _sum(self._waiting.get(crm, Figures()), news)
            self._waiting[crm] = held
            last = self._written.get(crm)
            if last is not None and now - last < pause:
                return
            self._written[crm] = now
            del self._waiting[crm]
        try:
            self._drawers().change(figures_drawer(crm), lambda kept: _recent(_sum(kept, held), now))
        except CosellError as error:
            log.warning("freshness not kept: %s", type(error).__name__, extra={"crm": crm})


def figures_drawer(crm: str) -> Drawer[Figures]:
    """Return where a CRM's figures are kept."""
    return document("freshness", crm, Figures(), _dump, _load)


def summary(figures: Figures, direction: Direction, now: datetime) -> Summary | None:
    """Return the last day of one direction; None when nothing went that way."""
    counts = NOTHING
    for by_direction in _recent(figures, now).hours.values():
        counts = _added(counts, by_direction.get(direction, NOTHING))
    total = sum(counts)
    return Summary(total, _within(counts, total, 0.5), _within(counts, total, 0.95)) if total else None


def _within(counts: Counts, total: int, share: float) -> float:
    """Return the seconds within which a share of the changes arrived, evenly spread within a step."""
    wanted, seen, low = share * total, 0, 0.0
    for count, high in zip(counts, BOUNDS, strict=False):
        if seen + count >= wanted and count:
            return round(low + (high - low) * (wanted - seen) / count, 1)
        seen, low = seen + count, float(high)
    return float(BOUNDS[-1])


def _sum(one: Figures, other: Figures) -> Figures:
    hours = {hour: dict(each) for hour, each in one.hours.items()}
    for hour, by_direction in other.hours.items():
        for direction, counts in by_direction.items():
            known = hours.setdefault(hour, {})
            known[direction] = _added(known.get(direction, NOTHING), counts)
    moments = [each for each in (one.polled_at, other.polled_at) if each]
    return Figures(max(moments, default=None), hours)


def _added(one: Counts, other: Counts) -> Counts:
    return tuple(left + right for left, right in zip(one, other, strict=True))


def _recent(figures: Figures, now: datetime) -> Figures:
    since = now - KEPT
    return replace(figures, hours={hour: each for hour, each in figures.hours.items() if _of(hour) > since})


def _of(hour: str) -> datetime:
    return datetime.fromisoformat(hour)


def _dump(figures: Figures) -> object:
    polled = figures.polled_at.isoformat() if figures.polled_at else None
    return {"polled": polled, "bounds": len(BOUNDS), "hours": figures.hours}


def _load(stored: object) -> Figures:
    """Read what `_dump` made; counts by other steps, of another version of the app, are left out."""
    content = stored if isinstance(stored, dict) else {}
    polled = content.get("polled")
    same = content.get("bounds") == len(BOUNDS)
    hours = {
        hour: {direction: tuple(counts) for direction, counts in each.items()}
        for hour, each in (content.get("hours", {}) if same else {}).items()
    }
    return Figures(datetime.fromisoformat(polled) if polled else None, hours)
