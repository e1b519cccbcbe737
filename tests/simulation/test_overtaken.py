"""A message that is handled late: newer ones about its record were handled before it, and none comes after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from tests.simulation.deals import shared
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.world import World

STATUS = "cosell_syncstatus"
FOREIGN = "11111111-2222-4333-8444-555555555555"
LATE = timedelta(minutes=10)
"""For how long the message of a worker that died is invisible."""


@contextmanager
def overtaken(world: World) -> Iterator[None]:
    """Let a worker die with what the change feed has to tell; what happens meanwhile is handled before that."""
    world.clock.advance(timedelta(minutes=1))
    world.poll()
    late = world.queue.due()
    for message in late:
        message.visible_at = world.clock.now() + LATE
    world.clock.advance(timedelta(minutes=1))
    yield
    world.poll()
    world.pump()
    world.poll()
    world.pump()
    world.clock.advance(LATE)
    assert late == world.queue.due()
    world.pump()


def test_a_record_is_not_tied_by_an_identifier_that_was_exchanged_since() -> None:
    world = World()
    _, record_id = shared(world)
    world.lose_the_ledger()
    with overtaken(world):
        world.crm.edit(record_id, **{IDENTIFIER: FOREIGN})
    assert world.link_of_record(record_id) is None
    assert str(world.crm.row(record_id)[STATUS]).startswith("✖")
    assert [due.key for due in world.parked()] == [world.task.key(record_id).deal]
