"""The guard against mass changes: what ends, clears, switches off or deletes many deals at once waits for a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Protocol

from shared.clock import Clock
from shared.deal import STATUS
from shared.decide.deal import Deal
from shared.decide.decisions import AwaitUndo, Decision, Orphan, Pause, agreement
from shared.ledger.drawers import Drawer, Drawers, document
from shared.ledger.model import Due, DueKind
from shared.ledger.port import Agenda
from shared.lifecycle import TERMINAL
from shared.link import Link, LinkState
from shared.merge import Change
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.queue.port import DealQueue
from shared.sync.task import Choices, Task

WINDOW = timedelta(hours=1)
"""How far apart the changes of one mass change may be."""

FOREVER = timedelta(days=3650)
"""Held work is due when a person says so."""

MASS_CHANGE = "mass change {}"
"""The alert of a CRM's held work."""


class Kind(StrEnum):
    """What a change does to a deal that cannot simply be put right afterwards."""

    CLOSE = "close"
    CLEAR = "clear"
    SWITCH_OFF = "switch off"
    DELETE = "delete"


@dataclass(frozen=True)
class Count:
    """The changes of one kind: those of the last hour by deal, when a person let them happen, and if any waited."""

    changes: Mapping[str, datetime] = field(default_factory=dict)
    released: datetime | None = None
    holds: bool = False

    def with_change(self, key: str, now: datetime) -> Count:
        """Return the count with a deal's change, and without those that are too old."""
        recent = {each: at for each, at in self.changes.items() if now - at < WINDOW}
        return replace(self, changes=recent if key in recent else {**recent, key: now})


def holds_back(task: Task, deal: Deal, decision: Decision) -> bool:
    """Count a change that ends, clears, switches off or deletes; tells whether it is part of a mass change.

    Then it is put on the agenda, for a person to release or drop, and what is counted is not done. Raises the families.
    """
    kind = kind_of(decision)
    if kind is None or deal.link is None:
        return False
    now, key = task.clock.now(), deal.link.referral_id
    count = task.drawers.change(_count(task.name, kind), lambda held: held.with_change(key, now))
    if count.released and now - count.released < WINDOW:
        return False
    if isinstance(decision, AwaitUndo):
        return False  # It is counted now and done later: the whole mass of closes is known before the first is sent.
    if count.holds and (waits := task.agenda.of(DueKind.HELD, key)) and waits.reason == str(kind):
        return True
    if not _is_mass(task, len(count.changes)):
        return False
    _hold(task, deal, deal.link, kind)
    return True


def _hold(task: Task, deal: Deal, link: Link, kind: Kind) -> None:
    now = task.clock.now()
    message = _message(task, deal, link).dump()
    task.drawers.change(_count(task.name, kind), lambda held: replace(held, holds=True))
    task.agenda.put(Due(DueKind.HELD, link.referral_id, now + FOREVER, now, message, reason=str(kind)))
    task.agenda.drop(DueKind.UNDO, link.referral_id)


def would_hold(choices: Choices, count: int, deals: int) -> bool:
    """Whether so many changes of one kind, made to so many deals within an hour, are a mass."""
    return count > choices.mass_deals and count * 100 > choices.mass_percent * deals


def counts(change: Change) -> bool:
    """Whether a single change is of the kinds that are counted."""
    return (change.name == STATUS and change.new in TERMINAL) or _clears(change)


def kind_of(decision: Decision) -> Kind | None:
    """Return what a decision does to a deal, if it is of the kinds that are counted."""
    match decision:
        case Pause():
            return Kind.SWITCH_OFF
        case Orphan():
            return Kind.DELETE
        case AwaitUndo():
            return Kind.CLOSE
    agree = agreement(decision)
    changes = (*agree.plan.to_partner_center, *agree.plan.to_crm) if agree else ()
    counted = [each for each in changes if counts(each)]
    if any(each.name == STATUS for each in counted):
        return Kind.CLOSE
    return Kind.CLEAR if counted else None


class Guarded(Protocol):
    """What letting go takes of a Task: neither the CRM nor Partner Center is asked."""

    @property
    def name(self) -> str:
        """The CRM's name."""
        ...

    @property
    def drawers(self) -> Drawers:
        """Where the release is noted."""
        ...

    @property
    def agenda(self) -> Agenda:
        """Where held work waits."""
        ...

    @property
    def queue(self) -> DealQueue:
        """Where released work goes."""
        ...

    @property
    def clock(self) -> Clock:
        """The time."""
        ...


def release(task: Guarded, kind: Kind) -> int:
    """Let the held changes of a kind happen, those of the next hour included; returns how many are queued."""
    task.drawers.change(_count(task.name, kind), lambda held: replace(held, released=task.clock.now()))
    return sum(_let_go(task, due, queue=True) for due in held(task, kind))


def drop(task: Guarded, kind: Kind) -> int:
    """Forget the held changes of a kind, which somebody puts right by hand; returns how many."""
    return sum(_let_go(task, due, queue=False) for due in held(task, kind))


def held(task: Guarded, kind: Kind | None = None) -> list[Due]:
    """Return the changes that wait for a person."""
    return [due for due in task.agenda.all(DueKind.HELD) if kind is None or due.reason == str(kind)]


def _let_go(task: Guarded, due: Due, *, queue: bool) -> int:
    if queue:
        task.queue.send(due.message)
    task.agenda.drop(DueKind.HELD, due.key)
    return 1


def _clears(change: Change) -> bool:
    return change.new in (None, ()) and change.old not in (None, ())


def _is_mass(task: Task, count: int) -> bool:
    if count <= task.choices.mass_deals:
        return False
    if not task.choices.mass_percent:
        return True
    # More than a share of all deals: so many have to be counted, and no more.
    enough = count * 100 // task.choices.mass_percent
    linked = (link for link in task.links.all() if link.state is not LinkState.IGNORED)
    return sum(1 for _ in islice(linked, enough)) < enough


def _message(task: Task, deal: Deal, link: Link) -> DealMessage:
    if deal.starts_at == "record" and link.record:
        return DealMessage.of_record(link.record, "released", task.correlation_id)
    return DealMessage(PARTNER_CENTER, "released", task.correlation_id, referral_id=link.referral_id, crm=task.name)


def _count(crm: str, kind: Kind) -> Drawer[Count]:
    return document("mass", f"{crm}-{kind}", Count(), _dump, _load)


def _dump(count: Count) -> object:
    changes = {key: at.isoformat() for key, at in count.changes.items()}
    released = count.released.isoformat() if count.released else None
    return {"changes": changes, "released": released, "holds": count.holds}


def _load(stored: object) -> Count:
    assert isinstance(stored, dict)  # noqa: S101 - written by `_dump`
    if "changes" not in stored:  # Of a version that kept the changes alone.
        return Count(_moments(stored), holds=True)
    released = stored["released"]
    return Count(
        _moments(stored["changes"]), datetime.fromisoformat(released) if released else None, holds=stored["holds"]
    )


def _moments(stored: Mapping[str, str]) -> dict[str, datetime]:
    return {key: datetime.fromisoformat(at) for key, at in stored.items()}
