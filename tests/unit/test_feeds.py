"""What makes work: the sweep's stretch of time and what it leaves out, and that due work is taken by one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.feeds.resume import LEASE, resume_due
from shared.feeds.sweep import sweep
from shared.ledger.model import Due, DueKind
from shared.queue.message import DealMessage
from tests.support.fakes.partner_center import CONTOSO
from tests.support.fakes.tape import Step
from tests.support.fakes.world import World

VALUE = "/details/dealValue"


@pytest.fixture
def swept() -> World:
    """A world without events whose sweep has reached the moment of a change an hour after its beginning."""
    world = World(dull=True)
    world.reconcile()
    world.settle()
    world.clock.advance(timedelta(hours=1))
    world.partner_center.registers()
    sweep(world.task)
    world.settle()
    return world


def queued(world: World) -> set[str]:
    """Return the referrals that a sweep queues."""
    sweep(world.task)
    texts = [message.text for message in world.queue.messages]
    return {str(DealMessage.load(text).referral_id) for text in texts}


@pytest.mark.parametrize(("minutes", "found"), [(0, True), (14, True), (16, False)])
def test_a_row_that_surfaces_late_is_found_within_the_overlap(swept: World, minutes: int, found: bool) -> None:
    moment = swept.partner_center.ours()[0]["updatedDateTime"]
    late = swept.partner_center.registers()
    at = swept.clock.now() - timedelta(minutes=minutes)
    swept.partner_center.rows[late]["updatedDateTime"] = f"{at:%Y-%m-%dT%H:%M:%S.%f}0Z" if minutes else moment
    assert (late in queued(swept)) is found


def test_closed_deals_of_the_past_are_no_news(swept: World) -> None:
    closed, still_open = swept.partner_center.registers(), swept.partner_center.registers()
    swept.partner_center.close(closed, "Won")
    assert queued(swept) == {still_open}


def test_rows_of_other_organizations_are_not_queued(swept: World) -> None:
    ours = swept.partner_center.registers()
    foreign = swept.partner_center.registers()
    swept.partner_center.rows[foreign]["organizationId"] = CONTOSO
    swept.partner_center.listed.add(CONTOSO)
    assert queued(swept) == {ours}


def test_of_two_reconcilers_that_find_the_same_one_queues_it() -> None:
    world = World()
    now = world.clock.now()
    for key in ("one", "two"):
        message = DealMessage("partner_center", "retry", "c", referral_id=key).dump()
        world.task.agenda.put(Due(DueKind.PARKED, key, now, now, message))
    others = [lambda: resume_due(world.task)]

    def let_the_other_go_first(step: Step) -> None:
        while others and (step.port, step.name) == ("queue", "send"):
            others.pop()()

    world.tape.after.append(let_the_other_go_first)
    resume_due(world.task)
    keys = sorted(str(DealMessage.load(message.text).referral_id) for message in world.queue.messages)
    assert keys == ["one", "two"]


def test_a_due_deal_whose_message_was_lost_is_queued_again() -> None:
    world = World()
    now = world.clock.now()
    message = DealMessage("partner_center", "retry", "c", referral_id="one").dump()
    world.task.agenda.put(Due(DueKind.PARKED, "one", now, now, message))
    resume_due(world.task)
    world.queue.messages.clear()
    resume_due(world.task)
    assert world.queue.messages == []
    world.clock.advance(LEASE)
    resume_due(world.task)
    assert [each.text for each in world.queue.messages] == [message]
