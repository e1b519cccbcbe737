"""What of a plan travels only at its time: the reason of an end goes with the end, and never alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.deal import CLOSE_REASON, CLOSING_DATE, NOTES, STATUS
from shared.decide.planning import without
from shared.decide.timing import invitation_over, reason_with_its_end
from shared.lifecycle import Stage
from shared.merge import Change, Difference, Plan, Stays
from shared.messages.reasons import Reason

REASON = Change(CLOSE_REASON, None, "No budget", Reason.CHANGED_IN_CRM)
NOTE = Change(NOTES, "old", "new", Reason.CHANGED_IN_CRM)
BASE = {STATUS: Stage.ACTIVE, CLOSE_REASON: None, NOTES: "old"}


def plan(*changes: Change) -> Plan:
    return Plan((), changes, (), (), {**BASE, **{each.name: each.new for each in changes}})


def ending(stage: Stage) -> Change:
    return Change(STATUS, Stage.ACTIVE, stage, Reason.CHANGED_IN_CRM)


@pytest.mark.parametrize("end", [Stage.LOST, Stage.DECLINED])
def test_a_reason_travels_with_its_end(end: Stage) -> None:
    whole = plan(REASON, NOTE, ending(end))
    assert reason_with_its_end(whole, BASE) == whole


@pytest.mark.parametrize(
    ("others", "stays"),
    [((NOTE,), Stays.WAITING), ((NOTE, ending(Stage.ACTIVE)), Stays.WAITING), ((NOTE, ending(Stage.WON)), Stays.KEPT)],
    ids=["no end", "no end either", "an end that needs none"],
)
def test_a_reason_without_such_an_end_stays_in_the_crm(others: tuple[Change, ...], stays: Stays) -> None:
    made = reason_with_its_end(plan(REASON, *others), BASE)
    assert made.to_partner_center == others
    assert made.differences == (Difference(CLOSE_REASON, None, "No budget", Reason.REASON_NEEDS_AN_END, stays),)
    assert made.base == {**BASE, **{each.name: each.new for each in others}}, "it is not agreed"


def test_a_reason_that_nobody_agreed_on_before_is_still_unknown() -> None:
    assert CLOSE_REASON not in reason_with_its_end(plan(REASON), {STATUS: Stage.ACTIVE}).base


def test_a_reason_that_comes_after_the_end_is_kept_and_told_as_such() -> None:
    late = Difference(CLOSE_REASON, None, "No budget", Reason.REFERRAL_CLOSED, Stays.KEPT)
    note = Difference(NOTES, "old", "new", Reason.REFERRAL_CLOSED, Stays.KEPT)
    made = reason_with_its_end(Plan((), (), (), (late, note), BASE), BASE)
    told = Difference(CLOSE_REASON, None, "No budget", Reason.REASON_CAME_LATE, Stays.KEPT)
    assert made.differences == (told, note)


def test_what_is_held_back_stays_different_on_either_side_until_then() -> None:
    received = Change(NOTES, "old", "theirs", Reason.CHANGED_IN_PARTNER_CENTER)
    gone = Change(CLOSING_DATE, None, "2027-06-30", Reason.CHANGED_IN_PARTNER_CENTER)
    whole = Plan((received, gone), (ending(Stage.LOST), REASON), (), (), {**BASE, NOTES: "theirs", STATUS: Stage.LOST})
    made = without(whole, BASE, lambda change: change.name in (NOTES, STATUS), Reason.MASS_CHANGE)
    assert (made.to_crm, made.to_partner_center) == ((gone,), (REASON,))
    assert made.differences == (
        Difference(STATUS, Stage.ACTIVE, Stage.LOST, Reason.MASS_CHANGE, Stays.WAITING),
        Difference(NOTES, "theirs", "old", Reason.MASS_CHANGE, Stays.WAITING),
    )
    assert made.base == BASE
    assert NOTES not in without(whole, {}, lambda change: change.name == NOTES, Reason.MASS_CHANGE).base


def test_what_counts_until_an_invitation_is_decided_is_cleared_with_it_and_agreed_to_be_empty() -> None:
    decided = plan(ending(Stage.ACTIVE))
    made = invitation_over(decided, {CLOSING_DATE: "2027-06-30", NOTES: None}, (CLOSING_DATE, NOTES), locked=False)
    assert made.to_crm == (Change(CLOSING_DATE, "2027-06-30", None, Reason.INVITATION_DECIDED),)
    assert made.base == {**decided.base, CLOSING_DATE: None}
    rewritten = replace(decided, to_crm=(Change(CLOSING_DATE, "2027-06-30", "2027-07-31", Reason.RECEIVED), NOTE))
    made = invitation_over(rewritten, {CLOSING_DATE: "2027-06-30"}, (CLOSING_DATE,), locked=False)
    assert made.to_crm == (NOTE, Change(CLOSING_DATE, "2027-06-30", None, Reason.INVITATION_DECIDED))
    kept = invitation_over(decided, {CLOSING_DATE: "2027-06-30"}, (CLOSING_DATE,), locked=True)
    assert (kept.to_crm, kept.base) == ((), decided.base)
    assert [each.name for each in kept.differences] == [CLOSING_DATE]
    assert invitation_over(plan(NOTE), {CLOSING_DATE: "2027-06-30"}, (CLOSING_DATE,), locked=False) == plan(NOTE)
