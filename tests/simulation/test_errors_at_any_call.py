"""An error at any call, a spent allowance, and a CRM that refuses or hides."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.errors import (
    AllowanceSpent,
    OutcomeUnknown,
    ServiceUnavailable,
    Throttled,
)
from shared.link import LinkState
from tests.simulation.agreement import check_agreed
from tests.simulation.deals import HELP, invited, shared
from tests.support.fakes.crm_rules import SYNC
from tests.support.fakes.referral_rules import at
from tests.support.fakes.tape import Step
from tests.support.fakes.world import World

VALUE = "/details/dealValue"


@pytest.fixture
def world() -> World:
    return World()


def status(world: World, record_id: str) -> str:
    return str(world.crm.row(record_id)["cosell_syncstatus"])


# --- one error at any call -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_one_broken_connection_at_any_remote_call_of_a_life(after: bool) -> None:
    total = len(_live(World()).tape.steps)
    for number in range(total):
        world = World()
        _break_at(world, number, after=after)
        _live(world)
        world.recover()
        check_agreed(world, deals=2)


def _break_at(world: World, number: int, *, after: bool) -> None:
    hooks = world.tape.after if after else world.tape.before

    def strike(step: object) -> None:
        if len(world.tape.steps) == number + 1 and world.tape.steps[number].remote:
            hooks.remove(strike)
            raise OutcomeUnknown(f"broke at {step}") if after else ServiceUnavailable(f"broke at {step}")

    hooks.append(strike)


@pytest.mark.parametrize("chosen", ["", HELP], ids=["alone", "with Microsoft"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_creation_that_broke_off_at_any_call_goes_on_in_seconds(chosen: str, after: bool) -> None:
    calm = World()
    _shares(calm, chosen)
    for number in range(calm.mark()):
        world = World()
        _break_once(world, number, after=after)
        record_id = _shares(world, chosen)
        for _ in range(3):
            world.clock.advance(timedelta(seconds=20))
            world.receive_all()
            world.poll()
            world.pump()
        assert status(world, record_id).startswith("✔"), (world.tape.steps[number], status(world, record_id))
        (own,) = world.partner_center.ours()
        assert len(world.partner_center.of_microsoft(str(own["engagementId"]))) == bool(chosen)


def _shares(world: World, chosen: str) -> str:
    record_id = world.crm.add_deal(**({"cosell_howcanmicrosofthelp": chosen} if chosen else {}))
    world.poll()
    world.pump()
    return record_id


def _break_once(world: World, number: int, *, after: bool) -> None:
    """Let one call fail; whether a new referral was made nobody knows then."""

    def strike(step: Step) -> None:
        if step.number == number:
            raise OutcomeUnknown("broke") if after and step.name == "create" else ServiceUnavailable("answered 503")

    (world.tape.after if after else world.tape.before).append(strike)


def _live(world: World) -> World:
    """A co-sell deal and an invitation, each edited on both sides."""
    record_id = world.crm.add_deal(cosell_howcanmicrosofthelp=HELP)
    referral_id = world.partner_center.invites_us()
    world.settle()
    world.crm.edit(record_id, estimatedvalue=25, description="ours")
    world.partner_center.edit(referral_id, {VALUE: 26})
    world.settle()
    world.partner_center.accept(referral_id)
    world.settle()
    return world


def test_an_undecided_invitation_survives_an_outage_of_both_lists(world: World) -> None:
    invited(world)
    world.tape.fail(ServiceUnavailable("answered 503"), "partner_center", "changed_since", times=2)
    world.tape.fail(ServiceUnavailable("answered 503"), "crm", "changes", times=2)
    world.recover()
    check_agreed(world)


def test_a_referral_that_closes_while_its_record_is_being_created_is_tied_unpatched(world: World) -> None:
    referral_id = world.partner_center.invites_us()
    world.tape.fail(Throttled("slow down", retry_after=60), "partner_center", "update")
    world.receive_all()
    world.pump()
    assert world.links() == [], "its record is there, but the referral does not name it yet"
    world.partner_center.close(referral_id, "Lost")
    world.recover()
    assert world.link().record_id == world.record_id()
    assert list(world.parked()) == []


# --- the vendor's daily allowance ------------------------------------------------------------------------------------


def test_a_spent_allowance_is_told_and_ends_with_the_first_poll_that_works(world: World) -> None:
    referral_id, _ = shared(world)
    world.tape.fail(AllowanceSpent("91 % of the calls are used", retry_after=1800), "crm", times=None)
    world.partner_center.edit(referral_id, {VALUE: 30})
    world.receive_all()
    world.pump()
    (parked,) = world.parked()
    assert (parked.family, parked.at - world.clock.now() > timedelta(minutes=25)) == ("retriable", True)
    for _ in range(3):
        world.poll()
    assert len(world.chat.texts) == 1
    assert "91 %" in world.chat.texts[0]
    world.tape.faults.clear()
    world.poll()
    assert len(world.chat.texts) == 2
    world.clock.advance(timedelta(hours=1))
    world.settle()
    world.recover()
    check_agreed(world)


# --- a CRM that refuses to close, or hides ---------------------------------------------------------------------------


def test_a_refused_close_is_shown_and_does_not_go_round(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.refused_closing = "Close the quotes first."
    world.crm.edit(record_id, description="edited just before")
    world.partner_center.close(referral_id, "Won")
    world.settle()
    assert status(world, record_id).startswith("✖")
    assert "Close the quotes first." in str(world.crm.row(record_id)["cosell_audit"])
    start = world.mark()
    for _ in range(5):
        world.poll()
        world.pump()
    assert not [name for name in world.calls(start) if name in ("crm.update", "crm.close")]
    world.crm.refused_closing = ""
    world.clock.advance(timedelta(hours=25))
    world.recover()
    assert world.crm.row(record_id)["statecode"] == 1


def test_a_hidden_column_clears_nothing_and_tells_the_administrator(world: World) -> None:
    referral_id, record_id = shared(world)
    notes = at(world.partner_center.rows[referral_id], "/details/notes")
    assert notes
    world.crm.hidden.add("description")
    world.crm.edit(record_id, estimatedvalue=77)
    world.settle()
    assert at(world.partner_center.rows[referral_id], "/details/notes") == notes
    assert any("hides" in text for text in world.chat.texts)
    world.crm.hidden.clear()
    world.clock.advance(timedelta(minutes=11))
    world.recover()
    check_agreed(world)
    assert at(world.partner_center.rows[referral_id], VALUE) == 77


def test_a_hidden_sync_column_pauses_no_deal(world: World) -> None:
    _, record_id = shared(world)
    world.crm.hidden.add(SYNC)
    world.crm.edit(record_id, estimatedvalue=77)
    world.settle()
    assert world.link().state is LinkState.LINKED
    assert any("hides" in text for text in world.chat.texts)
    world.crm.hidden.clear()
    world.clock.advance(timedelta(minutes=11))
    world.recover()
    check_agreed(world)
    assert world.link().state is LinkState.LINKED


def test_what_a_plug_in_changes_after_the_answer_travels_like_an_edit(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.later.append(lambda row: {"description": "by automation"} if row["estimatedvalue"] == 88 else {})
    world.partner_center.edit(referral_id, {VALUE: 88})
    world.settle()
    check_agreed(world)
    assert at(world.partner_center.rows[referral_id], "/details/notes") == "by automation"
    assert world.crm.row(record_id)["description"] == "by automation"
