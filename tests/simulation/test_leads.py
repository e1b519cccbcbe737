"""Leads: a referral that a person qualifies in the CRM before it is an opportunity, at whatever call the app dies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.deal import RecordKey
from shared.ledger.model import DueKind
from shared.lifecycle import Stage
from shared.link import Link, LinkState
from shared.mapping.field_map import FieldMap
from shared.mapping.loading import load_mapping
from shared.status import StatusKind
from tests.simulation.agreement import check_agreed
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.crm_rules import SYNC
from tests.support.fakes.leads import FakeLeads
from tests.support.fakes.world import World

LEAD = {"type": "Independent", "qualification": "Direct"}
QUALIFIED = {"type": "Independent", "qualification": "SalesQualified"}


@pytest.fixture
def world() -> World:
    return World()


def without_leads(directory: Path, text: str = "lead:") -> FieldMap:
    """The built-in mapping without its section of leads, or with another change to it."""
    (directory / "dynamics365.yaml").write_text(f"overlay: true\nversion: no-leads\n{text}\n", encoding="utf-8")
    return load_mapping("dynamics365", directory)


def leads(world: World) -> FakeLeads:
    assert world.leads
    return world.leads


def lead(world: World, **changes: object) -> tuple[str, str]:
    """A lead that Microsoft sent; returns its referral's and its record's id."""
    referral_id = world.partner_center.invites_us(**{**LEAD, **changes})
    world.settle()
    (lead_id,) = leads(world).rows()
    return referral_id, lead_id


def link_of(world: World, referral_id: str) -> Link:
    link = world.ledger.of("dynamics365").links.of_referral(referral_id)
    assert link
    return link


def status(world: World, referral_id: str) -> str:
    row = world.partner_center.rows[referral_id]
    return f"{row['status']}/{row['substatus']}"


# --- it arrives ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [LEAD, QUALIFIED])
def test_a_new_lead_becomes_a_lead_and_no_opportunity(world: World, kind: dict[str, object]) -> None:
    referral_id, lead_id = lead(world, **kind)
    row = leads(world).row(lead_id)
    assert world.crm.rows() == {}
    assert (row["subject"], row["companyname"]) == ("Northwind analytics rollout", "Northwind Traders")
    assert (row["firstname"], row["lastname"], row["emailaddress1"]) == ("Ana", "Ruiz", "ana@northwind.example")
    assert (row["budgetamount"], row["transactioncurrencyid"], row["leadqualitycode"]) == (42000.0, "GBP", 2)
    assert (row[SYNC], row[IDENTIFIER], row["statecode"]) == (True, referral_id, 0)
    assert str(row["cosell_syncstatus"]).startswith("✔")
    assert link_of(world, referral_id).record == RecordKey("dynamics365", "lead", lead_id)
    assert world.partner_center.rows[referral_id]["externalReferenceId"] == lead_id
    assert status(world, referral_id) == "New/Pending"


def test_a_lead_without_a_contact_is_named_after_its_company(world: World) -> None:
    _, lead_id = lead(world, **{"customerProfile/team": []})
    assert leads(world).row(lead_id)["lastname"] == "Northwind Traders"


def test_a_lead_that_was_accepted_before_we_saw_it_becomes_an_opportunity(world: World) -> None:
    referral_id = world.partner_center.invites_us(**LEAD)
    world.partner_center.accept(referral_id)
    world.settle()
    assert leads(world).rows() == {}
    check_agreed(world)


def test_edits_of_an_open_lead_travel_both_ways(world: World) -> None:
    referral_id, lead_id = lead(world)
    world.partner_center.edit(referral_id, {"/details/notes": "theirs"})
    world.settle()
    assert leads(world).row(lead_id)["description"] == "theirs"
    leads(world).edit(lead_id, budgetamount=7)
    world.settle()
    assert world.partner_center.rows[referral_id]["details"]["dealValue"] == 7


# --- it is qualified -------------------------------------------------------------------------------------------------


def test_qualifying_accepts_the_referral_and_goes_on_with_the_opportunity(world: World) -> None:
    referral_id, lead_id = lead(world)
    opportunity = leads(world).qualify(lead_id, world.crm, estimatedclosedate="2027-06-30")
    world.settle()
    row = world.crm.row(opportunity)
    assert status(world, referral_id) == "Active/Accepted"
    assert (row[SYNC], row[IDENTIFIER]) == (True, referral_id)
    assert referral_id in str(row["cosell_referrallink"])
    assert "qualified" in str(row["cosell_audit"])
    assert str(row["cosell_syncstatus"]).startswith("✔")
    assert link_of(world, referral_id).record == RecordKey("dynamics365", "opportunity", opportunity)
    check_agreed(world)
    # What the seller gave when qualifying is an edit; what the CRM left empty is not, and is filled in.
    assert str(world.partner_center.rows[referral_id]["details"]["closingDateTime"]).startswith("2027-0")
    assert world.partner_center.rows[referral_id]["details"]["requirements"]["solutions"]


def test_a_value_that_the_seller_gave_when_qualifying_is_sent_and_an_empty_one_clears_nothing(world: World) -> None:
    referral_id, lead_id = lead(world)
    leads(world).qualify(lead_id, world.crm, estimatedvalue=99, description=None)
    world.settle()
    details = world.partner_center.rows[referral_id]["details"]
    assert (details["dealValue"], details["notes"]) == (99, "Phase one scoping")
    check_agreed(world)


def test_a_qualified_lead_that_was_accepted_goes_on_too(world: World) -> None:
    referral_id, lead_id = lead(world)
    world.partner_center.accept(referral_id)
    world.settle()
    row = leads(world).row(lead_id)
    assert (row["statecode"], row["cosell_syncstatus"]) == (
        0,
        "⏳ Qualify this lead: it was accepted in Partner Center.",
    )
    leads(world).qualify(lead_id, world.crm)
    world.settle()
    check_agreed(world)


def test_an_edit_of_the_qualified_lead_is_nobodys_business(world: World) -> None:
    _, lead_id = lead(world)
    leads(world).qualify(lead_id, world.crm)
    world.settle()
    leads(world).restore(lead_id, {**leads(world).row(lead_id), "description": "afterwards"})
    world.settle()
    check_agreed(world)


def test_a_lead_that_was_qualified_without_an_opportunity_asks_for_one_and_takes_it(world: World) -> None:
    referral_id, lead_id = lead(world)
    leads(world).qualify(lead_id, None)
    world.settle()
    (due,) = world.parked()
    assert [each.code for each in due.problems] == ["lead.without_opportunity"]
    assert status(world, referral_id) == "New/Pending"
    account = world.crm.add_account()
    opportunity = world.crm.add_deal(parentaccountid=account, cosell_referralidentifier=referral_id)
    world.settle()
    assert link_of(world, referral_id).record_id == opportunity
    assert status(world, referral_id) == "Active/Accepted"
    assert world.parked() == []


def test_the_opportunity_of_an_expired_lead_is_for_a_person(world: World) -> None:
    referral_id, lead_id = lead(world)
    leads(world).qualify(lead_id, world.crm)
    world.partner_center.close(referral_id, "Expired")
    world.settle()
    link = link_of(world, referral_id)
    assert link.record
    assert link.record.table == "opportunity"
    assert world.crm.row(link.record_id)["statecode"] == 0
    assert link.status
    assert link.status.kind is StatusKind.ATTENTION


def test_an_opportunity_that_belongs_to_another_deal_is_not_taken(world: World) -> None:
    referral_id, lead_id = lead(world)
    other = world.crm.add_deal()
    world.settle()
    leads(world).close(lead_id, Stage.WON)
    leads(world).qualified[lead_id] = other
    world.settle()
    assert link_of(world, referral_id).record_id == lead_id
    assert [each.code for due in world.parked() for each in due.problems] == ["identifier.record_taken"]


def test_an_opportunity_that_names_another_referral_is_not_taken_though_nothing_ties_it(world: World) -> None:
    referral_id, lead_id = lead(world)
    another = "5b0f2f0e-6a1d-4c1f-9a07-3f6f0c3b1d55"
    other = world.crm.add_deal(cosell_syncwithpartnercenter=False, cosell_referralidentifier=another)
    world.settle()
    before = world.crm.row(other)
    leads(world).close(lead_id, Stage.WON)
    leads(world).qualified[lead_id] = other
    world.settle()
    assert link_of(world, referral_id).record_id == lead_id
    assert [each.code for due in world.parked() for each in due.problems] == ["identifier.record_taken"]
    assert world.crm.row(other) == before
    assert status(world, referral_id) == "New/Pending"


# --- a seller's own --------------------------------------------------------------------------------------------------


def test_a_sellers_own_lead_is_not_shared_and_says_how_it_can_be(world: World) -> None:
    lead_id = leads(world).add_lead()
    world.settle()
    assert world.partner_center.rows == {}
    assert str(leads(world).row(lead_id)["cosell_syncstatus"]).startswith("✖ Qualify this lead first")
    before = len(world.tape.steps)
    world.settle()
    assert not [step for step in world.tape.steps[before:] if step.name == "update"]


def test_a_lead_and_an_opportunity_with_one_id_are_two_records(world: World) -> None:
    referral_id, lead_id = lead(world)
    world.crm.restore(lead_id, {**world.crm.row(world.crm.add_deal(cosell_syncwithpartnercenter=False))})
    world.settle()
    assert link_of(world, referral_id).record == RecordKey("dynamics365", "lead", lead_id)
    assert world.ledger.of("dynamics365").links.of_record(RecordKey("dynamics365", "opportunity", lead_id)) is None


# --- the process dies ------------------------------------------------------------------------------------------------


def _arrives(world: World) -> Callable[[], object]:
    return lambda: world.partner_center.invites_us(**LEAD)


def _qualifies(world: World) -> Callable[[], object]:
    _, lead_id = lead(world)
    return lambda: leads(world).qualify(lead_id, world.crm, estimatedvalue=5)


def _qualifies_while_it_is_accepted(world: World) -> Callable[[], object]:
    referral_id, lead_id = lead(world)

    def act() -> None:
        leads(world).qualify(lead_id, world.crm)
        world.partner_center.accept(referral_id)

    return act


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("prepare", [_qualifies, _qualifies_while_it_is_accepted])
def test_a_qualified_lead_goes_on_though_the_process_dies_at_any_call(
    prepare: Callable[[World], Callable[[], object]], *, after: bool
) -> None:
    calm = World()
    act = prepare(calm)
    start = len(calm.tape.steps)
    act()
    calm.settle()
    for number in range(start, len(calm.tape.steps)):
        world = World()
        act = prepare(world)
        world.tape.crash_at(number, after=after)
        act()
        world.settle()
        world.recover()
        check_agreed(world)
        (link,) = world.links()
        assert link.record
        assert link.record.table == "opportunity"
        assert status(world, link.referral_id) == "Active/Accepted"


@pytest.mark.parametrize("after", [False, True])
def test_a_lead_arrives_once_though_the_process_dies_at_any_call(*, after: bool) -> None:
    calm = World()
    _arrives(calm)()
    calm.settle()
    for number in range(len(calm.tape.steps)):
        world = World()
        world.tape.crash_at(number, after=after)
        _arrives(world)()
        world.settle()
        world.recover()
        (lead_id,) = leads(world).rows()
        assert world.crm.rows() == {}
        (link,) = world.links()
        assert (link.record_id, link.state) == (lead_id, LinkState.LINKED)
        assert world.ledger.of("dynamics365").agenda.of(DueKind.PARKED, link.referral_id) is None


# --- switched off ----------------------------------------------------------------------------------------------------


def test_leads_that_are_switched_off_are_ignored_whoever_accepted_them(tmp_path: Path) -> None:
    world = World()
    world.configure(field_map=without_leads(tmp_path, "leads: off"))
    world.partner_center.invites_us(**LEAD)
    world.partner_center.accept(world.partner_center.invites_us(**QUALIFIED))
    world.settle()
    assert {link.state for link in world.links()} == {LinkState.IGNORED}
    assert all("leads switched off" in link.recent_audit[0] for link in world.links())
    assert (world.crm.rows(), leads(world).rows()) == ({}, {})


def test_without_a_section_of_leads_one_of_the_marketplace_waits_until_it_is_accepted(tmp_path: Path) -> None:
    world = World()
    world.configure(field_map=without_leads(tmp_path))
    referral_id = world.partner_center.invites_us(**LEAD)
    world.settle()
    assert link_of(world, referral_id).state is LinkState.IGNORED
    world.partner_center.accept(referral_id)
    world.settle()
    check_agreed(world)


def test_without_a_section_of_leads_one_that_microsoft_qualified_is_an_invitation_like_others(tmp_path: Path) -> None:
    world = World()
    world.configure(field_map=without_leads(tmp_path))
    referral_id = world.partner_center.invites_us(**QUALIFIED)
    world.settle()
    assert world.crm.row(link_of(world, referral_id).record_id)["statuscode"] == 2
    check_agreed(world)


def test_leads_that_are_switched_on_bring_in_those_that_waited(tmp_path: Path) -> None:
    world = World()
    world.configure(field_map=without_leads(tmp_path))
    referral_id = world.partner_center.invites_us(**LEAD)
    world.settle()
    world.reconcile()
    world.configure(field_map=load_mapping("dynamics365"))
    world.reconcile()
    world.settle()
    assert link_of(world, referral_id).record_id in leads(world).rows()


def test_a_lead_whose_table_is_no_longer_synchronized_is_left_alone(world: World, tmp_path: Path) -> None:
    referral_id, lead_id = lead(world)
    before = leads(world).row(lead_id)
    world.configure(field_map=without_leads(tmp_path))
    world.partner_center.edit(referral_id, {"/details/notes": "theirs"})
    world.settle()
    assert leads(world).row(lead_id) == before
    assert link_of(world, referral_id).state is LinkState.LINKED
    assert world.crm.rows() == {}
