"""plan(): what holds for every plan."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.deal import HELP, Fields, Value
from shared.merge import Closed, Plan, Policy, Rule, plan
from shared.messages.reasons import Reason
from tests.support.merge_rules import cut, writes
from tests.support.stand_ins import UNHURRIED


@dataclass(frozen=True)
class Case:
    """Correlated inputs: the sides are usually close to the base, as in life."""

    rules: tuple[Rule, ...]
    base: Fields | None
    referral: Fields
    record: Fields
    closed: bool
    record_closed: bool
    locked: bool

    def plan(self) -> Plan:
        return plan(
            self.base,
            self.referral,
            self.record,
            self.rules,
            Closed(self.closed, self.record_closed, self.locked),
        )

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
    for name in ("x", "y", HELP):
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
    record_closed = draw(st.booleans())
    locked = record_closed and draw(st.booleans())
    return Case(tuple(rules), base or None, referral, record, draw(st.booleans()), record_closed, locked)


def applied(case: Case, made: Plan) -> Case:
    return replace(
        case,
        base=made.base,
        referral={**case.referral, **{change.name: change.new for change in made.to_partner_center}},
        record={**case.record, **{change.name: change.new for change in made.to_crm}},
    )


@settings(UNHURRIED, max_examples=300)
@given(cases())
def test_a_plan_that_was_carried_out_leaves_nothing_to_write(case: Case) -> None:
    again = applied(case, case.plan()).plan()
    assert not again.writes
    assert not again.adopted


@settings(UNHURRIED, max_examples=300)
@given(cases())
def test_a_stop_between_the_writes_and_the_commit_is_healed(case: Case) -> None:
    # Both sides hold the new values and the base is still the old one: nothing more is written.
    after = replace(applied(case, case.plan()), base=case.base)
    assert not after.plan().writes


@settings(UNHURRIED, max_examples=300)
@given(cases())
def test_no_write_repeats_what_the_side_holds(case: Case) -> None:
    made = case.plan()
    assert all(change.new != case.record[change.name] == change.old for change in made.to_crm)
    assert all(change.new != case.referral[change.name] == change.old for change in made.to_partner_center)


@settings(UNHURRIED, max_examples=300)
@given(cases())
def test_every_write_carries_the_other_sides_value(case: Case) -> None:
    made = case.plan()
    for change in made.to_crm:
        rule = case.rule(change.name)
        if change.reason is Reason.FROZEN:
            assert change.new == rule.fit((case.base or {})[change.name]), "only what was agreed is put back"
            assert rule.never_clear_crm
            assert not rule.to_partner_center
        else:
            assert change.new == rule.fit(case.referral[change.name])
    for change in made.to_partner_center:
        assert change.new == case.record[change.name]


@settings(UNHURRIED, max_examples=300)
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


@settings(UNHURRIED, max_examples=300)
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


@settings(UNHURRIED, max_examples=300)
@given(cases())
def test_directions_policies_and_freezes_are_respected(case: Case) -> None:
    made = case.plan()
    assert all(case.rule(change.name).to_crm or change.reason is Reason.FROZEN for change in made.to_crm)
    assert all(case.rule(change.name).to_partner_center for change in made.to_partner_center)
    if case.closed:
        assert not made.to_partner_center
    if case.locked:
        assert not made.to_crm
    if case.closed or case.record_closed:
        assert all(change.name in (case.base or {}) for change in (*made.to_crm, *made.to_partner_center))
    for change in (*made.to_crm, *made.to_partner_center):
        rule = case.rule(change.name)
        if rule.never_unset:
            assert change.new is True
        base_unknown = case.base is None or rule.name not in case.base
        if base_unknown or (rule.never_clear_crm and change in made.to_crm):
            assert change.new is not None, "nothing is cleared that was never seen equal"


@settings(UNHURRIED, max_examples=300)
@given(cases())
def test_a_cut_value_never_replaces_the_whole(case: Case) -> None:
    made = case.plan()
    base = case.base or {}
    for change in made.to_partner_center:
        rule = case.rule(change.name)
        if change.name in base:
            assert rule.fit(base[change.name]) == base[change.name]


@settings(UNHURRIED, max_examples=300)
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


@settings(UNHURRIED, max_examples=300)
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
