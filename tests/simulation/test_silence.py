"""The heartbeat in the life of the whole app: only changes without an event are silence."""

from __future__ import annotations

from datetime import timedelta

from shared.errors import DataError, Problem
from tests.simulation.deals import invited, shared
from tests.support.fakes.world import World

VALUE = "/details/dealValue"
HOUR = timedelta(hours=1)


def days(world: World, number: int) -> None:
    """Let days go by, with a Reconciler's run every hour."""
    for _ in range(24 * number):
        world.clock.advance(HOUR)
        world.reconcile()
        world.settle()


def silences(world: World) -> int:
    return sum("no event has come" in text for text in world.chat.texts)


def test_lost_events_are_told_once_and_healed_by_the_next_one() -> None:
    world = World()
    referral_id, _ = invited(world)
    world.reconcile()
    for value in (100, 200, 300):
        world.partner_center.edit(referral_id, {VALUE: value})
        world.events.clear()
        days(world, 1)
    assert silences(world) == 1
    world.partner_center.edit(referral_id, {VALUE: 400})
    world.settle()
    world.reconcile()
    assert sum("well again (webhook heartbeat)" in text for text in world.chat.texts) == 1


def test_events_that_come_and_quiet_weeks_are_no_silence() -> None:
    world = World()
    referral_id, record_id = shared(world)
    for value in (100, 200, 300):
        world.partner_center.edit(referral_id, {VALUE: value})
        world.settle()
        world.crm.edit(record_id, description=f"note {value}")
        days(world, 3)
    assert silences(world) == 0


def test_a_deal_that_stays_parked_is_no_silence() -> None:
    world = World()
    referral_id, _ = invited(world)
    world.reconcile()
    world.tape.fail(DataError(Problem("x", "is refused", "Change it.")), "crm", "update", times=10_000)
    world.partner_center.edit(referral_id, {VALUE: 100})
    world.settle()
    days(world, 4)
    assert list(world.ledger.all_parked("dynamics365")), "the sweep finds it at every run"
    assert silences(world) == 0
