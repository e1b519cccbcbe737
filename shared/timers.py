"""What the timers run: each step on its own, so that one that fails does not keep the others from running."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

from shared import telemetry
from shared.alerts import Alerts
from shared.errors import AllowanceSpent, CosellError, FatalError
from shared.feeds.beside import notice
from shared.feeds.customers import look_at_customers
from shared.feeds.digest import Digest
from shared.feeds.poison import check_poison
from shared.feeds.poll_crm import expect_others, poll_crm
from shared.feeds.remap import apply_mapping
from shared.feeds.resume import parked_by_family, resume_due
from shared.feeds.sweep import Swept, sweep
from shared.feeds.upkeep import keep_up
from shared.freshness import Freshness
from shared.guard import for_the_log
from shared.pace import Pace
from shared.queue.port import PoisonQueue
from shared.sync.failures import POLL, no_more_fatal, waiting_for_administrator
from shared.sync.task import Task
from shared.sync.worker import Tasks
from shared.webhook.rounds import Rounds
from shared.webhook.watchdog import Watchdog

log = logging.getLogger(__name__)

T = TypeVar("T")


def run_poll(tasks: Tasks, alerts: Alerts, pace: Pace, freshness: Freshness) -> None:
    """Poll every table of every CRM whose interval is over."""
    with telemetry.work(str(uuid.uuid4())):
        for name in tasks.names:
            pace.run(name, partial(_poll_all, tasks, alerts, name, freshness))


def _poll_all(tasks: Tasks, alerts: Alerts, name: str, freshness: Freshness, since: datetime | None) -> bool:
    """Poll a CRM's tables; tells whether that of its opportunities went well: leads that wait make nothing late."""
    well = _attempt(tasks, alerts, POLL.format(name), partial(_poll, tasks, name, None, since), name)
    for table in _other_tables(tasks, name):
        step = POLL.format(f"{name}-{table}")
        _attempt(tasks, alerts, step, partial(_poll, tasks, name, table, since), name, leads=True)
    if not well:
        return False
    freshness.polled(name)
    return True


def _poll(tasks: Tasks, name: str, table: str | None, since: datetime | None) -> bool:
    task = tasks.of(name).at(table)
    if task:
        if table is None:
            expect_others(task)
        poll_crm(task, since)
        if table is None:
            # What is due soon, or was put right beside its record, does not wait for the Reconciler.
            resume_due(task)
            notice(task)
    return True


def _other_tables(tasks: Tasks, name: str) -> tuple[str, ...]:
    """Return the tables of a CRM besides its opportunities; none while its mapping cannot be used."""
    try:
        return tasks.of(name).tables[1:]
    except FatalError:
        return ()


def run_reconcile(
    tasks: Tasks,
    alerts: Alerts,
    watchdog: Watchdog,
    poison: PoisonQueue,
    digest: Digest | None = None,
    rounds: Rounds | None = None,
) -> None:
    """Sweep for missed events, queue what is due, and look after the ledger, the webhook and the poison queue.

    The alert of a CRM's deals is resolved once none of them waits for an administrator.
    """
    with telemetry.work(str(uuid.uuid4())):
        swept = {name: done for name in tasks.names if (done := _reconcile(tasks, alerts, name))}
        unannounced = sum(each.unannounced for each in swept.values())
        found = _attempt(tasks, alerts, "look at the webhook", watchdog.check_registration)
        _attempt(tasks, alerts, "look for events", lambda: watchdog.check_heartbeat(unannounced))
        _attempt(tasks, alerts, "look at the poison queue", lambda: check_poison(poison, alerts))
        if digest:
            _attempt(tasks, alerts, "tell the digest", partial(_tell, digest, tasks))
        if rounds:
            _attempt(tasks, alerts, "keep up others", rounds.keep_up)
            seldom = _attempt(tasks, alerts, "look at the sign-in", rounds.look)
            _attempt(tasks, alerts, "note what was seen", lambda: rounds.note(found, seldom, swept))


def _tell(digest: Digest, tasks: Tasks) -> bool:
    """Send the digest about every CRM whose mapping can be used; the alert of another one stands already."""
    usable = []
    for name in tasks.names:
        try:
            usable.append(tasks.of(name))
        except FatalError:
            continue
    return bool(usable) and digest.tell(usable)


def _reconcile(tasks: Tasks, alerts: Alerts, name: str) -> Swept | None:
    """Reconcile one CRM; returns what the sweep found, None when it failed."""
    swept = _attempt(tasks, alerts, f"sweep {name}", lambda: sweep(tasks.of(name)), name)
    _attempt(tasks, alerts, f"mapping {name}", lambda: _apply_mappings(tasks.of(name)), name)
    _attempt(tasks, alerts, f"resume {name}", lambda: _resume(tasks.of(name), alerts), name)
    _attempt(tasks, alerts, f"customers {name}", lambda: look_at_customers(tasks.of(name)), name)
    _attempt(tasks, alerts, f"keep up {name}", lambda: keep_up(tasks.of(name)), name)
    return swept


def _apply_mappings(task: Task) -> None:
    for table in task.tables:
        if binding := task.at(table):
            apply_mapping(binding)


def _resume(task: Task, alerts: Alerts) -> None:
    resume_due(task)
    if FatalError.family not in parked_by_family(task):
        no_more_fatal(alerts, task.name)


def _attempt(
    tasks: Tasks, alerts: Alerts, step: str, action: Callable[[], T], crm: str | None = None, *, leads: bool = False
) -> T | None:
    """Run one step and resolve its alert. A failure is logged; it alerts when a person must know of it.

    The next tick tries again.

    A step that goes well again shows that the deals which wait for an administrator need not wait any more; one with
    the `leads` shows it of deals that wait for the table of leads, and one without them of all others.
    """
    done = None
    try:
        done = action()
        if alerts.clear(step, often=True) and crm:
            waiting_for_administrator(tasks.of(crm), alerts, leads=leads)
    except CosellError as error:
        log.warning("%s failed (%s): %s", step, error.family, for_the_log(error))
        if isinstance(error, (FatalError, AllowanceSpent)):
            _alert(alerts, step, error)
    return done


def _alert(alerts: Alerts, step: str, error: CosellError) -> None:
    """Alert, unless that fails too: then the log has it, and the next tick alerts."""
    try:
        alerts.alert(step, error.alert)
    except CosellError as second:
        log.warning("%s could not be alerted: %s", step, for_the_log(second))
