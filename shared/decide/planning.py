"""The plan of a linked deal: every field, with what the deal itself adds to the mapping's rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from shared import merge
from shared.deal import CLOSE_REASON, CLOSING_DATE, CURRENCY, DEAL_VALUE, HELP, NAME, SOLUTIONS, STATUS, Fields
from shared.decide.deal import Deal, FieldMap, Policy, RecordSeen, ReferralSeen
from shared.decide.fights import without_fights
from shared.decide.masks import is_mask
from shared.decide.timing import WITH_REASON, closes, edits_after_acceptance, reason_with_its_end
from shared.lifecycle import Stage, align, status_rule
from shared.link import Link
from shared.merge import Change, Closed, Difference, Hold, Plan, Rule, Stays
from shared.messages.reasons import Reason
from shared.problems import Problem, problem


def agreed_base(link: Link, field_map: FieldMap) -> Fields:
    """Return the part of the base that today's mapping still means: a row that was changed has no base any more.

    A row that was taken out keeps its base, should it come back.
    """
    today, known = field_map.fingerprints, link.fingerprints
    return {name: value for name, value in link.base.items() if name not in today or known.get(name) == today[name]}


def make_plan(deal: Deal, link: Link, field_map: FieldMap, policy: Policy) -> Plan:
    """Plan every field of a deal whose two sides are known."""
    referral, record = deal.referral, deal.record
    assert isinstance(referral, ReferralSeen)  # noqa: S101 - the caller has read both
    assert isinstance(record, RecordSeen)  # noqa: S101
    base = {**_own(link, record, field_map), **agreed_base(link, field_map)}
    agreed = Stage(str(base[STATUS])) if STATUS in base else None
    aligned = align(record.stage, referral.stage, agreed, lead=record.lead)
    held = {**referral.unreadable, **record.unreadable, **deal.held}
    mapped = field_map.rules_for(record.digits, record.fields)
    plan = merge.plan(
        base,
        {**referral.fields, **_submitted(deal, referral), **_stand_ins(referral.unreadable, base)},
        {**record.fields, **_stand_ins(record.unreadable, base), STATUS: aligned},
        _rules(
            link,
            base,
            [*_as_asked(deal, base, mapped), status_rule(agreed, referral.stage, aligned, lead=record.lead)],
            deal.refused,
            held,
        ),
        Closed(referral.closed, record.closed, locked=policy.closed_rows_are_read_only and record.closed),
    )
    plan = reason_with_its_end(plan, base)
    if referral.stage is Stage.ON_HOLD and field_map.edits_wait:
        plan = edits_after_acceptance(plan, base)
    return without_fights(plan, link, deal.now)


def _own(link: Link, record: RecordSeen, field_map: FieldMap) -> Fields:
    """Return what was agreed on the columns that only this app fills, though the link never heard of it.

    A tied record was made, or tied, by us: what such a column holds is what we wrote, and is no seller's word to keep.
    """
    if not record.tied or record.closed:
        return {}
    return {name: record.fields[name] for name in field_map.only_undecided if name not in link.base}


def _submitted(deal: Deal, referral: ReferralSeen) -> Fields:
    """Return the help that Microsoft was asked for, which only its own row need tell."""
    half = deal.microsoft_known
    return {HELP: half.help} if half and half.help and referral.fields.get(HELP, half) is None else {}


def stays_behind(deal: Deal) -> tuple[Problem, ...]:
    """Return why values of single fields cannot travel, each problem once."""
    assert isinstance(deal.referral, ReferralSeen)  # noqa: S101 - the caller has read both
    assert isinstance(deal.record, RecordSeen)  # noqa: S101
    unreadable = [*deal.referral.unreadable.values(), *deal.record.unreadable.values()]
    problems = [*deal.refused.values(), *unreadable, *deal.held.values()]
    return tuple(dict.fromkeys(problems))


def _stand_ins(unreadable: Mapping[str, Problem], base: Fields) -> Fields:
    """Return what stands for values that cannot be read: what was last agreed, which is never written anywhere."""
    return {name: base.get(name) for name in unreadable}


def _as_asked(deal: Deal, base: Fields, rules: Sequence[Rule]) -> Sequence[Rule]:
    """Return the rules with that of the help as far as it is known whether Microsoft was asked for it.

    Where it takes part without having been asked, it is not asked any more. A help whose past is unknown, and of which
    nothing in Partner Center tells, is neither taken for submitted nor asked for.
    """
    half, referral = deal.microsoft_known, deal.referral
    assert isinstance(referral, ReferralSeen)  # noqa: S101 - the caller has read both
    untold = HELP not in base and referral.fields.get(HELP) is None and not referral.closed
    if (half and half.help) or not (half or untold):
        return rules
    hold = Hold(Stays.ASKED, Reason.MICROSOFT_TAKES_PART if half else Reason.HELP_UNTOLD)

    def asked(rule: Rule) -> Rule:
        if rule.name != HELP or rule.to_partner_center:
            return rule
        return replace(rule, hold=rule.hold or hold, never_clear_crm=rule.never_clear_crm and not untold)

    return [asked(rule) for rule in rules]


def asks_microsoft(plan: Plan, base: Fields, deal: Deal) -> bool:
    """Whether Microsoft is to be invited: help was chosen since the sides agreed that there was none.

    Only while the deal is open and accepted on both sides, and never when Microsoft takes part, or took part, already.
    """
    assert isinstance(deal.record, RecordSeen)  # noqa: S101 - the caller has read both
    assert isinstance(deal.referral, ReferralSeen)  # noqa: S101
    chosen = any(each.reason is Reason.HELP_NOT_ASKED for each in plan.differences)
    if not chosen or HELP not in base or deal.microsoft_known or deal.record.closed:
        return False
    accepts = any(each.name == STATUS and each.new == Stage.ACTIVE for each in plan.to_partner_center)
    return accepts or deal.referral.stage is Stage.ACTIVE


def _rules(
    link: Link, base: Fields, mapped: Sequence[Rule], refused: Mapping[str, Problem], held: Mapping[str, Problem]
) -> list[Rule]:
    """Return the mapping's rules, telling those of changed rows apart, and those of values that cannot travel."""
    rules = []
    for rule in mapped:
        remapped = rule.name in link.base and rule.name not in base
        reason = Reason.REFUSED if rule.name in refused else Reason.UNREADABLE if rule.name in held else None
        hold = Hold(Stays.HELD, reason) if reason else rule.hold
        rules.append(replace(rule, remapped=remapped, hold=hold) if remapped or reason else rule)
    return rules


# --- what Partner Center would refuse --------------------------------------------------------------------------------

MASKED = "value.masked"

_NEEDED = {
    NAME: "deal.name_missing",
    DEAL_VALUE: "deal.value_missing",
    CURRENCY: "deal.currency_missing",
    CLOSING_DATE: "deal.closing_date_missing",
    SOLUTIONS: "deal.solutions_missing",
}


def refusals(plan: Plan, referral: Fields, field_map: FieldMap) -> dict[str, Problem]:
    """Return by field what Partner Center would refuse of a plan, before any call, or must not be given.

    A mask is no value: it replaces none. A win needs the referral to have a value. An end is final, so none is sent
    before the values that lack; and a value without its currency would be a false one, so the two stay behind together.
    """
    values = {**referral, **{each.name: each.new for each in plan.to_partner_center}}
    empty = [each.name for each in plan.to_partner_center if each.new in (None, ())]
    refused = {name: problem(_NEEDED[name], name) for name in empty if name in _NEEDED}
    masked = [each.name for each in plan.to_partner_center if is_mask(each.new) and each.old not in (None, ())]
    refused |= {name: problem(MASKED, name, side="crm") for name in masked}
    if CURRENCY in refused:
        refused.setdefault(DEAL_VALUE, refused[CURRENCY])
    for each in plan.to_partner_center:
        if wrong := field_map.refusal(each.name, each.new, each.old):
            refused.setdefault(each.name, wrong)
    end = closes(plan)
    if end in WITH_REASON and field_map.close_reason_required and not values.get(CLOSE_REASON):
        refused[STATUS] = problem("deal.close_reason_missing", CLOSE_REASON)
    elif end is Stage.WON and not values[DEAL_VALUE]:
        refused[STATUS] = problem("deal.won_without_value", DEAL_VALUE)
    elif end and refused:
        refused[STATUS] = next(iter(refused.values()))
    return refused


def without(plan: Plan, base: Fields, waits: Callable[[Change], bool], reason: Reason) -> Plan:
    """Return a plan without the changes that wait, for a reason: what they are about stays different until then."""
    here = [Difference(each.name, each.old, each.new, reason, Stays.WAITING) for each in plan.to_partner_center]
    there = [Difference(each.name, each.new, each.old, reason, Stays.WAITING) for each in plan.to_crm]
    waiting = {each.name for each in (*plan.to_partner_center, *plan.to_crm) if waits(each)}
    agreed = {name: value for name, value in plan.base.items() if name not in waiting}
    return replace(
        plan,
        to_crm=tuple(each for each in plan.to_crm if each.name not in waiting),
        to_partner_center=tuple(each for each in plan.to_partner_center if each.name not in waiting),
        differences=(*plan.differences, *(each for each in (*here, *there) if each.name in waiting)),
        base=agreed | {name: base[name] for name in waiting if name in base},
    )
