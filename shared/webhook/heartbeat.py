"""When the last event came: remembered cheaply, by our own clock, for the watchdog."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.errors import CosellError, StaleError
from shared.ledger.port import Ledger, Stored

log = logging.getLogger(__name__)

PAUSE = timedelta(minutes=5)
"""A process writes at most once in this time, however many events come."""

_KIND, _NAME = "webhook", "last-event"


class Heartbeat:
    """Notes that an authentic referral event came; one per process. The ledger is made at the first one."""

    def __init__(self, ledger: Callable[[], Ledger], clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._lock = threading.Lock()
        self._noted: datetime | None = None
        self._held: Stored | None = None

    def beat(self) -> None:
        """Note an event. The event is safe on the queue already, so a failure to note it is only logged."""
        now = self._clock.now()
        with self._lock:
            if self._noted and now - self._noted < PAUSE:
                return
            self._noted = now
        try:
            self._note(now)
        except CosellError as error:
            self._noted = None  # The next event is noted instead.
            log.warning("the moment of the last event could not be noted: %s", type(error).__name__)

    def _note(self, now: datetime) -> None:
        """Store the moment: one write, as long as no other instance has stored its own meanwhile."""
        for held in (self._held, None):
            try:
                ledger = self._ledger()
                known = held or ledger.value(_KIND, _NAME)
                self._held = ledger.replace_value(_KIND, _NAME, now.isoformat(), known)
            except StaleError:
                self._held = None
            else:
                return
        # Beaten twice: another instance is noting an event at this very moment, which will do.


def last_event(ledger: Ledger) -> datetime | None:
    """Return when an event came last, give or take PAUSE; None when none ever came."""
    text = ledger.value(_KIND, _NAME).value
    return datetime.fromisoformat(text) if text else None
