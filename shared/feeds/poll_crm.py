"""The poller's use case: what changed in a CRM's table since its cursor goes on the queue; then the cursor moves."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from shared import telemetry
from shared.crm.port import ChangePage, Record
from shared.errors import CursorExpired
from shared.ledger.drawers import crm_cursor
from shared.link import LinkState
from shared.queue.message import DealMessage
from shared.sync.task import Task

log = logging.getLogger(__name__)


def poll_crm(task: Task, since: datetime | None = None) -> int:
    """Hand over every change since the stored cursor; returns how many messages were put on the queue.

    `since` is when the last poll began, which did not see these changes: from then on they may have waited. The first
    pass, and the one after an expired cursor, treat every record that is to be synchronized. Raises StaleError when
    another poller moved the cursor meanwhile: what it handed over is handled twice, which is harmless.
    """
    held = task.drawers.read(crm_cursor(task.binding))
    correlation_id = telemetry.correlation_id()
    try:
        sent, cursor, _ = _hand_over(task, held.value or None, correlation_id, since)
    except CursorExpired:
        log.warning("the change feed's cursor expired: reading everything", extra={"crm": task.binding})
        sent, cursor, seen = _hand_over(task, None, correlation_id)
        sent += _hand_over_unseen(task, seen, correlation_id)
    if cursor and cursor != held.value:
        task.drawers.replace(crm_cursor(task.binding), cursor, held)
    return sent


def expect_others(task: Task) -> None:
    """Say that the CRM's other tables are polled behind this one, which may ask for their changes along with its own.

    Raises the families when the ledger fails.
    """
    for table in task.tables[1:]:
        if binding := task.at(table):
            binding.records.expect(task.drawers.read(crm_cursor(binding.binding)).value or None)


def _hand_over(
    task: Task, cursor: str | None, correlation_id: str, since: datetime | None = None
) -> tuple[int, str | None, set[str]]:
    """Queue a whole pass; returns the number of messages, the next cursor, and every record id that was seen."""
    sent, seen = 0, set[str]()
    following = None
    for page in task.records.changes(cursor):
        for message in _messages(task, page, correlation_id):
            task.queue.send(replace(message, since=since.isoformat() if since else None).dump())
            sent += 1
        seen.update(record.id for record in page.records)
        following = page.cursor or following
    return sent, following, seen


def _hand_over_unseen(task: Task, seen: set[str], correlation_id: str) -> int:
    """Queue every linked record that a full pass did not show: it was deleted while the cursor was dead, or hidden."""
    sent = 0
    for link in task.links.all():
        ours = link.record and link.record.table == task.field_map.table
        if link.record and ours and link.record.id not in seen and link.state in (LinkState.LINKED, LinkState.PAUSED):
            task.queue.send(DealMessage.of_record(link.record, "reconcile", correlation_id).dump())
            sent += 1
    return sent


def _messages(task: Task, page: ChangePage, correlation_id: str) -> list[DealMessage]:
    changed = [
        DealMessage.of_record(task.key(record.id), "changed", correlation_id, _observed(record))
        for record in page.records
        if _concerns_us(task, record)
    ]
    deleted = [
        DealMessage.of_record(task.key(record_id), "deleted", correlation_id, {"deleted": True})
        for record_id in page.deleted_ids
    ]
    return changed + deleted


def _concerns_us(task: Task, record: Record) -> bool:
    """Whether a record is to be shared, or holds a column of ours: it is tied, or a copy, or says why it is not."""
    own = task.field_map.columns
    held = any(record.columns.get(each) for each in (own.referral_identifier, own.referral_link, own.status))
    return held or task.field_map.record_qualifies(record.columns)


def _observed(record: Record) -> dict[str, object]:
    seen: dict[str, object] = {"version": record.version, "seen_at": record.seen_at.isoformat()}
    if record.digits:
        seen["digits"] = dict(record.digits)
    return {**seen, "columns": dict(record.columns)}
