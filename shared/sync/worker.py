"""One message from the queue to its outcome, for every CRM that it concerns."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from shared import telemetry
from shared.alerts import Alerts
from shared.errors import CosellError, Deferred, FatalError, LeadsUnready, RetriableError, StaleError
from shared.freshness import Direction, Freshness
from shared.ledger.model import DueKind
from shared.queue.message import PARTNER_CENTER, RETRY, DealMessage
from shared.queue.port import DealQueue
from shared.sync.begin import ASKED, CUSTOMER
from shared.sync.failures import FATAL_PAUSE, WORKER, deal_alert, set_aside, waiting_for_administrator
from shared.sync.handle import Handled, handle
from shared.sync.mass_change import MASS_CHANGE
from shared.sync.news import Newsroom
from shared.sync.outcome import Outcome
from shared.sync.perform import deadlines
from shared.sync.task import Task

log = logging.getLogger(__name__)


class Tasks(Protocol):
    """What handling takes, by CRM, and by its tables from there.

    Made when first asked for, so that a mistake in one CRM's mapping stops only it.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """The CRMs that the app is configured with."""
        ...

    def of(self, crm: str) -> Task:
        """Return the task of a configured CRM's opportunities, which knows those of its other tables.

        Raises FatalError when its mapping or settings cannot be used.
        """
        ...


@dataclass(frozen=True)
class FixedTasks:
    """Tasks that are made already."""

    tasks: Mapping[str, Task]

    @property
    def names(self) -> tuple[str, ...]:
        """The CRMs, in their order."""
        return tuple(self.tasks)

    def of(self, crm: str) -> Task:
        """Return a CRM's task."""
        return self.tasks[crm]


class LazyTasks:
    """Makes each CRM's task when it is first asked for."""

    def __init__(self, names: tuple[str, ...], make: Callable[[str], Task]) -> None:
        self.names = names
        self._make = functools.lru_cache(maxsize=None)(make)

    def of(self, crm: str) -> Task:
        """Return a configured CRM's task. Raises FatalError when its mapping or settings cannot be used."""
        return self._make(crm)


@dataclass(frozen=True)
class Worker:
    """Handles queue messages for every configured CRM. Only bugs of ours leave `run` as exceptions."""

    tasks: Tasks
    alerts: Alerts
    queue: DealQueue
    freshness: Freshness | None = None
    newsroom: Newsroom = field(default_factory=Newsroom)
    _troubled: set[str] = field(default_factory=set)
    """CRMs whose deals this process had to leave to an administrator, and no deal of which went well since."""

    def run(self, text: str) -> None:
        """Handle one queue message, for each CRM on its own.

        While a CRM's mapping cannot be used its messages go back on the queue. Raises ValueError for a text that is not
        a deal message.
        """
        message = DealMessage.load(text)
        for name in self._concerned(message):
            deal = message.referral_id or message.record_id
            with telemetry.work(message.correlation_id, crm=name, deal=deal, reason=message.reason):
                failure: CosellError | None = None
                task, begun = self._task(name, message), time.monotonic()
                if task is None:
                    continue
                try:
                    handled = handle(task, message)
                except CosellError as error:
                    failure = error
                else:
                    milliseconds = round((time.monotonic() - begun) * 1000)
                    age = self._measure(task, message, handled)
                    log.info("deal handled: %s", handled.outcome, extra={"ms": milliseconds, **age})
                    self._succeed(task, message, handled)
                if failure:  # Outside of the except block: what fails next must not carry the deal's values along.
                    self._fail(task, message, failure)

    def _concerned(self, message: DealMessage) -> Iterable[str]:
        if message.crm or message.source != PARTNER_CENTER:
            name = message.crm or message.source
            if name in self.tasks.names:
                return [name]
            log.warning("message dropped: its CRM is not configured")
            return []
        return self.tasks.names

    def _task(self, name: str, message: DealMessage) -> Task | None:
        """Return what handling takes, or put the message back: without its mapping nobody knows this CRM."""
        try:
            task = replace(self.tasks.of(name), correlation_id=message.correlation_id).at(message.record_type)
        except FatalError as error:
            self.alerts.alert(WORKER.format(name), str(error))
            self.queue.send(replace(message, crm=name).dump(), delay=FATAL_PAUSE.total_seconds())
            return None
        if task is None:
            log.warning("message dropped: its table is not synchronized")
        return task

    def _fail(self, task: Task, message: DealMessage, error: CosellError) -> None:
        if isinstance(error, Deferred):
            task.queue.send(replace(message, observed=None, crm=task.name).dump(), delay=error.retry_after or 0)
            return
        if isinstance(error, FatalError) and not isinstance(error, LeadsUnready):
            self._troubled.add(task.name)
        # What waits for a person does not count as slow.
        since = message.since if isinstance(error, (RetriableError, StaleError)) else None
        reason = CUSTOMER if message.reason == CUSTOMER else RETRY  # What a retry is to look at is not forgotten.
        set_aside(task, self.alerts, replace(message, reason=reason, since=since), error)

    def _measure(self, task: Task, message: DealMessage, handled: Handled) -> dict[str, object]:
        """Note how long the change took to the other side; returns what the log says of it, if anything was written."""
        age = message.age(task.clock.now()) if handled.wrote else None
        if age is None:
            return {}
        direction = Direction.TO_CRM if message.source == PARTNER_CENTER else Direction.TO_PARTNER_CENTER
        if self.freshness:
            self.freshness.note(task.name, direction, age)
        return {"age_ms": round(age.total_seconds() * 1000), "to": str(direction).removeprefix("to_")}

    def _failed_since(self, task: Task, message: DealMessage, key: str) -> bool:
        """Whether what waits is no work of this retry: it is about the other side, or an order. Its own retry comes."""
        if message.reason != RETRY or message.order:
            return False
        due = task.agenda.of(DueKind.PARKED, key)
        if due is None:
            return False
        waits = DealMessage.load(due.message)
        return (waits.referral_id, waits.record_id, waits.order) != (message.referral_id, message.record_id, None)

    def _succeed(self, task: Task, message: DealMessage, handled: Handled) -> None:
        again = message.reason in (RETRY, ASKED, CUSTOMER) or message.order is not None
        keys = {task.deal_key(message), *([handled.referral_id] if handled.referral_id else [])}
        if again and not handled.behind:
            keys = {key for key in keys if not self._failed_since(task, message, key)}
            for key in keys:
                task.agenda.drop(DueKind.PARKED, key)
        if handled.after:
            self.newsroom.tell(task, handled.before, handled.after)
        if message.reason == deadlines.REASON:
            deadlines.tidy(task, str(message.referral_id))
        if handled.outcome is Outcome.HELD_BACK:
            self.alerts.alert(MASS_CHANGE.format(task.name), task.choices.messages.text("alert.mass_change"))
        if handled.unseen:
            text = task.choices.messages.text("alert.not_shown", referral=handled.referral_id, problems=handled.unseen)
            self.alerts.alert(deal_alert(task, str(handled.referral_id)), text)
        elif (again or handled.healed) and not handled.behind:
            for key in keys:
                self.alerts.clear(deal_alert(task, key))
        if task.name in self._troubled and handled.outcome is not Outcome.KNOWN:
            # The first success proves that the cause is gone: nobody has to wait for the end of the pause. An echo
            # proves nothing, for nobody was asked.
            self._troubled.discard(task.name)
            waiting_for_administrator(task, self.alerts)
