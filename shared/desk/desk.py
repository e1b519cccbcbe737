"""What the status page and its commands work on. Nothing of it writes to either side of a deal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from shared.alerts import Alerts
from shared.clock import Clock
from shared.ledger.drawers import Drawers
from shared.ledger.port import Agenda, DealLedger, Ledger
from shared.messages import Messages
from shared.queue.port import DealQueue
from shared.sync.worker import Tasks


class Queue(DealQueue, Protocol):
    """The deal queue, and how much is in it."""

    def waiting(self) -> int:
        """Return about how many messages wait. Raises the retriable and fatal families."""
        ...

    def oldest(self) -> datetime | None:
        """Return since when a message waits that could be taken now. Raises the retriable and fatal families."""
        ...

    def poison_length(self) -> int:
        """Return about how many messages were given up. Raises the retriable and fatal families."""
        ...


@dataclass(frozen=True)
class Guarded:
    """What the guard against mass changes works on in one CRM; it needs neither the CRM nor Partner Center."""

    name: str
    drawers: Drawers
    agenda: Agenda
    queue: DealQueue
    clock: Clock


@dataclass(frozen=True)
class Desk:
    """The ledger, the queue and the alerts of an installation.

    `tasks` is asked for a CRM's task only where a deal is explained or read; it raises FatalError for one whose mapping
    cannot be used, and everything else is shown all the same.
    """

    crms: tuple[str, ...]
    tasks: Tasks
    ledger: Ledger
    alerts: Alerts
    queue: Queue
    clock: Clock
    messages: Messages = field(default_factory=Messages)
    poll_every: Mapping[str, timedelta] = field(default_factory=dict)
    """By CRM, how often it is polled at most."""

    def of(self, crm: str) -> DealLedger:
        """Return a CRM's part of the ledger."""
        return self.ledger.of(crm)

    def guarded(self, crm: str) -> Guarded:
        """Return what the guard of a CRM works on."""
        return Guarded(crm, self.ledger.drawers, self.of(crm).agenda, self.queue, self.clock)
