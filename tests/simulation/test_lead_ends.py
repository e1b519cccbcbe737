"""How leads end: disqualified with a reason, ended in Partner Center, deleted, merged."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.link import LinkState
from tests.simulation.test_leads import LEAD, QUALIFIED, lead, leads, link_of, status, without_leads
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.world import World


@pytest.fixture
def world() -> World:
    return World()


def test_disqualifying_declines_an_undecided_lead_and_loses_an_accepted_one(world: World) -> None:
    referral_id, lead_id = lead(world)
    leads(world).disqualify(lead_id)
    world.settle()
    assert status(world, referral_id) == "Closed/Declined"
    accepted = world.partner_center.invites_us(**QUALIFIED)
    world.settle()
    world.partner_center.accept(accepted)
    world.settle()
    leads(world).disqualify(link_of(world, accepted).record_id)
    world.settle()
    assert status(world, accepted) == "Closed/Lost"


@pytest.mark.parametrize("end", ["Declined", "Expired", "Lost"])
def test_what_ends_in_partner_center_disqualifies_a_lead_that_nobody_moved(world: World, end: str) -> None:
    referral_id, lead_id = lead(world)
    if end == "Lost":
        world.partner_center.accept(referral_id)
        world.settle()
    world.partner_center.close(referral_id, end)
    world.settle()
    assert leads(world).row(lead_id)["statecode"] == 2
    assert link_of(world, referral_id).state is LinkState.LINKED


def test_a_lead_whose_mapping_has_no_value_is_disqualified_too(world: World, tmp_path: Path) -> None:
    rows = "lead: {fields: [{field: deal_value, remove: true}, {field: currency, remove: true}]}"
    world.configure(field_map=without_leads(tmp_path, rows))
    referral_id, lead_id = lead(world)
    world.partner_center.close(referral_id, "Declined")
    world.settle()
    assert leads(world).row(lead_id)["statecode"] == 2
    second = world.partner_center.invites_us(**LEAD)
    world.settle()
    leads(world).disqualify(link_of(world, second).record_id)
    world.settle()
    assert status(world, second) == "Closed/Declined"
    assert world.queue.poisoned == []


@pytest.mark.parametrize("required", [False, True])
def test_a_disqualified_lead_says_why(world: World, tmp_path: Path, *, required: bool) -> None:
    if required:
        world.configure(field_map=without_leads(tmp_path, "close_reason: required"))
    referral_id, lead_id = lead(world)
    if required:
        leads(world).disqualify(lead_id)
        world.settle()
        assert status(world, referral_id) == "New/Pending", "nothing is declined without a reason"
        leads(world).reopen(lead_id)
        world.settle()
    leads(world).edit(lead_id, cosell_closereason=5)
    leads(world).disqualify(lead_id)
    world.settle()
    assert status(world, referral_id) == "Closed/Declined"
    assert world.partner_center.rows[referral_id]["statusReason"] == "Not a customer"


def test_a_lead_shows_until_when_it_is_to_be_decided_and_no_longer(world: World) -> None:
    referral_id, lead_id = lead(world, expirationDateTime="2027-03-01T00:00:00Z")
    assert leads(world).row(lead_id)["cosell_decideby"] == "2027-03-01"
    world.partner_center.accept(referral_id)
    world.settle()
    assert leads(world).row(lead_id)["cosell_decideby"] is None


def test_a_win_in_partner_center_leaves_the_lead_to_a_person(world: World) -> None:
    referral_id, lead_id = lead(world)
    world.partner_center.accept(referral_id)
    world.settle()
    world.partner_center.close(referral_id, "Won")
    world.settle()
    row = leads(world).row(lead_id)
    assert row["statecode"] == 0
    assert str(row["cosell_syncstatus"]).startswith("✖ Won in Partner Center: qualify this lead")


def test_a_deleted_lead_leaves_an_orphan(world: World) -> None:
    referral_id, lead_id = lead(world)
    leads(world).delete(lead_id)
    world.settle()
    assert link_of(world, referral_id).state is LinkState.ORPHANED
    assert status(world, referral_id) == "New/Pending"


def test_a_merged_lead_is_followed_and_not_declined(world: World) -> None:
    referral_id, lead_id = lead(world)
    winner = leads(world).add_lead()
    leads(world).merge(lead_id, winner, keep=(IDENTIFIER, "cosell_referrallink"))
    world.settle()
    assert link_of(world, referral_id).record_id == winner
    assert status(world, referral_id) == "New/Pending"
    assert world.partner_center.rows[referral_id]["externalReferenceId"] == winner
