"""What a failure means for the deal, the seller and the alert."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from shared.alerts import Alerts
from shared.errors import (
    AllowanceSpent,
    CosellError,
    DataError,
    FatalError,
    GoneError,
    LeadsUnready,
    OutcomeUnknown,
    RetriableError,
    StaleError,
    problems_of,
)
from shared.guard import for_the_log
from shared.ledger import audit
from shared.ledger.model import Due, DueKind
from shared.messages.reasons import Reason
from shared.queue.message import DealMessage
from shared.sync import patience
from shared.sync.beside import beside
from shared.sync.binding import task_of
from shared.sync.failure_shown import keep_unshown, link_of, show
from shared.sync.task import Task

log = logging.getLogger(__name__)

WORKER = "worker {}"
"""Who raises the alerts of a CRM's deals that wait for an administrator; the kind of the error follows."""

POLL = "poll {}"
"""Who raises the alerts of a CRM that cannot be polled; the first poll that works resolves them."""

FATAL_PAUSE = timedelta(minutes=10)
_FIRST_PAUSE = 30.0
_LONGEST_PAUSE = 3600.0
_SOON = 900.0
"""Pauses up to this many seconds are put on the queue; longer ones wait on the agenda."""

_LEASE = timedelta(minutes=30)
"""How long after its own message the agenda brings a deal, should the message be lost."""


def set_aside(task: Task, alerts: Alerts, again: DealMessage, error: CosellError) -> None:
    """Park a deal that failed, show the failure on its record, and alert where a person must know.

    `again` is the message that resumes it. Raises the families when the ledger or the queue fail.
    """
    log.warning("deal set aside: %s", for_the_log(error), extra={"family": error.family})
    link = link_of(task, again)
    task = task_of(task, link) or task
    key = link.referral_id if link else task.deal_key(again)
    held = task.agenda.of(DueKind.PARKED, key)
    needs_person = isinstance(error, (DataError, GoneError))
    attempts = patience.attempts_at(held, str(error)) if needs_person else held.attempts + 1 if held else 1
    pause = _pause(task, error, attempts)
    _alert_cause(task, alerts, error)
    shown = None if _comes_back_at_once(error, attempts) else show(task, alerts, again, error, held)
    if shown is None:
        keep_unshown(task, again, error)
    _alert_deal(task, alerts, again, error, shown=shown is not None)
    if needs_person and link is None and not again.record_id and (held is None or held.reason != str(error)):
        text = task.choices.messages.reason(Reason.FAILED, problems=str(error))
        task.audit.add(key, audit.entry(task.stamp(), key, audit.TO_CRM, text))  # There is no record to say it on.
    message = replace(again, observed=None, crm=task.name).dump()
    soon = isinstance(error, (RetriableError, StaleError)) and pause <= _SOON
    now = task.clock.now()
    due = Due(
        DueKind.PARKED,
        key,
        now + timedelta(seconds=pause) + (_LEASE if soon else timedelta()),
        held.since if held else now,
        message,
        family=error.family,
        reason=str(error),
        problems=problems_of(error),
        attempts=attempts,
        record_version=shown,
    )
    task.agenda.put(beside(task, due, link.record.id if link and link.record else again.record_id, held))
    if soon:
        task.queue.send(message, delay=pause)


def waiting_for_administrator(task: Task, alerts: Alerts, *, leads: bool = False) -> None:
    """Queue every deal that waits for an administrator, now that the cause is gone, and resolve the alert.

    What the table of leads lacks is a cause of its own: `leads` are those that wait for it, without them all others.
    """
    for key in _raised(alerts, task.name):
        if (key == _of_leads(task.name)) is leads:
            alerts.clear(key)
    for due in list(task.agenda.all(DueKind.PARKED)):
        for_leads = any(each.code == LeadsUnready.problem_code for each in due.problems)
        waits = due.family == FatalError.family and for_leads is leads
        if waits and task.agenda.postpone(due, task.clock.now() + _LEASE):
            task.queue.send(due.message)


def no_more_fatal(alerts: Alerts, crm: str) -> None:
    """Resolve the alerts about everything that kept a CRM's deals waiting for an administrator."""
    for key in _raised(alerts, crm):
        alerts.clear(key)


def _raised(alerts: Alerts, crm: str) -> list[str]:
    worker = WORKER.format(crm)
    return [key for key in alerts.raised() if key == worker or key.startswith(f"{worker} ")]


def _of_leads(crm: str) -> str:
    return f"{WORKER.format(crm)} {LeadsUnready.__name__}"


def deal_alert(task: Task, key: str) -> str:
    """Return the key of a single deal's alert."""
    return f"{task.name} deal {key}"


def _comes_back_at_once(error: CosellError, attempts: int) -> bool:
    """Whether the deal only moves too fast: seconds later it rests, and a ⏳ would be one more change to it."""
    return isinstance(error, StaleError) and attempts == 1


def _pause(task: Task, error: CosellError, attempts: int) -> float:
    if isinstance(error, (DataError, GoneError)):
        return patience.until_next_look(task, attempts).total_seconds()
    if isinstance(error, FatalError):
        return FATAL_PAUSE.total_seconds()
    if isinstance(error, RetriableError) and error.retry_after is not None:
        return error.retry_after + task.random.uniform(0, 2)
    if _comes_back_at_once(error, attempts) or (isinstance(error, OutcomeUnknown) and attempts == 1):
        return task.random.uniform(2, 4)  # What became of it is looked up at once.
    grown = min(_FIRST_PAUSE * 2.0 ** (attempts - 1), _LONGEST_PAUSE)
    return task.random.uniform(grown / 2, grown)


def _alert_cause(task: Task, alerts: Alerts, error: CosellError) -> None:
    """Alert what stops more than this deal."""
    if isinstance(error, FatalError):
        alerts.alert(f"{WORKER.format(task.name)} {type(error).__name__}", error.alert)
    elif isinstance(error, AllowanceSpent):
        # Polling takes calls too: when a poll works again, so does everything else.
        alerts.alert(POLL.format(task.name), str(error))


def _alert_deal(task: Task, alerts: Alerts, message: DealMessage, error: CosellError, *, shown: bool) -> None:
    """Alert what a person has to put right and cannot read on the record."""
    if not isinstance(error, (DataError, GoneError)) or shown:
        return
    # There is no record on which a seller could read it, or it refuses that too; an undecided invitation expires.
    problems = " ".join(str(each) for each in problems_of(error))
    link = link_of(task, message)
    key = "alert.no_record" if link is None and not message.record_id else "alert.not_shown"
    if key == "alert.not_shown" and task.choices.dry_run:
        return  # The record could show it, and is not to: the log and the agenda have it.
    deal = message.referral_id or (link.referral_id if link else message.record_id)
    alerts.alert(
        deal_alert(task, link.referral_id if link else task.deal_key(message)),
        task.choices.messages.text(key, referral=deal, problems=problems),
    )
