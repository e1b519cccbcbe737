"""How many storage transactions a change of each kind costs: what Azure bills, counted in Azurite's log of requests."""

from __future__ import annotations

import time
from collections.abc import Callable

from tools.bench.rows import Row
from tools.local.azurite import Azurite
from tools.local.stack import Stack

TARGET = 4
"""Of the ledger, for each synchronized change; the queue's own come on top (design, quality bars)."""


SETTLING = 1.0
"""Seconds that a message which was just taken from the queue may still be worked on."""


def run(_rounds: int) -> list[Row]:
    """Measure. Raises TimeoutError when a change does not arrive."""
    with Azurite(requests=True) as azurite, Stack(patient=True, storage=azurite.connection_string) as stack:
        stack.register().raise_for_status()
        deals, counter = _Deals(stack), _Counter(azurite, stack)
        for first in (deals.received, deals.shared, deals.polled):
            first()  # What a process does once is no part of a change.
        poll = counter.count(deals.polled)
        counts = {}
        for name, act, polls in deals.changes():
            deals.polled()  # What the change before left for the poller is no part of this one.
            counts[name] = counter.count(act) - polls * poll
    rows = [Row(f"ledger transactions: {name}", count, "", TARGET, at_most=True) for name, count in counts.items()]
    return [Row("ledger transactions: idle poll", poll, ""), *rows]


class _Counter:
    """Counts what the app asks of the ledger; its questions to the queue are not in it."""

    def __init__(self, azurite: Azurite, stack: Stack) -> None:
        self._azurite = azurite
        self._stack = stack

    def count(self, act: Callable[[], object]) -> int:
        """Return how many requests an act makes, with what follows it: the echoes of what was written."""
        self._settle()  # What was not counted may not be over yet.
        before = len(self._azurite.requests())
        act()
        self._settle()
        asked = self._azurite.requests()[before:]
        return sum("cosell" in path or "$batch" in path for _, path in asked)

    def _settle(self) -> None:
        self._stack.quiet()
        time.sleep(SETTLING)


class _Deals:
    """Two deals, one from each side, and what changes in them."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._last = ("", "")

    def changes(self) -> list[tuple[str, Callable[[], object], int]]:
        """Return the kinds of change in an order in which each can happen, with the number of polls in each."""
        return [
            ("inbound create", self.received, 0),
            ("inbound update", self.edited, 0),
            ("inbound close", self.won, 0),
            ("outbound create", self.shared, 1),
            ("outbound update", self.changed, 1),
        ]

    def polled(self) -> None:
        """Ask the CRM what is new, once the last look is over."""
        self._stack.quiet()
        time.sleep(SETTLING)
        before = self._stack.calls().polls
        self._stack.run("CrmPoller")
        self._stack.eventually(lambda: self._stack.calls().polls > before, "a poll")

    def received(self) -> None:
        """A new referral becomes a record."""
        stack = self._stack
        referral_id = str(stack.partner_center.portal.create_referral()["id"])
        found = stack.eventually(lambda: stack.crm.find(referral_id), "the record")
        self._last = referral_id, found[0].id

    def edited(self) -> None:
        """A value changes in Partner Center."""
        referral_id, record_id = self._last
        self._stack.partner_center.portal.edit(referral_id, {"/details/dealValue": 51000})
        self._stack.eventually(lambda: self._stack.crm.deal(record_id).deal_value == 51000, "the value")

    def won(self) -> None:
        """It is won in Partner Center."""
        referral_id, record_id = self._last
        self._stack.partner_center.portal.win(referral_id)
        self._stack.eventually(lambda: self._stack.crm.deal(record_id).stage == "won", "the win")

    def shared(self) -> None:
        """A seller shares an opportunity."""
        stack, record_id = self._stack, self._stack.crm.opportunity()
        stack.run("CrmPoller")
        self._last = stack.eventually(lambda: stack.crm.deal(record_id).referral_identifier, "the share"), record_id

    def changed(self) -> None:
        """A seller changes a value."""
        stack, (referral_id, record_id) = self._stack, self._last
        stack.crm.edit(record_id, notes="Pilot in two stores.")
        stack.run("CrmPoller")
        stack.eventually(
            lambda: stack.partner_center.referral(referral_id)["details"]["notes"] == "Pilot in two stores.", "the note"
        )
