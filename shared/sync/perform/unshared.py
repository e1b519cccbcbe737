"""Records that are not shared, and on which we once said something else."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from shared.choices import CrmAudit
from shared.crm.port import Record
from shared.decide.deal import Deal, RecordSeen
from shared.errors import CosellError
from shared.ledger import audit
from shared.ledger.model import DueKind
from shared.link import Link
from shared.messages.reasons import Reason
from shared.status import paused
from shared.sync import copies
from shared.sync.perform.behind import come_back
from shared.sync.perform.written import Written
from shared.sync.task import Task

log = logging.getLogger(__name__)

AGAIN = timedelta(hours=1)
"""When it is said next what automation takes back at once each time."""


def leave(task: Task, deal: Deal, reason: Reason, written: Written) -> None:
    """Let a record that is not shared say so where it says something else of ours, and forget what it waited for.

    One that is switched on and not shared all the same is told, too. No other record is written: it is nobody's
    business. Raises the families when the ledger fails.
    """
    record = deal.record
    if task.choices.dry_run or not isinstance(record, RecordSeen):
        return
    waits = task.agenda.of(DueKind.PARKED, record.key.deal)
    if not (waits or reason is Reason.CLOSED_BEFORE_SHARED):
        return
    copies.keep(task, record.key)
    if waits and copies.goes_round(task, record.key):
        written.behind = True
        task.agenda.put(replace(waits, at=task.clock.now() + AGAIN))
    elif not _show(task, record, reason):
        written.behind = True  # No change of the record need follow by which it would be told.
        come_back(task, Link(task.name, record.key.deal, record.key), ())
    elif waits:
        task.agenda.drop(DueKind.PARKED, record.key.deal)
        written.healed = True


def _note(task: Task, record: RecordSeen, reason: Reason) -> None:
    """Keep in the ledger's audit, once, what the record cannot show: who asks for it there is told why."""
    key, condition = record.key.deal, task.field_map.file.sync_when.record
    text = task.choices.messages.reason(reason, name="sync_when.record", condition=condition)
    if [each.text for each in task.audit.of(key, 1)] != [text]:
        task.audit.add(key, audit.entry(task.stamp(), key, audit.BOTH, text))


def _show(task: Task, record: RecordSeen, reason: Reason) -> bool:
    """Write why the record is not shared into its status; tells whether there is nothing more to say."""
    columns, column = record.columns or {}, task.field_map.columns.status
    text = paused(task.choices.messages, reason).text
    locked = task.policy.closed_rows_are_read_only and record.closed
    if locked or task.choices.crm_audit is CrmAudit.OFF:
        _note(task, record, reason)
        return True
    if columns.get(column) == text or not (record.switched_on or columns.get(column)):
        return True
    try:
        task.records.update(Record(record.key.id, record.version, columns, record.seen_at), {column: text})
    except CosellError as error:
        log.warning("status not shown: %s", type(error).__name__)
        return False
    return True
