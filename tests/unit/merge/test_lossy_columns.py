"""plan(): what a column cannot hold is never taken for an edit, under this row of the mapping or an earlier one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from shared.deal import Fields, Value
from shared.merge import Policy
from shared.messages.reasons import Reason
from tests.support.merge_rules import BOTH_WAYS, CUT, decide, writes

# --- lossy columns never echo (design 5.12) --------------------------------------------------------------------------


@pytest.mark.parametrize("base", [None, {"f": "abcdef"}])
def test_a_cut_value_is_no_edit(base: Fields | None) -> None:
    made = decide(CUT, base, "abcdef", "abc")
    assert not made.writes
    assert not made.differences
    assert made.base == {"f": "abcdef"}


def test_a_change_beyond_the_cut_writes_nothing() -> None:
    made = decide(CUT, {"f": "abcdef"}, "abcxyz", "abc")
    assert not made.writes
    assert made.base == {"f": "abcxyz"}


@pytest.mark.parametrize("policy", Policy)
def test_what_the_crm_gets_is_cut_and_the_base_is_whole(policy: Policy) -> None:
    made = decide(replace(CUT, conflict=policy), {"f": "abcdef"}, "uvwxyz", "abc")
    assert writes(made) == (["uvw"], [])
    assert made.to_crm[0].reason is Reason.CHANGED_IN_PARTNER_CENTER, "the column held what fits: one side changed"
    assert made.base == {"f": "uvwxyz"}


def test_an_edit_of_a_part_never_replaces_the_whole() -> None:
    made = decide(CUT, {"f": "abcdef"}, "abcdef", "ab")
    assert not made.writes
    assert [each.reason for each in made.differences] == [Reason.CRM_HOLDS_A_PART]


@pytest.mark.parametrize("base", ["abcdef", "abc"], ids=["cut already", "whole until now"])
def test_an_edit_of_a_part_never_replaces_the_whole_in_a_conflict_either(base: str) -> None:
    made = decide(CUT, {"f": base}, "abcdefghi", "abX")
    assert not made.to_partner_center, "the CRM never held the tail, so its text must not replace Partner Center's"


def test_a_conflict_that_partner_center_wins_writes_what_fits() -> None:
    made = decide(replace(CUT, conflict=Policy.PARTNER_CENTER), {"f": "abcdef"}, "uvwxyz", "abX")
    assert writes(made) == (["uvw"], [])


def test_a_rounded_amount_is_no_part_and_may_be_replaced() -> None:
    whole = replace(CUT, fit=lambda value: round(value, 2) if isinstance(value, Decimal) else value)
    base: Fields = {"f": Decimal("1.005")}
    made = decide(whole, base, Decimal("1.005"), Decimal(7))
    assert writes(made) == ([], [Decimal(7)])
    assert not decide(whole, base, Decimal("1.005"), Decimal("1.00")).writes


def test_first_meeting_writes_what_fits() -> None:
    assert writes(decide(CUT, None, "uvwxyz", None)) == (["uvw"], [])
    assert writes(decide(replace(CUT, conflict=Policy.PARTNER_CENTER), None, "uvwxyz", "abX")) == (["uvw"], [])


# --- a row that changed since the sides last agreed: what the CRM holds may be what the old row left of it -----------


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize(
    ("whole", "part"),
    [("abcdef", "abc"), (("a", "b"), ("a",)), (Decimal("10.456"), Decimal("10.46")), (Decimal("2.5"), Decimal(2))],
)
def test_what_an_old_row_had_cut_comes_back_whole(policy: Policy, whole: Value, part: Value) -> None:
    made = decide(replace(BOTH_WAYS, conflict=policy, remapped=True), None, whole, part)
    assert writes(made) == ([whole], [])
    assert made.to_crm[0].reason is Reason.REMAPPED_CRM_PARTIAL


@pytest.mark.parametrize(("whole", "other"), [("abcdef", "abX"), (("a", "b"), ("c",)), (Decimal("2.5"), Decimal(3))])
def test_what_is_no_part_goes_by_policy_as_at_first_meeting(whole: Value, other: Value) -> None:
    remapped = replace(BOTH_WAYS, remapped=True)
    assert writes(decide(remapped, None, whole, other)) == ([], [other])
    assert writes(decide(replace(remapped, conflict=Policy.PARTNER_CENTER), None, whole, other)) == ([whole], [])


def test_a_part_is_an_edit_like_any_other_where_the_row_did_not_change() -> None:
    assert writes(decide(BOTH_WAYS, {"f": "abcdef"}, "abcdef", "abc")) == ([], ["abc"])
    assert writes(decide(BOTH_WAYS, None, "abcdef", "abc")) == ([], ["abc"])


def test_a_changed_row_says_so_whichever_way_it_ends() -> None:
    rule = replace(BOTH_WAYS, remapped=True)
    ends = {
        Reason.REMAPPED_CRM_EMPTY: decide(rule, None, "p", None),
        Reason.REMAPPED_PARTNER_CENTER_EMPTY: decide(rule, None, None, "c"),
        Reason.REMAPPED_CRM_WINS: decide(rule, None, "p", "c"),
        Reason.REMAPPED_PARTNER_CENTER_WINS: decide(replace(rule, conflict=Policy.PARTNER_CENTER), None, "p", "c"),
    }
    for reason, made in ends.items():
        assert [each.reason for each in (*made.to_crm, *made.to_partner_center)] == [reason]


def test_an_unchanged_row_speaks_of_a_first_meeting() -> None:
    ends = {
        Reason.DIFFERED_CRM_EMPTY: decide(BOTH_WAYS, None, "p", None),
        Reason.DIFFERED_PARTNER_CENTER_EMPTY: decide(BOTH_WAYS, None, None, "c"),
        Reason.DIFFERED_CRM_WINS: decide(BOTH_WAYS, None, "p", "c"),
    }
    for reason, made in ends.items():
        assert [each.reason for each in (*made.to_crm, *made.to_partner_center)] == [reason]
