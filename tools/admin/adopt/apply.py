"""Performs what a person confirmed, each deal by the same `perform` as the sync, and nothing that was not forecast.

The ledger is the journal: a deal that is tied is done. So an interrupted run is finished by another one with the same
file, whichever of its writes had been made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from shared.deal import RecordKey
from shared.decide.deal import Deal
from shared.decide.decisions import Decision
from shared.decide.unlinked import ties
from shared.errors import DataError, Deferred, GoneError, OutcomeUnknown, RetriableError, StaleError
from shared.link import Link
from shared.sync.perform import perform
from shared.sync.perform.written import Written
from shared.sync.task import Task
from tools.admin.adopt import refused
from tools.admin.adopt.forecast import TIES, Kind, look, look_at_referral, record_of, row_of
from tools.admin.adopt.sheet import Order
from tools.admin.adopt.survey import side_by_side

_ROUNDS = 5
_PAUSE = 5.0
_LONGEST_PAUSE = 60.0


class Result(StrEnum):
    """What became of one confirmed row."""

    DONE = "done"
    BEFORE = "done before"
    """An earlier run, or the app itself, did it."""
    REFUSED = "refused"
    """The pair is none, by the person's word, and is not proposed again."""
    CHANGED = "changed since"
    """It is not what was forecast any more; nothing was written."""
    FAILED = "failed"


@dataclass(frozen=True)
class Done:
    """One row, what became of it, and why."""

    order: Order
    result: Result
    text: str = ""

    @property
    def open(self) -> bool:
        """Whether something of it is left for a person."""
        return self.result in (Result.CHANGED, Result.FAILED)


def apply(task: Task, orders: Iterable[Order]) -> Iterator[Done]:
    """Yield what became of each order, in their order. Raises the fatal family: then the rest is not tried."""
    yield from side_by_side(partial(_apply, task), orders)


def _apply(task: Task, order: Order) -> Done:
    if not order.confirmed:
        return _refuse(task, order)
    for remaining in reversed(range(_ROUNDS)):
        try:
            return _attempt(task, order)
        except DataError as error:
            return Done(order, Result.FAILED, str(error))
        except (StaleError, GoneError):
            if not remaining:
                return Done(order, Result.CHANGED, "somebody is working on the deal at this moment")
            task.clock.sleep(task.random.uniform(0, 0.5))
        except RetriableError as error:
            if not remaining or (isinstance(error, Deferred) and order.kind is Kind.CREATE_REFERRAL):
                return Done(order, Result.FAILED, _later(error))
            task.clock.sleep(min(error.retry_after or _PAUSE, _LONGEST_PAUSE))
    raise AssertionError("every round returns or raises")


def _later(error: RetriableError) -> str:
    if isinstance(error, (Deferred, OutcomeUnknown)):
        return "its creation was interrupted or is under way: run the file again in ten minutes; nothing is doubled"
    return f"{type(error).__name__}: run the same file again"


def _attempt(task: Task, order: Order) -> Done:
    if link := _link(task, order):
        same = not (order.record_id and order.referral_id) or link.referral_id == order.referral_id
        return Done(order, Result.BEFORE) if same else Done(order, Result.CHANGED, f"tied to {link.referral_id} since")
    looked = _look(task, order)
    if looked is None:
        return Done(order, Result.CHANGED, "the record was deleted")
    bound, deal, decision = looked
    row = row_of(bound, deal, decision)
    if not row.within(order.check):
        told = "; ".join(map(str, row.writes)) or "; ".join(row.notes)
        return Done(order, Result.CHANGED, f"now it would {row.kind}{': ' if told else ''}{told}; forecast again")
    perform(bound, deal, decision, Written())
    return Done(order, Result.DONE)


def _look(task: Task, order: Order) -> tuple[Task, Deal, Decision] | None:
    """Return the deal with the task of its table; None when its record is gone."""
    if order.kind is Kind.CREATE_RECORD:
        return look_at_referral(task, order.referral_id)
    bound = task.at(order.table)
    record = record_of(bound, order.record_id) if bound else None
    return (bound, *look(bound, record, order.referral_id)) if bound and record else None


def _link(task: Task, order: Order) -> Link | None:
    """Return the link that ties a side of the order already."""
    found = task.links.of_record(_key(order)) if order.record_id else None
    if not ties(found) and order.referral_id:
        found = task.links.of_referral(order.referral_id)
    return found if ties(found) else None


def _refuse(task: Task, order: Order) -> Done:
    if order.kind in TIES:
        refused.refuse(task, _key(order), order.referral_id)
        return Done(order, Result.REFUSED, "not proposed again; the app ties what carries the identifier all the same")
    return Done(order, Result.REFUSED, "nothing is created now; the app does it once it runs, unless Sync is off")


def _key(order: Order) -> RecordKey:
    return RecordKey(order.crm, order.table, order.record_id)
