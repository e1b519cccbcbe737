"""How a record's state is moved, with what a CRM keeps about an end: what was won, and why it was lost."""

from __future__ import annotations

from shared.crm.port import StageChange
from shared.deal import CLOSE_REASON, DEAL_VALUE, STATUS
from shared.decide.decisions import Agree
from shared.lifecycle import Stage
from shared.sync.task import Task


def stage_change(task: Task, decision: Agree) -> StageChange | None:
    """Return the move of the record's state that is planned, if one is."""
    planned = {each.name: each.new for each in decision.plan.to_crm}
    if STATUS not in planned:
        return None
    after, field_map = Stage(str(planned[STATUS])), task.field_map
    held = {**decision.record.fields, **planned}
    worth = {DEAL_VALUE: held[DEAL_VALUE]} if DEAL_VALUE in held else {}  # A lead may have no column for it.
    value = next(iter(field_map.record_values(worth).values()), None)
    reason = decision.referral.fields.get(CLOSE_REASON)
    return StageChange(decision.record.stage, after, field_map.status_columns(after), value, str(reason or ""))
