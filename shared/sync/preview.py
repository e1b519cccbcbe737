"""What a mapping file would do to every linked deal if it were switched on now. Reads both sides and writes nothing.

The forecast is made by the very functions that the worker uses: observe, plan, and the check before sending. It says
what would happen to the deals as they are at this moment, without what the vendors' own logic may add.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import islice
from random import Random

from shared.deal import HELP, STATUS, Value, show
from shared.deal_registration import FIELD
from shared.decide.deal import Deal
from shared.decide.decisions import (
    Agree,
    AskMicrosoft,
    AwaitUndo,
    Decision,
    HoldForPerson,
    Known,
    Orphan,
    Register,
    agreement,
)
from shared.errors import DataError, RetriableError
from shared.ledger import audit
from shared.link import Link, LinkState
from shared.merge import Change, Difference, Stays
from shared.messages.reasons import Reason
from shared.problems import Problem
from shared.sync.binding import task_of
from shared.sync.mass_change import Kind, kind_of
from shared.sync.observe import Observer
from shared.sync.task import Task

WORKERS = 4
"""How many deals are looked at side by side: enough to hide the network, few enough for Partner Center's patience."""

_BATCH = 64
_ATTEMPTS = 5
_PAUSE = 5.0
"""Seconds to wait when a service names none."""


class Action(StrEnum):
    """What would happen to one field of one deal."""

    WRITE = "write"
    CLEAR = "clear"
    """A value would be replaced by nothing."""
    HOLD = "hold"
    """Both sides differ, and a person would have to decide."""
    DIFFER = "differ"
    """The sides would stay different, on purpose."""
    FAIL = "fail"
    """The deal would be set aside, and none of its fields be written."""


class Side(StrEnum):
    """Where it would happen."""

    CRM = "crm"
    PARTNER_CENTER = "partner_center"
    BOTH = "both"


@dataclass(frozen=True)
class Forecast:
    """One field of one deal. `old` and `new` are values as a person reads them; empty for a failure.

    For HOLD and DIFFER they are what Partner Center and the CRM hold.
    """

    action: Action
    side: Side
    field: str
    reason: str
    old: str = ""
    new: str = ""

    @property
    def alarming(self) -> bool:
        """Whether somebody should look before the mapping is switched on."""
        return self.action in (Action.CLEAR, Action.FAIL)


@dataclass(frozen=True)
class DealForecast:
    """What would happen to one deal; nothing when it is in agreement by the new mapping too."""

    link: Link
    forecasts: tuple[Forecast, ...]
    counted: Kind | None = None
    """What the guard against mass changes would count it as."""


def linked(task: Task) -> Iterator[Link]:
    """Return the deals that a mapping concerns: linked, and neither paused nor orphaned."""
    return (link for link in task.links.all() if link.state is LinkState.LINKED)


def sample(links: Iterable[Link], size: int, chance: Random) -> list[Link]:
    """Return `size` links, each as likely as any other, in one pass and without keeping the others."""
    kept: list[Link] = []
    for number, link in enumerate(links):
        if number < size:
            kept.append(link)
        elif (place := chance.randrange(number + 1)) < size:
            kept[place] = link
    return kept


def preview(task: Task, links: Iterable[Link]) -> Iterator[DealForecast]:
    """Yield the forecast of each link under `task.field_map`, in their order; memory does not grow with their number.

    Raises the fatal family; a deal that cannot be looked at for another reason is forecast to fail.
    """
    remaining = iter(links)
    with ThreadPoolExecutor(WORKERS, "preview") as pool:
        while batch := list(islice(remaining, _BATCH)):
            yield from pool.map(partial(forecast_deal, task), batch)


def forecast_deal(task: Task, link: Link) -> DealForecast:
    """Return what the worker would do to one deal. Raises the fatal family."""
    for remaining in reversed(range(_ATTEMPTS)):
        try:
            decision = decide_link(task, link)
            return DealForecast(link, tuple(_forecasts(task, decision)), kind_of(decision))
        except DataError as error:
            return DealForecast(link, tuple(map(_failure, error.problems)))
        except RetriableError as error:
            if not remaining:
                reason = f"it could not be looked at: {type(error).__name__}"
                return DealForecast(link, (Forecast(Action.FAIL, Side.BOTH, "deal", reason),))
            task.clock.sleep(error.retry_after or _PAUSE)
    raise AssertionError("every attempt returns or raises")


def decide_link(task: Task, link: Link) -> Decision:
    """Return what the worker would decide about a deal, having read both sides. Raises the families.

    The deal is looked at as its record's table has it: a linked lead by the rows of leads.
    """
    bound = task_of(task, link)
    if bound is None:
        return Known("its table is not synchronized")
    observer = Observer(bound, trusting=False)
    deal = Deal(bound.clock.now(), "record", link, referral=observer.read_referral(link.referral_id))
    return observer.decide(deal)[1]


def _forecasts(task: Task, decision: Decision) -> Iterator[Forecast]:
    match decision:
        case AwaitUndo(agree=agree, closing=closing):
            yield Forecast(Action.WRITE, Side.PARTNER_CENTER, STATUS, Reason.CLOSE_WAITS, "", str(closing.stage))
            yield from _planned(task, agree)
        case AskMicrosoft(agree=agree):
            invited = task.choices.messages.reason(Reason.MICROSOFT_INVITED)
            yield Forecast(Action.WRITE, Side.PARTNER_CENTER, HELP, invited, "", show(decision.help))
            yield from (each for each in _planned(task, agree) if each.field != HELP)
        case Register(agree=agree):
            registers = task.choices.messages.reason(Reason.WIN_REGISTERED)
            yield Forecast(Action.WRITE, Side.PARTNER_CENTER, FIELD, registers)
            yield from _planned(task, agree)
        case HoldForPerson(problems):
            yield from map(_failure, problems)
        case Orphan(reason=reason):
            yield Forecast(
                Action.FAIL, Side.BOTH, "deal", f"{task.choices.messages.reason(reason)}; it would be orphaned"
            )
        case _ if reached := agreement(decision):
            yield from _planned(task, reached)


def _planned(task: Task, agree: Agree) -> Iterator[Forecast]:
    yield from (_change(task, Side.CRM, each) for each in agree.plan.to_crm)
    yield from (_change(task, Side.PARTNER_CENTER, each) for each in agree.plan.to_partner_center)
    yield from map(_failure, agree.problems)
    reported = {
        Reason.CLOSE_WAITS,
        Reason.UNREADABLE,
        Reason.REFUSED,
    }  # By the write of the close, and by the problem of the value.
    yield from (_difference(task, each) for each in agree.plan.differences if each.reason not in reported)


def _failure(each: Problem) -> Forecast:
    return Forecast(Action.FAIL, Side.BOTH, each.field, f"{each.rule}. {each.remedy}")


def _change(task: Task, side: Side, change: Change) -> Forecast:
    action = Action.CLEAR if _is_nothing(change.new) and not _is_nothing(change.old) else Action.WRITE
    reason = task.choices.messages.reason(change.reason)
    return Forecast(action, side, change.name, reason, show(change.old), show(change.new))


def _difference(task: Task, each: Difference) -> Forecast:
    action = Action.HOLD if each.stays in (Stays.HELD, Stays.DECIDE) else Action.DIFFER
    reason = audit.reason_of(task.choices.messages, each)
    return Forecast(action, Side.BOTH, each.name, reason, show(each.referral), show(each.record))


def _is_nothing(value: Value) -> bool:
    return value is None or value == ()
