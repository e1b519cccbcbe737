"""Each CRM has an interval of its own between two polls, whatever the timer does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import pytest

from shared.errors import AccessDenied, ServiceUnavailable
from shared.pace import Pace
from shared.queue.message import DealMessage
from tests.support.fakes.world import World
from tests.support.stand_ins import START, ManualClock

QUARTER = timedelta(seconds=15)

T = TypeVar("T")


def _noting(seen: list[T], what: T) -> Callable[[datetime | None], bool]:
    def poll(_since: datetime | None) -> bool:
        seen.append(what)
        return True

    return poll


def test_each_crm_is_polled_at_its_own_interval() -> None:
    clock = ManualClock()
    pace = Pace(clock, {"dynamics365": QUARTER, "salesforce": timedelta(seconds=60)})
    polls: list[tuple[str, float]] = []
    for _ in range(9):
        for crm in ("dynamics365", "salesforce"):
            seconds = (clock.now() - START).total_seconds()
            pace.run(crm, _noting(polls, (crm, seconds)))
        clock.pass_time(15 if len(polls) % 2 else 14.9)
    assert [at for crm, at in polls if crm == "salesforce"] == pytest.approx([0, 60, 120], abs=1)
    assert len([at for crm, at in polls if crm == "dynamics365"]) == 9, "a timer that wakes a moment early counts"


def test_a_poll_is_told_when_the_last_one_that_went_well_began() -> None:
    clock = ManualClock()
    pace, told = Pace(clock), list[datetime | None]()

    def poll(since: datetime | None, *, well: bool = True) -> bool:
        told.append(since)
        clock.pass_time(4)
        return well

    pace.run("salesforce", poll)
    pace.run("salesforce", lambda since: poll(since, well=False))
    pace.run("salesforce", poll)
    pace.run("salesforce", poll)
    assert told == [None, START, START, START + timedelta(seconds=8)]


def test_no_poll_begins_while_one_of_that_crm_runs() -> None:
    pace, begun = Pace(ManualClock()), list[str]()

    def outer(_since: datetime | None) -> bool:
        begun.append("outer")
        for crm in ("dynamics365", "salesforce"):
            pace.run(crm, _noting(begun, crm))
        return True

    pace.run("dynamics365", outer)
    pace.run("dynamics365", outer)
    assert begun == ["outer", "salesforce", "outer", "salesforce"]


def test_a_poll_that_breaks_keeps_none_from_running() -> None:
    pace, begun = Pace(ManualClock()), list[int]()

    def broken(_since: datetime | None) -> bool:
        raise ServiceUnavailable("down")

    with pytest.raises(ServiceUnavailable):
        pace.run("dynamics365", broken)
    pace.run("dynamics365", _noting(begun, 1))
    assert begun == [1]


def test_a_tick_that_comes_too_early_resolves_no_alert() -> None:
    world = World()
    world.pace = Pace(world.clock, {"dynamics365": QUARTER})
    world.tape.fail(AccessDenied("no role"), "crm", "changes")
    world.poll()
    world.poll()
    assert set(world.alerts.raised()) == {"poll dynamics365"}
    world.clock.advance(QUARTER)
    world.poll()
    assert world.alerts.raised() == {}


def test_a_change_waits_since_the_poll_that_did_not_see_it() -> None:
    world = World()
    world.poll()
    before = world.clock.now()
    world.clock.advance(QUARTER)
    world.crm.add_deal()
    world.poll()
    (message,) = (DealMessage.load(each.text) for each in world.queue.messages)
    assert message.since is not None
    assert datetime.fromisoformat(message.since) <= before


def test_a_clock_that_is_set_back_stops_no_polls() -> None:
    clock, seen = ManualClock(), list[str]()
    pace = Pace(clock, {"dynamics365": QUARTER})
    for _ in range(3):
        pace.run("dynamics365", _noting(seen, "polled"))
        clock.pass_time(-86_400)
    assert seen == ["polled"] * 3
