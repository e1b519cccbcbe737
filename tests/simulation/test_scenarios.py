"""What happens to a deal, told as stories: the sync engine between the two fakes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.errors import StaleError
from shared.ledger import audit
from tests.simulation.agreement import check_agreed
from tests.simulation.deals import HELP, invited, shared
from tests.support.fakes.crm_rules import SYNC
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
    (entry,) = world.audit_of(referral_id)
    assert entry.direction == audit.TO_PARTNER_CENTER
    assert ("deal_value", "(empty)", "42000") in entry.changes


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


def test_microsofts_identifier_is_found_when_its_event_was_lost(world: World) -> None:
    referral_id, record_id = shared(world, cosell_howcanmicrosofthelp=HELP)
    engagement = world.partner_center.rows[referral_id]["engagementId"]
    (theirs,) = world.partner_center.of_microsoft(engagement)
    world.partner_center.edit(theirs["id"], {"/trackingInfo/microsoftMsxId": "7-ONLY-THEIRS"})
    world.events.clear()
    world.clock.advance(timedelta(hours=7))
    world.reconcile()
    world.settle()
    assert world.crm.row(record_id)["cosell_microsoftcrmidentifier"] == "7-ONLY-THEIRS"
    mark = world.mark()
    for _ in range(4):
        world.clock.advance(timedelta(hours=6, minutes=1))
        world.reconcile()
        world.settle()
    assert world.calls(mark)["partner_center.engagement"] == 4, "one look every six hours"
    assert world.calls(mark).get("crm.update", 0) == 0
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


@pytest.mark.parametrize("outbound", [True, False])
@pytest.mark.parametrize("dies", [True, False])
def test_what_a_deal_was_made_with_is_told_though_the_commit_of_its_creation_was_lost(
    world: World, *, outbound: bool, dies: bool
) -> None:
    world.settle()
    if dies:
        world.tape.crash_before("links.commit")
    else:
        world.tape.fail(StaleError("the stored row changed"), "ledger", "links.commit")
    if outbound:
        world.crm.add_deal(estimatedvalue=1234)
    else:
        world.partner_center.edit(world.partner_center.invites_us(), {"/details/dealValue": 1234})
    world.settle()
    world.recover()
    check_agreed(world)
    told = [change for entry in world.audit_of(world.link().referral_id) for change in entry.changes]
    assert ("deal_value", "(empty)", "1234") in told


def test_the_audit_of_a_record_begins_with_the_values_it_was_made_with(world: World) -> None:
    referral_id, _ = invited(world, **{"details/notes": "From the start"})
    microsofts, entry = world.audit_of(referral_id)
    assert ("notes", "(empty)", "From the start") in entry.changes
    assert microsofts.text.startswith("Microsoft: status: (empty) → Accepted")


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
    before = len(world.audit_of(referral_id))
    world.crm.edit(record_id, estimatedvalue=8)
    world.settle()
    assert world.crm.row(record_id)["name"] == "Seller's own name"
    assert at(world.partner_center.rows[referral_id], VALUE) == 8
    assert len(world.audit_of(referral_id)) == before + 1  # The drift is told once.


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
