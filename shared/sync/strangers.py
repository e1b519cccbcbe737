"""Rows that are not ours: an event may name any row of the world, and what is learned of it costs a read each time.

So those rows are counted. One that was not ours several times within an hour is not read again, and when there are very
many of them, no unknown row is: the sweep finds what is ours, whatever events say.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.ledger.drawers import Drawer, document
from shared.queue.message import DealMessage
from shared.sync.task import Task

WINDOW = timedelta(hours=1)
"""For how long a row counts that was not ours."""

EACH = 3
"""How often one row is read within the window: a new referral of ours may be told of before it can be seen."""

ALL = 200
"""How many such rows are known at a time; with so many, no row is read that we do not know."""

Known = Mapping[str, tuple[int, datetime]]
"""By id, how often a row was not ours, and when last."""


def is_event(message: DealMessage) -> bool:
    """Whether a message is a webhook's word, and not our own."""
    return message.reason.startswith(("referral-", "related-referral-"))


def is_one(task: Task, message: DealMessage) -> bool:
    """Whether an event is about a row that is not worth another read. Raises the families.

    What another process counted is known a minute later: a row may cost a read more.
    """
    if not is_event(message):
        return False
    now = task.clock.now()
    known = _recent(task.drawers.recent(_drawer(task), now), now)
    count, _ = known.get(str(message.referral_id), (0, None))
    return count >= EACH or (count == 0 and len(known) >= ALL)


def note(task: Task, message: DealMessage) -> None:
    """Count a row that an event named and that is not ours. Raises the families."""
    if is_event(message):
        row, now = str(message.referral_id), task.clock.now()
        task.drawers.change(_drawer(task), lambda held: _counted(_recent(held, now), row, now))


def _counted(known: Known, row: str, now: datetime) -> Known:
    count, _ = known.get(row, (0, now))
    return {**known, row: (count + 1, now)} if row in known or len(known) < ALL else known


def _recent(known: Known, now: datetime) -> Known:
    return {row: (count, at) for row, (count, at) in known.items() if now - at < WINDOW}


def _drawer(task: Task) -> Drawer[Known]:
    return document("strangers", task.name, {}, _dump, _load)


def _dump(known: Known) -> object:
    return {row: [count, at.isoformat()] for row, (count, at) in known.items()}


def _load(stored: object) -> Known:
    assert isinstance(stored, dict)  # noqa: S101 - written by `_dump`
    return {str(row): (int(count), datetime.fromisoformat(at)) for row, (count, at) in stored.items()}
