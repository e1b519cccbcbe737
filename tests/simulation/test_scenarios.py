"""What happens to a deal, told as stories: the sync engine between the two fakes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.errors import DataError
from shared.ledger.port import LinkState
from shared.lifecycle import Stage
from tests.simulation.agreement import check_agreed, check_tied
from tests.simulation.deals import HELP, invited, shared
from tests.support.fakes.crm import IDENTIFIER, SYNC
from tests.support.fakes.referral_rules import SHARE, at
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


# --- outbound --------------------------------------------------------------------------------------------------------


def test_a_private_deal_is_shared_with_one_post(world: World) -> None:
    referral_id, record_id = shared(world)
    check_agreed(world)
    row, record = world.partner_center.rows[referral_id], world.crm.row(record_id)
    assert world.partner_center.of_microsoft(row["engagementId"]) == []
    assert row["type"] == "Independent"
    assert at(row, SHARE) is False
    assert row["customerProfile"]["name"] == "Contoso Outdoor & Sons"
    assert row["customerProfile"]["address"]["country"] == "GB"
    assert row["team"][0]["email"] == "sam@partner.example"
    assert record["cosell_referrallink"] == f"https://partner.microsoft.com/referrals/v2/inbox?id={referral_id}"
    assert str(record["cosell_syncstatus"]).startswith("✔")
    assert "created from the CRM" in str(record["cosell_audit"])


def test_a_cosell_deal_is_shared_with_two_posts(world: World) -> None:
    referral_id, record_id = shared(world, cosell_howcanmicrosofthelp=HELP)
    check_agreed(world)
    row = world.partner_center.rows[referral_id]
    (theirs,) = world.partner_center.of_microsoft(row["engagementId"])
    assert row["type"] == theirs["type"] == "Shared"
    assert at(theirs, "inviteContext/assistanceRequestCode") == "CustomerTechnicalArchitecture"
    assert at(row, SHARE) is True
    assert world.crm.row(record_id)["cosell_referralvisibility"] is True


def test_microsofts_acceptance_brings_its_crm_identifier(world: World) -> None:
    referral_id, record_id = shared(world, cosell_howcanmicrosofthelp=HELP)
    world.partner_center.microsoft_accepts(world.partner_center.rows[referral_id]["engagementId"], "7-MSX")
    world.settle()
    assert world.crm.row(record_id)["cosell_microsoftcrmidentifier"] == "7-MSX"
    check_agreed(world)


def test_a_record_without_the_flag_is_left_alone(world: World) -> None:
    world.crm.add_deal(**{SYNC: False})
    world.settle()
    assert world.partner_center.ours() == []
    assert world.links() == []


def test_a_seller_edits_every_field(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(
        record_id,
        estimatedvalue=50000.55,
        transactioncurrencyid="EUR",
        estimatedclosedate="2028-01-31",
        description="new notes",
        cosell_products="SOL-1-ABC, SOL-20311-QXT",
        cosell_referralvisibility=True,
    )
    world.settle()
    check_agreed(world)
    row = world.partner_center.rows[referral_id]
    assert (at(row, VALUE), at(row, CURRENCY), at(row, NOTES)) == (50000.55, "EUR", "new notes")
    assert at(row, CLOSING) == "2028-01-31T00:00:00Z"
    assert [each["id"] for each in at(row, "details/requirements/solutions")] == ["SOL-1-ABC", "SOL-20311-QXT"]
    assert "deal_value" in world.history()


def test_a_solution_keeps_what_partner_center_knows_of_it(world: World) -> None:
    referral_id, record_id = invited(world)
    world.partner_center.accept(referral_id)
    world.settle()
    world.crm.edit(record_id, cosell_products="SOL-20311-QXT, SOL-1-ABC")
    world.settle()
    held = at(world.partner_center.rows[referral_id], "details/requirements/solutions")
    assert {"type": "Name", "id": "SOL-20311-QXT", "name": "Insight Hub"} in held
    check_agreed(world)


# --- inbound ---------------------------------------------------------------------------------------------------------


def test_the_audit_of_a_record_begins_with_the_values_it_was_made_with(world: World) -> None:
    referral_id, _ = invited(world, **{"details/notes": "From the start"})
    (entry,) = world.ledger.history("dynamics365", referral_id)
    assert ("notes", "(empty)", "From the start") in entry.changes


def test_an_invitation_arrives_on_hold(world: World) -> None:
    referral_id, record_id = invited(world)
    check_agreed(world)
    record = world.crm.row(record_id)
    assert (record["statecode"], record["statuscode"]) == (0, 2)
    assert record["name"] == "Northwind analytics rollout"
    assert record["transactioncurrencyid"] == "GBP"
    assert world.crm.accounts[str(record["customerid"])]["name"] == "Northwind Traders"
    assert record[SYNC] is True
    assert world.partner_center.rows[referral_id]["externalReferenceId"] == record_id


def test_an_existing_account_is_taken(world: World) -> None:
    account_id = world.crm.add_account(name="northwind traders", address1_postalcode="LS1 4DL")
    _, record_id = invited(world)
    assert world.crm.row(record_id)["customerid"] == account_id


def test_a_colleagues_deal_arrives_active(world: World) -> None:
    world.partner_center.registers()
    world.settle()
    check_agreed(world)
    assert world.crm.row(world.record_id())["statuscode"] == 1


def test_a_partner_center_user_edits_every_field(world: World) -> None:
    referral_id, record_id = invited(world)
    changes = {"/name": "Renamed", VALUE: 1.25, CURRENCY: "USD", CLOSING: "2029-05-06T23:00:00Z", NOTES: "theirs"}
    world.partner_center.edit(referral_id, changes)
    world.settle()
    check_agreed(world)
    record = world.crm.row(record_id)
    assert (record["name"], record["estimatedvalue"], record["description"]) == ("Renamed", 1.25, "theirs")
    assert (record["transactioncurrencyid"], record["estimatedclosedate"]) == ("USD", "2029-05-06")


def test_a_missed_event_is_found_by_the_sweep() -> None:
    world = World(dull=True)
    world.partner_center.invites_us()
    world.settle()
    assert world.crm.rows() == {}
    world.reconcile()
    world.settle()
    check_agreed(world)
    world.partner_center.edit(world.referral_id(), {VALUE: 5})
    world.recover()
    check_agreed(world)


def test_a_lagging_list_hides_nothing_for_ever() -> None:
    world = World(dull=True)
    world.partner_center.lag = timedelta(minutes=5)
    world.partner_center.invites_us()
    world.recover()
    world.partner_center.edit(world.referral_id(), {VALUE: 5})
    world.partner_center.invites_us()
    world.recover()
    check_agreed(world, deals=2)


def test_a_marketplace_lead_waits_until_somebody_accepts_it(world: World) -> None:
    referral_id = world.partner_center.invites_us(type="Independent", qualification="Direct")
    world.settle()
    assert world.crm.rows() == {}
    assert world.link().state is LinkState.IGNORED
    world.partner_center.accept(referral_id)
    world.settle()
    check_agreed(world)


# --- both ------------------------------------------------------------------------------------------------------------


def test_edits_of_different_fields_are_both_kept(world: World) -> None:
    referral_id, record_id = shared(world)
    world.partner_center.edit(referral_id, {NOTES: "from Partner Center"})
    world.crm.edit(record_id, estimatedvalue=7)
    world.settle()
    check_agreed(world)
    assert at(world.partner_center.rows[referral_id], VALUE) == 7
    assert world.crm.row(record_id)["description"] == "from Partner Center"


@pytest.mark.parametrize("first", ["event", "poll"])
def test_edits_of_the_same_field_go_by_policy_and_the_audit_has_both(world: World, first: str) -> None:
    referral_id, record_id = shared(world)
    world.partner_center.edit(referral_id, {VALUE: 111})
    world.crm.edit(record_id, estimatedvalue=222)
    if first == "poll":
        world.poll()
        world.pump()
    world.settle()
    check_agreed(world)
    assert at(world.partner_center.rows[referral_id], VALUE) == 222
    audit = str(world.crm.row(record_id)["cosell_audit"])
    assert "111" in audit
    assert "222" in audit
    assert "111" in world.history()
    assert "222" in world.history()


def test_the_same_edit_on_both_sides_is_no_conflict(world: World) -> None:
    referral_id, record_id = shared(world)
    world.partner_center.edit(referral_id, {VALUE: 333})
    world.crm.edit(record_id, estimatedvalue=333)
    world.settle()
    check_agreed(world)
    assert "333" in world.history()


def test_a_rename_in_the_crm_is_shown_as_drift(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, name="Seller's own name")
    world.settle()
    assert world.partner_center.rows[referral_id]["name"] == "Contoso store analytics"
    assert world.crm.row(record_id)["name"] == "Seller's own name"
    assert list(world.link().differences) == ["name"]
    assert "name differs" in str(world.crm.row(record_id)["cosell_audit"])
    before = len(world.ledger.history("dynamics365", referral_id))
    world.crm.edit(record_id, estimatedvalue=8)
    world.settle()
    assert world.crm.row(record_id)["name"] == "Seller's own name"
    assert at(world.partner_center.rows[referral_id], VALUE) == 8
    assert len(world.ledger.history("dynamics365", referral_id)) == before + 1  # The drift is told once.


def test_notes_that_do_not_fit_are_cut_and_never_sent_back(world: World) -> None:
    whole = "n" * 2500
    referral_id, record_id = invited(world, **{"details/notes": whole})
    world.partner_center.accept(referral_id)
    world.settle()
    assert world.crm.row(record_id)["description"] == whole[:2000]
    check_agreed(world)
    world.crm.edit(record_id, estimatedvalue=9)
    world.settle()
    assert at(world.partner_center.rows[referral_id], NOTES) == whole
    world.crm.edit(record_id, description="only the end")
    world.settle()
    assert at(world.partner_center.rows[referral_id], NOTES) == whole
    assert "holds only a part" in world.history()


def test_logic_of_the_crm_that_alters_our_write_is_an_edit_like_any_other(world: World) -> None:
    referral_id, _ = shared(world)
    world.crm.logic.append(lambda row: {"estimatedvalue": round(float(str(row["estimatedvalue"])))})
    world.partner_center.edit(referral_id, {VALUE: 10.75})
    world.settle()
    check_agreed(world)
    assert at(world.partner_center.rows[referral_id], VALUE) == 11


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
    assert list(world.ledger.all_parked("dynamics365")) == []


def test_partner_centers_terminal_status_beats_the_crms(world: World) -> None:
    referral_id, record_id = shared(world)
    world.partner_center.close(referral_id, "Lost")
    world.crm.close(record_id, Stage.WON)
    world.settle()
    assert world.crm.row(record_id)["statecode"] == 2
    check_agreed(world)


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
