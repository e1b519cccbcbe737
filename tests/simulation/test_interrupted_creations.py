"""A creation breaks off when one side is made, and somebody edits the deal before it goes on.

An edit is an edit; and what a POST made is found although nobody was answered and no list shows it yet.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.errors import OutcomeUnknown, ServiceUnavailable
from shared.ledger.drawers import made_of
from shared.ledger.model import DueKind
from shared.lifecycle import Stage
from shared.sync.observe import INTENT_LEASE
from tests.simulation.agreement import check_agreed, check_audit
from tests.simulation.deals import HELP
from tests.support.fakes.tape import Crash, Step
from tests.support.fakes.world import World

VALUE = "/details/dealValue"


def _shared_and_broken_off() -> World:
    """The referral is there; the record could not be told."""
    return _broken_off(lambda world: world.crm.add_deal(), "crm")


def _received_and_broken_off() -> World:
    """The record is there; the referral could not be told."""
    return _broken_off(lambda world: world.partner_center.registers(), "partner_center")


def _broken_off(begin: Callable[[World], object], untold: str) -> World:
    world = World()
    begin(world)
    fault = world.tape.fail(ServiceUnavailable("answered 503"), untold, "update", times=None)
    world.receive_all()
    world.poll()
    world.pump()
    world.tape.faults.remove(fault)
    assert world.links() == []
    assert len(world.partner_center.ours()) == len(world.crm.rows()) == 1
    return world


def _values(world: World) -> tuple[object, object]:
    (row,), (record,) = world.partner_center.ours(), world.crm.rows().values()
    return row["details"]["dealValue"], record["estimatedvalue"]


def _goes_on(world: World, *, event_first: bool) -> None:
    if event_first:
        world.receive_all()
    world.clock.advance(timedelta(minutes=11))
    world.poll()
    world.settle()
    world.recover()
    check_agreed(world)
    check_audit(world)


BREAKS = pytest.mark.parametrize("breaks_off", [_shared_and_broken_off, _received_and_broken_off])
FIRST = pytest.mark.parametrize("event_first", [False, True])


@BREAKS
@FIRST
def test_a_colleagues_edit_reaches_the_untouched_record(breaks_off: Callable[[], World], *, event_first: bool) -> None:
    world = breaks_off()
    world.partner_center.edit(str(world.partner_center.ours()[0]["id"]), {VALUE: 7})
    _goes_on(world, event_first=event_first)
    assert _values(world) == (7, 7)


@BREAKS
@FIRST
def test_a_sellers_edit_reaches_the_untouched_referral(breaks_off: Callable[[], World], *, event_first: bool) -> None:
    world = breaks_off()
    world.crm.edit(next(iter(world.crm.rows())), estimatedvalue=8)
    _goes_on(world, event_first=event_first)
    assert _values(world) == (8, 8)


@BREAKS
@FIRST
def test_of_two_edits_the_fields_owner_has_its_way_and_the_audit_both(
    breaks_off: Callable[[], World], *, event_first: bool
) -> None:
    world = breaks_off()
    referral_id = str(world.partner_center.ours()[0]["id"])
    world.partner_center.edit(referral_id, {VALUE: 7001})
    world.crm.edit(next(iter(world.crm.rows())), estimatedvalue=8001)
    _goes_on(world, event_first=event_first)
    assert _values(world) == (8001, 8001)
    assert any("7001" in entry.text for entry in world.audit_of(referral_id))


@BREAKS
def test_nothing_is_left_of_the_interruption(breaks_off: Callable[[], World]) -> None:
    world = breaks_off()
    _goes_on(world, event_first=True)
    (link,) = world.links()
    assert link.record
    assert world.task.intents.of(link.record) is None
    assert world.task.drawers.read(made_of(link.record)).etag is None


def test_microsofts_half_is_looked_at_later_though_the_lists_do_not_show_it_yet() -> None:
    world = _broken_off(lambda world: world.partner_center.invites_us(), "partner_center")
    world.partner_center.lag = timedelta(hours=1)
    world.clock.advance(timedelta(minutes=11))
    world.reconcile()
    world.pump()
    (link,) = world.links()
    assert link.microsoft is None
    assert world.task.agenda.of(DueKind.MICROSOFT, link.referral_id)


# --- nothing is posted twice -----------------------------------------------------------------------------------------

LAG = timedelta(minutes=5)


def _posts(world: World, which: int) -> None:
    """Let the process die right behind the POST with that number."""

    def die(step: Step) -> None:
        if step.name == "create" and world.calls(0)["partner_center.create"] == which:
            raise Crash("behind a POST")

    world.tape.after.append(die)


def _next_worker(world: World) -> None:
    """Let as much time go by as the app takes until it is at a broken off deal again, and is done with it."""
    for _ in range(30):
        world.clock.advance(timedelta(minutes=1))
        world.poll()
        world.pump()


def _posted_and_hidden() -> World:
    """The worker died behind its POST, and a colleague's edit keeps what it made out of the lists."""
    world = World(dull=True)
    world.partner_center.lag = LAG
    world.crm.add_deal()
    _posts(world, 1)
    world.poll()
    world.pump()
    world.clock.advance(INTENT_LEASE - timedelta(minutes=2))
    world.partner_center.edit(str(world.partner_center.ours()[0]["id"]), {VALUE: 7})
    return world


def test_a_referral_that_a_dead_worker_made_is_found_though_an_edit_hides_it() -> None:
    world = _posted_and_hidden()
    _next_worker(world)
    assert len(world.partner_center.ours()) == 1
    world.recover()
    check_agreed(world)


def test_it_is_found_though_its_record_is_closed_meanwhile() -> None:
    world = _posted_and_hidden()
    world.crm.close(next(iter(world.crm.rows())), Stage.LOST)
    _next_worker(world)
    world.recover()
    (own,) = world.partner_center.ours()
    assert (own["status"], own["substatus"]) == ("Closed", "Lost")
    assert world.link().referral_id == own["id"]


@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
def test_an_invitation_that_a_dead_worker_sent_is_found_though_an_answer_hides_it(*, later: bool) -> None:
    world = World(dull=True)
    world.partner_center.lag = LAG
    record_id = world.crm.add_deal(cosell_howcanmicrosofthelp=None if later else HELP)
    _posts(world, 2)
    world.settle()
    if later:
        world.crm.edit(record_id, cosell_howcanmicrosofthelp=HELP)
        world.poll()
        world.pump()
    (own,) = world.partner_center.ours()
    world.clock.advance(INTENT_LEASE - timedelta(minutes=2))
    world.partner_center.microsoft_accepts(str(own["engagementId"]))
    _next_worker(world)
    world.recover()
    assert world.calls(0)["partner_center.create"] == 2, "our half and Microsoft's, once each"
    check_agreed(world)


def test_a_second_unanswered_creation_is_waited_for_as_long_as_the_first() -> None:
    world = World(dull=True)
    record_id = world.crm.add_deal()
    for made in (False, True):
        world.tape.fail(OutcomeUnknown("the connection broke"), "partner_center", "create", after=made)
    world.partner_center.lag = timedelta(minutes=9)
    world.poll()
    world.pump()
    while not world.partner_center.ours():
        world.clock.advance(timedelta(seconds=30))
        world.pump()
    world.crm.edit(record_id, estimatedvalue=8)
    _next_worker(world)
    world.recover()
    assert len(world.partner_center.ours()) == 1
    check_agreed(world)
