"""How long changes take from side to side is counted, kept for a day, and measured by our own clock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.errors import AccessDenied, ServiceUnavailable
from shared.freshness import BOUNDS, Direction, Figures, Freshness, figures_drawer, summary
from shared.ledger.drawers import Drawers
from shared.ledger.memory import MemoryLedger
from shared.queue.message import PARTNER_CENTER, DealMessage
from tests.simulation.deals import shared
from tests.support.fakes.world import World
from tests.support.stand_ins import START, ManualClock

CRM = "dynamics365"


class Counted:
    """A process's freshness over a ledger, and how often that was written."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.ledger = MemoryLedger()
        self.freshness = Freshness(lambda: self.ledger.drawers, self.clock)

    def figures(self) -> Figures:
        return self.ledger.drawers.read(figures_drawer(CRM)).value


def test_half_and_nineteen_of_twenty() -> None:
    counted = Counted()
    for seconds in [1.5] * 94 + [25.0] * 6:
        counted.freshness.note(CRM, Direction.TO_CRM, timedelta(seconds=seconds))
    counted.clock.pass_time(61)
    counted.freshness.note(CRM, Direction.TO_CRM, timedelta(seconds=1.5))
    found = summary(counted.figures(), Direction.TO_CRM, counted.clock.now())
    assert found is not None
    assert found.changes == 101
    assert 1 < found.p50 <= 2, "the step that holds it"
    assert 20 < found.p95 <= 30
    assert summary(counted.figures(), Direction.TO_PARTNER_CENTER, counted.clock.now()) is None


def test_what_takes_longer_than_every_step_counts_as_the_longest() -> None:
    counted = Counted()
    counted.freshness.note(CRM, Direction.TO_CRM, timedelta(days=9))
    found = summary(counted.figures(), Direction.TO_CRM, START)
    assert found is not None
    assert (found.p50, found.p95) == (BOUNDS[-1], BOUNDS[-1])


def test_a_process_writes_once_a_minute_and_loses_nothing() -> None:
    counted, writes = Counted(), list[str]()
    put = counted.ledger.values.put

    def counting(kind: str, name: str, text: str, etag: str | None) -> str:
        writes.append(text)
        return put(kind, name, text, etag)

    counted.ledger.values.put = counting  # type: ignore[method-assign]
    for _ in range(240):
        counted.freshness.note(CRM, Direction.TO_PARTNER_CENTER, timedelta(seconds=9))
        counted.clock.pass_time(1)
    assert len(writes) == 4
    counted.clock.pass_time(60)
    counted.freshness.note(CRM, Direction.TO_PARTNER_CENTER, timedelta(seconds=9))
    found = summary(counted.figures(), Direction.TO_PARTNER_CENTER, counted.clock.now())
    assert found is not None
    assert found.changes == 241


def test_several_processes_add_up_and_yesterday_is_forgotten() -> None:
    counted = Counted()
    for _ in range(3):
        Freshness(lambda: counted.ledger.drawers, counted.clock).note(CRM, Direction.TO_CRM, timedelta(seconds=2))
    now = summary(counted.figures(), Direction.TO_CRM, START)
    assert now is not None
    assert now.changes == 3
    assert summary(counted.figures(), Direction.TO_CRM, START + timedelta(hours=25)) is None
    counted.clock.pass_time(26 * 3600)
    counted.freshness.note(CRM, Direction.TO_CRM, timedelta(seconds=2))
    assert len(counted.figures().hours) == 1


def test_an_idle_poller_writes_every_five_minutes_when_it_last_polled() -> None:
    counted, seen = Counted(), set()
    for _ in range(81):
        counted.freshness.polled(CRM)
        seen.add(counted.figures().polled_at)
        counted.clock.pass_time(15)
    assert seen == {START + timedelta(minutes=5 * number) for number in range(5)}


def test_a_ledger_that_fails_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def get(self, *_: object) -> None:
            raise ServiceUnavailable("down")

    freshness = Freshness(lambda: Drawers(Broken()), ManualClock())  # type: ignore[arg-type]
    freshness.note(CRM, Direction.TO_CRM, timedelta())
    assert "freshness not kept: ServiceUnavailable" in caplog.text


def test_figures_of_other_steps_are_left_out() -> None:
    ledger = MemoryLedger()
    ledger.values.put(
        "freshness", CRM, '{"polled": null, "bounds": 3, "hours": {"2026-03-01T12:00:00+00:00": {"to_crm": [1]}}}', None
    )
    assert ledger.drawers.read(figures_drawer(CRM)).value == Figures()


# --- of whole deals ---------------------------------------------------------------------------------------------------


def figures(world: World, direction: Direction) -> int:
    found = summary(world.ledger.drawers.read(figures_drawer(CRM)).value, direction, world.clock.now())
    return found.changes if found else 0


def quiet(world: World) -> tuple[str, str]:
    """Share a deal, and let a minute pass, so that the next count is written at once."""
    ids = shared(world)
    world.clock.advance(timedelta(minutes=2))
    world.poll()
    return ids


def test_an_edit_counts_from_the_poll_that_did_not_see_it() -> None:
    world = World()
    _, record_id = quiet(world)
    before = figures(world, Direction.TO_PARTNER_CENTER)
    world.crm.edit(record_id, estimatedvalue=5)
    world.clock.advance(timedelta(seconds=15))
    world.settle()
    assert figures(world, Direction.TO_PARTNER_CENTER) == before + 1
    assert figures(world, Direction.TO_CRM) == 0, "our echo is no change"


def test_an_event_counts_from_its_arrival_whatever_partner_centers_clock_says() -> None:
    world = World(skew=timedelta(minutes=-40))
    referral_id, _ = quiet(world)
    world.another_receiver()
    world.partner_center.edit(referral_id, {"/details/dealValue": 8})
    world.settle()
    assert figures(world, Direction.TO_CRM) == 1


def test_an_outage_counts_and_a_wait_for_a_person_does_not() -> None:
    world = World()
    referral_id, _ = quiet(world)
    world.tape.fail(ServiceUnavailable("down"), "crm", "update")
    world.partner_center.edit(referral_id, {"/details/dealValue": 8})
    world.settle()
    assert figures(world, Direction.TO_CRM) == 1
    world.clock.advance(timedelta(minutes=2))
    world.tape.fail(AccessDenied("no role"), "crm", "update")
    world.partner_center.edit(referral_id, {"/details/dealValue": 9})
    world.settle()
    world.recover()
    assert world.crm.row(world.record_id())["estimatedvalue"] == 9
    assert figures(world, Direction.TO_CRM) in (0, 1), "the later one is not counted, the earlier may be a day old"


@pytest.mark.parametrize("since", ["yesterday", "2026-03-02T09:00:00", ""])
def test_a_message_written_by_hand_is_handled_without_being_measured(since: str) -> None:
    message = DealMessage(PARTNER_CENTER, "sweep", "c", referral_id="r", since=since)
    assert message.age(START) is None
