"""Which deals wait for something beside their record: for its account, contact or owner, of which no feed tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from shared.ledger.model import Due
from shared.problems import Problem
from shared.sync.task import Task

_PEOPLE = ("contact", "owner")
"""The fields of problems that are about a whole person."""


def beside(task: Task, due: Due, record_id: str | None, held: Due | None) -> Due:
    """Return a parked deal with what is to be watched for its sake; `held` is how it was parked before.

    How the rows were last seen is kept, so that nothing is missed between two looks.
    """
    if not record_id or task.field_map.is_lead or not _is_about_others(task, due.problems):
        return due
    mark = held.mark if held and held.beside == record_id else ""
    return replace(due, beside=record_id, mark=mark)


def _is_about_others(task: Task, problems: Iterable[Problem]) -> bool:
    field_map = task.field_map
    names = {row.name for rows in (field_map.account, field_map.contact, field_map.owner) for row in rows}
    return any(each.field in names or each.field in _PEOPLE for each in problems)
