"""The decisions that leave both sides as they are."""

from __future__ import annotations

from shared.decide.deal import Deal, RecordSeen
from shared.decide.decisions import HoldForPerson, Known, NotOurs, RefuseCopy, ReleaseCopy, Wait
from shared.errors import DataError, Deferred
from shared.messages.reasons import Reason
from shared.sync import copies
from shared.sync.outcome import Outcome
from shared.sync.perform import unshared
from shared.sync.perform.written import Written
from shared.sync.task import Task

LOOK_AGAIN = 15.0
"""Seconds after which a deal that another worker is creating is looked at again."""


def known(_task: Task, _deal: Deal, _decision: Known, _written: Written) -> Outcome:
    """Do nothing: both sides are as we left them."""
    return Outcome.KNOWN


def not_ours(_task: Task, _deal: Deal, _decision: NotOurs, _written: Written) -> Outcome:
    """Do nothing about another organization's row."""
    return Outcome.NOT_OURS


def wait(_task: Task, _deal: Deal, _decision: Wait, _written: Written) -> Outcome:
    """Raise Deferred: another worker of ours is creating this deal."""
    raise Deferred("another worker is creating this deal", retry_after=LOOK_AGAIN)


def hold(_task: Task, _deal: Deal, decision: HoldForPerson, _written: Written) -> Outcome:
    """Raise DataError: a person has to put the problems right first."""
    raise DataError(*decision.problems)


def refuse_copy(task: Task, deal: Deal, decision: RefuseCopy, _written: Written) -> Outcome:
    """Note that the record is a copy, and raise DataError, which has its status say so."""
    assert isinstance(deal.record, RecordSeen)  # noqa: S101 - a copy was just looked at
    copies.refuse(task, deal.record.key)
    raise DataError(*decision.problems)


def release_copy(task: Task, deal: Deal, decision: ReleaseCopy, written: Written) -> Outcome:
    """Note that a refused copy's sync was switched off, and let it say that no more. Raises the families."""
    copies.release(task, decision.record)
    unshared.leave(task, deal, Reason.SYNC_IS_OFF, written)
    return Outcome.COPY_RELEASED
