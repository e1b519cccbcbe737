"""plan(): the decision table of three-way merge, field by field."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from shared.deal import Fields, Value
from shared.merge import Hold, Rule, Stays, plan
from shared.messages.reasons import Reason
from tests.support.merge_rules import BOTH_WAYS, HELD, ONE_WAY, PARTNER_CENTER_WINS, decide, writes

MICROSOFT_ID = replace(PARTNER_CENTER_WINS, never_clear_crm=True, to_partner_center=False)
HELP_ROW = replace(MICROSOFT_ID, name="help", to_crm=False)


# --- the decision table (A.4) ----------------------------------------------------------------------------------------


def test_equal_sides_need_nothing() -> None:
    made = decide(BOTH_WAYS, {"f": "a"}, "a", "a")
    assert not made.writes
    assert not made.adopted
    assert made.base == {"f": "a"}


def test_the_same_edit_on_both_sides_is_adopted_and_told() -> None:
    made = decide(BOTH_WAYS, {"f": "a"}, "b", "b")
    assert not made.writes
    assert [(change.old, change.new) for change in made.adopted] == [("a", "b")]
    assert made.base == {"f": "b"}


@pytest.mark.parametrize("rule", [BOTH_WAYS, PARTNER_CENTER_WINS, HELD])
def test_an_edit_in_the_crm_goes_to_partner_center_whatever_the_policy(rule: Rule) -> None:
    made = decide(rule, {"f": "a"}, "a", "c")
    assert writes(made) == ([], ["c"])
    assert made.to_partner_center[0].old == "a"
    assert made.base == {"f": "c"}
    assert not made.differences


@pytest.mark.parametrize("rule", [BOTH_WAYS, PARTNER_CENTER_WINS, HELD])
def test_an_edit_in_partner_center_goes_to_the_crm_whatever_the_policy(rule: Rule) -> None:
    made = decide(rule, {"f": "a"}, "p", "a")
    assert writes(made) == (["p"], [])
    assert made.to_crm[0].old == "a"
    assert made.base == {"f": "p"}


@pytest.mark.parametrize("empty", [None, ()])
def test_clearing_is_an_edit_like_any_other_once_the_base_is_known(empty: Value) -> None:
    filled: Value = "a" if empty is None else ("a",)
    assert writes(decide(BOTH_WAYS, {"f": filled}, filled, empty)) == ([], [empty])
    assert writes(decide(BOTH_WAYS, {"f": filled}, empty, filled)) == ([empty], [])


@pytest.mark.parametrize(
    ("rule", "winner", "reason"),
    [
        (BOTH_WAYS, "c", Reason.BOTH_CHANGED_CRM_WINS),
        (PARTNER_CENTER_WINS, "p", Reason.BOTH_CHANGED_PARTNER_CENTER_WINS),
    ],
)
def test_a_conflict_goes_by_policy_and_keeps_the_losing_value(rule: Rule, winner: str, reason: Reason) -> None:
    made = decide(rule, {"f": "a"}, "p", "c")
    (change,) = made.to_crm + made.to_partner_center
    assert {change.old, change.new} == {"p", "c"}
    assert change.new == winner
    assert change.reason is reason
    assert made.base == {"f": winner}


def test_a_held_conflict_writes_nothing_and_leaves_the_base() -> None:
    made = decide(HELD, {"f": "a"}, "p", "c")
    assert not made.writes
    assert made.base == {"f": "a"}
    (difference,) = made.differences
    assert (difference.referral, difference.record) == ("p", "c")
    assert (difference.stays, difference.reason) == (Stays.HELD, Reason.BOTH_CHANGED_HELD)


def test_a_held_conflict_ends_when_a_person_makes_both_equal() -> None:
    held = decide(HELD, {"f": "a"}, "p", "c")
    settled = decide(HELD, held.base, "p", "p")
    assert not settled.writes
    assert not settled.differences
    assert settled.base == {"f": "p"}


def test_fields_are_decided_one_by_one() -> None:
    rules = [replace(BOTH_WAYS, name=name) for name in "xyz"]
    made = plan(
        {"x": "1", "y": "1", "z": "1"},
        {"x": "2", "y": "1", "z": "1"},
        {"x": "1", "y": "3", "z": "1"},
        rules,
    )
    assert [change.name for change in made.to_crm] == ["x"]
    assert [change.name for change in made.to_partner_center] == ["y"]
    assert made.base == {"x": "2", "y": "3", "z": "1"}


def test_a_base_of_fields_without_a_rule_survives() -> None:
    made = plan({"gone": "kept", "f": "a"}, {"f": "b"}, {"f": "a"}, [BOTH_WAYS])
    assert made.base == {"gone": "kept", "f": "b"}


def test_values_of_two_types_are_compared_as_values() -> None:
    assert not decide(BOTH_WAYS, {"f": Decimal(1000)}, Decimal("1000.0000"), Decimal(1000)).writes


# --- first meeting ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [None, {}, {"other": "x"}])
def test_first_meeting_of_equal_values_adopts(base: Fields | None) -> None:
    made = decide(BOTH_WAYS, base, "a", "a")
    assert not made.writes
    assert made.base["f"] == "a"


@pytest.mark.parametrize(
    ("rule", "expected"), [(BOTH_WAYS, ([], ["c"])), (PARTNER_CENTER_WINS, (["p"], [])), (HELD, ([], []))]
)
def test_first_meeting_of_unequal_values_goes_by_policy(rule: Rule, expected: tuple[list[Value], list[Value]]) -> None:
    assert writes(decide(rule, None, "p", "c")) == expected


@pytest.mark.parametrize("rule", [BOTH_WAYS, PARTNER_CENTER_WINS])
def test_first_meeting_never_clears(rule: Rule) -> None:
    assert writes(decide(rule, None, "p", None)) == (["p"], [])
    assert writes(decide(rule, None, None, "c")) == ([], ["c"])
    assert writes(decide(rule, None, ("p",), ())) == ([("p",)], [])


def test_first_meeting_with_an_empty_partner_center_that_takes_no_updates_shows_it() -> None:
    made = decide(replace(PARTNER_CENTER_WINS, to_partner_center=False), None, None, "c")
    assert not made.writes
    assert [(each.referral, each.record) for each in made.differences] == [(None, "c")]
    assert "f" not in made.base


# --- one way, keep ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [None, {"f": False}, {"f": True}])
def test_yes_never_returns_to_no(base: Fields | None) -> None:
    assert writes(decide(ONE_WAY, base, True, False)) == ([True], [])
    assert writes(decide(ONE_WAY, base, False, True)) == ([], [True])


def test_one_way_without_a_way_out_is_shown() -> None:
    made = decide(replace(ONE_WAY, to_partner_center=False), {"f": False}, False, True)
    assert not made.writes
    assert [each.reason for each in made.differences] == [Reason.NOT_SENT_TO_PARTNER_CENTER]


def test_yes_is_told_with_who_said_it() -> None:
    assert decide(ONE_WAY, {"f": True}, True, False).to_crm[0].reason is Reason.CANNOT_BE_WITHDRAWN
    assert decide(ONE_WAY, {"f": False}, False, True).to_partner_center[0].reason is Reason.SWITCHED_ON_IN_CRM


@pytest.mark.parametrize("empty", [None, ()])
@pytest.mark.parametrize("base", [None, {"f": "a"}])
def test_keep_never_clears_the_crm(empty: Value, base: Fields | None) -> None:
    made = decide(replace(PARTNER_CENTER_WINS, never_clear_crm=True, to_partner_center=False), base, empty, "a")
    assert not made.writes
    assert not made.differences
    assert made.base["f"] == "a"


def test_keep_lets_a_value_through() -> None:
    rule = replace(PARTNER_CENTER_WINS, never_clear_crm=True, to_partner_center=False)
    assert writes(decide(rule, {"f": "a"}, "b", "a")) == (["b"], [])


def test_keep_only_guards_the_crm_and_loses_no_edit_of_it() -> None:
    # P1: an empty value in Partner Center must not clear the CRM, which is no reason to swallow what was typed there.
    rule = replace(BOTH_WAYS, never_clear_crm=True)
    assert writes(decide(rule, {"f": None}, None, "typed")) == ([], ["typed"])


def test_what_microsoft_was_asked_comes_back_when_the_crm_lost_it() -> None:
    # Our own half does not repeat the help that was asked for: an empty value in Partner Center says nothing.
    for rule in (MICROSOFT_ID, HELP_ROW):
        made = decide(rule, {rule.name: "asked"}, None, None)
        assert writes(made) == (["asked"], [])
        assert made.to_crm[0].reason is Reason.FROZEN
        assert made.base == {rule.name: "asked"}


def test_help_that_is_changed_after_it_was_asked_is_put_back() -> None:
    made = decide(HELP_ROW, {"help": "asked"}, None, "other")
    assert writes(made) == (["asked"], [])
    assert (made.to_crm[0].old, made.to_crm[0].reason) == ("other", Reason.FROZEN)


def test_help_that_partner_center_repeats_is_put_back_just_the_same() -> None:
    for record in (None, "other"):
        made = decide(HELP_ROW, {"help": "asked"}, "asked", record)
        assert [(each.new, each.reason) for each in made.to_crm] == [("asked", Reason.FROZEN)]


def test_help_that_partner_center_changed_itself_is_not_overruled() -> None:
    made = decide(HELP_ROW, {"help": "asked"}, "theirs", "other")
    assert not made.writes


def test_another_field_that_only_the_crm_tells_may_be_changed() -> None:
    made = decide(MICROSOFT_ID, {"f": "told"}, None, "other")
    assert not made.writes
    assert [each.reason for each in made.differences] == [Reason.NOT_SENT_TO_PARTNER_CENTER]


def test_what_both_sides_emptied_stays_empty_where_partner_center_takes_edits() -> None:
    made = decide(replace(MICROSOFT_ID, to_partner_center=True), {"f": "a"}, None, None)
    assert not made.writes
    assert made.base == {"f": None}


def test_help_that_was_never_asked_is_shown_and_not_put_back() -> None:
    made = decide(HELP_ROW, {"help": None}, None, "wanted")
    assert not made.writes
    assert [(each.reason, each.stays) for each in made.differences] == [(Reason.HELP_NOT_ASKED, Stays.ASKED)]


# --- a field that a person or the deal holds -------------------------------------------------------------------------


def test_a_held_field_is_shown_with_its_reason_whoever_changed_it() -> None:
    rule = replace(BOTH_WAYS, hold=Hold(Stays.DECIDE, Reason.OPPOSITE_ENDS))
    for base in (None, {"f": "a"}, {"f": "b"}):
        made = decide(rule, base, "a", "b")
        assert not made.writes
        assert [(each.reason, each.stays) for each in made.differences] == [(Reason.OPPOSITE_ENDS, Stays.DECIDE)]
        assert made.base == (base or {})
    assert not decide(rule, {"f": "a"}, "b", "b").differences, "equal sides leave nothing to decide"


# --- a CRM that may say nothing --------------------------------------------------------------------------------------

SILENT = replace(BOTH_WAYS, to_crm=False, crm_may_say_nothing=True)


@pytest.mark.parametrize("base", [None, {"f": ("a",)}, {"f": ("b",)}])
@pytest.mark.parametrize("empty", [None, (), False])
def test_what_a_crm_does_not_say_differs_from_nothing_and_clears_nothing(base: Fields | None, empty: Value) -> None:
    made = decide(SILENT, base, ("a",), empty)
    assert not made.writes
    assert not made.differences
    assert made.base == {"f": ("a",)}


def test_what_it_says_travels_and_what_partner_center_says_stays_there() -> None:
    assert writes(decide(SILENT, {"f": ("a",)}, ("a",), ("a", "b"))) == ([], [("a", "b")])
    kept = decide(SILENT, {"f": ("a",)}, ("p",), ("a",))
    assert not kept.writes
    assert [(each.reason, each.stays) for each in kept.differences] == [(Reason.NOT_SENT_TO_CRM, Stays.KEPT)]
    assert SILENT.holds(("a",), ())
    assert not SILENT.holds(("a",), ("b",))
    assert not BOTH_WAYS.holds(("a",), ())
