"""The edits that a plan overwrites: what a side holds that neither was agreed nor wins."""

from __future__ import annotations

from shared.deal import Fields
from shared.decide.decisions import Agree
from shared.ledger import audit
from shared.mapping.field_map import FieldMap
from shared.merge import Change
from shared.messages.reasons import Reason
from shared.sync.task import Task


def note_overwritten(task: Task, decision: Agree, base: Fields) -> None:
    """Note the edits about to be overwritten: after a stop behind the write, nobody else would have them.

    Raises the families.
    """
    if losers := overwritten(task.field_map, decision, base):
        messages, key = task.choices.messages, decision.link.referral_id
        text = messages.reason(Reason.REPLACED, changes=audit.describe(messages, losers))
        task.audit.add(key, audit.entry(task.stamp(), key, audit.BOTH, text, losers))


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
