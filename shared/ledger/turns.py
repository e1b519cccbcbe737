"""Turns: one worker at a time, kept in the ledger by insert-if-absent."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.errors import Deferred, OutcomeUnknown, StaleError
from shared.ledger.drawers import Drawer, Drawers, Held, text

LEASE = timedelta(minutes=10)
"""How long a worker that took a turn is trusted to be alive: the longest a function may run."""

LOOK_AGAIN = 15.0
"""Seconds after which somebody who was sent away comes back."""

MARGIN = timedelta(seconds=5)
"""How far the clocks of two of our own instances may differ."""

_TURNS = 256
"""How many turns there are: names share them by hash, so that the ledger does not keep one for every name."""


class LedgerTurns:
    """Implements Turns. The stored value says since when a turn is held or free, by whose clock."""

    def __init__(self, drawers: Drawers, clock: Clock) -> None:
        self._drawers = drawers
        self._clock = clock
        self._me = uuid.uuid4().hex[:8]

    @contextmanager
    def turn(self, name: str, since: datetime) -> Iterator[None]:
        """Take the turn. Raises Deferred."""
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) % _TURNS
        drawer = text("turn", str(number))
        mine = self._take(drawer, since)
        try:
            yield
        except OutcomeUnknown:
            # What was sent may still be at work, and nobody may look for it in vain and send it again.
            raise
        except BaseException:  # Whatever ended the work, nothing of it is on its way any more.
            self._release(drawer, mine)
            raise
        self._release(drawer, mine)

    def _take(self, drawer: Drawer[str], since: datetime) -> Held[str]:
        held = self._drawers.read(drawer)
        state, moment, whose = (*held.value.split(" "), "", "", "")[:3]
        at = datetime.fromisoformat(moment) if moment else None
        now = self._clock.now()
        margin = timedelta() if whose == self._me else MARGIN  # One clock does not differ from itself.
        if at and (at + margin > since if state == "free" else now - at < LEASE):
            raise Deferred("another worker is creating the same", retry_after=LOOK_AGAIN)
        try:
            return self._drawers.replace(drawer, f"held {now.isoformat()} {self._me}", held)
        except StaleError as error:
            raise Deferred("another worker was quicker", retry_after=LOOK_AGAIN) from error

    def _release(self, drawer: Drawer[str], mine: Held[str]) -> None:
        try:
            self._drawers.replace(drawer, f"free {self._clock.now().isoformat()} {self._me}", mine)
        except StaleError:
            # The lease ran out, and the turn is another worker's now.
            pass
