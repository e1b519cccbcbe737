"""Copied records: which of them a seller has asked to share as deals of their own."""

from __future__ import annotations

from shared.deal import RecordKey
from shared.ledger.drawers import Drawer, text
from shared.sync.task import Task

_RELEASED = "released"


def released(task: Task, record: RecordKey) -> bool:
    """Whether the copy's sync was switched off since it was refused. Raises the families."""
    return task.drawers.read(_drawer(record)).value == _RELEASED


def release(task: Task, record: RecordKey) -> None:
    """Note that a copy's sync was switched off: on again, it is a new deal. Raises the families."""
    task.drawers.change(_drawer(record), lambda _held: _RELEASED)


def _drawer(record: RecordKey) -> Drawer[str]:
    return text("copy", f"{record.crm}:{record.deal}")
