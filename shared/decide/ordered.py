"""What a person's order comes to. Obeying it a second time changes nothing: a message may arrive twice."""

from __future__ import annotations

from dataclasses import replace

from shared.decide.deal import GONE, UNREAD, Deal, FieldMap, Need, Policy, RecordSeen
from shared.decide.decisions import Adopt, Decision, HoldForPerson, Known, Stop, Unlink
from shared.decide.unlinked import IDENTIFIER, adopt, share, taken, ties
from shared.link import Link, LinkState
from shared.orders import Order
from shared.problems import problem

_PAUSABLE = (LinkState.LINKED, LinkState.PAUSED)


def obey(deal: Deal, order: Order, field_map: FieldMap, policy: Policy) -> Decision | Need:
    """Decide about any order but RESUME; to create anyway is no order about a deal, but a fact of it."""
    if order is Order.LINK:
        return _link(deal, field_map, policy)
    link = deal.link
    if link is None or link.record is None or link.state is LinkState.IGNORED:
        return Known("nothing is linked")
    if order is Order.SHARE_AGAIN:
        return _share_again(deal, link)
    return _part(deal, link, order)


def _part(deal: Deal, link: Link, order: Order) -> Decision | Need:
    untold = link.state is LinkState.STOPPED and link.unshown  # Its record is to say so yet.
    if link.state is LinkState.UNLINKED or (order is Order.PAUSE and not untold and link.state not in _PAUSABLE):
        return Known("it rests already")
    if deal.record is UNREAD:
        return Need.RECORD
    return Stop() if order is Order.PAUSE else Unlink(link)


def _share_again(deal: Deal, link: Link) -> Decision | Need:
    """The record gets a new referral, once the old one is over."""
    if link.state is LinkState.UNLINKED and deal.holder is UNREAD:
        return Need.HOLDER
    if ties(deal.holder):
        return Known("it is shared again")
    if deal.record is UNREAD:
        return Need.RECORD
    if deal.record is GONE:
        return HoldForPerson((problem("order.record_missing", "record"),))
    if not deal.record.qualifies or deal.record.closed:
        return HoldForPerson((problem("order.not_shared", "record"),))
    if link.state is LinkState.UNLINKED:
        return share(deal, replace(deal.record, identifier=None))
    if deal.referral is UNREAD:
        return Need.REFERRAL
    if deal.referral is not GONE and not deal.referral.closed:
        return HoldForPerson((problem("order.still_open", "referral"),))
    return Unlink(link, again=True)


def _link(deal: Deal, field_map: FieldMap, policy: Policy) -> Decision | Need:
    """A named referral and a named record become one deal, on an unknown base."""
    link, named = deal.link, deal.ordered
    assert named  # noqa: S101 - an order to link names both sides
    if ties(link):
        tied = link.record or named
        return Known("linked already") if tied == named else HoldForPerson((taken(tied, link.referral_id),))
    if deal.holder is UNREAD:
        return Need.HOLDER
    if ties(deal.holder):
        return HoldForPerson((taken(named, deal.holder.referral_id),))
    if deal.referral is UNREAD:
        return Need.REFERRAL
    if deal.referral is GONE or not deal.referral.ours:
        return HoldForPerson((problem("order.referral_missing", "referral"),))
    if deal.record is UNREAD:
        return Need.RECORD
    if deal.record is GONE:
        return HoldForPerson((problem("order.record_missing", "record"),))
    if refusal := _unfit(deal.record, deal.referral.id):
        return refusal
    adopted = adopt(replace(deal, order=None), deal.referral, deal.record, field_map, policy)
    return replace(adopted, claims=True) if isinstance(adopted, Adopt) else adopted


def _unfit(record: RecordSeen, referral_id: str) -> HoldForPerson | None:
    if not record.qualifies:
        return HoldForPerson((problem("order.not_shared", "record"),))
    if record.identifier not in (None, referral_id):
        found = problem("identifier.exchanged", IDENTIFIER, linked=referral_id, id=record.as_typed)
        return HoldForPerson((found,))
    return None
