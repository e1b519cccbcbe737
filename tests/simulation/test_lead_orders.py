"""What a person orders at the status page about a lead."""

from __future__ import annotations

import pytest

from shared.deal import RecordKey
from shared.link import LinkState
from tests.simulation.test_leads import lead, leads, link_of, status
from tests.simulation.test_orders import order, ordered
from tests.support.desks import Visitor
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.world import World


@pytest.fixture
def world() -> World:
    return World()


def shown(world: World, lead_id: str) -> str:
    return str(leads(world).row(lead_id)["cosell_syncstatus"])


def test_a_lead_is_paused_and_resumed(world: World) -> None:
    referral_id, lead_id = lead(world)
    ordered(world, "pause", referral_id)
    assert shown(world, lead_id).startswith("⏸")
    leads(world).disqualify(lead_id)
    world.settle()
    assert status(world, referral_id) == "New/Pending"
    ordered(world, "resume", referral_id)
    assert status(world, referral_id) == "Closed/Declined"


def test_an_unlinked_lead_keeps_what_it_holds_and_is_no_deal_any_more(world: World) -> None:
    referral_id, lead_id = lead(world)
    ordered(world, "unlink", lead_id)
    assert link_of(world, referral_id).state is LinkState.UNLINKED
    assert leads(world).row(lead_id)[IDENTIFIER] is None
    leads(world).edit(lead_id, description="mine")
    leads(world).disqualify(lead_id)
    world.settle()
    assert status(world, referral_id) == "New/Pending"


@pytest.mark.parametrize("table", ["lead", "opportunity"])
def test_a_lead_that_was_unlinked_is_linked_to_the_record_that_the_seller_has(world: World, table: str) -> None:
    referral_id, lead_id = lead(world)
    ordered(world, "unlink", referral_id)
    own = leads(world).add_lead() if table == "lead" else world.crm.add_deal(cosell_syncwithpartnercenter=False)
    world.settle()
    if table == "opportunity":
        world.crm.edit(own, cosell_syncwithpartnercenter=True)
    ordered(world, "link", referral_id, record=own, table=table)
    link = link_of(world, referral_id)
    assert link.record == RecordKey("dynamics365", table, own)
    assert link.state is LinkState.LINKED
    assert status(world, referral_id) == "New/Pending", "an unknown base accepts nothing"
    assert world.partner_center.rows[referral_id]["externalReferenceId"] == own
    assert leads(world).row(lead_id)[IDENTIFIER] is None


def test_a_lead_that_is_over_is_not_shared_again_as_a_lead(world: World) -> None:
    referral_id, lead_id = lead(world)
    leads(world).disqualify(lead_id)
    world.settle()
    assert status(world, referral_id) == "Closed/Declined"
    code, answer = order(world, "share_again", referral_id)
    assert code == 409
    assert "Qualify it" in str(answer)
    offered = [
        each["value"] for each in Visitor(world).page(deal=referral_id).all("input") if each.get("name") == "action"
    ]
    assert offered == ["retry", "pause", "unlink"]


def test_the_opportunity_of_a_lead_that_is_over_is_shared_again(world: World) -> None:
    referral_id, lead_id = lead(world)
    opportunity = leads(world).qualify(lead_id, world.crm, parentcontactid=world.crm.add_contact())
    world.settle()
    world.partner_center.close(referral_id, "Lost")
    world.settle()
    world.crm.reopen(opportunity)
    world.settle()
    ordered(world, "share_again", referral_id)
    link = world.link_of_record(opportunity)
    assert link
    assert link.referral_id != referral_id
    assert status(world, link.referral_id).startswith("Active")
