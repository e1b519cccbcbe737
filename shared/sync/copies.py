"""Records that hold columns of ours and are not linked: copies of shared ones, and those on which we said why not."""

from __future__ import annotations

from shared.deal import RecordKey
from shared.decide.deal import Copied
from shared.ledger.drawers import Drawer, text
from shared.ledger.model import DueKind
from shared.sync.task import Task

_RELEASED, _REFUSED, _OURS = "released", "refused", "ours"


def copied(task: Task, record: RecordKey) -> Copied:
    """Tell how a record came to what it holds of ours. Raises the families."""
    known = task.drawers.read(_drawer(record)).value
    if known == _RELEASED:
        return Copied.RELEASED
    if known == _OURS:
        return Copied.OURS
    parked = task.agenda.of(DueKind.PARKED, record.deal) if known != _REFUSED else None
    return Copied.OURS if parked and parked.record_version is not None else Copied.UNKNOWN


def release(task: Task, record: RecordKey) -> None:
    """Note that a copy's sync was switched off: on again, it is a new deal. Raises the families."""
    task.drawers.change(_drawer(record), lambda _held: _RELEASED)


def refuse(task: Task, record: RecordKey) -> None:
    """Note that a record is a copy: what its status says from now on does not make it one of its own.

    Raises the families.
    """
    task.drawers.change(_drawer(record), lambda _held: _REFUSED)


def keep(task: Task, record: RecordKey) -> None:
    """Note that we wrote the record's status ourselves; a copy stays one. Raises the families."""
    task.drawers.change(_drawer(record), lambda held: held or _OURS)


def _drawer(record: RecordKey) -> Drawer[str]:
    return text("copy", f"{record.crm}:{record.deal}")
