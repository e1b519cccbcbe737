"""A deal's later life: paused, closed, deleted, met for the first time, rounded."""

from __future__ import annotations

import pytest

from shared.errors import DataError
from shared.lifecycle import Stage
from shared.link import LinkState
from shared.status import StatusKind
from tests.simulation.agreement import check_agreed, check_tied
from tests.simulation.deals import invited, shared
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.crm_rules import SYNC
from tests.support.fakes.referral_rules import at
from tests.support.fakes.world import World

VALUE, NOTES, CURRENCY, CLOSING = (
    "/details/dealValue",
    "/details/notes",
    "/details/currency",
    "/details/closingDateTime",
)


@pytest.fixture
def world() -> World:
    return World()


# --- the life of a deal ----------------------------------------------------------------------------------------------


def test_closed_in_partner_center_closes_the_record(world: World) -> None:
    referral_id, record_id = shared(world)
    world.partner_center.close(referral_id, "Won")
    world.settle()
    assert world.crm.row(record_id)["statecode"] == 1
    check_agreed(world)


@pytest.mark.parametrize("substatus", ["Lost", "Declined", "Expired"])
def test_every_other_end_is_lost_in_the_crm(world: World, substatus: str) -> None:
    referral_id, record_id = invited(world)
    world.partner_center.close(referral_id, substatus)
    world.settle()
    assert world.crm.row(record_id)["statecode"] == 2
    check_agreed(world)


def test_won_in_the_crm_wins_the_referral(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.close(record_id, Stage.WON)
    world.settle()
    row = world.partner_center.rows[referral_id]
    assert (row["status"], row["substatus"]) == ("Closed", "Won")
    check_agreed(world)


def test_lost_while_new_declines_and_lost_while_active_loses(world: World) -> None:
    undecided, first = invited(world)
    active, second = shared(world)
    world.crm.close(first, Stage.LOST)
    world.crm.close(second, Stage.LOST)
    world.settle()
    assert world.partner_center.rows[undecided]["substatus"] == "Declined"
    assert world.partner_center.rows[active]["substatus"] == "Lost"
    check_agreed(world, deals=2)


def test_leaving_on_hold_accepts(world: World) -> None:
    referral_id, record_id = invited(world)
    world.crm.edit(record_id, statuscode=1)
    world.settle()
    row = world.partner_center.rows[referral_id]
    assert (row["status"], row["substatus"]) == ("Active", "Accepted")
    check_agreed(world)


def test_on_hold_means_nothing_for_a_deal_that_was_accepted(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, statuscode=2, estimatedvalue=12)
    world.settle()
    assert world.partner_center.rows[referral_id]["status"] == "Active"
    assert at(world.partner_center.rows[referral_id], VALUE) == 12
    assert world.crm.row(record_id)["statuscode"] == 2


def test_an_edit_and_a_win_at_once_travel_together(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, estimatedvalue=77000)
    world.crm.close(record_id, Stage.WON)
    world.settle()
    assert at(world.partner_center.rows[referral_id], VALUE) == 77000
    assert world.partner_center.rows[referral_id]["substatus"] == "Won"


def test_a_win_in_the_crm_meets_an_edit_in_partner_center(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.close(record_id, Stage.WON)
    world.partner_center.edit(referral_id, {CURRENCY: "USD"})
    world.recover()
    assert world.partner_center.rows[referral_id]["substatus"] == "Won"
    assert "USD" in world.history()  # On both sides, or told as a difference; but not a failure for ever.
    assert list(world.parked()) == []


@pytest.mark.parametrize(("there", "here"), [("Lost", Stage.WON), ("Won", Stage.LOST)])
def test_opposite_ends_are_held_for_a_person_on_both_sides(world: World, there: str, here: Stage) -> None:
    referral_id, record_id = shared(world)
    world.partner_center.close(referral_id, there)
    world.crm.close(record_id, here)
    world.settle()
    world.recover()
    assert world.crm.row(record_id)["statecode"] == (1 if here is Stage.WON else 2), "nobody's booking is turned round"
    assert world.partner_center.rows[referral_id]["substatus"] == there
    assert list(world.link().differences) == ["status"]
    shown = world.link().status
    assert shown
    assert shown.kind is StatusKind.ATTENTION
    assert [text for text in world.chat.texts if "won or lost" in text], (
        "the record is locked, so somebody else is told"
    )
    assert len(world.chat.texts) == 1
    world.crm.reopen(record_id)
    world.crm.close(record_id, Stage.WON if there == "Won" else Stage.LOST)
    world.settle()
    check_agreed(world)
    assert [text.startswith("Resolved") for text in world.chat.texts] == [False, True]


def test_partner_centers_end_closes_an_open_record(world: World) -> None:
    referral_id, record_id = shared(world)
    world.partner_center.close(referral_id, "Lost")
    world.crm.edit(record_id, description="still talking")
    world.settle()
    assert world.crm.row(record_id)["statecode"] == 2


def test_a_closed_deal_takes_no_more_edits_and_shows_them_as_drift(world: World) -> None:
    referral_id, record_id = shared(world)
    world.partner_center.close(referral_id, "Won")
    world.settle()
    with pytest.raises(DataError):
        world.crm.edit(record_id, estimatedvalue=1)
    world.crm.reopen(record_id)
    world.settle()
    assert world.partner_center.rows[referral_id]["substatus"] == "Won"
    assert world.crm.row(record_id)["statecode"] == 0
    assert "status" in world.link().differences


def test_switched_off_nothing_travels_and_switched_on_it_catches_up(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, **{SYNC: False})
    world.settle()
    assert world.link().state is LinkState.PAUSED
    world.partner_center.edit(referral_id, {NOTES: "while off"})
    world.crm.edit(record_id, estimatedvalue=13)
    world.recover()
    assert at(world.partner_center.rows[referral_id], VALUE) == 42000
    assert world.crm.row(record_id)["description"] != "while off"
    world.crm.edit(record_id, **{SYNC: True})
    world.settle()
    assert at(world.partner_center.rows[referral_id], VALUE) == 13
    assert world.crm.row(record_id)["description"] == "while off"
    check_agreed(world)


# --- deletion --------------------------------------------------------------------------------------------------------


def test_a_deleted_record_makes_an_orphan_and_is_never_recreated(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.delete(record_id)
    world.settle()
    assert world.link().state is LinkState.ORPHANED
    world.partner_center.edit(referral_id, {VALUE: 14})
    world.recover()
    assert world.crm.rows() == {}
    assert world.partner_center.rows[referral_id]["status"] == "Active"
    assert "deleted in the CRM" in world.history()


def test_a_deleted_referral_makes_an_orphan_and_is_never_recreated(world: World) -> None:
    referral_id, record_id = shared(world)
    world.partner_center.delete(referral_id)
    world.crm.edit(record_id, estimatedvalue=15)
    world.recover()
    assert world.link().state is LinkState.ORPHANED
    assert world.partner_center.rows == {}
    assert world.crm.row(record_id)["estimatedvalue"] == 15


def test_an_expired_cursor_leads_to_a_full_pass_that_finds_deletions(world: World) -> None:
    kept, edited = shared(world)
    lost, deleted = shared(world)
    world.crm.edit(edited, estimatedvalue=16)
    world.crm.delete(deleted)
    world.crm.expire_cursors()
    world.settle()
    links = {link.referral_id: link.state for link in world.links()}
    assert links == {kept: LinkState.LINKED, lost: LinkState.ORPHANED}
    assert at(world.partner_center.rows[kept], VALUE) == 16


# --- first run -------------------------------------------------------------------------------------------------------


def test_an_existing_pair_is_linked_without_clearing_or_closing(world: World) -> None:
    referral_id = world.partner_center.registers()
    world.events.clear()
    columns = {IDENTIFIER: referral_id, "estimatedvalue": None, "description": "the seller's notes"}
    record_id = world.crm.add_deal(**columns)
    world.settle()
    check_tied(world, world.link())
    check_agreed(world)
    assert world.crm.row(record_id)["estimatedvalue"] == 42000
    assert at(world.partner_center.rows[referral_id], NOTES) == "the seller's notes"


def test_a_closed_record_is_not_shared(world: World) -> None:
    record_id = world.crm.add_deal()
    world.crm.close(record_id, Stage.WON)
    world.settle()
    assert world.partner_center.ours() == []


# --- a CRM that keeps fewer digits -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("amount", "kept"), [(42000.55, 42001), (1000.49, 1000), (1000.5, 1001), (1001.5, 1002)])
def test_what_a_currency_rounds_is_no_edit(world: World, amount: float, kept: int) -> None:
    world.crm.value_digits = 0
    referral_id = world.partner_center.invites_us(**{"/details/dealValue": amount})
    world.settle()
    (record_id,) = world.crm.rows()
    assert world.crm.row(record_id)["estimatedvalue"] == kept
    world.partner_center.accept(referral_id)
    world.settle()
    start = world.mark()
    world.crm.edit(record_id, description="A seller's note")
    world.settle()
    for _ in range(3):
        world.reconcile()
        world.settle()
    assert at(world.partner_center.rows[referral_id], "/details/dealValue") == amount
    assert world.calls(start).get("crm.update", 0) <= 1
    world.partner_center.edit(referral_id, {"/details/dealValue": amount + 100})
    world.settle()
    assert world.crm.row(record_id)["estimatedvalue"] == kept + 100
    assert at(world.partner_center.rows[referral_id], "/details/dealValue") == amount + 100
    world.crm.edit(record_id, estimatedvalue=5)
    world.settle()
    assert at(world.partner_center.rows[referral_id], "/details/dealValue") == 5
