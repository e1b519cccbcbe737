"""What comes next for a deal, in one sentence."""

from __future__ import annotations

from shared.desk.desk import Desk
from shared.desk.find import Found
from shared.errors import DataError, FatalError
from shared.ledger.model import Due, DueKind
from shared.ledger.survey import Standing, standing_of
from shared.link import Link, LinkState
from shared.status import show_moment
from shared.sync.task import Task

_OF_STATE = {
    LinkState.PAUSED: "next.paused",
    LinkState.STOPPED: "next.stopped",
    LinkState.UNLINKED: "next.unlinked",
    LinkState.ORPHANED: "next.orphaned",
    LinkState.IGNORED: "next.ignored",
}


def next_step(desk: Desk, found: Found, task: Task | None) -> str:
    """Return what happens next, and whose turn it is. Raises the retriable and fatal families."""
    text = desk.messages.text
    if found.link and desk.of(found.crm).agenda.of(DueKind.HELD, found.key):
        return text("next.held")
    if found.parked:
        return _of_parked(desk, found.parked)
    link = found.link
    if link is None:
        return text("next.unknown")
    if link.state in _OF_STATE:
        return text(_OF_STATE[link.state])
    if link.closing and task:
        until = link.closing.since + task.policy.close_delay
        return text("next.closing", stage=str(link.closing.stage), at=show_moment(until))
    if link.deadline:
        return text(f"next.{link.deadline.kind}", day=f"{link.deadline.until:%Y-%m-%d}")
    return text(_of_linked(link))


def _of_parked(desk: Desk, parked: Due) -> str:
    at, first = show_moment(parked.at), next(iter(parked.problems), None)
    if first:
        remedy, who = desk.messages.remedy(first), desk.messages.who(first)
        return desk.messages.text("next.problem", remedy=remedy, who=who, at=at)
    if parked.family == FatalError.family:
        return desk.messages.text("next.administrator", reason=parked.reason, at=at)
    key = "next.person" if parked.family == DataError.family else "next.retry"
    return desk.messages.text(key, at=at)


def _of_linked(link: Link) -> str:
    standing = standing_of(link)
    if standing in (Standing.DIFFERS, Standing.ATTENTION):
        return "next.differs"
    return "next.waits" if standing is Standing.PENDING else "next.nothing"
