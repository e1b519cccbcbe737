"""Values that stay behind while the rest of a deal goes on: the record says so, and the agenda brings the deal back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from shared.decide.decisions import Agree
from shared.errors import DataError, RetriableError
from shared.ledger.model import Due, DueKind
from shared.link import Link
from shared.messages.reasons import Reason
from shared.orders import Order
from shared.problems import Problem
from shared.queue.message import RETRY, DealMessage
from shared.status import StatusKind
from shared.sync import patience
from shared.sync.beside import beside
from shared.sync.perform.written import Written
from shared.sync.task import Task

DRIFTS = timedelta(hours=1)
"""When a record is tried again that automation changes each time that it is written."""


def come_back(
    task: Task, link: Link, problems: Sequence[Problem], pause: timedelta | None = None, order: Order | None = None
) -> None:
    """Put a deal on the agenda for the sake of what it lacks, or cannot show; an `order` is obeyed again then.

    Problems are looked at soon at first, and ever more rarely; a `pause` is the longest until then, without them the
    whole of it. Raises the families.
    """
    assert link.record  # noqa: S101 - a deal with values on both sides has a record
    message = DealMessage.of_record(link.record, RETRY, task.correlation_id)
    message = replace(message, referral_id=link.referral_id, order=order) if order else message
    now = task.clock.now()
    reason = " ".join(str(each) for each in problems)
    if not problems and link.restless:
        reason = task.choices.messages.reason(Reason.KEEPS_CHANGING)
    held = task.agenda.of(DueKind.PARKED, link.referral_id)
    attempts = patience.attempts_at(held, reason)
    pauses = [pause] if pause else []
    if problems or not pause:
        pauses.append(patience.until_next_look(task, attempts))
    due = Due(
        DueKind.PARKED,
        link.referral_id,
        now + min(pauses),
        held.since if held else now,
        message.dump(),
        family=DataError.family if problems else RetriableError.family,  # Nobody has to do anything.
        reason=reason,
        problems=tuple(problems),
        attempts=attempts,
    )
    task.agenda.put(beside(task, due, link.record.id, held))


def forget(task: Task, key: str, written: Written) -> None:
    """Take a deal from the agenda that was set aside: what was told of it is over, too. Raises the families."""
    if task.agenda.of(DueKind.PARKED, key):
        task.agenda.drop(DueKind.PARKED, key)
        written.healed = True


def no_more_behind(task: Task, decision: Agree, link: Link) -> bool:
    """Forget what a deal waited for; `link` is the deal as it is now. Tells whether it is in order and was not before.

    Raises the families.
    """
    before, healed = decision.link, False
    if before.status is None or before.status.kind is not StatusKind.SYNCHRONIZED:
        healed = link.status is not None and link.status.kind is not StatusKind.ATTENTION
        for key in (link.referral_id, decision.record.key.deal):
            task.agenda.drop(DueKind.PARKED, key)
        if not any(each.reason is Reason.MASS_CHANGE for each in decision.plan.differences):
            task.agenda.drop(DueKind.HELD, link.referral_id)
    if before.closing and not link.closing:
        task.agenda.drop(DueKind.UNDO, link.referral_id)
    return healed
