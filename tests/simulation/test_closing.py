"""Closing: the undo window, mass changes, and work that waits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.errors import AccessDenied, OutcomeUnknown, ServiceUnavailable
from shared.ledger.model import DueKind
from shared.lifecycle import Stage
from shared.status import StatusKind
from shared.sync import mass_change
from shared.sync.mass_change import Kind
from tests.simulation.agreement import check_agreed
from tests.simulation.deals import HELP, invited, shared
from tests.support.fakes.crm_rules import SYNC
from tests.support.fakes.partner_center import CONTOSO
from tests.support.fakes.referral_rules import at
from tests.support.fakes.tape import Step
from tests.support.fakes.world import World

VALUE = "/details/dealValue"


def tick(world: World, minutes: float = 1) -> None:
    world.clock.advance(timedelta(minutes=minutes))
    world.receive_all()
    world.poll()
    world.pump()


@pytest.fixture
def world() -> World:
    return World(close_delay=timedelta(minutes=5))


@pytest.mark.parametrize(("end", "substatus"), [(Stage.WON, "Won"), (Stage.LOST, "Lost")])
def test_a_close_waits_and_is_sent_when_its_window_is_over(world: World, end: Stage, substatus: str) -> None:
    referral_id, record_id = shared(world)
    world.crm.close(record_id, end)
    tick(world)
    tick(world)
    assert world.partner_center.rows[referral_id]["status"] == "Active"
    for _ in range(5):
        tick(world)
    assert world.partner_center.rows[referral_id]["substatus"] == substatus
    world.settle()
    check_agreed(world)


def test_moving_the_record_back_cancels_the_close_and_other_edits_travel_meanwhile(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.close(record_id, Stage.WON)
    tick(world)
    world.partner_center.edit(referral_id, {"/details/notes": "meanwhile"})
    tick(world)
    world.crm.reopen(record_id)
    for _ in range(10):
        tick(world)
    assert world.partner_center.rows[referral_id]["status"] == "Active"
    assert world.link().closing is None
    assert "Won was taken back within its undo window" in world.history()
    assert world.ledger.of("dynamics365").agenda.of(DueKind.UNDO, referral_id) is None
    world.settle()
    check_agreed(world)


def test_a_decline_waits_too(world: World) -> None:
    referral_id, record_id = invited(world)
    world.crm.close(record_id, Stage.LOST)
    tick(world)
    assert world.partner_center.rows[referral_id]["status"] == "New"
    for _ in range(6):
        tick(world)
    assert world.partner_center.rows[referral_id]["substatus"] == "Declined"


def test_a_window_whose_message_is_lost_is_ended_by_the_reconciler(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.close(record_id, Stage.WON)
    tick(world)
    world.queue.messages.clear()
    world.clock.advance(timedelta(minutes=20))
    world.reconcile()
    world.pump()
    assert world.partner_center.rows[referral_id]["substatus"] == "Won"


def test_a_win_without_value_is_asked_for_at_once_and_heals_when_the_value_is_there(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, estimatedvalue=0)
    world.settle()
    world.crm.close(record_id, Stage.WON)
    tick(world)
    tick(world)
    assert [text for text in world.chat.texts if "value" in text], "the record is locked, so somebody else is told"
    assert world.partner_center.rows[referral_id]["status"] == "Active"
    world.crm.reopen(record_id)
    world.crm.edit(record_id, estimatedvalue=5)
    world.crm.close(record_id, Stage.WON)
    for _ in range(8):
        tick(world)
    assert world.partner_center.rows[referral_id]["substatus"] == "Won"
    assert len(world.chat.texts) == 2, "told once, resolved once"


def test_a_win_without_value_heals_by_the_value_that_partner_center_gets(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, estimatedvalue=0)
    world.settle()
    world.crm.close(record_id, Stage.WON)
    tick(world)
    assert len(world.chat.texts) == 1
    world.partner_center.edit(referral_id, {VALUE: 700})
    for _ in range(8):
        tick(world)
    row = world.partner_center.rows[referral_id]
    assert (row["substatus"], at(row, VALUE)) == ("Won", 700)
    assert not world.ledger.of("dynamics365").agenda.of(DueKind.PARKED, referral_id)


def test_a_win_without_value_holds_the_end_alone_and_is_asked_for_once(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, estimatedvalue=0)
    world.settle()
    world.crm.edit(record_id, description="the last word")
    world.crm.close(record_id, Stage.WON)
    for _ in range(8):
        tick(world)
    row = world.partner_center.rows[referral_id]
    assert (row["status"], at(row, "/details/notes")) == ("Active", "the last word")
    world.recover()
    assert len(world.chat.texts) == 1
    shown = world.link().status
    assert shown
    assert shown.text.startswith("✖ Enter the deal value")


def test_a_value_that_every_deal_needs_is_asked_for_and_the_rest_goes_on(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, estimatedclosedate=None, description="goes on")
    world.settle()
    row = world.partner_center.rows[referral_id]
    assert at(row, "/details/notes") == "goes on"
    assert at(row, "/details/closingDateTime").startswith("2027-06-30")
    assert str(world.crm.row(record_id)["cosell_syncstatus"]).startswith("✖ Enter the estimated closing date")
    world.crm.edit(record_id, estimatedclosedate="2027-09-30")
    world.settle()
    check_agreed(world)


def test_a_difference_that_a_locked_record_cannot_show_reaches_the_channel(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.close(record_id, Stage.WON)
    tick(world)
    world.partner_center.edit(referral_id, {"/details/notes": "after the end"})
    for _ in range(8):
        tick(world)
    shown = world.link().status
    assert shown
    assert shown.kind is StatusKind.DIFFERS
    assert [text for text in world.chat.texts if "stay in Partner Center" in text]


# --- mass changes ---


def many(world: World, count: int = 40) -> list[str]:
    ids = [world.crm.add_deal() for _ in range(count)]
    world.settle()
    return ids


@pytest.mark.parametrize("delay", [0, 5])
def test_a_mass_of_closes_is_held_until_a_person_releases_it(delay: int) -> None:
    world = World(close_delay=timedelta(minutes=delay))
    ids = many(world)
    for record_id in ids:
        world.crm.close(record_id, Stage.LOST)
    world.settle()
    closed = [row for row in world.partner_center.ours() if row["status"] == "Closed"]
    assert len(closed) == (0 if delay else 25)
    assert len(list(world.ledger.of("dynamics365").agenda.all(DueKind.HELD))) == 40 - len(closed)
    assert sum("held" in text.casefold() for text in world.chat.texts) == 1
    world.recover()
    assert len([row for row in world.partner_center.ours() if row["status"] == "Closed"]) == len(closed)
    mass_change.release(world.task, Kind.CLOSE)
    world.settle()
    assert all(row["status"] == "Closed" for row in world.partner_center.ours())
    check_agreed(world, deals=40)


def test_deletions_and_switching_off_are_guarded_alike() -> None:
    world = World()
    ids = many(world)
    for record_id in ids[:20]:
        world.crm.edit(record_id, **{SYNC: False})
    for record_id in ids[20:]:
        world.crm.delete(record_id)
    world.settle()
    assert len(world.chat.texts) == 0, "twenty of each are no mass"
    world = World()
    ids = many(world)
    for record_id in ids:
        world.crm.delete(record_id)
    world.settle()
    assert len([text for text in world.chat.texts if "held" in text.casefold()]) == 1


def test_other_deals_go_on_while_a_mass_is_held() -> None:
    world = World()
    ids = many(world)
    other = world.crm.add_deal()
    world.settle()
    for record_id in ids:
        world.crm.close(record_id, Stage.LOST)
    world.crm.edit(other, estimatedvalue=8)
    world.settle()
    link = world.link_of_record(other)
    assert link
    assert at(world.partner_center.rows[link.referral_id], VALUE) == 8


HELD = "⏳ Held with many other changes"


@pytest.mark.parametrize("kind", [Kind.CLOSE, Kind.CLEAR, Kind.SWITCH_OFF])
def test_a_held_change_is_shown_and_the_rest_of_its_deal_goes_on(kind: Kind) -> None:
    world = World(closed_rows_are_read_only=False)
    ids = many(world)
    for number, record_id in enumerate(ids):
        if kind is Kind.SWITCH_OFF:
            world.crm.edit(record_id, **{SYNC: False})
            continue
        world.crm.edit(record_id, estimatedvalue=number, **({"description": None} if kind is Kind.CLEAR else {}))
        if kind is Kind.CLOSE:
            world.crm.close(record_id, Stage.LOST)
    world.settle()
    held = {due.key for due in mass_change.held(world.task, kind)}
    assert len(held) == 15
    world.recover()
    for record_id in ids:
        link = world.link_of_record(record_id)
        assert link
        shown = str(world.crm.row(record_id)["cosell_syncstatus"])
        assert shown.startswith(HELD) == (link.referral_id in held), shown
        if kind is not Kind.SWITCH_OFF:
            there = at(world.partner_center.rows[link.referral_id], VALUE)
            assert there == world.crm.row(record_id)["estimatedvalue"]
    mark = world.mark()
    world.recover()
    assert not [name for name in world.calls(mark) if "update" in name], "it says so once"
    mass_change.release(world.task, kind)
    world.settle()
    for record_id in ids:
        assert not str(world.crm.row(record_id)["cosell_syncstatus"]).startswith("⏳")


def test_a_held_close_that_is_taken_back_is_held_no_more() -> None:
    world = World(closed_rows_are_read_only=False)
    ids = many(world)
    for record_id in ids:
        world.crm.close(record_id, Stage.LOST)
    world.settle()
    for record_id in ids:
        world.crm.reopen(record_id)
    world.settle()
    assert not mass_change.held(world.task)
    assert sum(str(world.crm.row(each)["cosell_syncstatus"]).startswith("✔") for each in ids) == 15


# --- work that waits ---


def test_an_outage_does_not_multiply_messages() -> None:
    world = World()
    deals = [shared(world) for _ in range(3)]
    world.tape.fail(ServiceUnavailable("answered 503"), "partner_center", times=None)
    for _, record_id in deals:
        world.crm.edit(record_id, estimatedvalue=2)
    for _ in range(60):
        tick(world, 5)
        world.reconcile()
        assert len(world.queue.messages) <= 2 * len(deals)
    world.tape.faults.clear()
    world.recover()
    check_agreed(world, deals=3)


@pytest.mark.parametrize("help_code", [None, HELP])
def test_an_unanswered_creation_is_found_in_seconds(help_code: int | None) -> None:
    world = World()
    world.crm.add_deal(cosell_howcanmicrosofthelp=help_code)
    world.tape.fail(OutcomeUnknown("the connection broke"), "partner_center", "create", after=True)
    world.poll()
    world.pump()
    begun = world.clock.now()
    world.clock.advance(timedelta(seconds=10))
    world.pump()
    assert world.link().settled
    assert world.clock.now() - begun < timedelta(seconds=30)
    assert len(world.partner_center.ours()) == 1


def test_an_invitation_whose_answer_was_lost_is_found_before_another_one_is_sent() -> None:
    world = World()
    world.crm.add_deal(cosell_howcanmicrosofthelp=HELP)

    def lose_the_answer(step: Step) -> None:
        if step.name == "create" and world.calls(0)["partner_center.create"] == 2:
            raise OutcomeUnknown("the connection broke")

    world.tape.after.append(lose_the_answer)
    world.settle()
    world.recover()
    assert world.calls(0)["partner_center.create"] == 2, "our half and Microsoft's, once each"
    check_agreed(world)


def test_a_creation_that_broke_off_behind_its_invitation_invites_nobody_twice_while_the_lists_lag() -> None:
    world = World(dull=True)
    world.partner_center.lag = timedelta(minutes=4)
    world.crm.add_deal(cosell_howcanmicrosofthelp=HELP)
    failed: list[Step] = []

    def fail(step: Step) -> None:
        if step.name == "update" and world.calls(0)["partner_center.create"] == 2 and not failed:
            failed.append(step)
            raise ServiceUnavailable("the CRM is busy")

    world.tape.before.append(fail)
    world.settle()
    world.recover()
    assert failed
    assert world.calls(0)["partner_center.create"] == 2
    check_agreed(world)


def test_an_unanswered_creation_that_never_happened_is_posted_again_only_when_that_is_certain() -> None:
    world = World()
    world.crm.add_deal()
    world.tape.fail(OutcomeUnknown("the connection broke"), "partner_center", "create")
    world.poll()
    world.pump()
    sent_at = world.clock.now()
    while not world.partner_center.ours():
        world.clock.advance(timedelta(seconds=30))
        world.pump()
    assert world.clock.now() - sent_at >= timedelta(minutes=10)
    world.settle()
    check_agreed(world)


def test_a_partners_row_that_names_our_record_is_not_taken_for_an_unanswered_creation() -> None:
    world = World(dull=True)
    world.partner_center.listed.add(CONTOSO)
    record_id = world.crm.add_deal()
    world.tape.fail(OutcomeUnknown("the connection broke"), "partner_center", "create", after=True)
    theirs = world.partner_center.partner_joins("11111111-2222-4333-8444-555555555555", externalReferenceId=record_id)
    world.settle()
    assert world.link().referral_id != theirs
    check_agreed(world)


def test_the_first_success_after_a_refused_sign_in_resumes_everything() -> None:
    world = World()
    deals = [shared(world) for _ in range(3)]
    world.tape.fail(AccessDenied("no role"), "partner_center", times=None)
    for _, record_id in deals:
        world.crm.edit(record_id, estimatedvalue=2)
    world.poll()
    world.pump()
    world.tape.faults.clear()
    another, record_id = deals[0]
    world.crm.edit(record_id, estimatedvalue=3)
    world.clock.advance(timedelta(seconds=20))
    world.poll()
    world.pump()
    world.pump()
    values = [at(world.partner_center.rows[each], VALUE) for each, _ in deals]
    assert values == [3, 2, 2], "nobody waits for the end of a pause"
    assert another


def test_a_close_that_the_crm_refuses_is_shown_once_and_made_when_the_rule_is_gone() -> None:
    world = World()
    referral_id, record_id = shared(world)
    world.crm.refused_closing = "Ask the owner first."
    world.partner_center.edit(referral_id, {"/details/notes": "Signed today."})
    world.partner_center.close(referral_id, "Won")
    world.settle()
    row = world.crm.row(record_id)
    assert (row["description"], row["statecode"]) == ("Signed today.", 0)
    assert str(row["cosell_syncstatus"]).startswith("✖")
    assert [due.family for due in world.parked()] == ["data"]
    start = world.mark()
    world.settle()
    assert world.calls(start) == {}
    world.crm.refused_closing = ""
    world.crm.edit(record_id, cosell_products=world.crm.row(record_id)["cosell_products"])
    world.settle()
    assert world.crm.row(record_id)["statecode"] == 1
    assert world.parked() == []
