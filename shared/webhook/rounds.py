"""What the Reconciler does besides deals: upkeep of what is no deal's, and notes of what it saw for the status page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.checkup import LAST_ROUND, Finding, Round, Seen
from shared.clock import Clock
from shared.errors import StaleError
from shared.ledger.drawers import Drawers

LOOK_EVERY = timedelta(hours=1)
"""How often what changes seldom is looked at: where a Key Vault keeps the sign-in, that is a call."""

KEPT = 3
"""How many rounds are remembered: enough to tell how far apart they are, after a standstill too."""


@dataclass(frozen=True)
class Rounds:
    """Notes rounds in one drawer. `seldom` looks at sign-in and trust; `keep_up` looks after what is no deal's."""

    drawers: Drawers
    clock: Clock
    seldom: Callable[[], Iterable[Finding]]
    keep_up: Callable[[], None]

    def look(self) -> Sequence[Finding] | None:
        """Look at what changes seldom; None when that was done a short while ago. Raises the families."""
        looked_at = self.drawers.read(LAST_ROUND).value.looked_at
        due = looked_at is None or self.clock.now() - looked_at >= LOOK_EVERY
        return list(self.seldom()) if due else None

    def note(self, found: Sequence[Finding] | None, seldom: Sequence[Finding] | None, swept: Iterable[str]) -> None:
        """Note what was found at the webhook and seldom, None for what was not looked at, and which CRMs were swept.

        What was not looked at stays as it was last seen. Raises the retriable and fatal families.
        """
        now = self.clock.now()
        held = self.drawers.read(LAST_ROUND)
        last = held.value
        kept = Round(
            _with(last.seen, [*(found or ()), *(seldom or ())], now),
            {**last.swept, **dict.fromkeys(swept, now)},
            (now, *last.rounds)[:KEPT],
            last.looked_at if seldom is None else now,
        )
        try:
            self.drawers.replace(LAST_ROUND, kept, held)
        except StaleError:
            return  # Another instance made a round at this moment.


def _with(seen: tuple[Seen, ...], found: Iterable[Finding], now: datetime) -> tuple[Seen, ...]:
    """Return what was seen, with the new findings in place of earlier ones about the same."""
    news = [Seen(each, now) for each in found]
    subjects = {each.finding.subject for each in news}
    return (*(each for each in seen if each.finding.subject not in subjects), *news)
