"""What somebody put right beside a record: a deal that waits for its account, contact or owner is looked at at once."""

from __future__ import annotations

import itertools
import logging

from shared.crm.beside import MOST
from shared.errors import CosellError
from shared.feeds.resume import LEASE
from shared.guard import for_the_log
from shared.ledger.model import Due, DueKind
from shared.sync.task import Task

log = logging.getLogger(__name__)

LOOKED_THROUGH = 1000
"""How many parked deals one poll looks through: a page of the ledger. Those beyond it have their schedule."""


def notice(task: Task) -> int:
    """Queue each parked deal whose account, contact or owner was edited since the last look; returns how many.

    One call, and none when no deal waits for such a row; of many, those parked last are watched. The first look at a
    deal only remembers. Raises the families when the ledger or the queue fail.
    """
    parked = itertools.islice(task.agenda.all(DueKind.PARKED), LOOKED_THROUGH)
    watched = sorted((each for each in parked if each.beside), key=lambda due: due.since, reverse=True)[:MOST]
    if not watched:
        return 0
    try:
        marks = task.opportunity.records.beside([each.beside for each in watched])
    except CosellError as error:
        # Nothing depends on it: these deals are looked at by their schedule, and the poll itself tells what is wrong.
        log.warning("rows beside records not looked at: %s", for_the_log(error))
        return 0
    return sum(_look(task, due, marks.get(due.beside, due.mark)) for due in watched)


def _look(task: Task, due: Due, mark: str) -> bool:
    """Remember a mark, and queue the deal when it is another one than before; tells whether it was queued."""
    if mark == due.mark:
        return False
    changed = bool(due.mark)
    until = task.clock.now() + LEASE if changed else due.at
    if not task.agenda.postpone(due, until, mark) or not changed:
        return False
    task.queue.send(due.message)
    return True
