"""A lead was qualified: the referral is accepted, and the deal goes on with the lead's opportunity.

Accept, tie, move the link: each step is harmless when it is done again, and only the last one ends it. A stop anywhere
before that is healed by the next look at either record: the lead is still qualified, and the opportunity carries the
referral of a lead that is. Behind it the opportunity is looked at for its own sake, being tied.
"""

from __future__ import annotations

from dataclasses import replace

from shared.choices import CrmAudit
from shared.crm.port import Record
from shared.deal import STATUS, Fields, Value
from shared.decide.deal import Deal, RecordSeen
from shared.decide.decisions import Qualify
from shared.decide.planning import agreed_base
from shared.decide.unlinked import taken
from shared.errors import DataError
from shared.ledger import audit
from shared.lifecycle import Stage
from shared.link import Link, LinkState
from shared.mapping.field_map import FieldMap
from shared.mapping.rows import CompiledRow
from shared.messages.reasons import Reason
from shared.partner_center.port import Referral
from shared.problems import problem
from shared.queue.message import DealMessage
from shared.sync.base import with_base
from shared.sync.observe import seen_record
from shared.sync.outcome import Outcome
from shared.sync.perform import identity
from shared.sync.perform.written import Written
from shared.sync.task import Task


def qualify(task: Task, _deal: Deal, decision: Qualify, _written: Written) -> Outcome:
    """Accept the referral, tie the opportunity to it, and let the link follow.

    Raises DataError when the opportunity belongs to another referral, StaleError when a side changed meanwhile, and the
    families.
    """
    link, opportunity = decision.link, task.opportunity
    record = opportunity.records.read(decision.to.id)
    seen = seen_record(opportunity, record)
    if seen.identifier not in (None, link.referral_id):
        raise DataError(taken(decision.to, seen.as_typed))
    referral = _accept(task, decision)
    if not referral.closed and _is_locked(opportunity, seen) and not _is_tied(seen):
        # Its Sync cannot be switched on, and it would read as if the seller had switched it off.
        raise DataError(problem("lead.opportunity_closed", "record", record=decision.to.id))
    text = task.choices.messages.reason(Reason.LEAD_QUALIFIED, record=decision.to.id)
    entry = audit.entry(task.stamp(), link.referral_id, audit.BOTH, text)
    recent = audit.extended(link.recent_audit, [entry])
    moved = replace(link, recent_audit=recent, earlier_audit=_earlier_audit(opportunity, seen), status=None)
    _tie(opportunity, moved, record, seen)
    task.links.commit(_moved(task, moved, seen, referral), [entry])
    task.queue.send(DealMessage.of_record(decision.to, "qualified", task.correlation_id).dump())
    return Outcome.QUALIFIED


def _accept(task: Task, decision: Qualify) -> Referral:
    """Accept the referral, in the request that names the opportunity as its record. An ended one stays as it is."""
    referral = task.partner_center.read(decision.link.referral_id)
    if referral.closed:
        return referral
    operations: list[dict[str, object]] = []
    if referral.is_undecided:
        operations += [
            {"op": "replace", "path": "/status", "value": "Active"},
            {"op": "replace", "path": "/substatus", "value": "Accepted"},
        ]
    if referral.external_reference_id != decision.to.id:
        operations.append({"op": "replace", "path": "/externalReferenceId", "value": decision.to.id})
    return task.partner_center.update(referral.id, operations, referral.version) if operations else referral


def _earlier_audit(opportunity: Task, seen: RecordSeen) -> str:
    if opportunity.choices.crm_audit is CrmAudit.OFF or _is_locked(opportunity, seen):
        return ""
    _, earlier = audit.parted(opportunity.records.audit_text(seen.key.id).text)
    return earlier


def _tie(opportunity: Task, link: Link, record: Record, seen: RecordSeen) -> None:
    """Give the opportunity the referral's identity, and Sync = Yes, which the seller gave to its lead."""
    if _is_locked(opportunity, seen) or _is_tied(seen):
        return
    columns = {**identity.columns(opportunity.field_map, link.referral_id), opportunity.field_map.columns.sync: True}
    opportunity.records.update(record, columns)


def _is_tied(seen: RecordSeen) -> bool:
    return bool(seen.identifier and seen.tied and seen.switched_on)


def _is_locked(opportunity: Task, seen: RecordSeen) -> bool:
    return opportunity.policy.closed_rows_are_read_only and seen.closed


def _moved(task: Task, link: Link, seen: RecordSeen, referral: Referral) -> Link:
    """Return the link on the opportunity, with what of the lead's base holds there."""
    opportunity = task.opportunity
    lead = task.lead or task
    base = _carried(agreed_base(link, lead.field_map), lead.field_map, opportunity.field_map, seen.fields)
    if not referral.closed:
        base[STATUS] = Stage.ACTIVE
    moved = replace(
        link,
        record=seen.key,
        state=LinkState.LINKED,
        settled=False,
        record_version=None,
        record_seen_at=None,
        referral_version=referral.version,
        referral_changed_at=referral.changed_at,
        differences={},
        repeats={},
        restless={},
        closing=None,
    )
    return with_base(moved, base, opportunity.field_map)


def _carried(base: Fields, lead: FieldMap, opportunity: FieldMap, held: Fields) -> dict[str, Value]:
    """Return the part of a lead's base that means the same for its opportunity.

    What the CRM left empty when it made the opportunity is no edit of a seller's: its past is unknown, so that the
    referral's value fills it.
    """
    same = {name for name, row in lead.rows.items() if name in opportunity.rows and _alike(row, opportunity.rows[name])}
    return {name: base[name] for name in same & base.keys() if held[name] not in (None, False, ())}


def _alike(lead: CompiledRow, opportunity: CompiledRow) -> bool:
    """Whether two rows read the same of a referral, and keep as much of it."""
    return (lead.pair.referral, lead.pair.codec, lead.pair.limit, lead.pair.digits) == (
        opportunity.pair.referral,
        opportunity.pair.codec,
        opportunity.pair.limit,
        opportunity.pair.digits,
    )
