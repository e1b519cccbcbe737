"""The edits that a plan overwrites: what a side holds that neither was agreed nor wins."""

from __future__ import annotations

from shared.deal import Fields
from shared.decide.decisions import Agree
from shared.mapping.field_map import FieldMap
from shared.merge import Change


def overwritten(field_map: FieldMap, decision: Agree, base: Fields) -> list[Change]:
    """Return the changes whose old value somebody entered since `base` was agreed."""
    record, plan = decision.record, decision.plan
    fits = {rule.name: rule.fit for rule in field_map.rules_for(record.digits, record.fields)}
    losers = [each for each in plan.to_partner_center if each.old != base.get(each.name)]
    losers += [
        each
        for each in plan.to_crm
        if each.old != (fits[each.name](base.get(each.name)) if each.name in fits else base.get(each.name))
    ]
    return [each for each in losers if each.old not in (None, False, ())]
