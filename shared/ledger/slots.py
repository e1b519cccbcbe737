"""Slots: how many processes may do something at full width, over all instances, kept in the ledger by lease."""

from __future__ import annotations

import random
import threading
import uuid
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.errors import StaleError
from shared.ledger.port import Ledger, Stored

LEASE = timedelta(seconds=60)
"""How long a slot stays taken after its process was last heard of."""

RENEW = timedelta(seconds=20)
"""How old a lease may become before the process that uses it renews it."""

LOOK_AGAIN = timedelta(seconds=15)
"""How long a process that found every slot taken does not look again."""

MARGIN = timedelta(seconds=5)
"""How far the clocks of two of our own instances may differ."""


class Slots:
    """One process's claim to one of `count` slots. For any number of threads."""

    def __init__(self, ledger: Ledger, clock: Clock, count: int, rng: random.Random) -> None:
        self._ledger = ledger
        self._clock = clock
        self._names = [str(number) for number in range(count)]
        self._random = rng
        self._me = str(uuid.UUID(int=rng.getrandbits(128)))
        self._lock = threading.Lock()
        self._mine: tuple[str, Stored] | None = None
        self._renewed: datetime | None = None
        self._looked: datetime | None = None

    def hold(self) -> bool:
        """Return whether this process has a slot, taking or renewing one where that is due.

        Most answers cost nothing: a fresh lease is believed, and so is a recent refusal. Raises the retriable and fatal
        families.
        """
        with self._lock:
            now = self._clock.now()
            if self._mine and self._renewed and now - self._renewed < RENEW:
                return True
            if self._mine and self._take(*self._mine, now):
                return True
            self._mine = None
            if self._looked and now - self._looked < LOOK_AGAIN:
                return False
            if self._find(now):
                return True
            self._looked = now
            return False

    def _find(self, now: datetime) -> bool:
        # In any order, so that processes that start together do not all ask for the same one.
        for name in self._random.sample(self._names, len(self._names)):
            held = self._ledger.value("slot", name)
            if _is_free(held.value, now) and self._take(name, held, now):
                return True
        return False

    def _take(self, name: str, held: Stored, now: datetime) -> bool:
        until = (now + LEASE).isoformat()
        try:
            self._mine = name, self._ledger.replace_value("slot", name, f"{until} {self._me}", held)
        except StaleError:
            return False  # Another process has it: it was quicker, or our lease had run out.
        self._renewed = now
        return True


def _is_free(value: str, now: datetime) -> bool:
    until = value.partition(" ")[0]
    return not until or datetime.fromisoformat(until) + MARGIN < now
