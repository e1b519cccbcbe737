"""The ledger's upkeep: what a person looks at stays cheap to read, and old audit is dropped. Some rows a tick."""

from __future__ import annotations

from datetime import timedelta

from shared.ledger.drawers import surveyed
from shared.sync.task import Task

STEP = 500
"""How many rows one tick reads or drops of each kind; the next one goes on."""

DONE = "done"
"""What the place says once every row is taken in."""


def keep_up(task: Task) -> None:
    """Sum up the counts, take in rows from before there were any, and drop audit that is old enough.

    Each is safe to be done by two at once, and to be interrupted. Raises the families.
    """
    survey, days = task.ledger.survey, task.choices.audit_retention_days
    survey.fold()
    held = task.drawers.read(surveyed(task.name))
    if held.value != DONE:
        place = survey.complete(held.value, STEP)
        task.drawers.replace(surveyed(task.name), place or DONE, held)
    if days:
        survey.forget(task.clock.now() - timedelta(days=days), STEP)
