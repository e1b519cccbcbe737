"""What a person orders at the status page is done once, whatever dies between the order and its end, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from shared.errors import DataError
from shared.ledger.model import DueKind
from shared.lifecycle import Stage
from shared.link import LinkState
from shared.problems import problem
from tests.simulation.agreement import check_agreed, disagreements
from tests.simulation.deals import shared
from tests.support.desks import Visitor
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.tape import Crash, Step, where_to_die
from tests.support.fakes.world import World

VALUE = "/details/dealValue"


@dataclass(frozen=True)
class Story:
    """What is ordered, and what must be true when nothing happens any more."""

    order: dict[str, object]
    ends: Callable[[], None]


def ordered(world: World, content: dict[str, object]) -> None:
    """Order something, and again when the process dies of it: the person sees an error, and presses again."""
    for _ in range(3):
        try:
            Visitor(world).order(content)
        except Crash:
            world.crashes += 1
        else:
            return
    raise AssertionError("the order is never taken")


def settled(world: World, content: dict[str, object]) -> None:
    ordered(world, content)
    world.settle()


def _state(world: World, referral_id: str) -> LinkState:
    link = world.ledger.of("dynamics365").links.of_referral(referral_id)
    assert link
    return link.state


def _retry(world: World) -> Story:
    referral_id, record_id = shared(world, estimatedvalue=1000)
    refusal = DataError(problem("crm.refused", "record", crm="Partner Center", message="no"))
    fault = world.tape.fail(refusal, "partner_center", "update", times=None)
    world.crm.edit(record_id, estimatedvalue=2000)
    world.settle()
    world.tape.faults.remove(fault)

    def ends() -> None:
        check_agreed(world)
        assert world.partner_center.rows[referral_id]["details"]["dealValue"] == 2000

    return Story({"action": "retry", "deal": referral_id}, ends)


def _retry_before_there_is_a_referral(world: World) -> Story:
    account = world.crm.add_account(address1_line1=None)
    record_id = world.crm.add_deal(parentaccountid=account, parentcontactid=world.crm.add_contact())
    world.settle()
    world.crm.accounts[account]["address1_line1"] = "1 Main Street"
    return Story({"action": "retry", "deal": record_id}, lambda: check_agreed(world))


def _pause(world: World) -> Story:
    referral_id, record_id = shared(world, estimatedvalue=1000)

    def ends() -> None:
        assert _state(world, referral_id) is LinkState.STOPPED
        world.crm.edit(record_id, estimatedvalue=2000)
        world.settle()
        assert world.partner_center.rows[referral_id]["details"]["dealValue"] == 1000
        assert world.queue.messages == []

    return Story({"action": "pause", "deal": referral_id}, ends)


def _resume(world: World) -> Story:
    referral_id, record_id = shared(world, estimatedvalue=1000)
    settled(world, {"action": "pause", "deal": referral_id})
    world.crm.edit(record_id, estimatedvalue=2000)
    world.partner_center.edit(referral_id, {"/details/notes": "theirs"})
    world.settle()

    def ends() -> None:
        check_agreed(world)
        assert world.partner_center.rows[referral_id]["details"]["dealValue"] == 2000
        assert world.crm.row(record_id)["description"] == "theirs"

    return Story({"action": "resume", "deal": referral_id}, ends)


def _unlink(world: World) -> Story:
    referral_id, record_id = shared(world)

    def ends() -> None:
        assert _state(world, referral_id) is LinkState.UNLINKED
        assert world.crm.row(record_id)[IDENTIFIER] is None
        assert len(world.partner_center.ours()) == len(world.crm.rows()) == 1

    return Story({"action": "unlink", "deal": referral_id}, ends)


def _link(world: World) -> Story:
    referral_id, record_id = shared(world, estimatedvalue=1000)
    settled(world, {"action": "unlink", "deal": referral_id})
    world.crm.edit(record_id, estimatedvalue=2000)
    world.settle()

    def ends() -> None:
        check_agreed(world)
        assert world.partner_center.rows[referral_id]["details"]["dealValue"] == 2000
        assert world.partner_center.rows[referral_id]["externalReferenceId"] == record_id

    return Story({"action": "link", "deal": referral_id, "record": record_id}, ends)


def _share_again(world: World) -> Story:
    old, record_id = shared(world)
    world.partner_center.close(old, "Won")
    world.settle()
    world.crm.reopen(record_id)
    world.settle()

    def ends() -> None:
        link = world.link_of_record(record_id)
        assert link
        assert (_state(world, old), link.state, link.referral_id != old) == (
            LinkState.UNLINKED,
            LinkState.LINKED,
            True,
        )
        assert len(world.partner_center.ours()) == 2
        assert disagreements(world, link) == []
        assert world.crm.row(record_id)[IDENTIFIER] == link.referral_id

    return Story({"action": "share_again", "deal": old}, ends)


def _mass(world: World) -> list[str]:
    """Three deals that are won at once where one is a mass already; returns their referrals."""
    deals = [shared(world) for _ in range(3)]
    world.configure(mass_deals=1)
    for _, record_id in deals:
        world.crm.close(record_id, Stage.WON)
    world.settle()
    assert list(world.ledger.of("dynamics365").agenda.all(DueKind.HELD))
    return [referral_id for referral_id, _ in deals]


def _release(world: World) -> Story:
    deals = _mass(world)

    def ends() -> None:
        assert [world.partner_center.rows[each]["substatus"] for each in deals] == ["Won"] * 3
        assert not list(world.ledger.of("dynamics365").agenda.all(DueKind.HELD))

    return Story({"action": "release", "held": "dynamics365-close"}, ends)


def _drop(world: World) -> Story:
    deals = _mass(world)
    open_before = [each for each in deals if world.partner_center.rows[each]["status"] != "Closed"]

    def ends() -> None:
        assert [each for each in deals if world.partner_center.rows[each]["status"] != "Closed"] == open_before
        assert not list(world.ledger.of("dynamics365").agenda.all(DueKind.HELD))

    return Story({"action": "release", "held": "dynamics365-close", "drop": True}, ends)


STORIES = [
    _retry,
    _retry_before_there_is_a_referral,
    _pause,
    _resume,
    _unlink,
    _link,
    _share_again,
    _release,
    _drop,
]
EACH = pytest.mark.parametrize("prepare", STORIES, ids=lambda prepare: prepare.__name__.strip("_"))
MOST = 12
"""Second crashes that are tried for each first one."""


def _steps(prepare: Callable[[World], Story]) -> list[Step]:
    """Return the storage and remote calls that an order leads to when nothing goes wrong."""
    world = World()
    story = prepare(world)
    first = world.mark()
    settled(world, story.order)
    steps = world.tape.steps[first:]
    story.ends()
    return steps


def _relive(world: World, story: Story) -> None:
    settled(world, story.order)
    world.recover()
    story.ends()


@EACH
def test_an_order_is_done_once_wherever_the_process_dies(prepare: Callable[[World], Story]) -> None:
    for number in where_to_die(_steps(prepare)):
        world = World()
        story = prepare(world)
        world.tape.crash_at(number, after=True)
        _relive(world, story)
        assert world.crashes == 1, number


@EACH
def test_an_order_is_done_once_when_the_process_dies_of_the_recovery_too(prepare: Callable[[World], Story]) -> None:
    for first in where_to_die(_steps(prepare)):
        world = World()
        story = prepare(world)
        world.tape.crash_at(first, after=True)
        settled(world, story.order)
        points = where_to_die(world.tape.steps[first + 1 :])
        stride = 1 + len(points) // MOST
        for second in points[first % stride :: stride]:
            again = World()
            story = prepare(again)
            again.tape.crash_at(first, after=True)
            again.tape.crash_at(second, after=True)
            _relive(again, story)
            assert again.crashes == 2, (first, second)


@EACH
def test_an_order_that_is_given_twice_is_done_once(prepare: Callable[[World], Story]) -> None:
    world = World()
    story = prepare(world)
    ordered(world, story.order)
    ordered(world, story.order)
    world.settle()
    world.clock.advance(timedelta(minutes=1))
    ordered(world, story.order)
    world.recover()
    world.settle()
    story.ends()
