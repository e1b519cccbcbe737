"""What is to be done with a referral or a record that nothing is tied to yet."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TypeGuard

from shared.deal import RecordKey
from shared.decide.deal import (
    GONE,
    UNREAD,
    Absence,
    Copied,
    Deal,
    FieldMap,
    IntentState,
    Need,
    Policy,
    RecordSeen,
    ReferralSeen,
    Sharing,
    Surroundings,
)
from shared.decide.decisions import (
    Adopt,
    Agree,
    CreateRecord,
    CreateReferral,
    Decision,
    HoldForPerson,
    Ignore,
    Known,
    NotOurs,
    Qualify,
    RefuseCopy,
    Rekey,
    ReleaseCopy,
    Wait,
)
from shared.decide.planning import make_plan, stays_behind
from shared.link import UNTIED, Link, LinkState
from shared.messages.reasons import Reason
from shared.problems import Problem, problem

IDENTIFIER = "referral_identifier"
LOOKS_ALIKE = "deal.looks_alike"
"""The problem of a referral that may be a deal of the CRM's; a person says whether it is."""


# --- Partner Center names a referral of ours -------------------------------------------------------------------------


def decide_referral(deal: Deal, field_map: FieldMap, policy: Policy) -> Decision | Need:
    """Decide about a referral that has no record."""
    referral = deal.referral
    if referral is UNREAD:
        return Need.REFERRAL
    if referral is GONE or not referral.ours:
        return NotOurs()
    if referral.names and deal.intent is UNREAD:
        return Need.INTENT
    if deal.intent is IntentState.FRESH:
        return Wait()
    reason = Reason.CLOSED_WHEN_FIRST_SEEN if referral.closed else referral.ignored
    if reason and deal.intent is not IntentState.ABANDONED:  # What was being shared is a deal, whatever became of it.
        return Ignore(reason)
    if deal.carrier is UNREAD:
        return Need.CARRIER
    if isinstance(deal.carrier, RecordSeen):
        return _claimed(deal, referral, deal.carrier.key) or adopt(deal, referral, deal.carrier, field_map, policy)
    if referral.names:
        return _named(deal, referral, referral.names, field_map, policy)
    return _new(deal, referral, field_map)


def _new(deal: Deal, referral: ReferralSeen, field_map: FieldMap) -> Decision | Need:
    """The referral becomes a record, unless the customer has a deal in the CRM already that may be the same.

    A referral with a CRM ID is the record's that it names, in whatever CRM that is.
    """
    asks = field_map.proposes_duplicates and not deal.anyway and not referral.names_any
    if asks and deal.around is UNREAD:
        return Need.AROUND
    if asks and isinstance(deal.around, Surroundings) and (likely := deal.around.likely):
        looks_alike = problem(LOOKS_ALIKE, "deal", name=likely.name, record=likely.record.id)
        return HoldForPerson((looks_alike,))
    return CreateRecord(referral, deal.microsoft_read)


def _named(
    deal: Deal, referral: ReferralSeen, named: RecordKey, field_map: FieldMap, policy: Policy
) -> Decision | Need:
    """The referral's CRM ID names a record of this CRM. It may be a deal of ours whose creation is not finished."""
    if claimed := _claimed(deal, referral, named):
        return claimed
    if deal.record is UNREAD:
        return Need.RECORD
    if deal.record is GONE:
        return Ignore(Reason.RECORD_MISSING)
    if deal.record.identifier not in (None, referral.id):
        return HoldForPerson((taken(named, deal.record.as_typed),))
    if deal.intent is IntentState.ABANDONED and deal.record.qualifies:
        return share(deal, deal.record)  # Its creation was interrupted: what lacks of it is made, and nothing twice.
    return adopt(deal, referral, deal.record, field_map, policy)


def _claimed(deal: Deal, referral: ReferralSeen, record: RecordKey) -> Decision | Need | None:
    """Return what follows from the link that ties the record already, if one does."""
    if deal.holder is UNREAD:
        return Need.HOLDER
    if not ties(deal.holder):
        return None
    if deal.holder.referral_id == referral.id:
        return Wait()  # It was tied after we had looked for the link.
    return HoldForPerson((taken(record, deal.holder.referral_id),))


def taken(record: RecordKey, other: str) -> Problem:
    """Return the problem of a record that belongs to another referral's deal."""
    return problem("identifier.record_taken", "externalReferenceId", record=record.id, referral=other)


def adopt(
    deal: Deal, referral: ReferralSeen, record: RecordSeen, field_map: FieldMap, policy: Policy
) -> Decision | Need:
    """Tie two existing sides; Sync = Yes is the seller's word, whoever names the record.

    Help that the record holds and our half does not may have been asked for: Microsoft's half tells.
    """
    if not record.qualifies:
        return Ignore(_unwanted(record), record.key)
    link = Link(record.key.crm, referral.id, record.key, engagement_id=referral.engagement_id)
    for prior in (deal.link, deal.holder):
        if isinstance(prior, Link) and prior.referral_id == referral.id:
            # With its state: a link that only said why the referral was ignored is tied now, for the first time.
            link = replace(link, etag=prior.etag, recent_audit=prior.recent_audit, state=prior.state)
    tied = replace(deal, link=link, referral=referral, record=record)
    # Partner Center refuses what clears or closes, and neither is done on an unknown base.
    plan = make_plan(tied, link, field_map, policy)
    if deal.microsoft is UNREAD and any(each.reason is Reason.HELP_UNTOLD for each in plan.differences):
        return Need.MICROSOFT
    return Adopt(Agree(link, referral, record, plan, stays_behind(tied), ties=True, microsoft=deal.microsoft_read))


def _unwanted(record: RecordSeen) -> Reason:
    return Reason.CONDITION_NOT_MET if record.switched_on else Reason.SYNC_IS_OFF


# --- the CRM names a record ------------------------------------------------------------------------------------------


def decide_record(deal: Deal, field_map: FieldMap, policy: Policy) -> Decision | Need:
    """Decide about a record that has no referral."""
    record = deal.record
    if record is UNREAD:
        return Need.RECORD
    if record is GONE:
        return NotOurs()
    if record.qualified:
        return Known("a qualified lead")  # Its opportunity is the deal's record, or is to be.
    if not record.qualifies:
        return _not_shared(record)
    referral_id = record.identifier or (deal.link.referral_id if deal.link else None)
    if referral_id is not None:
        return _identified(deal, record, referral_id, field_map, policy)
    return _wanted(deal, record)


def _wanted(deal: Deal, record: RecordSeen) -> Decision | Need:
    """The seller shares a record that leads to no referral; one that another deal's was merged into goes on with it."""
    if deal.holder is UNREAD:
        return Need.HOLDER
    if ties(deal.holder) and deal.holder.state is LinkState.ORPHANED:
        return Rekey(deal.holder, record.key)
    # A status may be our own, by which we said why the record is not shared; a referral link never is.
    allowed = () if record.tied else (Copied.OURS,)
    if (record.tied or record.marked) and (copy := _copy(deal, allowed)):
        return copy
    if record.lead and not record.closed:
        return HoldForPerson((problem("lead.qualify_first", "record"),))
    if record.closed and deal.intent is UNREAD:
        return Need.INTENT
    if record.closed and deal.intent is IntentState.NONE:
        return Ignore(Reason.CLOSED_BEFORE_SHARED)
    return share(deal, record)


def share(deal: Deal, record: RecordSeen) -> Decision | Need:
    """The record becomes a referral, provided that Partner Center would take it, and that it is no copy of one."""
    if record.unreadable:
        return HoldForPerson(tuple(dict.fromkeys(record.unreadable.values())))
    if deal.sharing is UNREAD:
        return Need.SHARING
    assert isinstance(deal.sharing, Sharing)  # noqa: S101 - a record that is gone meanwhile is looked at again
    if deal.sharing.travelled and deal.starts_at == "record" and (copy := _copy(deal, ())):
        return copy
    return HoldForPerson(deal.sharing.problems) if deal.sharing.problems else CreateReferral(record, deal.sharing)


def _copy(deal: Deal, allowed: tuple[Copied, ...]) -> Decision | Need | None:
    """Return that the record is a copy, unless it is known how it came to what it holds of ours."""
    if deal.copied is UNREAD:
        return Need.COPY
    if deal.copied in (Copied.RELEASED, *allowed):
        return None
    return RefuseCopy((problem("identifier.copy", IDENTIFIER),))


def _not_shared(record: RecordSeen) -> Decision:
    """The seller does not share it. A copy that was refused may be shared once its Sync is on again."""
    if (record.tied or record.marked) and record.identifier is None and not record.switched_on:
        return ReleaseCopy(record.key)
    return Ignore(_unwanted(record))


def _identified(
    deal: Deal, record: RecordSeen, referral_id: str, field_map: FieldMap, policy: Policy
) -> Decision | Need:
    """The record carries a referral's identifier: its own, a copied one, or a wrong one."""
    shown = record.as_typed if record.identifier else referral_id
    if not is_guid(referral_id):
        return HoldForPerson((problem("identifier.malformed", IDENTIFIER, id=shown),))
    if deal.holder is UNREAD:
        return Need.HOLDER
    holder = deal.holder
    if ties(holder):
        # Tied to this very record, it was tied after we had looked for the link.
        return Wait() if holder.record == record.key else _second(deal, holder, record)
    if deal.referral is UNREAD:
        return Need.REFERRAL
    if deal.referral is GONE:
        return HoldForPerson((problem("identifier.unknown", IDENTIFIER, id=shown),))
    if not deal.referral.ours:
        return HoldForPerson((problem("identifier.foreign", IDENTIFIER, id=shown),))
    return adopt(deal, deal.referral, record, field_map, policy)


def ties(holder: Link | Absence | None) -> TypeGuard[Link]:
    """Whether a link ties a record; it may be paused, or have lost a side."""
    return isinstance(holder, Link) and holder.state not in UNTIED


def _second(deal: Deal, holder: Link, record: RecordSeen) -> Decision | Need:
    """Two records carry one identifier: the first was deleted, merged or replaced, or this one is its copy."""
    if deal.holder_record is UNREAD:
        return Need.HOLDER_RECORD
    if deal.holder_record is GONE:
        return Rekey(holder, record.key)
    if deal.holder_record.qualified and not record.lead:
        return Qualify(holder, record.key)  # The move from the lead was interrupted, or a person names the opportunity.
    original = holder.record.id if holder.record else ""
    return RefuseCopy((problem("identifier.copied", IDENTIFIER, record=original),))


def is_guid(text: str) -> bool:
    """Whether a text is a GUID, as Partner Center's ids are."""
    try:
        return str(uuid.UUID(text)) == text.strip().lower()
    except ValueError:
        return False
