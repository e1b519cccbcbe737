"""What a person's order comes to, in every state of a deal, and that obeying it twice changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.deal import STATUS, RecordKey
from shared.decide import decide
from shared.decide.deal import GONE, Deal, Need, Policy, RecordSeen, ReferralSeen, Sharing
from shared.decide.decisions import (
    Adopt,
    Agree,
    CreateReferral,
    Decision,
    HoldForPerson,
    Known,
    Pause,
    Stop,
    Unlink,
)
from shared.lifecycle import Stage
from shared.link import Link, LinkState
from shared.orders import Order
from shared.problems import problem
from tests.support.stand_ins import START
from tests.unit.decide.deals import FIELD_MAP, OTHER_RECORD, OTHER_REFERRAL, RECORD, REFERRAL

POLICY = Policy()
VALUES = {STATUS: Stage.ACTIVE, **{rule.name: None for rule in FIELD_MAP.rules}}
LINK = Link("dynamics365", REFERRAL, RECORD, base=VALUES, etag="1")
OTHER = Link("dynamics365", OTHER_REFERRAL, RECORD, etag="2")


def referral(stage: Stage = Stage.ACTIVE, **members: Any) -> ReferralSeen:
    return ReferralSeen(REFERRAL, {**VALUES, STATUS: stage}, "v1", stage, body={}, **members)


def record(stage: Stage = Stage.ACTIVE, key: RecordKey = RECORD, **members: Any) -> RecordSeen:
    given = {"identifier": REFERRAL, "columns": {}, **members}
    return RecordSeen(key, {**VALUES, STATUS: stage}, "w1", START, **given)


def told(order: Order | None, state: LinkState | None = LinkState.LINKED, **pieces: Any) -> Decision | Need:
    link = pieces.pop("link", replace(LINK, state=state) if state else None)
    return decide(Deal(START, "referral", link, order=order, **pieces), FIELD_MAP, POLICY)


def asked(decision: Decision | Need) -> str:
    """Return what a person is asked to put right: the field, and the problem's code."""
    assert isinstance(decision, HoldForPerson)
    (what,) = decision.problems
    return f"{what.field}: {what.code}"


# --- a deal that rests by order --------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [LinkState.STOPPED, LinkState.UNLINKED])
@pytest.mark.parametrize("source", ["referral", "record"])
def test_nothing_but_an_order_moves_a_deal_that_rests(state: LinkState, source: Any) -> None:
    deal = Deal(START, source, replace(LINK, state=state), referral=referral(), record=record(Stage.WON))
    assert decide(deal, FIELD_MAP, POLICY) == Known(f"{state} by a person")


@pytest.mark.parametrize("order", [Order.PAUSE, Order.UNLINK, Order.SHARE_AGAIN])
@pytest.mark.parametrize("link", [None, replace(LINK, record=None), replace(LINK, state=LinkState.IGNORED)])
def test_an_order_about_a_deal_without_a_link_comes_to_nothing(order: Order, link: Link | None) -> None:
    assert decide(Deal(START, "referral", link, order=order), FIELD_MAP, POLICY) == Known("nothing is linked")


@pytest.mark.parametrize(
    ("state", "answer"), [(LinkState.STOPPED, Need.RECORD), (LinkState.ORPHANED, Known("it rests already"))]
)
def test_only_a_pause_that_its_record_does_not_show_is_ordered_again(state: LinkState, answer: object) -> None:
    link = replace(LINK, state=state, unshown=True)
    assert decide(Deal(START, "referral", link, order=Order.PAUSE), FIELD_MAP, POLICY) == answer


# --- pause and resume ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [LinkState.LINKED, LinkState.PAUSED])
def test_a_deal_is_paused_with_its_record_in_view(state: LinkState) -> None:
    assert told(Order.PAUSE, state) is Need.RECORD
    assert told(Order.PAUSE, state, record=record()) == Stop()
    assert told(Order.PAUSE, state, record=GONE) == Stop()


def test_a_pause_that_the_record_could_not_be_told_is_told_when_it_is_ordered_again() -> None:
    untold = replace(LINK, state=LinkState.STOPPED, unshown=True)
    assert told(Order.PAUSE, link=untold) is Need.RECORD
    assert told(Order.PAUSE, link=untold, record=record()) == Stop()


@pytest.mark.parametrize("state", [LinkState.STOPPED, LinkState.UNLINKED, LinkState.ORPHANED, LinkState.IGNORED, None])
def test_what_does_not_travel_is_not_paused(state: LinkState | None) -> None:
    assert isinstance(told(Order.PAUSE, state), Known)


def test_to_resume_is_to_decide_as_if_it_had_never_been_stopped() -> None:
    decision = told(Order.RESUME, LinkState.STOPPED, record=record(), referral=referral())
    assert isinstance(decision, Agree)
    assert decision.link.state is LinkState.LINKED
    at_rest = replace(LINK, state=LinkState.STOPPED, settled=True)
    decision = told(Order.RESUME, link=at_rest, record=record(), referral=referral())
    assert isinstance(decision, Agree)
    assert not decision.link.settled, "whatever was edited meanwhile is looked at"
    assert told(Order.RESUME, LinkState.STOPPED) is Need.RECORD
    assert told(Order.RESUME, LinkState.STOPPED, record=record(switched_on=False)) == Pause()


@pytest.mark.parametrize("state", [LinkState.LINKED, LinkState.PAUSED, LinkState.UNLINKED, None])
def test_what_no_person_stopped_is_not_resumed(state: LinkState | None) -> None:
    assert told(Order.RESUME, state) == Known("not stopped")


# --- unlink ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [LinkState.LINKED, LinkState.PAUSED, LinkState.STOPPED, LinkState.ORPHANED])
def test_a_deal_is_taken_apart_with_its_record_in_view(state: LinkState) -> None:
    assert told(Order.UNLINK, state) is Need.RECORD
    assert told(Order.UNLINK, state, record=record()) == Unlink(replace(LINK, state=state))
    assert told(Order.UNLINK, state, record=GONE) == Unlink(replace(LINK, state=state))


@pytest.mark.parametrize("state", [LinkState.UNLINKED, LinkState.IGNORED, None])
def test_what_is_not_linked_is_not_taken_apart(state: LinkState | None) -> None:
    assert isinstance(told(Order.UNLINK, state, record=record()), Known)


def test_a_referral_without_a_record_is_not_taken_apart() -> None:
    assert isinstance(told(Order.UNLINK, link=replace(LINK, record=None)), Known)


# --- share again -----------------------------------------------------------------------------------------------------


def test_a_deal_that_is_over_is_taken_apart_first_and_then_shared() -> None:
    assert told(Order.SHARE_AGAIN) is Need.RECORD
    assert told(Order.SHARE_AGAIN, record=record()) is Need.REFERRAL
    for gone in (referral(Stage.WON), GONE):
        assert told(Order.SHARE_AGAIN, record=record(), referral=gone) == Unlink(LINK, again=True)
    assert asked(told(Order.SHARE_AGAIN, record=record(), referral=referral())) == "referral: order.still_open"


def test_the_second_step_creates_a_referral_once() -> None:
    apart = LinkState.UNLINKED
    assert told(Order.SHARE_AGAIN, apart) is Need.HOLDER
    history = replace(LINK, state=apart)
    assert told(Order.SHARE_AGAIN, apart, holder=OTHER) == Known("it is shared again")
    assert told(Order.SHARE_AGAIN, apart, holder=history) is Need.RECORD
    assert told(Order.SHARE_AGAIN, apart, holder=history, record=record()) is Need.SHARING
    anew = told(Order.SHARE_AGAIN, apart, holder=history, record=record(), sharing=Sharing())
    assert anew == CreateReferral(record(identifier=None), Sharing())


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        (GONE, "record: order.record_missing"),
        (record(Stage.LOST), "record: order.not_shared"),
        (record(qualifies=False), "record: order.not_shared"),
    ],
)
def test_only_an_open_record_whose_sync_is_on_is_shared_again(seen: Any, wanted: str) -> None:
    assert asked(told(Order.SHARE_AGAIN, record=seen)) == wanted


# --- link ------------------------------------------------------------------------------------------------------------


def linked(link: Link | None = None, **pieces: Any) -> Decision | Need:
    return told(Order.LINK, link=link, ordered=RECORD, **pieces)


FREE: dict[str, Any] = {"holder": None, "referral": referral(), "record": record(identifier=None)}


def test_both_sides_are_looked_at_and_adopted_on_an_unknown_past() -> None:
    assert linked() is Need.HOLDER
    assert linked(holder=None) is Need.REFERRAL
    assert linked(holder=None, referral=referral()) is Need.RECORD
    for held in (
        None,
        replace(LINK, state=LinkState.UNLINKED, record=OTHER_RECORD),
        replace(LINK, state=LinkState.IGNORED),
    ):
        decision = linked(held, **FREE)
        assert isinstance(decision, Adopt)
        assert decision.claims
        assert decision.agree.link.etag == (held.etag if held else None)
        assert (decision.agree.link.record, decision.agree.link.base) == (RECORD, {})
    assert linked(holder=replace(OTHER, state=LinkState.UNLINKED), referral=referral()) is Need.RECORD


def test_what_is_tied_to_something_else_is_left_alone() -> None:
    assert linked(LINK) == Known("linked already")
    assert asked(linked(replace(LINK, record=OTHER_RECORD))) == "externalReferenceId: identifier.record_taken"
    assert asked(linked(holder=OTHER)) == "externalReferenceId: identifier.record_taken"


@pytest.mark.parametrize(
    ("pieces", "wanted"),
    [
        ({"referral": GONE}, "referral: order.referral_missing"),
        ({"referral": referral(ours=False)}, "referral: order.referral_missing"),
        ({"record": GONE}, "record: order.record_missing"),
        ({"record": record(identifier=None, qualifies=False)}, "record: order.not_shared"),
        ({"record": record(identifier=OTHER_REFERRAL)}, "referral_identifier: identifier.exchanged"),
    ],
)
def test_what_cannot_be_linked_is_for_a_person(pieces: dict[str, Any], wanted: str) -> None:
    assert asked(linked(**{**FREE, **pieces})) == wanted


def test_what_partner_center_would_refuse_is_told_instead_of_shared() -> None:
    refused = Sharing((problem("deal.value_missing", "deal_value"),))
    pieces = {"holder": None, "record": record(), "sharing": refused}
    assert asked(told(Order.SHARE_AGAIN, LinkState.UNLINKED, **pieces)) == "deal_value: deal.value_missing"
