"""When the last event with news came: remembered cheaply, by our own clock, for the watchdog.

News is a change later than that of any earlier event. Events carry no time of sending, and whoever holds one
can send it again: it must not hide that no others come.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.errors import CosellError, StaleError
from shared.ledger.drawers import Drawers, Held, document

log = logging.getLogger(__name__)

PAUSE = timedelta(minutes=5)
"""A process writes at most once in this time, however many events come."""


@dataclass(frozen=True)
class News:
    """When the last event came, and the moment of its change: that by Partner Center's clock."""

    came_at: datetime
    changed_at: datetime


def _dump(news: News | None) -> object:
    return [news.came_at.isoformat(), news.changed_at.isoformat()] if news else None


def _load(stored: object) -> News | None:
    return News(*map(datetime.fromisoformat, stored)) if isinstance(stored, list) else None


_LAST = document("webhook", "last-event", None, _dump, _load)


class Heartbeat:
    """Notes that an authentic referral event came; one per process. The ledger is made at the first one.

    A change older than `max_age` is no news, whoever tells of it.
    """

    def __init__(self, drawers: Callable[[], Drawers], clock: Clock, max_age: timedelta = timedelta(hours=24)) -> None:
        self._drawers = drawers
        self._clock = clock
        self._max_age = max_age
        self._lock = threading.Lock()
        self._noted: datetime | None = None
        self._newest: datetime | None = None
        self._held: Held[News | None] | None = None

    def beat(self, changed_at: datetime | None) -> None:
        """Note an event that tells of a change at this moment of Partner Center's; without one it proves nothing.

        The event is safe on the queue already, so a failure to note it is only logged.
        """
        now = self._clock.now()
        if changed_at is None or now - changed_at > self._max_age:
            return
        with self._lock:
            if self._newest and changed_at <= self._newest:
                return
            self._newest = changed_at
            if self._noted and now - self._noted < PAUSE:
                return
            self._noted = now
        try:
            self._note(now, changed_at)
        except CosellError as error:
            self._noted = self._newest = None  # The next event is noted instead.
            log.warning("the moment of the last event could not be noted: %s", type(error).__name__)

    def _note(self, now: datetime, changed_at: datetime) -> None:
        """Store the moments: one write, as long as no other instance has stored its own meanwhile."""
        for held in (self._held, None):
            try:
                drawers = self._drawers()
                known = held or drawers.read(_LAST)
                if known.value and changed_at <= known.value.changed_at:
                    return
                self._held = drawers.replace(_LAST, News(now, changed_at), known)
            except StaleError:
                self._held = None
            else:
                return
        # Beaten twice: another instance is noting an event at this very moment, which will do.


def last_event(drawers: Drawers) -> datetime | None:
    """Return when the last event with news came, give or take PAUSE; None when none ever came."""
    news = drawers.read(_LAST).value
    return news.came_at if news else None
