"""A message of the change feed is overtaken: the record was written since it was seen, and looked at meanwhile.

A backlog puts messages back, and that of a worker that died comes minutes later. Of a record that nothing is tied to,
no link remembers what was found since: the older message must not plan with what it carries.
"""

from __future__ import annotations

import pytest

from tests.simulation.agreement import check_agreed
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.crm_rules import SYNC
from tests.support.fakes.tape import Crash, Step
from tests.support.fakes.world import World

STATUS = "cosell_syncstatus"
ANOTHERS = {IDENTIFIER: "REF-1", "description": "of another deal"}


@pytest.fixture
def world() -> World:
    return World()


def _overtaken(world: World, record_id: str, **columns: object) -> None:
    """The change feed tells of a record, and then of an edit of it, which is handled first."""
    world.poll()
    (first,) = world.queue.due()
    world.crm.edit(record_id, **columns)
    world.poll()
    for message in [each for each in world.queue.due() if each is not first]:
        world.handle(message)
    world.handle(first)


@pytest.mark.parametrize("over", [True, False])
def test_a_record_is_not_tied_to_the_referral_that_it_named_before(world: World, *, over: bool) -> None:
    referral_id = world.partner_center.registers()
    record_id = world.crm.add_deal(**{IDENTIFIER: referral_id})
    if over:
        world.partner_center.close(referral_id, "Won")
    _overtaken(world, record_id, **ANOTHERS)
    assert world.link_of_record(record_id) is None
    assert world.partner_center.rows[referral_id]["externalReferenceId"] is None
    assert str(world.crm.row(record_id)[STATUS]).startswith("✖")


def test_the_message_of_a_dead_worker_ties_nothing_that_was_seen_otherwise_since(world: World) -> None:
    referral_id = world.partner_center.registers()
    world.partner_center.close(referral_id, "Won")
    record_id = world.crm.add_deal(**{IDENTIFIER: referral_id})
    world.poll()

    def die(step: Step) -> None:
        if (step.port, step.name) == ("ledger", "links.commit"):
            world.tape.before.remove(die)
            raise Crash(str(step))

    world.tape.before.append(die)
    world.pump()
    world.crm.edit(record_id, **ANOTHERS)
    world.settle()
    world.recover()
    assert world.crashes == 1
    assert world.link_of_record(record_id) is None
    assert str(world.crm.row(record_id)[STATUS]).startswith("✖")


def test_an_edit_that_is_looked_at_before_the_tie_is_written_is_not_lost(world: World) -> None:
    """Its message found nothing tied yet, so that of the tie alone can still see it."""
    referral_id = world.partner_center.registers()
    world.partner_center.close(referral_id, "Won")
    record_id = world.crm.add_deal(**{IDENTIFIER: referral_id})
    world.poll()

    def another(step: Step) -> None:
        if (step.port, step.name) == ("crm", "update"):
            world.tape.before.remove(another)
            world.crm.edit(record_id, **ANOTHERS)
            world.poll()
            *_, message = world.queue.due()
            world.handle(message)

    world.tape.before.append(another)
    world.handle(world.queue.due()[0])
    assert world.link_of_record(record_id) is None
    world.crm.edit(record_id, **{IDENTIFIER: referral_id})
    world.settle()
    assert "of another deal" in world.history()


def test_a_record_is_not_shared_whose_seller_took_the_word_back(world: World) -> None:
    record_id = world.crm.add_deal()
    _overtaken(world, record_id, **{SYNC: False})
    world.settle()
    world.recover()
    assert world.partner_center.ours() == []
    world.crm.edit(record_id, **{SYNC: True})
    world.settle()
    check_agreed(world)
