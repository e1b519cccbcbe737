"""What performing leaves behind for the next attempt at the same message, and for its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.crm.port import Record
from shared.deal import STATUS, Fields, Value
from shared.decide.deal import RecordSeen, ReferralSeen
from shared.link import Link
from shared.mapping.field_map import FieldMap
from shared.merge import Change
from shared.partner_center.port import Referral
from shared.sync.observe import seen_record
from shared.sync.task import Task


@dataclass
class Written:
    """What earlier attempts at one message wrote already: it belongs into the audit of the attempt that commits."""

    sent: list[Change] = field(default_factory=list)
    received: list[Change] = field(default_factory=list)
    shown: bool = False
    """Whether the record's Audit column was written: then it must be written again, should the commit be refused."""
    healed: bool = False
    """Whether the deal was not in order before, and is now."""
    unseen: str = ""
    """What a person must decide, and the locked record cannot show."""
    before: Link | None = None
    after: Link | None = None
    """The link before and after the commit, for what a person is told of it."""
    behind: bool = False
    """Whether values stay behind, for whose sake the deal is on the agenda."""


def altered_by_partner_center(
    field_map: FieldMap, before: ReferralSeen, changes: Iterable[Change], answer: Referral
) -> dict[str, Value]:
    """Return the fields in which Partner Center's answer to a write is not what was planned, as it has them."""
    planned = {**before.fields, **{each.name: each.new for each in changes}}
    held, unreadable = field_map.read_referral(answer.body)
    # Our own half need not repeat what only Microsoft's, or only the CRM, tells.
    silent = {rule.name for rule in field_map.rules if rule.never_clear_crm and not held[rule.name]}
    comparable = held.keys() - unreadable.keys() - silent - set(field_map.only_undecided)
    return {name: held[name] for name in comparable if held[name] != planned[name]}


def is_as_planned(
    field_map: FieldMap, before: RecordSeen, written: Record, changes: Iterable[Change] = (), *, moved: bool = False
) -> bool:
    """Compare every mapped field, and Sync, of a write's answer with what the record held and what was written over it.

    What differs was changed by the CRM's own logic within the write: an edit like any other, so the version that the
    write produced must not be remembered as ours, and the change feed's row will be looked at.
    """
    planned: Fields = {**before.fields, **{each.name: each.new for each in changes}}
    held, unreadable = field_map.read_record(written.columns)
    rules = field_map.rules_for(written.digits, held)
    fields = all(rule.holds(planned[rule.name], held[rule.name]) for rule in rules if rule.name not in unreadable)
    switched_on = bool(written.columns.get(field_map.columns.sync, before.switched_on))
    return fields and switched_on == before.switched_on and (not moved or held[STATUS] == planned[STATUS])


def is_untouched(task: Task, before: RecordSeen, written: Record) -> bool:
    """Whether a write of the Audit and status columns changed nothing else.

    Raises DataError when the record's state is in no entry of the status table.
    """
    same = seen_record(task, written).identifier == before.identifier
    return same and is_as_planned(task.field_map, before, written)
