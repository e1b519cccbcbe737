"""Values that stay behind while the rest of a deal goes on: the record says so, and the agenda brings the deal back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from shared.errors import DataError
from shared.ledger.model import Due, DueKind
from shared.link import Link
from shared.problems import Problem
from shared.queue.message import DealMessage
from shared.sync import patience
from shared.sync.task import Task

DRIFTS = timedelta(hours=1)
"""When a value that automation keeps changing is tried again."""


def come_back(task: Task, link: Link, problems: Sequence[Problem]) -> None:
    """Put a deal on the agenda for the sake of the values that it lacks. Raises the families."""
    assert link.record  # noqa: S101 - a deal with values on both sides has a record
    message = DealMessage.of_record(link.record, "retry", task.correlation_id)
    now = task.clock.now()
    reason = " ".join(str(each) for each in problems)
    held = task.agenda.of(DueKind.PARKED, link.referral_id)
    attempts = patience.attempts_at(held, reason)
    task.agenda.put(
        Due(
            DueKind.PARKED,
            link.referral_id,
            now + (patience.until_next_look(task, attempts) if problems else DRIFTS),
            held.since if held else now,
            message.dump(),
            family=DataError.family,
            reason=reason,
            problems=tuple(problems),
            attempts=attempts,
        )
    )
