"""What is to be done with a deal whose two sides are tied by a link."""

from __future__ import annotations

from dataclasses import replace

from shared.deal import STATUS
from shared.decide.deal import GONE, UNREAD, Deal, FieldMap, Need, Policy, RecordSeen, ReferralSeen
from shared.decide.decisions import (
    Agree,
    AskMicrosoft,
    AwaitUndo,
    Decision,
    FollowCustomer,
    FollowOwner,
    HoldForPerson,
    Known,
    Orphan,
    Pause,
    Qualify,
    Rekey,
)
from shared.decide.fights import PAUSE, TIE, goes_round
from shared.decide.planning import agreed_base, asks_microsoft, make_plan, refusals, stays_behind
from shared.decide.registering import with_registration
from shared.decide.timing import accepted_first, closes, edits_after_acceptance, invitation_over, without_close
from shared.decide.unlinked import IDENTIFIER, taken, ties
from shared.lifecycle import TERMINAL, Stage
from shared.link import Closing, Link, LinkState
from shared.merge import Plan
from shared.messages.reasons import Reason
from shared.problems import problem
from shared.status import StatusKind

PAUSED = "paused by the seller"


def decide_linked(deal: Deal, link: Link, field_map: FieldMap, policy: Policy) -> Decision | Need:
    """Decide about a link that is linked, paused or orphaned."""
    if deal.referral is GONE:
        return _referral_gone(deal, link, policy)
    if deal.record is GONE:
        return _moved(deal, link)
    if link.state is LinkState.PAUSED and deal.record is UNREAD:
        return Known(PAUSED)
    if deal.record is UNREAD:
        return Need.RECORD
    if (alone := _record_alone(deal, link, deal.record, policy)) is not None:
        return alone
    if deal.referral is UNREAD:
        return Need.REFERRAL
    if not deal.referral.ours:
        return HoldForPerson((problem("identifier.foreign", IDENTIFIER, id=link.referral_id),))
    if deal.record.identifier not in (None, link.referral_id):
        exchanged = problem("identifier.exchanged", IDENTIFIER, linked=link.referral_id, id=deal.record.as_typed)
        return HoldForPerson((exchanged,))
    return _agree(deal, link, field_map, policy)


def _record_alone(deal: Deal, link: Link, record: RecordSeen, policy: Policy) -> Decision | Need | None:
    """Return what follows from the record, whatever the referral says."""
    if not record.switched_on:
        return Known(PAUSED) if _rests(deal, record, link, policy) else Pause()
    if link.state is LinkState.PAUSED and goes_round(link, PAUSE, deal.now):
        return HoldForPerson((problem("status.sync_goes_round", "sync"),))
    return _lead_lives_on(deal, link, record)


def _rests(deal: Deal, record: RecordSeen, link: Link, policy: Policy) -> bool:
    """Whether a deal whose Sync is off is paused, and its record says so or cannot be made to."""
    if link.state is not LinkState.PAUSED:
        return False
    told = link.status is None or (link.status.kind is StatusKind.PAUSED and not link.unshown)
    # One that a write without its commit left saying ✔ is told again.
    says_so = told and record.shows is not StatusKind.SYNCHRONIZED
    locked = record.closed and policy.closed_rows_are_read_only
    return says_so or locked or goes_round(link, PAUSE, deal.now)


def _referral_gone(deal: Deal, link: Link, policy: Policy) -> Decision | Need:
    """The record says that its referral is gone, as soon as it can be made to."""
    if link.state is not LinkState.ORPHANED or not link.unshown:
        return _orphan(link, Reason.REFERRAL_GONE)
    if deal.record is UNREAD:
        return Need.RECORD
    locked = deal.record is GONE or (deal.record.closed and policy.closed_rows_are_read_only)
    return Known("orphaned") if locked else Orphan(Reason.REFERRAL_GONE)


def _orphan(link: Link, reason: Reason) -> Decision:
    return Known("orphaned") if link.state is LinkState.ORPHANED else Orphan(reason)


def _moved(deal: Deal, link: Link) -> Decision | Need:
    """The record is gone: it may live on in the one that it was merged into."""
    if deal.successor is UNREAD:
        return Need.SUCCESSOR
    if deal.successor is None or deal.successor is GONE:
        return _orphan(link, Reason.RECORD_DELETED)
    if deal.holder is UNREAD:
        return Need.HOLDER
    if ties(deal.holder):  # The surviving record belongs to another deal.
        return _orphan(link, Reason.RECORD_MERGED)
    if deal.successor_record is UNREAD:
        return Need.SUCCESSOR_RECORD
    if deal.successor_record is GONE:
        return _orphan(link, Reason.RECORD_DELETED)
    if not deal.successor_record.qualifies:
        return _orphan(link, Reason.SUCCESSOR_NOT_SHARED)
    return Rekey(link, deal.successor)


def _lead_lives_on(deal: Deal, link: Link, record: RecordSeen) -> Decision | Need | None:
    """Return what follows from a lead that was qualified or merged; None for every other record.

    A lead that a person disqualified looks like one that was merged into another, so that is asked once.
    """
    ended = record.closed and link.base.get(STATUS) not in TERMINAL
    if not (record.lead and (record.qualified or ended)):
        return None
    if deal.successor is UNREAD:
        return Need.SUCCESSOR
    if deal.successor is None or deal.successor is GONE:
        return HoldForPerson((problem("lead.without_opportunity", "record"),)) if record.qualified else None
    if not record.qualified:
        return _moved(deal, link)
    if deal.holder is UNREAD:
        return Need.HOLDER
    if ties(deal.holder):
        return HoldForPerson((taken(deal.successor, deal.holder.referral_id),))
    return Qualify(link, deal.successor)


def _agree(deal: Deal, link: Link, field_map: FieldMap, policy: Policy) -> Decision | Need:
    assert isinstance(deal.referral, ReferralSeen)  # noqa: S101 - both sides were just looked at
    assert isinstance(deal.record, RecordSeen)  # noqa: S101
    referral, record = deal.referral, deal.record
    plan = make_plan(deal, link, field_map, policy)
    if refused := refusals(plan, referral.fields, field_map):
        deal = replace(deal, refused=refused)
        plan = make_plan(deal, link, field_map, policy)
    cleared = record.columns is not None and not (record.identifier and record.tied)
    tie = cleared and not goes_round(link, TIE, deal.now)
    agree = Agree(link, referral, record, plan, stays_behind(deal), ties=tie, microsoft=deal.microsoft_read)
    if asks_microsoft(plan, agreed_base(link, field_map), deal):
        return AskMicrosoft(agree) if deal.microsoft is None else Need.MICROSOFT
    undecided = referral.stage is Stage.ON_HOLD
    locked = policy.closed_rows_are_read_only and record.closed

    def at_once(sent: Plan) -> Agree:
        over = field_map.only_undecided if undecided else ()
        return replace(agree, plan=invitation_over(sent, record.fields, over, locked=locked))

    end = closes(plan)
    if end is None:
        if deal.customer is not None and not referral.closed:
            return FollowCustomer(at_once(plan), deal.customer)
        moved = bool(link.owner and record.owner) and link.owner != record.owner
        if moved and not referral.closed:
            return FollowOwner(at_once(plan))
        return with_registration(at_once(plan), field_map)
    closing = link.closing if link.closing and link.closing.stage is end else Closing(end, deal.now)
    until = closing.since + policy.close_delay
    if end is Stage.WON and undecided:
        return AwaitUndo(at_once(accepted_first(plan)), closing, until)
    if deal.now >= until:
        return at_once(plan)
    base = agreed_base(link, field_map)
    waiting = without_close(plan, base)
    if undecided and field_map.edits_wait:
        waiting = edits_after_acceptance(waiting, base)  # They go with the decision, which waits.
    return AwaitUndo(replace(agree, plan=waiting), closing, until)
