"""Takes the two sides of a deal apart: both keep what they hold, and neither links again by itself.

The link stays, as history: whatever is said about either side leads to it, and it rests. The record loses the identity
that it had from the referral, which another record may be given.
"""

from __future__ import annotations

from dataclasses import replace

from shared.choices import CrmAudit
from shared.crm.port import Record
from shared.decide.deal import Deal, RecordSeen
from shared.decide.decisions import Unlink
from shared.ledger import audit
from shared.ledger.model import DueKind
from shared.link import Link, LinkState
from shared.messages.reasons import Reason
from shared.orders import Order
from shared.queue.message import DealMessage
from shared.status import unlinked
from shared.sync.outcome import Outcome
from shared.sync.perform import identity
from shared.sync.perform.behind import forget
from shared.sync.perform.written import Written
from shared.sync.task import Task


def unlink(task: Task, deal: Deal, decision: Unlink, written: Written) -> Outcome:
    """Write that to the record, then to the ledger; with `again` queue the record to be shared anew.

    Raises the families; a stop before the commit is healed by obeying the order again.
    """
    reason = Reason.SHARED_AGAIN if decision.again else Reason.UNLINKED_BY_PERSON
    entry = audit.entry(task.stamp(), decision.link.referral_id, audit.BOTH, task.choices.messages.reason(reason))
    link = replace(
        decision.link,
        state=LinkState.UNLINKED,
        settled=False,
        status=unlinked(task.choices.messages),
        recent_audit=audit.extended(decision.link.recent_audit, [entry]),
        closing=None,
        record_version=None,
    )
    _clear_identity(task, deal, link)
    task.links.commit(link, [entry])
    forget(task, link.referral_id, written)
    for kind in set(DueKind) - {DueKind.PARKED}:
        task.agenda.drop(kind, link.referral_id)
    if decision.again and link.record:
        message = DealMessage.of_record(link.record, "ordered", task.correlation_id)
        task.queue.send(replace(message, referral_id=link.referral_id, order=Order.SHARE_AGAIN).dump())
    return Outcome.UNLINKED


def _clear_identity(task: Task, deal: Deal, link: Link) -> None:
    """Take the referral's identity off the record, unless the record is gone, locked, or has another one."""
    record = deal.record
    if not isinstance(record, RecordSeen) or (task.policy.closed_rows_are_read_only and record.closed):
        return
    columns: dict[str, object] = {}
    if record.identifier == link.referral_id:
        columns |= dict.fromkeys(identity.columns(task.field_map, link.referral_id))
    if task.choices.crm_audit is CrmAudit.EVERY_CHANGE:
        columns |= identity.audit_columns(task.field_map, link)
    if columns:
        row = Record(record.key.id, record.version, record.columns or {}, record.seen_at)
        task.records.update(row, columns)
