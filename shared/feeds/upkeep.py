"""The ledger's upkeep: what a person looks at stays cheap to read, and old audit is dropped. Some rows a tick."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from shared.ledger.drawers import Drawers, surveyed
from shared.ledger.survey import Survey
from shared.sync.shadow import kind_of_shadows, shadow_drawer
from shared.sync.task import Task

STEP = 500
"""How many rows one tick reads or drops of each kind; the next one goes on."""

DONE = "done, engagements too"
"""What the place says once every row is taken in."""

_BEFORE = "done"
"""What it said before links were found by their engagement: the links are looked at once more."""

_AGAIN = "again "
"""What stands before the place meanwhile."""


def keep_up(task: Task) -> None:
    """Look after a CRM's part of the ledger, and keep its audit as long as the setting says. Raises the families."""
    keep(task.ledger.survey, task.drawers, task.name, task.clock.now(), task.choices.audit_retention_days)


def forget_shadows(drawers: Drawers, crm: str) -> None:
    """Drop what a dry run learned of a CRM's deals, some rows a tick: for an app that writes. Raises the families."""
    drawer = partial(shadow_drawer, crm)
    for key, _ in islice(drawers.all(drawer, kind_of_shadows(crm)), STEP):
        drawers.clear(drawer(key), drawers.read(drawer(key)))


def keep(survey: Survey, drawers: Drawers, name: str, now: datetime, days: int) -> None:
    """Sum up the counts of a part, take in rows from before there were any, and drop audit that is `days` old.

    Zero days are for ever. Each is safe to be done by two at once, and to be interrupted. Raises the families.
    """
    survey.fold()
    held = drawers.read(surveyed(name))
    if held.value != DONE:
        drawers.replace(surveyed(name), _taken_in(survey, held.value), held)
    if days:
        survey.forget(now - timedelta(days=days), STEP)


def _taken_in(survey: Survey, place: str) -> str:
    """Take in the next rows; returns the place that was reached."""
    again = place == _BEFORE or place.startswith(_AGAIN)
    reached = survey.complete("" if place == _BEFORE else place.removeprefix(_AGAIN), STEP)
    if again:
        return f"{_AGAIN}{reached}" if reached.startswith("link:") else DONE
    return reached or DONE
