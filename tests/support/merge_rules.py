"""Rules of one field, and what a plan makes of it."""

from __future__ import annotations

from dataclasses import replace

from shared.deal import Fields, Value
from shared.merge import Closed, Plan, Policy, Rule, plan

BOTH_WAYS = Rule("f", to_crm=True, to_partner_center=True, conflict=Policy.CRM)
PARTNER_CENTER_WINS = replace(BOTH_WAYS, conflict=Policy.PARTNER_CENTER)
HELD = replace(BOTH_WAYS, conflict=Policy.HOLD)
ONE_WAY = replace(BOTH_WAYS, never_unset=True)


def cut(value: Value) -> Value:
    """What a column of three characters holds."""
    return (value[:3] or None) if isinstance(value, str) else value


CUT = replace(BOTH_WAYS, fit=cut)


def decide(
    rule: Rule,
    base: Fields | None,
    referral: Value,
    record: Value,
    *,
    closed: bool = False,
    record_closed: bool = False,
    locked: bool = False,
) -> Plan:
    """Plan one field; `closed` is the referral."""
    return plan(
        base,
        {rule.name: referral},
        {rule.name: record},
        [rule],
        Closed(closed, record_closed, locked),
    )


def writes(made: Plan) -> tuple[list[Value], list[Value]]:
    """What the CRM gets, and what Partner Center gets."""
    return [change.new for change in made.to_crm], [change.new for change in made.to_partner_center]
