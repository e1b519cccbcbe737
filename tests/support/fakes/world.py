"""The sync engine between two fakes: everything but the network, the host and the storage account."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from random import Random
from typing import cast

from shared.alerts import Alerts
from shared.choices import CrmAudit
from shared.crm.port import Crm
from shared.ledger.memory import MemoryLedger
from shared.ledger.port import Ledger, Link, Stored
from shared.mapping.field_map import FieldMap
from shared.mapping.loading import load_mapping
from shared.sync.task import Ports
from shared.sync.worker import Work
from shared.timers import run_poll, run_reconcile
from shared.webhook.events import Intake
from shared.webhook.heartbeat import Heartbeat
from shared.webhook.watchdog import Watchdog
from tests.support.fakes.clock import FakeClock, SkewedClock
from tests.support.fakes.crm import FakeCrm
from tests.support.fakes.partner_center import Event, FakePartnerCenter
from tests.support.fakes.queue import FakeQueue, Message
from tests.support.fakes.tape import Crash, Tape
from tests.support.fakes.webhooks import FakeWebhooks

ROUNDS = 200
"""How many times the queue may be emptied before a history counts as endless (P8)."""

LOCKED = timedelta(minutes=10)
"""For how long the message of a worker that died stays invisible: the queue trigger's own figure."""


SOON = timedelta(seconds=20)
"""Messages that become visible within this time are waited for together."""


@cache
def built_in_mapping() -> FieldMap:
    """The mapping file that ships with the app."""
    return load_mapping("dynamics365")


class _TapedLedger:
    """A ledger whose every method is a step of the tape."""

    def __init__(self, ledger: MemoryLedger, tape: Tape) -> None:
        self._ledger = ledger
        self._tape = tape

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = getattr(self._ledger, name)
        return lambda *args, **more: self._tape.run("ledger", name, lambda: method(*args, **more))


class Chat:
    """Where alerts arrive."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def notify(self, text: str) -> None:
        """Keep a message."""
        self.texts.append(text)


class World:
    """One CRM, one Partner Center, and the app between them, driven by hand.

    `seed` decides every chance; `skew` is how wrong Partner Center's clock is; `dull` loses every event, so that only
    the sweep finds changes.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        crm_audit: CrmAudit = CrmAudit.EVERY_CHANGE,
        dry_run: bool = False,
        skew: timedelta = timedelta(),
        dull: bool = False,
    ) -> None:
        self.chance = Random(seed)
        self.tape = Tape()
        self.clock = FakeClock()
        self.theirs = SkewedClock(self.clock, skew)
        self.partner_center = FakePartnerCenter(self.tape, self.theirs, self.chance)
        self.crm = FakeCrm(self.tape, self.clock, self.chance)
        self.ledger = MemoryLedger()
        self.queue = FakeQueue(self.tape, self.clock)
        self.another_receiver()
        self.chat = Chat()
        self.events: list[Event] = []
        self.crashes = 0
        if not dull:
            self.partner_center.listeners.append(self.events.append)
        ledger = cast("Ledger", _TapedLedger(self.ledger, self.tape))
        self.ports = Ports(
            self.crm,
            self.partner_center,
            ledger,
            self.queue,
            built_in_mapping(),
            self.clock,
            Random(seed),
            crm_audit,
            dry_run,
        )
        self.others: dict[str, Ports] = {}
        """The CRMs that are configured besides the first, by name."""
        self.alerts = Alerts(ledger, self.chat)
        self.webhooks = FakeWebhooks()
        self.heartbeat = Heartbeat(lambda: ledger, self.clock)
        self.watchdog = Watchdog(self.webhooks, ledger, self.alerts, self.clock)
        self._restart(seed)

    @property
    def configured(self) -> dict[str, Ports]:
        """Every CRM that the app is configured with, by name."""
        return {self.ports.crm.name: self.ports, **self.others}

    def _restart(self, seed: int = 0) -> None:
        self.work = Work(self.configured, self.alerts, Random(seed), self.queue)

    def connect(self, crm: Crm, mapping: FieldMap) -> None:
        """Put another CRM in the place of the fake."""
        self.ports = replace(self.ports, crm=crm, field_map=mapping)
        self._restart()

    def configure(
        self, *, crm_audit: CrmAudit | None = None, dry_run: bool | None = None, mapping: FieldMap | None = None
    ) -> None:
        """Restart the app with other settings."""
        audit = self.ports.crm_audit if crm_audit is None else crm_audit
        dry = self.ports.dry_run if dry_run is None else dry_run
        self.ports = replace(self.ports, crm_audit=audit, dry_run=dry, field_map=mapping or self.ports.field_map)
        self._restart()

    # --- the functions ---------------------------------------------------------------------------------------------

    def receive(self, event: Event) -> None:
        """Deliver one event; Partner Center tries again when the receiver could not keep it."""
        body = {
            "EventName": event.name,
            "ResourceUri": f"https://api.partnercenter.microsoft.com/engagements/v1/referrals/{event.referral_id}",
            "ResourceName": "referral",
            "AuditUri": None,
            "ResourceChangeUtcDate": f"{event.at:%Y-%m-%dT%H:%M:%S.%f}0+00:00",
        }
        while not self._survives(lambda: self._take(json.dumps(body).encode())):
            self.another_receiver()

    def another_receiver(self) -> None:
        """Let another instance receive from now on, which knows nothing of what this one took.

        It has Partner Center's clock, or a skew would have it refuse every event for being of the future.
        """
        self.intake = Intake(self.queue, self.theirs)

    def _take(self, body: bytes) -> None:
        if self.intake.take(body):
            self.heartbeat.beat()

    def receive_all(self) -> None:
        """Deliver every event that waits."""
        while self.events:
            self.receive(self.events.pop(0))

    def poll(self) -> None:
        """Let the CrmPoller's timer tick."""
        self._survives(lambda: run_poll(self.configured, self.alerts))

    def reconcile(self) -> None:
        """Let the Reconciler's timer tick."""
        self._survives(lambda: run_reconcile(self.configured, self.alerts, self.watchdog))

    def pump(self) -> int:
        """Handle every visible message; returns how many."""
        handled = 0
        while due := self.queue.due():
            self.handle(due[0])
            handled += 1
            assert handled <= ROUNDS * 10, "the queue never empties"
        return handled

    def handle(self, message: Message) -> None:
        """Let the SyncWorker take a message; when it dies, the message comes back later."""
        if not self._survives(lambda: self.queue.deliver(message, self.work.run)):
            message.visible_at = self.clock.now() + LOCKED

    def _survives(self, action: Callable[[], object]) -> bool:
        """Run something in the app; tells whether the process lived through it."""
        try:
            action()
        except Crash:
            self.crashes += 1
            return False
        return True

    # --- until nothing happens any more ----------------------------------------------------------------------------

    def settle(self) -> int:
        """Deliver, poll and work until nothing happens any more; returns the number of rounds. Timers stand still."""
        for number in range(1, ROUNDS):
            self.receive_all()
            self.pump()
            cursors = self._cursors()
            crashes = self.crashes
            self.poll()
            if self.events or self.queue.due() or crashes != self.crashes:
                continue
            due = self.queue.next_due()
            if due is not None:
                self.clock.advance(max(timedelta(), due - self.clock.now()) + SOON)
            elif cursors == self._cursors():
                return number
        raise AssertionError(f"not quiet after {ROUNDS} rounds")

    def _cursors(self) -> list[Stored]:
        return [self.ledger.value("cursor", name) for name in self.configured]

    def recover(self) -> None:
        """Let the Reconciler find everything that was missed, and try what was set aside, a day later at the latest."""
        for pause in (timedelta(minutes=11), timedelta(minutes=70), timedelta(hours=25)):
            self.clock.advance(pause)
            self.reconcile()
            self.settle()

    # --- looking ---------------------------------------------------------------------------------------------------

    def links(self) -> list[Link]:
        """Return every link, of the first CRM first."""
        return [link for name in self.configured for link in self.ledger.links(name)]

    def crm_of(self, _link: Link) -> FakeCrm:
        """Return the CRM that holds the link's record."""
        return self.crm

    def link(self) -> Link:
        """Return the only link."""
        (link,) = self.links()
        return link

    def referral_id(self) -> str:
        """Return the id of our only referral."""
        (row,) = self.partner_center.ours()
        return str(row["id"])

    def record_id(self) -> str:
        """Return the id of the only record."""
        (record_id,) = self.crm.rows()
        return record_id

    def history(self) -> str:
        """Return everything that the ledger has on the only deal, as text."""
        rows = self.ledger.history(self.ports.crm.name, self.link().referral_id)
        return "\n".join(f"{row.direction} {row.text} {row.changes}" for row in rows)

    def mark(self) -> int:
        """Return the tape's position, for `calls`."""
        return len(self.tape.steps)

    def calls(self, since: int) -> dict[str, int]:
        """Return the remote calls since a mark, polls left out."""
        counted = self.tape.remote(since)
        del counted["crm.changes"]
        return dict(counted)
