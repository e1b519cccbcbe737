"""What is due: every deal on the agenda whose time has come is queued, once."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import timedelta

from shared.ledger.model import DueKind
from shared.sync.task import Task

log = logging.getLogger(__name__)

LEASE = timedelta(hours=1)
"""When a deal is due again, should handling it not change the agenda: a worker dropped its message as poison, say."""


def resume_due(task: Task) -> None:
    """Queue every deal that is due. Raises the families.

    Taking a deal from the agenda moves its due time in the same step, so that ticks, restarts and two reconcilers
    never multiply its messages. It stays on the agenda until it was handled.
    """
    now = task.clock.now()
    for due in task.agenda.due(now):
        if task.agenda.postpone(due, now + LEASE):
            task.queue.send(due.message)


def parked_by_family(task: Task) -> Counter[str]:
    """Return how many deals are parked, by the family of their error, and log it. Raises the families."""
    found = Counter(due.family for due in task.agenda.all(DueKind.PARKED))
    log.info("work that waits", extra={"crm": task.name, **found})
    return found
