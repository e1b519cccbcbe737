"""plan(): what a closed side, a closed direction and an unknown past forbid."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.deal import Fields, Value
from shared.merge import Closed, Hold, Rule, Stays, plan
from shared.messages.reasons import Reason
from tests.support.merge_rules import BOTH_WAYS, ONE_WAY, PARTNER_CENTER_WINS, decide, writes


def test_an_edit_that_partner_center_takes_no_more_is_shown_as_drift() -> None:
    made = decide(replace(BOTH_WAYS, to_partner_center=False), {"f": "a"}, "a", "c")
    assert not made.writes
    assert made.base == {"f": "a"}
    assert made.differences[0].stays is Stays.KEPT


def test_drift_stays_until_it_is_gone() -> None:
    rule = replace(PARTNER_CENTER_WINS, to_partner_center=False)
    drifted = decide(rule, {"f": "a"}, "a", "c")
    assert writes(decide(rule, drifted.base, "p", "c")) == (["p"], [])
    assert not decide(rule, drifted.base, "a", "a").differences


def test_an_edit_that_is_not_sent_to_the_crm_is_shown() -> None:
    made = decide(replace(BOTH_WAYS, to_crm=False), {"f": "a"}, "p", "a")
    assert not made.writes
    assert [(each.reason, each.stays) for each in made.differences] == [(Reason.NOT_SENT_TO_CRM, Stays.KEPT)]


def test_a_conflict_goes_the_only_way_that_is_open() -> None:
    only_out = replace(PARTNER_CENTER_WINS, to_crm=False)
    only_in = replace(BOTH_WAYS, to_partner_center=False)
    assert writes(decide(only_out, {"f": "a"}, "p", "c")) == ([], ["c"])
    assert writes(decide(only_in, {"f": "a"}, "p", "c")) == (["p"], [])
    assert not decide(replace(only_out, to_partner_center=False), {"f": "a"}, "p", "c").writes


@pytest.mark.parametrize("rule", [BOTH_WAYS, PARTNER_CENTER_WINS, ONE_WAY])
@pytest.mark.parametrize("base", [None, {"f": "a"}])
def test_a_closed_referral_is_never_written(rule: Rule, base: Fields | None) -> None:
    for referral, record in [("a", "c"), ("p", "c"), (None, "c"), ("a", None), (False, True)]:
        assert not decide(rule, base, referral, record, closed=True).to_partner_center


def test_a_closed_referral_still_brings_its_last_word_to_the_crm() -> None:
    assert writes(decide(BOTH_WAYS, {"f": "a"}, "p", "a", closed=True)) == (["p"], [])
    assert writes(decide(BOTH_WAYS, {"f": "a"}, "p", "c", closed=True)) == (["p"], [])
    made = decide(BOTH_WAYS, {"f": "a"}, "a", "c", closed=True)
    assert not made.writes
    assert [(each.reason, each.stays) for each in made.differences] == [(Reason.REFERRAL_CLOSED, Stays.ASKED)]


def test_a_locked_record_is_not_written_but_for_its_status() -> None:
    rules = [BOTH_WAYS, replace(BOTH_WAYS, name="status")]
    base: Fields = {"f": "a", "status": "active"}
    made = plan(base, {"f": "p", "status": "lost"}, {"f": "a", "status": "active"}, rules, Closed(locked=True))
    assert [change.name for change in made.to_crm] == ["status"]
    assert [(each.name, each.reason) for each in made.differences] == [("f", Reason.RECORD_CLOSED)]
    assert made.base == {"f": "a", "status": "lost"}


# --- an unknown past: what is history stays as it is -----------------------------------------------------------------


SIDES = [("p", "c"), ("p", None), (None, "c"), (("p",), ()), (False, True), (True, False)]


@pytest.mark.parametrize("rule", [BOTH_WAYS, PARTNER_CENTER_WINS, ONE_WAY, replace(BOTH_WAYS, remapped=True)])
@pytest.mark.parametrize(("referral", "record"), SIDES)
@pytest.mark.parametrize(("closed", "record_closed"), [(True, False), (False, True), (True, True)])
def test_nothing_is_written_while_a_side_is_closed_and_the_base_unknown(
    rule: Rule, referral: Value, record: Value, closed: bool, record_closed: bool
) -> None:
    made = decide(rule, None, referral, record, closed=closed, record_closed=record_closed)
    assert not made.writes
    assert [(each.referral, each.record) for each in made.differences] == [(referral, record)]
    assert "f" not in made.base, "what was never equal is not agreed"


def test_what_only_waits_for_a_decision_of_policy_is_called_historical() -> None:
    made = decide(BOTH_WAYS, None, "p", "c", record_closed=True)
    assert [each.reason for each in made.differences] == [Reason.HISTORICAL]


@pytest.mark.parametrize(("base", "stays"), [({}, Stays.ASKED), ({"other": "a"}, Stays.KEPT)])
def test_what_differs_since_before_the_link_is_asked_about_and_what_was_mapped_later_is_kept(
    base: Fields, stays: Stays
) -> None:
    made = plan(base, {"f": "p"}, {"f": "c"}, [BOTH_WAYS], Closed(referral=True))
    assert [(each.reason, each.stays) for each in made.differences] == [(Reason.HISTORICAL, stays)]


ONLY_TOLD = replace(BOTH_WAYS, to_partner_center=False)


@pytest.mark.parametrize(
    ("rule", "referral", "stays"),
    [(ONLY_TOLD, None, Stays.KEPT), (ONLY_TOLD, "p", Stays.ASKED), (BOTH_WAYS, None, Stays.ASKED)],
)
def test_a_locked_record_keeps_what_partner_center_alone_tells_no_more_and_is_asked_about_the_rest(
    rule: Rule, referral: Value, stays: Stays
) -> None:
    made = decide(rule, {"f": "a"}, referral, "a", record_closed=True, locked=True)
    assert [(each.reason, each.stays) for each in made.differences] == [(Reason.RECORD_CLOSED, stays)]


def test_equal_values_of_a_closed_deal_are_adopted() -> None:
    made = decide(BOTH_WAYS, None, "a", "a", closed=True, record_closed=True)
    assert made.base == {"f": "a"}
    assert not made.differences


def test_a_record_that_was_closed_after_the_sides_agreed_still_gets_edits_where_the_crm_takes_them() -> None:
    assert writes(decide(BOTH_WAYS, {"f": "a"}, "p", "a", record_closed=True)) == (["p"], [])
    assert not decide(BOTH_WAYS, {"f": "a"}, "p", "a", record_closed=True, locked=True).writes


def test_an_edit_that_a_closed_record_holds_still_reaches_an_open_referral() -> None:
    assert writes(decide(BOTH_WAYS, {"f": "a"}, "a", "c", record_closed=True, locked=True)) == ([], ["c"])


def test_the_status_is_decided_by_its_own_rule_also_on_an_unknown_base() -> None:
    status = replace(BOTH_WAYS, name="status")
    made = decide(status, None, "won", "active", closed=True)
    assert not made.to_partner_center
    held = decide(replace(status, hold=Hold(Stays.DECIDE, Reason.UNKNOWN_PAST)), None, "won", "active", closed=True)
    assert [each.reason for each in held.differences] == [Reason.UNKNOWN_PAST]


def test_neither_side_has_ended_unless_that_is_said() -> None:
    assert Closed() == Closed(referral=False, record=False, locked=False)
