"""What a failure means for the deal, the seller and the alert."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from shared.alerts import Alerts
from shared.choices import CrmAudit
from shared.crm.port import Record
from shared.decide.unlinked import ties
from shared.errors import (
    AllowanceSpent,
    CosellError,
    DataError,
    FatalError,
    GoneError,
    LeadsUnready,
    OutcomeUnknown,
    RetriableError,
    SignInRequired,
    StaleError,
    problems_of,
)
from shared.guard import for_the_log
from shared.ledger import audit
from shared.ledger.model import Due, DueKind
from shared.link import Link
from shared.messages.reasons import Reason
from shared.queue.message import DealMessage
from shared.status import Status, attention, pending
from shared.sync import copies, patience
from shared.sync.beside import beside
from shared.sync.binding import task_of
from shared.sync.observe import remembered_record, remembers, saw_unshared, seen_record
from shared.sync.perform import identity
from shared.sync.perform.written import is_untouched
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
    link = _link(task, again)
    task = task_of(task, link) or task
    key = link.referral_id if link else task.deal_key(again)
    held = task.agenda.of(DueKind.PARKED, key)
    needs_person = isinstance(error, (DataError, GoneError))
    attempts = patience.attempts_at(held, str(error)) if needs_person else held.attempts + 1 if held else 1
    pause = _pause(task, error, attempts)
    _alert_cause(task, alerts, error)
    before = held.record_version if held and held.reason == str(error) else None
    shown = _show(task, alerts, again, error, before=before)
    if shown is None:
        _keep_unshown(task, again, error)
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


def _pause(task: Task, error: CosellError, attempts: int) -> float:
    if isinstance(error, (DataError, GoneError)):
        return patience.until_next_look(task, attempts).total_seconds()
    if isinstance(error, FatalError):
        return FATAL_PAUSE.total_seconds()
    if isinstance(error, RetriableError) and error.retry_after is not None:
        return error.retry_after + task.random.uniform(0, 2)
    if isinstance(error, OutcomeUnknown) and attempts == 1:
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
    link = _link(task, message)
    key = "alert.no_record" if link is None and not message.record_id else "alert.not_shown"
    if key == "alert.not_shown" and task.choices.dry_run:
        return  # The record could show it, and is not to: the log and the agenda have it.
    deal = message.referral_id or (link.referral_id if link else message.record_id)
    alerts.alert(
        deal_alert(task, link.referral_id if link else task.deal_key(message)),
        task.choices.messages.text(key, referral=deal, problems=problems),
    )


# --- on the record -------------------------------------------------------------------------------------------------


def _show(task: Task, alerts: Alerts, message: DealMessage, error: CosellError, *, before: str | None) -> str | None:
    """Show the seller on the record what happened, once: `before` is what an earlier attempt at the same returned.

    Returns the version of the record after that, empty when it is not known, or None when it could not be shown.
    """
    if task.choices.crm_audit is CrmAudit.OFF or task.choices.dry_run:
        return None
    try:
        return _show_on_record(task, _status(task, alerts, error), message, error, before=before)
    except CosellError as second:
        # The record cannot be reached now. The reason is parked, logged and alerted; the next attempt shows it.
        log.warning("status not shown: %s", for_the_log(second))
        return None


def _status(task: Task, alerts: Alerts, error: CosellError) -> Status:
    messages = task.choices.messages
    if isinstance(error, (DataError, GoneError)):
        return attention(messages, problems_of(error))
    if isinstance(error, SignInRequired):
        return pending(messages, "sign_in")
    if isinstance(error, FatalError):
        return pending(messages, "administrator_notified" if alerts.reaches_people else "administrator")
    return pending(messages, "allowance" if isinstance(error, AllowanceSpent) else "service")


def _show_on_record(
    task: Task, status: Status, message: DealMessage, error: CosellError, *, before: str | None
) -> str | None:
    link = _link(task, message)
    record_id = link.record.id if link and link.record else message.record_id
    if not record_id or (link is None and saw_unshared(task, message)):
        return None
    if link and link.status == status and not link.unshown:
        return link.record_version or ""
    if link is None and before is not None:
        return before
    key = link.referral_id if link else task.key(record_id).deal
    text = task.choices.messages.reason(Reason.FAILED, problems=str(error))
    entry = audit.entry(task.stamp(), key, audit.BOTH, text)
    shown = _with_earlier_audit(task, link or Link(task.name, key, task.key(record_id)))
    news = [] if shown.status == status else [entry]  # Else it was told already, and could not be shown.
    recent = audit.extended(shown.recent_audit, news)
    shown = replace(shown, status=status, unshown=False, recent_audit=recent)
    # Guarded by the version that failed: when the seller has edited since, that edit is looked at instead. Without
    # one the write is not remembered as ours, so that nothing it may cover is taken for an echo.
    version = (message.observed or {}).get("version") or (link.record_version if link else None)
    guard = str(version) if version else None
    row = Record(record_id, guard, {}, task.clock.now())
    if link is None:
        _note_what_is_ours(task, message)
    written = task.records.update(row, identity.audit_columns(task.field_map, shown))
    produced = written.version if guard and _is_untouched(task, message, link, written) else None
    if link is None:
        task.audit.add(key, entry)
    else:
        # What failed is still different, so what the link remembers is not what the sides hold.
        task.links.commit(replace(shown, settled=False, record_version=produced), news)
    return produced or ""


def _keep_unshown(task: Task, message: DealMessage, error: CosellError) -> None:
    """Let the link and the ledger's audit tell what needs a person, where its record cannot. Raises the families.

    The link must not go on as settled and ✔: the status page and what comes next go by it.
    """
    link = _link(task, message)
    if not (ties(link) and isinstance(error, (DataError, GoneError))) or task.choices.dry_run:
        return
    status = attention(task.choices.messages, problems_of(error))
    if (link.status, link.unshown, link.settled) == (status, True, False):
        return
    text = task.choices.messages.reason(Reason.FAILED, problems=str(error))
    entry = audit.entry(task.stamp(), link.referral_id, audit.BOTH, text)
    news = [] if link.status == status else [entry]
    recent = audit.extended(link.recent_audit, news)
    try:
        task.links.commit(replace(link, status=status, unshown=True, settled=False, recent_audit=recent), news)
    except StaleError:
        log.info("another worker has seen to the deal meanwhile")


def _note_what_is_ours(task: Task, message: DealMessage) -> None:
    """Note that the record holds nothing of ours before we write on it.

    First, or a stop behind the write would make the record a copy: nobody knew how it came to its status.
    """
    columns, own = (message.observed or {}).get("columns"), task.field_map.columns
    if isinstance(columns, dict) and not any(columns.get(each) for each in (own.status, own.referral_link)):
        copies.keep(task, task.key(str(message.record_id)))


def _is_untouched(task: Task, message: DealMessage, link: Link | None, written: Record) -> bool:
    """Whether the write changed nothing but our own columns, as far as it is known what the record held."""
    observed, field_map = message.observed or {}, task.field_map
    columns, version = observed.get("columns"), observed.get("version")
    try:
        if version and isinstance(columns, dict):
            before = seen_record(task, Record(written.id, str(version), columns, written.seen_at))
        elif not version and link and remembers(link, field_map):
            before = remembered_record(link, field_map)
        else:
            # To look again at what is not settled would be to try again at once what was just refused.
            return bool(written.columns.get(field_map.columns.sync, True))
        return is_untouched(task, before, written)
    except DataError:
        return False  # Its state is in no entry of the mapping, which is why the deal failed.


def _with_earlier_audit(task: Task, link: Link) -> Link:
    """Return the link with what a column holds that was not written for it yet: another connector's text stays."""
    if link.status is not None or not link.record:
        return link
    ours, earlier = audit.parted(task.records.audit_text(link.record.id))
    return replace(link, recent_audit=link.recent_audit or ours, earlier_audit=earlier)


def _link(task: Task, message: DealMessage) -> Link | None:
    if message.referral_id:
        return task.links.of_referral(message.referral_id)
    return task.links.of_record(task.key(str(message.record_id)))
