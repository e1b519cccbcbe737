"""The customer's own logic: what it changes is an edit like any other, and what never rests is brought to rest."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.decide.fights import DRIFT, FIGHT, FIGHT_WINDOW, FORGIVEN, REST, SHOWS, SOON
from shared.link import LinkState
from shared.messages import Messages
from shared.messages.waiting import Waiting
from shared.status import pending
from shared.sync import mass_change
from shared.sync.mass_change import Kind as Counted
from tests.simulation.agreement import check_agreed, disagreements
from tests.simulation.deals import shared
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.crm_rules import SYNC, CrmRow
from tests.support.fakes.referral_rules import at
from tests.support.fakes.world import World
from tools.admin.drift.ledger import from_ledger
from tools.admin.drift.rows import Kind

VALUE, NOTES, CLOSING = "/details/dealValue", "/details/notes", "/details/closingDateTime"
STATUS = "cosell_syncstatus"


@pytest.fixture
def world() -> World:
    return World()


def status(world: World, record_id: str) -> str:
    return str(world.crm.row(record_id)[STATUS])


# --- the CRM's own logic ---


@pytest.mark.parametrize("way", ["an update of another field", "the audit alone", "the identity of a new deal"])
def test_what_the_crm_changes_within_our_write_is_an_edit_like_any_other(world: World, way: str) -> None:
    def plug_in(row: CrmRow) -> CrmRow:
        return {"estimatedclosedate": "2027-09-30"} if row["cosell_referralidentifier"] else {}

    if way == "the identity of a new deal":
        world.crm.logic.append(plug_in)
        referral_id, record_id = shared(world)
    else:
        referral_id, record_id = shared(world)
        world.crm.logic.append(plug_in)
        if way == "the audit alone":
            world.crm.edit(record_id, description="typed here")
        else:
            world.partner_center.edit(referral_id, {VALUE: 50000})
        world.settle()
    assert at(world.partner_center.rows[referral_id], CLOSING).startswith("2027-09-30")
    check_agreed(world)


def test_a_sync_that_the_crm_switches_on_again_within_the_pause_is_seen(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.logic.append(lambda row: {SYNC: True} if str(row[STATUS]).startswith("⏸") else {})
    world.crm.edit(record_id, **{SYNC: False})
    world.settle()
    assert world.crm.row(record_id)[SYNC]
    assert world.link().state is LinkState.LINKED
    world.partner_center.edit(referral_id, {VALUE: 9})
    world.settle()
    assert world.crm.row(record_id)["estimatedvalue"] == 9
    check_agreed(world)


def test_a_sync_that_the_crm_switches_off_within_our_write_pauses(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.logic.append(lambda _row: {SYNC: False})
    world.partner_center.edit(referral_id, {VALUE: 9})
    world.settle()
    assert world.link().state is LinkState.PAUSED
    assert status(world, record_id).startswith("⏸")


@pytest.mark.parametrize("arrives", [True, False])
def test_a_sync_that_the_crm_switches_off_as_the_deal_is_made_pauses(world: World, *, arrives: bool) -> None:
    switched = []

    def switch_off(_row: CrmRow) -> CrmRow:
        switched.append(1)
        return {SYNC: False} if len(switched) == 1 else {}

    world.crm.logic.append(switch_off)
    record_id = "" if arrives else world.crm.add_deal()
    if arrives:
        world.partner_center.invites_us()
    world.settle()
    assert world.link().state is LinkState.PAUSED
    assert status(world, record_id or world.record_id()).startswith("⏸")


def test_what_the_crm_changes_while_a_vanished_referral_is_shown_is_known_when_it_is_back(world: World) -> None:
    referral_id, record_id = shared(world)
    row = world.partner_center.rows[referral_id]
    world.crm.logic.append(lambda held: {"estimatedvalue": 8} if str(held[STATUS]).startswith("✖") else {})
    world.partner_center.delete(referral_id)
    world.crm.edit(record_id, estimatedvalue=4)
    world.settle()
    assert world.link().state is LinkState.ORPHANED
    assert world.link().record_version is None
    mark = world.mark()
    world.settle()
    assert world.calls(mark).get("crm.update", 0) == 0, "it rests"
    world.partner_center.rows[referral_id] = row
    world.crm.edit(record_id, description="it is back")
    world.settle()
    assert at(world.partner_center.rows[referral_id], VALUE) == 8
    check_agreed(world)


@pytest.mark.parametrize("linked", [True, False])
def test_what_the_crm_puts_right_within_the_failure_that_is_shown_is_seen(world: World, *, linked: bool) -> None:
    right: CrmRow = {"estimatedclosedate": "2027-09-30"}
    if linked:
        referral_id, record_id = shared(world)
        right = {IDENTIFIER: referral_id}
        world.crm.edit(record_id, **{IDENTIFIER: "11111111-2222-4333-8444-555555555555"})
    else:
        record_id = world.crm.add_deal(estimatedclosedate=None)
    world.crm.logic.append(lambda held: right if str(held[STATUS]).startswith("✖") else {})
    world.settle()
    assert world.crm.row(record_id).items() >= right.items()
    assert status(world, record_id).startswith("✔")
    check_agreed(world)


def test_a_fight_ends_and_is_shown_until_somebody_edits_the_field(world: World) -> None:
    referral_id, record_id = shared(world)

    def stubborn(_row: CrmRow) -> CrmRow:
        return {"cosell_referralvisibility": False}

    world.partner_center.edit(referral_id, {"/consent/consentToShareReferralWithMicrosoftSellers": True})
    world.settle()
    world.crm.logic.append(stubborn)
    world.crm.edit(record_id, cosell_referralvisibility=False)
    for _ in range(20):
        world.settle()
        world.crm.edit(record_id, description=f"note {_}")
    world.settle()
    mark = world.mark()
    world.recover()
    assert world.calls(mark).get("crm.update", 0) == 0, "it costs nothing more"
    assert status(world, record_id).startswith("◐ The CRM keeps reversing it")


def test_a_fight_of_two_automations_ends_too(world: World) -> None:
    referral_id, record_id = shared(world)

    def always_100(_row: CrmRow) -> CrmRow:
        return {"estimatedvalue": 100}

    world.crm.edit(record_id, estimatedvalue=100)
    world.settle()
    world.crm.logic.append(always_100)
    mark = world.mark()
    for _ in range(12):
        if at(world.partner_center.rows[referral_id], VALUE) != 200:
            world.partner_center.edit(referral_id, {VALUE: 200})
        world.settle()
    assert world.calls(mark)["partner_center.update"] == FIGHT
    assert status(world, record_id).startswith("◐ The CRM keeps reversing it")
    mark = world.mark()
    world.recover()
    assert world.calls(mark).get("crm.update", 0) == 0, "it costs nothing more"
    assert at(world.partner_center.rows[referral_id], VALUE) == 200
    world.crm.logic.remove(always_100)
    world.partner_center.edit(referral_id, {VALUE: 300})
    world.settle()
    check_agreed(world)


@pytest.mark.parametrize("rounds", [FIGHT, FIGHT + 3])
def test_one_seller_who_changes_a_value_to_and_fro_is_no_fight(world: World, rounds: int) -> None:
    referral_id, record_id = shared(world)
    for value in (100, 200) * rounds:
        world.crm.edit(record_id, estimatedvalue=value)
        world.settle()
        assert at(world.partner_center.rows[referral_id], VALUE) == value
        check_agreed(world)


def test_two_people_may_take_a_value_back_as_often_as_any_fight_lasts(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, estimatedvalue=100)
    world.settle()
    for _ in range(FIGHT):
        world.partner_center.edit(referral_id, {VALUE: 200})
        world.settle()
        assert world.crm.row(record_id)["estimatedvalue"] == 200
        world.crm.edit(record_id, estimatedvalue=100)
        world.settle()
        check_agreed(world)
    world.clock.advance(FIGHT_WINDOW + timedelta(minutes=1))
    world.partner_center.edit(referral_id, {VALUE: 200})
    world.settle()
    check_agreed(world)


def test_a_crm_that_changes_a_field_at_each_write_is_answered_ever_more_rarely(world: World) -> None:
    referral_id, record_id = shared(world)

    def flips(row: CrmRow) -> CrmRow:
        return {"cosell_products": "SOL-1-AAA" if row["cosell_products"] != "SOL-1-AAA" else "SOL-2-BBB"}

    def grows(row: CrmRow) -> CrmRow:
        return {"estimatedvalue": float(str(row["estimatedvalue"])) + 1}

    for drifting in (flips, grows):
        world.crm.logic.append(drifting)
        mark = world.mark()
        world.crm.edit(record_id, description=drifting.__name__)
        world.settle()
        assert world.calls(mark)["partner_center.update"] <= 2 * DRIFT
        assert status(world, record_id).startswith("⏳ Keeps changing; it travels once it rests: ")
        mark = world.mark()
        for _ in range(24 * 6):
            world.clock.advance(timedelta(minutes=10))
            world.reconcile()
            world.settle()
        spent = world.calls(mark)
        assert spent.get("partner_center.update", 0) <= 10, "a few tries in the first day"
        assert 1 <= spent["crm.update"] <= 40
        world.crm.logic.clear()
        for _ in range(24 * 6):
            world.clock.advance(timedelta(minutes=10))
            world.reconcile()
            world.settle()
        check_agreed(world)
        assert status(world, record_id).startswith("✔")
        world.clock.advance(FORGIVEN)
    assert world.link().referral_id == referral_id


def test_what_a_seller_typed_last_arrives_soon_after_the_last_of_many_saves(world: World) -> None:
    referral_id, record_id = shared(world)
    mark = world.mark()
    for number in range(40):
        world.clock.advance(timedelta(seconds=20))
        world.crm.edit(record_id, description="It began in spring. " * number + "typing")
        world.settle()
    assert world.calls(mark)["partner_center.update"] == DRIFT
    assert status(world, record_id).startswith("⏳ Keeps changing; it travels once it rests: notes")
    (parked,) = world.parked()
    assert (parked.family, parked.problems) == ("retriable", ()), "nobody has to do anything"
    assert {row.kind for row in from_ledger("dynamics365", world.ledger.of("dynamics365"))} == {Kind.WAITING}
    world.partner_center.edit(referral_id, {VALUE: 77})
    world.settle()
    assert world.crm.row(record_id)["estimatedvalue"] == 77, "other fields go on"
    for _ in range(2):
        world.clock.advance(REST)
        world.reconcile()
        world.settle()
    assert str(at(world.partner_center.rows[referral_id], NOTES)).endswith("typing")
    assert status(world, record_id).startswith("✔")
    check_agreed(world)


def test_a_value_that_changes_at_each_write_of_the_audit_comes_to_rest_when_nothing_travels_any_more() -> None:
    world = World(closed_rows_are_read_only=False)
    referral_id, record_id = shared(world)
    world.partner_center.close(referral_id, "Won")
    world.settle()
    world.crm.logic.append(lambda row: {"estimatedvalue": float(str(row["estimatedvalue"])) + 1})
    mark = world.mark()
    world.crm.edit(record_id, description="after the end")
    world.settle()
    assert world.calls(mark)["crm.update"] <= SHOWS + 2
    world.crm.logic.clear()
    world.recover()
    assert status(world, record_id).startswith("◐ The referral is closed for good")


def test_a_sync_that_is_switched_at_each_write_goes_round_only_for_a_while(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.logic.append(lambda row: {SYNC: not row[SYNC]})
    mark = world.mark()
    world.partner_center.edit(referral_id, {VALUE: 9})
    world.settle()
    assert world.calls(mark)["crm.update"] < 20
    assert status(world, record_id).startswith("✖ Stop the automation that switches Sync")
    assert world.link().state is LinkState.PAUSED
    mark = world.mark()
    world.recover()
    assert world.calls(mark).get("crm.update", 0) <= 12, "a few tries a day"
    world.crm.logic.clear()
    world.clock.advance(SOON * 2)
    world.crm.edit(record_id, **{SYNC: False})
    world.settle()
    assert status(world, record_id).startswith("⏸")
    world.crm.edit(record_id, **{SYNC: True})
    world.settle()
    check_agreed(world)


def test_a_sync_that_is_switched_at_each_write_and_held_as_a_mass_is_no_agreement(world: World) -> None:
    referral_id, record_id = shared(world)
    world.configure(mass_deals=0)
    world.crm.later.append(lambda row: {SYNC: not row[SYNC], "estimatedvalue": float(str(row["estimatedvalue"])) + 1})
    mark = world.mark()
    world.partner_center.edit(referral_id, {VALUE: 9})
    world.settle()
    assert world.calls(mark)["crm.update"] < 20
    (held,) = mass_change.held(world.task)
    link = world.link()
    assert (held.key, world.crm.row(record_id)[SYNC]) == (referral_id, False)
    assert disagreements(world, link), "what automation changed waits, too"
    assert link.status == pending(Messages(), Waiting.MASS_CHANGE), "its record says ✔, and cannot be told"
    assert not link.settled
    mark = world.mark()
    world.settle()
    assert world.calls(mark).get("crm.update", 0) == 0
    world.crm.later.clear()
    world.clock.advance(SOON * 2)
    world.crm.edit(record_id, description="goes on")
    world.settle()
    assert status(world, record_id).startswith("⏳"), "now it can be told"
    mass_change.release(world.task, Counted.SWITCH_OFF)
    world.settle()
    assert status(world, record_id).startswith("⏸")
    world.crm.edit(record_id, **{SYNC: True})
    world.settle()
    check_agreed(world)


def test_an_identifier_that_is_cleared_at_each_write_is_given_back_only_for_a_while(world: World) -> None:
    _, record_id = shared(world)
    world.crm.logic.append(lambda _row: {IDENTIFIER: None})
    mark = world.mark()
    world.crm.edit(record_id, description="begins")
    world.settle()
    world.recover()
    assert world.calls(mark)["crm.update"] < 20
    world.crm.logic.clear()
    world.crm.edit(record_id, description="ends")
    world.settle()
    check_agreed(world)
