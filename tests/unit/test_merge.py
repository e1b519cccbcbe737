"""plan(): the decision table of three-way merge, and what holds for every plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.deal import Fields, Value
from shared.merge import Plan, Policy, Rule, plan
from tests.support.stand_ins import UNHURRIED

BOTH_WAYS = Rule("f", to_crm=True, to_partner_center=True, conflict=Policy.CRM)
PARTNER_CENTER_WINS = replace(BOTH_WAYS, conflict=Policy.PARTNER_CENTER)
HELD = replace(BOTH_WAYS, conflict=Policy.HOLD)
ONE_WAY = replace(BOTH_WAYS, never_unset=True)


def cut(value: Value) -> Value:
    """What a column of three characters holds."""
    return (value[:3] or None) if isinstance(value, str) else value


CUT = replace(BOTH_WAYS, fit=cut)


def decide(rule: Rule, base: Fields | None, referral: Value, record: Value, *, closed: bool = False) -> Plan:
    return plan(base, {rule.name: referral}, {rule.name: record}, [rule], referral_closed=closed)


def writes(made: Plan) -> tuple[list[Value], list[Value]]:
    """What the CRM gets, and what Partner Center gets."""
    return [change.new for change in made.to_crm], [change.new for change in made.to_partner_center]


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


@pytest.mark.parametrize(("rule", "winner"), [(BOTH_WAYS, "c"), (PARTNER_CENTER_WINS, "p")])
def test_a_conflict_goes_by_policy_and_keeps_the_losing_value(rule: Rule, winner: str) -> None:
    made = decide(rule, {"f": "a"}, "p", "c")
    (change,) = made.to_crm + made.to_partner_center
    assert {change.old, change.new} == {"p", "c"}
    assert change.new == winner
    assert "both sides changed" in change.reason
    assert made.base == {"f": winner}


def test_a_held_conflict_writes_nothing_and_leaves_the_base() -> None:
    made = decide(HELD, {"f": "a"}, "p", "c")
    assert not made.writes
    assert made.base == {"f": "a"}
    (difference,) = made.differences
    assert (difference.referral, difference.record, difference.held) == ("p", "c", True)


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


# --- directions and closed referrals ---------------------------------------------------------------------------------


def test_an_edit_that_partner_center_takes_no_more_is_shown_as_drift() -> None:
    made = decide(replace(BOTH_WAYS, to_partner_center=False), {"f": "a"}, "a", "c")
    assert not made.writes
    assert made.base == {"f": "a"}
    assert not made.differences[0].held


def test_drift_stays_until_it_is_gone() -> None:
    rule = replace(PARTNER_CENTER_WINS, to_partner_center=False)
    drifted = decide(rule, {"f": "a"}, "a", "c")
    assert writes(decide(rule, drifted.base, "p", "c")) == (["p"], [])
    assert not decide(rule, drifted.base, "a", "a").differences


def test_an_edit_that_is_not_sent_to_the_crm_is_shown() -> None:
    made = decide(replace(BOTH_WAYS, to_crm=False), {"f": "a"}, "p", "a")
    assert not made.writes
    assert made.differences


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
    assert "closed" in made.differences[0].reason


def test_a_closed_record_is_not_written_but_for_its_status() -> None:
    rules = [BOTH_WAYS, replace(BOTH_WAYS, name="status")]
    base: Fields = {"f": "a", "status": "active"}
    made = plan(base, {"f": "p", "status": "lost"}, {"f": "a", "status": "active"}, rules, record_closed=True)
    assert [change.name for change in made.to_crm] == ["status"]
    assert [each.name for each in made.differences] == ["f"]
    assert made.base == {"f": "a", "status": "lost"}


# --- one way, keep ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [None, {"f": False}, {"f": True}])
def test_yes_never_returns_to_no(base: Fields | None) -> None:
    assert writes(decide(ONE_WAY, base, True, False)) == ([True], [])
    assert writes(decide(ONE_WAY, base, False, True)) == ([], [True])


def test_one_way_without_a_way_out_is_shown() -> None:
    made = decide(replace(ONE_WAY, to_partner_center=False), {"f": False}, False, True)
    assert not made.writes
    assert made.differences


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
    assert "both" not in made.to_crm[0].reason, "the column held what fits: only one side changed"
    assert made.base == {"f": "uvwxyz"}


def test_an_edit_of_a_part_never_replaces_the_whole() -> None:
    made = decide(CUT, {"f": "abcdef"}, "abcdef", "ab")
    assert not made.writes
    assert "only a part" in made.differences[0].reason


def test_an_edit_of_a_part_never_replaces_the_whole_in_a_conflict_either() -> None:
    made = decide(CUT, {"f": "abcdef"}, "abcdefghi", "abX")
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


# --- a row that changed since the sides last agreed: what the CRM holds may be what the old row left of it ------------


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize(
    ("whole", "part"),
    [("abcdef", "abc"), (("a", "b"), ("a",)), (Decimal("10.456"), Decimal("10.46")), (Decimal("2.5"), Decimal(2))],
)
def test_what_an_old_row_had_cut_comes_back_whole(policy: Policy, whole: Value, part: Value) -> None:
    made = decide(replace(BOTH_WAYS, conflict=policy, remapped=True), None, whole, part)
    assert writes(made) == ([whole], [])
    assert "mapping's row for it changed" in made.to_crm[0].reason


@pytest.mark.parametrize(("whole", "other"), [("abcdef", "abX"), (("a", "b"), ("c",)), (Decimal("2.5"), Decimal(3))])
def test_what_is_no_part_goes_by_policy_as_at_first_meeting(whole: Value, other: Value) -> None:
    remapped = replace(BOTH_WAYS, remapped=True)
    assert writes(decide(remapped, None, whole, other)) == ([], [other])
    assert writes(decide(replace(remapped, conflict=Policy.PARTNER_CENTER), None, whole, other)) == ([whole], [])


def test_a_part_is_an_edit_like_any_other_where_the_row_did_not_change() -> None:
    assert writes(decide(BOTH_WAYS, {"f": "abcdef"}, "abcdef", "abc")) == ([], ["abc"])
    assert writes(decide(BOTH_WAYS, None, "abcdef", "abc")) == ([], ["abc"])


# --- properties ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Correlated inputs: the sides are usually close to the base, as in life."""

    rules: tuple[Rule, ...]
    base: Fields | None
    referral: Fields
    record: Fields
    closed: bool

    def plan(self) -> Plan:
        return plan(self.base, self.referral, self.record, self.rules, referral_closed=self.closed)

    def rule(self, name: str) -> Rule:
        return next(rule for rule in self.rules if rule.name == name)


TEXTS = st.sampled_from([None, "a", "b", "abc", "abcdef", "abcxyz", "uvwxyz"])
YES_NO = st.booleans()


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rules: list[Rule] = []
    base: dict[str, Value] = {}
    referral: dict[str, Value] = {}
    record: dict[str, Value] = {}
    for name in ("x", "y", "z"):
        never_unset = draw(st.booleans())
        rule = Rule(
            name,
            to_crm=draw(st.booleans()),
            to_partner_center=draw(st.booleans()),
            conflict=draw(st.sampled_from(Policy)),
            never_unset=never_unset,
            never_clear_crm=not never_unset and draw(st.booleans()),
            fit=cut if draw(st.booleans()) else (lambda value: value),
        )
        values = YES_NO if never_unset else TEXTS
        agreed = draw(values)
        rules.append(rule)
        if draw(st.booleans()):
            base[name] = agreed
        referral[name] = draw(st.one_of(st.just(agreed), values))
        # A column holds only what fits into it.
        record[name] = rule.fit(draw(st.one_of(st.just(agreed), values)))
    return Case(tuple(rules), base or None, referral, record, draw(st.booleans()))


def applied(case: Case, made: Plan) -> Case:
    return replace(
        case,
        base=made.base,
        referral={**case.referral, **{change.name: change.new for change in made.to_partner_center}},
        record={**case.record, **{change.name: change.new for change in made.to_crm}},
    )


@settings(UNHURRIED, max_examples=400)
@given(cases())
def test_a_plan_that_was_carried_out_leaves_nothing_to_write(case: Case) -> None:
    again = applied(case, case.plan()).plan()
    assert not again.writes
    assert not again.adopted


@settings(UNHURRIED, max_examples=400)
@given(cases())
def test_a_stop_between_the_writes_and_the_commit_is_healed(case: Case) -> None:
    # Both sides hold the new values and the base is still the old one: nothing more is written.
    after = replace(applied(case, case.plan()), base=case.base)
    assert not after.plan().writes


@settings(UNHURRIED, max_examples=400)
@given(cases())
def test_no_write_repeats_what_the_side_holds(case: Case) -> None:
    made = case.plan()
    assert all(change.new != case.record[change.name] == change.old for change in made.to_crm)
    assert all(change.new != case.referral[change.name] == change.old for change in made.to_partner_center)


@settings(UNHURRIED, max_examples=400)
@given(cases())
def test_every_write_carries_the_other_sides_value(case: Case) -> None:
    made = case.plan()
    for change in made.to_crm:
        assert change.new == case.rule(change.name).fit(case.referral[change.name])
    for change in made.to_partner_center:
        assert change.new == case.record[change.name]


@settings(UNHURRIED, max_examples=400)
@given(cases())
def test_each_field_has_exactly_one_outcome(case: Case) -> None:
    made = case.plan()
    names = [each.name for each in (*made.to_crm, *made.to_partner_center, *made.adopted)]
    names += [each.name for each in made.differences]
    assert len(names) == len(set(names))
    for rule in case.rules:
        unequal = rule.fit(case.referral[rule.name]) != case.record[rule.name]
        kept = rule.never_clear_crm and case.referral[rule.name] in (None, False, ())
        if unequal and not kept:
            assert rule.name in names, "an unequal field is written or shown, never passed over in silence"


@settings(UNHURRIED, max_examples=400)
@given(cases())
def test_an_edit_is_never_lost_without_a_trace(case: Case) -> None:
    # P1: whatever a side loses by the plan stands in the plan as the old value.
    made = case.plan()
    after = applied(case, made)
    for name in case.referral:
        if after.referral[name] != case.referral[name]:
            assert case.referral[name] in [each.old for each in made.to_partner_center if each.name == name]
        if after.record[name] != case.record[name]:
            assert case.record[name] in [each.old for each in made.to_crm if each.name == name]


@settings(UNHURRIED, max_examples=400)
@given(cases())
def test_directions_policies_and_freezes_are_respected(case: Case) -> None:
    made = case.plan()
    assert all(case.rule(change.name).to_crm for change in made.to_crm)
    assert all(case.rule(change.name).to_partner_center for change in made.to_partner_center)
    if case.closed:
        assert not made.to_partner_center
    for change in (*made.to_crm, *made.to_partner_center):
        rule = case.rule(change.name)
        if rule.never_unset:
            assert change.new is True
        base_unknown = case.base is None or rule.name not in case.base
        if base_unknown or (rule.never_clear_crm and change in made.to_crm):
            assert change.new is not None, "nothing is cleared that was never seen equal"


@settings(UNHURRIED, max_examples=400)
@given(cases())
def test_a_cut_value_never_replaces_the_whole(case: Case) -> None:
    made = case.plan()
    base = case.base or {}
    for change in made.to_partner_center:
        rule = case.rule(change.name)
        if change.name in base:
            assert rule.fit(base[change.name]) == base[change.name]


@settings(UNHURRIED, max_examples=400)
@given(cases())
def test_the_base_moves_only_to_what_both_sides_will_hold(case: Case) -> None:
    # P7: the base is in the referral's form, and the record is what the column can hold of it.
    made = case.plan()
    after = applied(case, made)
    shown = {each.name for each in made.differences}
    before = case.base or {}
    for rule in case.rules:
        if rule.name in shown:
            assert made.base.get(rule.name) == before.get(rule.name)
            assert (rule.name in made.base) == (rule.name in before)
        else:
            assert rule.fit(made.base[rule.name]) == after.record[rule.name]


@settings(UNHURRIED, max_examples=400)
@given(cases())
def test_partner_center_and_the_crm_are_treated_alike_where_the_rule_is_symmetric(case: Case) -> None:
    """Swapping the sides and the policy swaps the plan."""
    swap = {Policy.CRM: Policy.PARTNER_CENTER, Policy.PARTNER_CENTER: Policy.CRM, Policy.HOLD: Policy.HOLD}
    known = {name: case.referral[name] for name in case.referral} if case.base is None else case.base
    plain = tuple(Rule(rule.name, to_crm=True, to_partner_center=True, conflict=rule.conflict) for rule in case.rules)
    mirrored = tuple(replace(rule, conflict=swap[rule.conflict]) for rule in plain)
    base = {**case.referral, **known}
    one = plan(base, case.referral, case.record, plain)
    other = plan(base, case.record, case.referral, mirrored)
    assert writes(one) == writes(other)[::-1]
    assert one.base == other.base
