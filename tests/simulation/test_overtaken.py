"""A message that is handled late: newer ones about its record were handled before it, and none comes after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from shared.errors import ServiceUnavailable, SignInRequired, VersionMismatch
from shared.lifecycle import Stage
from shared.link import LinkState
from shared.queue.message import DealMessage
from shared.sync import mass_change
from tests.simulation.agreement import check_agreed
from tests.simulation.deals import shared
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.crm_rules import SYNC
from tests.support.fakes.referral_rules import at
from tests.support.fakes.tape import Step
from tests.support.fakes.world import World

STATUS = "cosell_syncstatus"
VALUE, NOTES = "/details/dealValue", "/details/notes"
FOREIGN = "11111111-2222-4333-8444-555555555555"
ANOTHERS = {IDENTIFIER: FOREIGN, "description": "of another deal"}
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


@pytest.mark.parametrize("over", [True, False])
def test_a_record_is_not_tied_to_the_referral_that_it_named_before(*, over: bool) -> None:
    world = World()
    referral_id = world.partner_center.registers()
    record_id = world.crm.add_deal(**{IDENTIFIER: referral_id})
    if over:
        world.partner_center.close(referral_id, "Won")
    with overtaken(world):
        world.crm.edit(record_id, **ANOTHERS)
    assert world.link_of_record(record_id) is None
    assert world.partner_center.rows[referral_id]["externalReferenceId"] is None
    assert str(world.crm.row(record_id)[STATUS]).startswith("✖")


def test_an_edit_that_is_looked_at_before_the_tie_is_written_is_not_lost() -> None:
    """Its message found nothing tied yet, so that of the tie alone can still see it."""
    world = World()
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


def test_a_close_that_was_taken_back_before_sync_was_switched_off_is_not_sent() -> None:
    world = World()
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, **{SYNC: False})
    world.settle()
    world.crm.edit(record_id, **{SYNC: True})
    world.crm.close(record_id, Stage.LOST)
    with overtaken(world):
        world.crm.reopen(record_id)
        world.crm.edit(record_id, **{SYNC: False})
    assert world.partner_center.rows[referral_id]["status"] == "Active"
    assert world.link().state is LinkState.PAUSED


def test_a_deal_that_is_paused_on_a_locked_record_stays_paused() -> None:
    world = World()
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, estimatedvalue=7)
    with overtaken(world):
        world.crm.edit(record_id, **{SYNC: False})
        world.crm.close(record_id, Stage.LOST)
    assert at(world.partner_center.rows[referral_id], VALUE) == 42000
    assert world.link().state is LinkState.PAUSED


def test_a_deal_whose_record_was_deleted_stays_orphaned() -> None:
    world = World()
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, estimatedvalue=7)
    with overtaken(world):
        world.crm.delete(record_id)
    assert at(world.partner_center.rows[referral_id], VALUE) == 42000
    assert world.link().state is LinkState.ORPHANED


def test_a_record_whose_sync_was_switched_off_is_not_shared() -> None:
    world = World()
    record_id = world.crm.add_deal()
    with overtaken(world):
        world.crm.edit(record_id, **{SYNC: False})
    assert world.partner_center.rows == {}
    assert world.crm.row(record_id)[STATUS] is None


def test_a_switched_off_sync_that_is_held_goes_on_waiting() -> None:
    world = World()
    world.configure(mass_deals=1)
    for record_id in [shared(world)[1], shared(world)[1]]:
        world.crm.edit(record_id, **{SYNC: False})
        world.settle()
    held = mass_change.held(world.task)
    assert len(held) == 1
    world.crm.edit(record_id, **{SYNC: True})
    with overtaken(world):
        world.crm.edit(record_id, **{SYNC: False})
    assert mass_change.held(world.task) == held
    assert str(world.crm.row(record_id)[STATUS]).startswith("⏳")


def test_a_problem_of_a_tied_record_is_not_forgotten_for_what_it_held_before() -> None:
    world = World()
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, description="the first of two edits")
    with overtaken(world):
        world.crm.edit(record_id, **{IDENTIFIER: "REF-1", "estimatedvalue": 7})
    assert [each.key for each in world.parked()] == [referral_id]
    assert str(world.crm.row(record_id)[STATUS]).startswith("✖")
    assert at(world.partner_center.rows[referral_id], NOTES) != "the first of two edits", "nothing travels meanwhile"
    world.crm.edit(record_id, **{IDENTIFIER: referral_id})
    world.settle()
    check_agreed(world)
    assert world.crm.row(record_id)["estimatedvalue"] == 7


def test_an_edit_behind_the_message_is_not_left_to_one_that_was_handled_already() -> None:
    """The problem of the newest edit is told already, so that looking at it has left the link as it was."""
    world = World()
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, **{IDENTIFIER: "REF-1"})
    world.settle()
    world.crm.edit(record_id, **{IDENTIFIER: referral_id, "description": "right for a moment"})
    with overtaken(world):
        world.crm.edit(record_id, **{IDENTIFIER: "REF-1", "estimatedvalue": 7})
    assert [each.key for each in world.parked()] == [referral_id]
    assert str(world.crm.row(record_id)[STATUS]).startswith("✖")


def with_a_late_retry(world: World) -> tuple[str, str]:
    """Return a deal that agrees, though the retry of a look that failed is still on its way."""
    referral_id, record_id = shared(world)
    world.tape.fail(ServiceUnavailable("down"), "partner_center", "read")
    world.partner_center.edit(referral_id, {VALUE: 7})
    world.receive_all()
    world.pump()
    world.partner_center.edit(referral_id, {VALUE: 8})
    world.receive_all()
    world.pump()
    assert world.crm.row(record_id)["estimatedvalue"] == 8
    assert world.queue.messages, "the retry"
    return referral_id, record_id


def test_a_late_retry_takes_no_failure_of_the_other_side_from_the_agenda() -> None:
    world = World()
    referral_id, record_id = with_a_late_retry(world)
    world.tape.fail(SignInRequired("sign in again"), "partner_center", "update")
    world.crm.close(record_id, Stage.LOST)
    world.poll()
    world.pump()
    (parked,) = world.parked()
    assert (parked.family, world.link().settled) == ("fatal", True), "the record is locked, and cannot say so"
    world.settle()
    world.recover()
    assert world.partner_center.rows[referral_id]["substatus"] == "Lost"
    check_agreed(world)


def test_a_late_retry_takes_no_pause_that_is_still_to_be_shown_from_the_agenda() -> None:
    world = World()
    _, record_id = with_a_late_retry(world)
    world.tape.fail(VersionMismatch("edited at that moment"), "crm", "update")
    world.crm.edit(record_id, **{SYNC: False})
    world.poll()
    world.pump()
    assert world.link().state is LinkState.PAUSED
    assert not str(world.crm.row(record_id)[STATUS]).startswith("⏸")
    world.settle()
    world.recover()
    assert str(world.crm.row(record_id)[STATUS]).startswith("⏸")


def test_a_retry_does_the_work_of_the_failure_whose_place_its_own_took() -> None:
    world = World()
    referral_id, record_id = shared(world)
    refused = SignInRequired("sign in again")
    fault = world.tape.fail(refused, "partner_center", times=None)
    world.crm.close(record_id, Stage.LOST)
    world.poll()
    world.pump()
    held = at(world.partner_center.rows[referral_id], NOTES)
    world.partner_center.edit(referral_id, {NOTES: held})  # It is saved, and says nothing new.
    world.receive_all()
    world.pump()
    (parked,) = world.parked()
    assert (DealMessage.load(parked.message).source, world.link().settled) == ("partner_center", True)
    world.tape.faults.remove(fault)
    world.settle()
    world.recover()
    assert world.partner_center.rows[referral_id]["substatus"] == "Lost"
