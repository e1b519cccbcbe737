"""Records that hold columns of ours and are not linked: copies of shared ones, and those on which we said why not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.deal import RecordKey
from shared.decide.deal import Copied
from shared.decide.fights import ROUNDS, SOON
from shared.ledger.drawers import Drawer
from shared.ledger.model import DueKind
from shared.sync.task import Task


class _Kind(StrEnum):
    """How a record came to our columns."""

    NONE = ""
    RELEASED = "released"
    REFUSED = "refused"
    OURS = "ours"


@dataclass(frozen=True)
class _Noted:
    """What is noted of a record, and how often it was said in a row why it is not shared, the last time at `at`."""

    kind: _Kind = _Kind.NONE
    said: int = 0
    at: datetime | None = None


def copied(task: Task, record: RecordKey) -> Copied:
    """Tell how a record came to what it holds of ours. Raises the families."""
    known = task.drawers.read(_drawer(record)).value.kind
    if known is _Kind.RELEASED:
        return Copied.RELEASED
    if known is _Kind.OURS:
        return Copied.OURS
    parked = task.agenda.of(DueKind.PARKED, record.deal) if known is _Kind.NONE else None
    return Copied.OURS if parked and parked.record_version is not None else Copied.UNKNOWN


def release(task: Task, record: RecordKey) -> None:
    """Note that a copy's sync was switched off: on again, it is a new deal. Raises the families."""
    task.drawers.change(_drawer(record), lambda held: replace(held, kind=_Kind.RELEASED))


def refuse(task: Task, record: RecordKey) -> None:
    """Note that a record is a copy: what its status says from now on does not make it one of its own.

    Raises the families.
    """
    task.drawers.change(_drawer(record), lambda held: replace(held, kind=_Kind.REFUSED))


def keep(task: Task, record: RecordKey) -> None:
    """Note that we wrote the record's status ourselves; a copy stays one. Raises the families."""
    task.drawers.change(_drawer(record), lambda held: replace(held, kind=held.kind or _Kind.OURS))


def goes_round(task: Task, record: RecordKey) -> bool:
    """Count that it is said why the record is not shared; tells whether that was said too often, too soon.

    Automation may switch Sync on at each of our writes, and off at the next. Raises the families.
    """
    now = task.clock.now()
    return task.drawers.change(_drawer(record), lambda held: _said_again(held, now)).said > ROUNDS


def _said_again(held: _Noted, now: datetime) -> _Noted:
    soon = held.at is None or now - held.at <= SOON
    return replace(held, said=held.said + 1 if soon else 1, at=now)


def _drawer(record: RecordKey) -> Drawer[_Noted]:
    return Drawer("copy", f"{record.crm}:{record.deal}", _Noted(), _dump, _load)


def _dump(noted: _Noted) -> str:
    return f"{noted.kind} {noted.said} {noted.at.isoformat()}" if noted.at else str(noted.kind)


def _load(stored: str) -> _Noted:
    kind, *said = stored.split(" ")
    return _Noted(_Kind(kind), int(said[0]), datetime.fromisoformat(said[1])) if said else _Noted(_Kind(kind))
