"""The ledger's upkeep: what a person looks at stays cheap to read, and old audit is dropped. Some rows a tick."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.ledger.drawers import Drawers, surveyed
from shared.ledger.survey import Survey
from shared.sync.task import Task

STEP = 500
"""How many rows one tick reads or drops of each kind; the next one goes on."""

DONE = "done"
"""What the place says once every row is taken in."""


def keep_up(task: Task) -> None:
    """Look after a CRM's part of the ledger, and keep its audit as long as the setting says. Raises the families."""
    keep(task.ledger.survey, task.drawers, task.name, task.clock.now(), task.choices.audit_retention_days)


def keep(survey: Survey, drawers: Drawers, name: str, now: datetime, days: int) -> None:
    """Sum up the counts of a part, take in rows from before there were any, and drop audit that is `days` old.

    Zero days are for ever. Each is safe to be done by two at once, and to be interrupted. Raises the families.
    """
    survey.fold()
    held = drawers.read(surveyed(name))
    if held.value != DONE:
        place = survey.complete(held.value, STEP)
        drawers.replace(surveyed(name), place or DONE, held)
    if days:
        survey.forget(now - timedelta(days=days), STEP)
