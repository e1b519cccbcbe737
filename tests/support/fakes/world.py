"""The sync engine between two fakes: everything but the network, the host and the storage account."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from functools import cache
from random import Random
from typing import TYPE_CHECKING, cast

from shared.alerts import Alerts
from shared.card import Card
from shared.choices import CrmAudit
from shared.crm.port import Records
from shared.crm.unready import leads_alone
from shared.decide.deal import Policy
from shared.freshness import Freshness
from shared.ledger.drawers import Drawers, Held, crm_cursor
from shared.ledger.memory import MemoryLedger, MemoryLinks
from shared.ledger.model import AuditEntry, Due, DueKind
from shared.ledger.port import DealLedger
from shared.link import Link
from shared.mapping.field_map import FieldMap
from shared.mapping.loading import load_mapping
from shared.pace import Pace
from shared.partner_center.organization import Organization
from shared.sync.news import Newsroom
from shared.sync.task import Choices, Task
from shared.sync.worker import FixedTasks, Worker
from shared.timers import run_poll, run_reconcile
from shared.webhook.events import Intake
from shared.webhook.heartbeat import Heartbeat
from shared.webhook.rounds import Rounds
from shared.webhook.watchdog import Watchdog
from tests.support.fakes.clock import FakeClock, SkewedClock
from tests.support.fakes.crm import FakeCrm
from tests.support.fakes.leads import FakeLeads
from tests.support.fakes.partner_center import FABRIKAM, Event, FakePartnerCenter
from tests.support.fakes.queue import FakeQueue, Message
from tests.support.fakes.tape import Crash, Tape
from tests.support.fakes.webhooks import FakeWebhooks

if TYPE_CHECKING:
    from shared.ledger.drawers import Values
    from shared.ledger.port import Agenda, Audit, Intents, Links
    from shared.ledger.survey import Survey

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


class _Taped:
    """A part of the ledger whose every method is a step of the tape."""

    def __init__(self, part: object, name: str, tape: Tape) -> None:
        self._part = part
        self._name = name
        self._tape = tape

    def __getattr__(self, name: str) -> Callable[..., object]:
        method, run, full = getattr(self._part, name), self._tape.run, f"{self._name}.{name}"

        def taped(*args: object, **more: object) -> object:
            return run("ledger", full, lambda: method(*args, **more))

        setattr(self, name, taped)  # The next call finds it without asking here.
        return taped


class TapedLedger:
    """Implements Ledger: a memory ledger whose every storage operation is a step of the tape."""

    def __init__(self, ledger: MemoryLedger, tape: Tape) -> None:
        self._ledger = ledger
        self._tape = tape
        self.drawers = Drawers(cast("Values", _Taped(ledger.values, "values", tape)))

    def of(self, crm: str) -> DealLedger:
        """Return a CRM's part."""
        part = self._ledger.of(crm)
        return DealLedger(
            cast("Links", _Taped(part.links, "links", self._tape)),
            cast("Audit", _Taped(part.audit, "audit", self._tape)),
            cast("Intents", _Taped(part.intents, "intents", self._tape)),
            cast("Agenda", _Taped(part.agenda, "agenda", self._tape)),
            cast("Survey", _Taped(part.survey, "survey", self._tape)),
        )


class Chat:
    """Where alerts arrive."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def notify(self, card: Card) -> None:
        """Keep a message."""
        self.texts.append(card.plain)


class World:
    """One CRM, one Partner Center, and the app between them, driven by hand.

    `seed` decides every chance; `skew` is how wrong Partner Center's clock is; `dull` loses every event, so that only
    the sweep finds changes. Closed rows are read-only in Dynamics 365, and not in Salesforce.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        crm_audit: CrmAudit = CrmAudit.EVERY_CHANGE,
        dry_run: bool = False,
        skew: timedelta = timedelta(),
        dull: bool = False,
        close_delay: timedelta = timedelta(),
        closed_rows_are_read_only: bool = True,
    ) -> None:
        self.chance = Random(seed)
        self.tape = Tape()
        self.clock = FakeClock()
        self.theirs = SkewedClock(self.clock, skew)
        self.partner_center = FakePartnerCenter(self.tape, self.theirs, self.chance)
        self.crm = FakeCrm(self.tape, self.clock, self.chance)
        self.leads: FakeLeads | None = FakeLeads(self.tape, self.clock, Random(seed))
        self.leads.expected, self.leads.along = self.crm.expected, self.crm.along
        self.ledger = MemoryLedger()
        self.queue = FakeQueue(self.tape, self.clock)
        self.another_receiver()
        self.chat = Chat()
        self.news = Chat()
        self.newsroom = Newsroom(self.news)
        self.events: list[Event] = []
        self.crashes = 0
        if not dull:
            self.partner_center.listeners.append(self.events.append)
        self.taped = TapedLedger(self.ledger, self.tape)
        drawers = self.taped.drawers
        self.crm.closed_rows_are_read_only = closed_rows_are_read_only
        policy = Policy(close_delay, closed_rows_are_read_only)
        self.task = Task(
            self.crm,
            self.partner_center,
            Organization(self.partner_center, drawers, FABRIKAM),
            self.taped.of(self.crm.name),
            drawers,
            self.queue,
            built_in_mapping(),
            self.clock,
            Random(seed),
            Choices(crm_audit, dry_run, policy),
        )
        self.others: dict[str, Task] = {}
        """The CRMs that are configured besides the first, by name."""
        self.alerts = Alerts(drawers, self.chat, clock=self.clock)
        self.webhooks = FakeWebhooks()
        # As the receiver has Partner Center's clock: a skew would make every event one of long ago.
        self.heartbeat = Heartbeat(lambda: drawers, self.clock, timedelta.max)
        self.watchdog = Watchdog(self.webhooks, drawers, self.alerts, self.clock)
        self.rounds: Rounds | None = None
        """What notes what the Reconciler saw, for those who look at it."""
        self._restart(seed)

    @property
    def configured(self) -> dict[str, Task]:
        """Every CRM that the app is configured with, by name."""
        return {self.task.name: self.task, **self.others}

    @property
    def tasks(self) -> FixedTasks:
        """The same, as the app has it."""
        return FixedTasks(self.configured)

    def _restart(self, seed: int = 0) -> None:
        bindings: dict[str, Task] = {}
        self.task = replace(self.task, random=Random(seed), bindings=bindings)
        field_map = self.task.field_map
        bindings[field_map.table] = self.task
        if field_map.lead and self.leads:
            bindings[field_map.lead.table] = replace(
                self.task, records=leads_alone(self.leads), field_map=field_map.lead
            )
        self.pace = Pace(self.clock)
        self.freshness = Freshness(lambda: self.taped.drawers, self.clock)
        self.worker = Worker(self.tasks, self.alerts, self.queue, self.freshness, self.newsroom)

    def connect(self, crm: Records, field_map: FieldMap) -> None:
        """Put another CRM in the place of the fake."""
        self.leads = None
        policy = replace(self.task.policy, closed_rows_are_read_only=crm.closed_rows_are_read_only)
        choices = replace(self.task.choices, policy=policy)
        self.task = replace(
            self.task, records=crm, field_map=field_map, ledger=self.taped.of(crm.name), choices=choices
        )
        self._restart()

    def configure(
        self,
        *,
        crm_audit: CrmAudit | None = None,
        dry_run: bool | None = None,
        field_map: FieldMap | None = None,
        mass_deals: int | None = None,
    ) -> None:
        """Restart the app with other settings; more than `mass_deals` at once are a mass, whatever their share."""
        held = self.task.choices
        if mass_deals is not None:
            held = replace(held, mass_deals=mass_deals, mass_percent=0)
        audit = held.crm_audit if crm_audit is None else crm_audit
        choices = replace(held, crm_audit=audit, dry_run=held.dry_run if dry_run is None else dry_run)
        self.task = replace(self.task, choices=choices, field_map=field_map or self.task.field_map)
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
        taken = self.intake.take(body)
        if taken.correlation_id:
            self.heartbeat.beat(taken.event.changed_at)

    def receive_all(self) -> None:
        """Deliver every event that waits."""
        while self.events:
            self.receive(self.events.pop(0))

    def poll(self) -> None:
        """Let the CrmPoller's timer tick."""
        self._survives(lambda: run_poll(self.tasks, self.alerts, self.pace, self.freshness))

    def reconcile(self) -> None:
        """Let the Reconciler's timer tick."""
        self._survives(lambda: run_reconcile(self.tasks, self.alerts, self.watchdog, self.queue, rounds=self.rounds))

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
        if not self._survives(lambda: self.queue.deliver(message, self.worker.run)):
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

    def _cursors(self) -> list[Held[str]]:
        tables = [task.at(table) for task in self.configured.values() for table in task.tables]
        return [self.ledger.drawers.read(crm_cursor(each.binding)) for each in tables if each]

    def recover(self) -> None:
        """Let the Reconciler find everything that was missed, and try what was set aside, a day later at the latest."""
        for pause in (timedelta(minutes=11), timedelta(minutes=70), timedelta(hours=25)):
            self.clock.advance(pause)
            self.reconcile()
            self.settle()

    # --- looking ---------------------------------------------------------------------------------------------------

    def links(self) -> list[Link]:
        """Return every link, of the first CRM first."""
        return [link for name in self.configured for link in self.ledger.of(name).links.all()]

    def crm_of(self, _link: Link) -> FakeCrm:
        """Return the CRM that holds the link's record."""
        return self.crm

    def lose_the_ledger(self) -> None:
        """Lose the storage account with everything in it."""
        parts = [getattr(self.ledger.of(name), each.name) for name in self.configured for each in fields(DealLedger)]
        for part in [self.ledger.values, *parts]:
            for held in vars(part).values():
                if isinstance(held, dict | list):
                    held.clear()

    def commits(self) -> int:
        """Return how many commits the first CRM's links have seen."""
        links = self.ledger.of(self.task.name).links
        assert isinstance(links, MemoryLinks)
        return links.commits

    def parked(self, crm: str = "dynamics365") -> list[Due]:
        """Return what is parked for a CRM."""
        return list(self.ledger.of(crm).agenda.all(DueKind.PARKED))

    def audit_of(self, key: str, crm: str = "dynamics365", limit: int = 10_000) -> Sequence[AuditEntry]:
        """Return a deal's audit, the newest entry first."""
        return self.ledger.of(crm).audit.of(key, limit)

    def link_of_record(self, record_id: str) -> Link | None:
        """Return the link of a record of the first CRM."""
        return self.ledger.of(self.task.name).links.of_record(self.task.key(record_id))

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
        rows = self.ledger.of(self.task.name).audit.of(self.link().referral_id)
        return "\n".join(f"{row.direction} {row.text} {row.changes}" for row in rows)

    def mark(self) -> int:
        """Return the tape's position, for `calls`."""
        return len(self.tape.steps)

    def calls(self, since: int) -> dict[str, int]:
        """Return the remote calls since a mark, polls left out."""
        counted = self.tape.remote(since)
        return {name: count for name, count in counted.items() if not name.endswith(".changes")}
