"""What the status page and its commands work on. Nothing of it writes to either side of a deal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from shared.alerts import Alerts
from shared.clock import Clock
from shared.ledger.port import DealLedger, Ledger
from shared.messages import Messages
from shared.queue.port import DealQueue
from shared.sync.worker import Tasks


class Queue(DealQueue, Protocol):
    """The deal queue, and how much is in it."""

    def waiting(self) -> int:
        """Return about how many messages wait. Raises the retriable and fatal families."""
        ...

    def poison_length(self) -> int:
        """Return about how many messages were given up. Raises the retriable and fatal families."""
        ...


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

    def of(self, crm: str) -> DealLedger:
        """Return a CRM's part of the ledger."""
        return self.ledger.of(crm)
