"""What a failure shows on the deal's record, and what the link keeps of it where the record cannot show it."""

from __future__ import annotations

import logging
from dataclasses import replace

from shared.alerts import Alerts
from shared.choices import CrmAudit
from shared.crm.around import Columns
from shared.crm.port import Record
from shared.decide.unlinked import ties
from shared.errors import (
    AllowanceSpent,
    CosellError,
    DataError,
    FatalError,
    GoneError,
    RetriableError,
    SignInRequired,
    StaleError,
    VersionMismatch,
    problems_of,
)
from shared.guard import for_the_log
from shared.ledger import audit
from shared.ledger.model import AuditEntry, Due
from shared.link import RESTING, Link
from shared.messages.reasons import Reason
from shared.queue.message import DealMessage
from shared.status import Status, attention, pending
from shared.sync import copies
from shared.sync.observe import remembered_record, remembers, saw_unshared, seen_record
from shared.sync.perform import identity
from shared.sync.perform.written import is_untouched
from shared.sync.task import Task

log = logging.getLogger(__name__)


def show(task: Task, alerts: Alerts, message: DealMessage, error: CosellError, held: Due | None) -> str | None:
    """Show the seller on the record what happened, once: `held` is what an earlier attempt left on the agenda.

    Returns the version of the record after that, empty when it is not known, or None when it could not be shown.
    """
    if task.choices.crm_audit is CrmAudit.OFF or task.choices.dry_run:
        return None
    before = held.record_version if held and held.reason == str(error) else None
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
    link = link_of(task, message)
    record_id = link.record.id if link and link.record else message.record_id
    if not record_id or (link is None and saw_unshared(task, message)) or _is_anothers(task, link):
        return None
    if link and link.status == status and not link.unshown:
        return link.record_version or ""
    if link and link.state in RESTING and isinstance(error, RetriableError):
        # What a person ordered is done, and only its answer was lost: nothing would take the ⏳ back.
        return link.record_version or ""
    if link is None and before is not None:
        return before
    message = message if link else _seen(task, message, record_id)
    if link is None and saw_unshared(task, message):
        return None
    key = link.referral_id if link else task.key(record_id).deal
    shown = _with_earlier_audit(task, link or Link(task.name, key, task.key(record_id)))
    shown, news = _with_status(task, replace(shown, unshown=False), status, error)
    # Guarded by the version that failed: when the seller has edited since, that edit is looked at instead. Without
    # one the write is not remembered as ours, so that nothing it may cover is taken for an echo.
    version = (message.observed or {}).get("version") or (link.record_version if link else None)
    guard = str(version) if version else None
    row = Record(record_id, guard, {}, task.clock.now())
    if link is None:
        _note_what_is_ours(task, message)
    written = _write(task, row, identity.audit_columns(task.field_map, shown), again=bool(link and link.unshown))
    produced = written.version if guard and _is_untouched(task, message, link, written) else None
    if link is None:
        for entry in news:
            task.audit.add(key, entry)
    else:
        # What failed is still different, so what the link remembers is not what the sides hold.
        shown = replace(shown, settled=False, record_version=produced, record_seen_at=written.seen_at)
        task.links.commit(shown, news)
    return produced or ""


def _is_anothers(task: Task, link: Link | None) -> bool:
    """Whether a link that ties nothing names a record that is another deal's by now."""
    if link is None or link.record is None or ties(link):
        return False
    holder = task.links.of_record(link.record)
    return ties(holder) and holder.referral_id != link.referral_id


def _write(task: Task, row: Record, columns: Columns, *, again: bool) -> Record:
    """Write our columns. What could not be shown before is shown on the record as it is now, whose version is not ours.

    The version that the link knows may be an old one, by which nothing would ever be shown.
    """
    try:
        return task.records.update(row, columns)
    except VersionMismatch:
        if not again:
            raise
    return replace(task.records.update(task.records.read(row.id), columns), version=None)


def _seen(task: Task, message: DealMessage, record_id: str) -> DealMessage:
    """Return a message about a record that nothing is tied to with what it holds: whether it is shared at all."""
    if (message.observed or {}).get("columns"):
        return message
    seen = task.records.read(record_id)
    return replace(message, observed={"version": seen.version, "columns": seen.columns})


def _with_status(task: Task, link: Link, status: Status, error: CosellError) -> tuple[Link, list[AuditEntry]]:
    """Return the link with its status and the audit of it, which is told once, whether the record could show it."""
    text = task.choices.messages.reason(Reason.FAILED, problems=str(error))
    entry = audit.entry(task.stamp(), link.referral_id, audit.BOTH, text)
    news = [] if link.status == status else [entry]
    return replace(link, status=status, recent_audit=audit.extended(link.recent_audit, news)), news


def keep_unshown(task: Task, message: DealMessage, error: CosellError) -> None:
    """Let the link and the ledger's audit tell what needs a person, where its record cannot. Raises the families.

    The link must not go on as settled and ✔: the status page and what comes next go by it.
    """
    link = link_of(task, message)
    if not (ties(link) and isinstance(error, (DataError, GoneError))) or task.choices.dry_run:
        return
    status = attention(task.choices.messages, problems_of(error))
    if (link.status, link.unshown, link.settled) == (status, True, False):
        return
    kept, news = _with_status(task, replace(link, unshown=True, settled=False), status, error)
    try:
        task.links.commit(kept, news)
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
    ours, earlier = audit.parted(task.records.audit_text(link.record.id).text)
    return replace(link, recent_audit=link.recent_audit or ours, earlier_audit=earlier)


def link_of(task: Task, message: DealMessage) -> Link | None:
    """Return the link of a deal that failed, if it has one. Raises the families when the ledger fails."""
    if message.referral_id:
        return task.links.of_referral(message.referral_id)
    return task.links.of_record(task.key(str(message.record_id)))
