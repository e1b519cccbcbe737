"""Records that hold columns of ours and are not linked: copies of shared ones, and those on which we said why not."""

from __future__ import annotations

from datetime import datetime

from shared.deal import RecordKey
from shared.decide.deal import Copied
from shared.decide.fights import ROUNDS, SOON
from shared.ledger.drawers import Drawer, text
from shared.ledger.model import DueKind
from shared.sync.task import Task

_RELEASED, _REFUSED, _OURS = "released", "refused", "ours"


def copied(task: Task, record: RecordKey) -> Copied:
    """Tell how a record came to what it holds of ours. Raises the families."""
    known = task.drawers.read(_drawer(record)).value.partition(" ")[0]
    if known == _RELEASED:
        return Copied.RELEASED
    if known == _OURS:
        return Copied.OURS
    parked = task.agenda.of(DueKind.PARKED, record.deal) if known != _REFUSED else None
    return Copied.OURS if parked and parked.record_version is not None else Copied.UNKNOWN


def release(task: Task, record: RecordKey) -> None:
    """Note that a copy's sync was switched off: on again, it is a new deal. Raises the families."""
    task.drawers.change(_drawer(record), lambda held: _with(held, _RELEASED))


def refuse(task: Task, record: RecordKey) -> None:
    """Note that a record is a copy: what its status says from now on does not make it one of its own.

    Raises the families.
    """
    task.drawers.change(_drawer(record), lambda held: _with(held, _REFUSED))


def keep(task: Task, record: RecordKey) -> None:
    """Note that we wrote the record's status ourselves; a copy stays one. Raises the families."""
    task.drawers.change(_drawer(record), lambda held: held or _OURS)


def goes_round(task: Task, record: RecordKey) -> bool:
    """Count that it is said why the record is not shared; tells whether that was said too often, too soon.

    Automation may switch Sync on at each of our writes, and off at the next. Raises the families.
    """
    now = task.clock.now()
    noted = task.drawers.change(_drawer(record), lambda held: _counted(held, now))
    return int(noted.split(" ")[1]) > ROUNDS


def _counted(held: str, now: datetime) -> str:
    kind, count, at = [*held.split(" "), "0", now.isoformat()][:3]
    soon = now - datetime.fromisoformat(at) <= SOON
    return f"{kind} {int(count) + 1 if soon else 1} {now.isoformat()}"


def _with(held: str, kind: str) -> str:
    return " ".join([kind, *held.split(" ")[1:]])


def _drawer(record: RecordKey) -> Drawer[str]:
    return text("copy", f"{record.crm}:{record.deal}")
