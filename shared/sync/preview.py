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

from shared.deal import Value, show
from shared.errors import DataError, GoneError, RetriableError
from shared.ledger.port import Link, LinkState
from shared.merge import Change, Difference, Plan
from shared.sync.agree import check_sendable, make_plan, observed_record, observed_referral
from shared.sync.task import Ports

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


def linked(ports: Ports) -> Iterator[Link]:
    """Return the deals that a mapping concerns: linked, and neither paused nor orphaned."""
    return (link for link in ports.ledger.links(ports.crm.name) if link.state is LinkState.LINKED)


def sample(links: Iterable[Link], size: int, chance: Random) -> list[Link]:
    """Return `size` links, each as likely as any other, in one pass and without keeping the others."""
    kept: list[Link] = []
    for number, link in enumerate(links):
        if number < size:
            kept.append(link)
        elif (place := chance.randrange(number + 1)) < size:
            kept[place] = link
    return kept


def preview(ports: Ports, links: Iterable[Link]) -> Iterator[DealForecast]:
    """Yield the forecast of each link under `ports.field_map`, in their order; memory does not grow with their number.

    Raises the fatal family; a deal that cannot be looked at for another reason is forecast to fail.
    """
    remaining = iter(links)
    with ThreadPoolExecutor(WORKERS, "preview") as pool:
        while batch := list(islice(remaining, _BATCH)):
            yield from pool.map(partial(forecast_deal, ports), batch)


def forecast_deal(ports: Ports, link: Link) -> DealForecast:
    """Return what the worker would do to one deal. Raises the fatal family."""
    for remaining in reversed(range(_ATTEMPTS)):
        try:
            return DealForecast(link, tuple(_forecasts(_plan(ports, link))))
        except DataError as error:
            failures = (
                Forecast(Action.FAIL, Side.BOTH, each.field, f"{each.rule}. {each.remedy}") for each in error.problems
            )
            return DealForecast(link, tuple(failures))
        except GoneError as error:
            return DealForecast(link, (Forecast(Action.FAIL, Side.BOTH, "deal", f"{error}; it would be orphaned"),))
        except RetriableError as error:
            if not remaining:
                reason = f"it could not be looked at: {type(error).__name__}"
                return DealForecast(link, (Forecast(Action.FAIL, Side.BOTH, "deal", reason),))
            ports.clock.sleep(error.retry_after or _PAUSE)
    raise AssertionError("unreachable")


def _plan(ports: Ports, link: Link) -> Plan:
    referral = observed_referral(ports.partner_center.read(link.referral_id), ports.field_map)
    record = observed_record(ports.crm.read(link.record_id), ports.field_map)
    read_only = ports.crm.closed_rows_are_read_only
    plan = make_plan(link, referral, record, ports.field_map, closed_rows_are_read_only=read_only)
    check_sendable(plan, record.fields)
    return plan


def _forecasts(plan: Plan) -> Iterator[Forecast]:
    yield from (_change(Side.CRM, each) for each in plan.to_crm)
    yield from (_change(Side.PARTNER_CENTER, each) for each in plan.to_partner_center)
    yield from map(_difference, plan.differences)


def _change(side: Side, change: Change) -> Forecast:
    action = Action.CLEAR if _is_nothing(change.new) and not _is_nothing(change.old) else Action.WRITE
    return Forecast(action, side, change.name, change.reason, show(change.old), show(change.new))


def _difference(each: Difference) -> Forecast:
    action = Action.HOLD if each.held else Action.DIFFER
    return Forecast(action, Side.BOTH, each.name, each.reason, show(each.referral), show(each.record))


def _is_nothing(value: Value) -> bool:
    return value is None or value == ()
