"""A deal as far as it is known: what is not said of a side is what is ordinary."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest

from shared.deal import STATUS
from shared.decide.deal import GONE, UNREAD, Deal, Policy, RecordSeen, ReferralSeen, Sharing, Surroundings
from shared.decide.decisions import (
    Adopt,
    Agree,
    AskMicrosoft,
    AwaitUndo,
    FollowCustomer,
    FollowOwner,
    Register,
    Unlink,
    agreement,
)
from shared.lifecycle import Stage
from shared.link import Link
from shared.merge import Plan
from tests.support.stand_ins import START
from tests.unit.decide.deals import RECORD, REFERRAL


def test_a_referral_is_ours_and_unnamed_unless_it_says_otherwise() -> None:
    seen = ReferralSeen(REFERRAL, {}, "1", Stage.ACTIVE)
    assert (seen.ours, seen.names, seen.names_any, seen.ignored, seen.body) == (True, None, False, None, None)
    assert (seen.engagement_id, seen.changed_at, dict(seen.unreadable)) == ("", None, {})


def test_a_record_is_an_opportunity_that_is_shared_and_holds_nothing_of_ours_unless_it_says_otherwise() -> None:
    seen = RecordSeen(RECORD, {STATUS: Stage.WON}, "1", START)
    assert (seen.qualifies, seen.switched_on, seen.lead, seen.tied, seen.marked) == (True, True, False, False, False)
    assert (seen.owner, seen.identifier, seen.shows, seen.columns, dict(seen.digits)) == ("", None, None, None, {})
    assert (seen.closed, seen.qualified) == (True, False)


def test_of_a_deal_nothing_is_known_and_no_record_carries_its_identifier() -> None:
    deal = Deal(START, "record")
    unread = (deal.referral, deal.record, deal.intent, deal.holder, deal.holder_record, deal.successor, deal.around)
    assert {*unread, deal.successor_record, deal.copied, deal.sharing, deal.microsoft} == {UNREAD}
    assert deal.carrier is GONE
    assert (deal.link, deal.order, deal.ordered, deal.customer, deal.anyway) == (None, None, None, None, False)
    assert (deal.microsoft_read, deal.microsoft_known) == (None, None)
    assert (Sharing().problems, Sharing().travelled, Surroundings().likely) == ((), False, None)


def test_what_a_decision_does_not_say_it_does_not_want() -> None:
    said = {(kind, each.name): each.default for kind in (Agree, Adopt, Unlink) for each in fields(kind)}
    assert (said[Agree, "ties"], said[Adopt, "claims"], said[Unlink, "again"]) == (False, False, False)
    assert (said[Agree, "problems"], said[Agree, "microsoft"], said[Agree, "registration"]) == ((), None, None)


def test_without_settings_an_end_does_not_wait_and_closed_rows_take_writes() -> None:
    assert Policy() == Policy(close_delay=timedelta(), closed_rows_are_read_only=False)


@pytest.mark.parametrize("kind", [Adopt, AskMicrosoft, AwaitUndo, FollowCustomer, FollowOwner, Register])
def test_what_is_done_besides_leaves_the_agreement_what_it_is(kind: type[Any]) -> None:
    agree = Agree(
        Link("dynamics365", REFERRAL, RECORD),
        ReferralSeen(REFERRAL, {}, "1", Stage.ACTIVE),
        RecordSeen(RECORD, {}, "1", START),
        Plan((), (), (), (), {}),
    )
    others = {each.name: None for each in fields(kind) if each.name != "agree"}
    assert agreement(kind(agree=agree, **others)) is agree
    assert agreement(agree) is agree
