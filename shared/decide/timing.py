"""What of a plan travels only at its time: an end after its undo window, its reason with it, edits after acceptance."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from shared.deal import CLOSE_REASON, STATUS, Fields
from shared.lifecycle import TERMINAL, Stage
from shared.merge import Change, Difference, Plan, Stays
from shared.messages.reasons import Reason

WITH_REASON = frozenset({Stage.LOST, Stage.DECLINED})
"""Ends that are told with a reason."""


def closes(plan: Plan) -> Stage | None:
    """Return the stage in which a plan ends the referral, if it does."""
    stages = [Stage(str(each.new)) for each in plan.to_partner_center if each.name == STATUS]
    return stages[0] if stages and stages[0] in TERMINAL else None


def without_close(plan: Plan, base: Fields) -> Plan:
    """Return a plan without its close and the reason of it, which wait: both stay different until then."""

    def waits(change: Change) -> Difference | None:
        if change.name not in (STATUS, CLOSE_REASON):
            return None
        reason = Reason.CLOSE_WAITS if change.name == STATUS else Reason.REASON_NEEDS_AN_END
        return Difference(change.name, change.old, change.new, reason, Stays.WAITING)

    return _without(plan, base, waits)


def accepted_first(plan: Plan) -> Plan:
    """Return the plan that accepts an invitation which is to be won: Partner Center counts from the acceptance."""
    won = next(each for each in plan.to_partner_center if each.name == STATUS)
    accepted = replace(won, new=Stage.ACTIVE)
    waits = Difference(STATUS, Stage.ACTIVE, won.new, Reason.CLOSE_WAITS, Stays.WAITING)
    return replace(
        plan,
        to_partner_center=tuple(accepted if each is won else each for each in plan.to_partner_center),
        differences=(*plan.differences, waits),
        base={**plan.base, STATUS: Stage.ACTIVE},
    )


def edits_after_acceptance(plan: Plan, base: Fields) -> Plan:
    """Return the plan of an undecided invitation without its edits, unless it is decided now."""
    if any(each.name == STATUS for each in plan.to_partner_center):
        return plan

    def waits(change: Change) -> Difference:
        return Difference(change.name, change.old, change.new, Reason.INVITATION_UNDECIDED, Stays.WAITING)

    return _without(plan, base, waits)


def invitation_over(plan: Plan, record: Fields, names: Iterable[str], *, locked: bool) -> Plan:
    """Return the plan that decides an invitation, in which the CRM's columns are cleared that counted until then.

    A `locked` record keeps what it shows.
    """
    if not any(each.name == STATUS for each in plan.to_partner_center):
        return plan
    over = [name for name in names if record.get(name) is not None]
    if locked:
        kept = (Difference(name, None, record[name], Reason.RECORD_CLOSED, Stays.KEPT) for name in over)
        return replace(plan, differences=(*plan.differences, *kept))
    cleared = (Change(name, record[name], None, Reason.INVITATION_DECIDED) for name in over)
    return replace(
        plan,
        to_crm=(*(each for each in plan.to_crm if each.name not in over), *cleared),
        base={**plan.base, **dict.fromkeys(over)},
    )


def reason_with_its_end(plan: Plan, base: Fields) -> Plan:
    """Return the plan in which a close reason goes to Partner Center together with the end that it explains.

    Partner Center takes no change of a closed referral, so a reason that comes later stays in the CRM.
    """
    end = closes(plan)

    def waits(change: Change) -> Difference | None:
        if change.name != CLOSE_REASON or end in WITH_REASON:
            return None
        stays = Stays.WAITING if end is None else Stays.KEPT
        return Difference(change.name, change.old, change.new, Reason.REASON_NEEDS_AN_END, stays)

    late = Reason.REFERRAL_CLOSED
    differences = tuple(
        replace(each, stays=Stays.KEPT, reason=Reason.REASON_CAME_LATE)
        if each.name == CLOSE_REASON and each.reason is late
        else each
        for each in plan.differences
    )
    return _without(replace(plan, differences=differences), base, waits)


def _without(plan: Plan, base: Fields, waits: Callable[[Change], Difference | None]) -> Plan:
    """Return a plan without the changes for Partner Center that wait; what was agreed on their fields is kept."""
    waiting = {each.name: found for each in plan.to_partner_center if (found := waits(each))}
    if not waiting:
        return plan
    agreed = {name: value for name, value in plan.base.items() if name not in waiting}
    return replace(
        plan,
        to_partner_center=tuple(each for each in plan.to_partner_center if each.name not in waiting),
        differences=(*plan.differences, *waiting.values()),
        base={**agreed, **{name: base[name] for name in waiting if name in base}},
    )
