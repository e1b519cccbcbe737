"""The differences that there are at this moment: both sides of every linked deal read, and nothing written."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from shared.deal import show
from shared.decide.decisions import Agree, HoldForPerson, Known, Orphan, Pause, agreement
from shared.errors import DataError, GoneError, RetriableError
from shared.ledger import audit
from shared.link import Link, LinkState
from shared.merge import Change, Difference, Stays
from shared.problems import Problem
from shared.sync.preview import decide_link
from shared.sync.task import Task
from tools.admin.adopt.survey import side_by_side
from tools.admin.drift.ledger import KINDS, of_one
from tools.admin.drift.rows import Kind, Row, of_link

_ATTEMPTS = 5
_PAUSE = 5.0
_STAYS = {Stays.KEPT: Kind.KEPT, Stays.WAITING: Kind.WAITING}


def from_both_sides(task: Task) -> Iterator[tuple[Row, ...]]:
    """Yield what differs, deal by deal. Raises the fatal family."""
    links = (link for link in task.links.all() if link.state is not LinkState.IGNORED)
    yield from side_by_side(partial(_deal, task), links)


def _deal(task: Task, link: Link) -> tuple[Row, ...]:
    if link.state is LinkState.ORPHANED:
        return tuple(of_one(link))
    for remaining in reversed(range(_ATTEMPTS)):
        try:
            return tuple(_rows(task, link))
        except DataError as error:
            return tuple(_problem(link, each) for each in error.problems)
        except (RetriableError, GoneError) as error:
            if not remaining:
                reason = f"it could not be looked at: {type(error).__name__}"
                return (of_link(link, Kind.SET_ASIDE, reason=reason),)
            task.clock.sleep(getattr(error, "retry_after", None) or _PAUSE)
    raise AssertionError("every attempt returns or raises")


def _rows(task: Task, link: Link) -> Iterator[Row]:
    decision = decide_link(task, link)
    match decision:
        case HoldForPerson(problems):
            yield from (_problem(link, each) for each in problems)
        case Orphan(reason=reason):
            yield of_link(link, Kind.ORPHAN, reason=task.choices.messages.reason(reason))
        case Pause():
            yield of_link(link, Kind.PAUSED, reason="Sync was switched off, and the app has not seen it yet")
        case Known() if link.state is LinkState.PAUSED:
            yield from of_one(link)
        case _ if agree := agreement(decision):
            yield from _planned(task, link, agree)


def _planned(task: Task, link: Link, agree: Agree) -> Iterator[Row]:
    messages = task.choices.messages
    for each in agree.plan.to_crm:
        yield _unsynced(link, each, messages.reason(each.reason), to_crm=True)
    for each in agree.plan.to_partner_center:
        yield _unsynced(link, each, messages.reason(each.reason), to_crm=False)
    yield from (_problem(link, each) for each in agree.problems)
    for difference in agree.plan.differences:
        yield _difference(task, link, difference)


def _unsynced(link: Link, each: Change, reason: str, *, to_crm: bool) -> Row:
    old, new = show(each.old), show(each.new)
    referral, record = (new, old) if to_crm else (old, new)
    return of_link(link, Kind.UNSYNCED, field=each.name, referral=referral, record=record, reason=reason)


def _difference(task: Task, link: Link, each: Difference) -> Row:
    kind = KINDS.get(each.reason) or _STAYS.get(each.stays, Kind.HELD)
    reason = audit.reason_of(task.choices.messages, each)
    return of_link(link, kind, field=each.name, referral=show(each.referral), record=show(each.record), reason=reason)


def _problem(link: Link, each: Problem) -> Row:
    return of_link(link, Kind.SET_ASIDE, field=each.field, reason=f"{each.rule}. {each.remedy}")
