"""What a person orders at the status page, and what becomes of it."""

from __future__ import annotations

import pytest

from shared.errors import DataError
from shared.ledger.survey import Standing
from shared.link import LinkState
from shared.problems import problem
from tests.simulation.agreement import check_agreed, disagreements, waiting
from tests.simulation.deals import invited, shared
from tests.support.desks import Visitor
from tests.support.fakes.world import World

VALUE = "/details/dealValue"


def order(world: World, action: str, deal: str, **more: str) -> tuple[int, dict[str, object]]:
    return Visitor(world).order({"action": action, "deal": deal, **more})


def ordered(world: World, action: str, deal: str, **more: str) -> None:
    status, answer = order(world, action, deal, **more)
    assert status == 202, answer
    world.settle()


def state(world: World, referral_id: str) -> LinkState:
    link = world.ledger.of("dynamics365").links.of_referral(referral_id)
    assert link
    return link.state


def shown(world: World, record_id: str) -> str:
    return str(world.crm.row(record_id)["cosell_syncstatus"])


def value_of(world: World, referral_id: str) -> object:
    (row,) = [each for each in world.partner_center.ours() if each["id"] == referral_id]
    return row["details"]["dealValue"]


def over(world: World) -> tuple[str, str]:
    """A deal that was won in Partner Center and opened again in the CRM."""
    referral_id, record_id = shared(world)
    world.partner_center.close(referral_id, "Won")
    world.settle()
    world.crm.reopen(record_id)
    world.settle()
    return referral_id, record_id


@pytest.fixture
def world() -> World:
    return World()


# --- retry -----------------------------------------------------------------------------------------------------------


def test_a_parked_deal_is_tried_again_at_once_and_leaves_the_list(world: World) -> None:
    referral_id, record_id = shared(world, estimatedvalue=1000)
    refusal = DataError(problem("crm.refused", "record", crm="Partner Center", message="no"))
    fault = world.tape.fail(refusal, "partner_center", "update", times=None)
    world.crm.edit(record_id, estimatedvalue=2000)
    world.settle()
    assert world.parked()
    world.tape.faults.remove(fault)
    ordered(world, "retry", referral_id)
    assert world.parked() == []
    assert value_of(world, referral_id) == 2000
    assert shown(world, record_id).startswith("✔")


def test_a_retry_reads_both_sides_although_the_link_is_sure_of_them(world: World) -> None:
    referral_id, _ = shared(world)
    world.partner_center.edit(referral_id, {VALUE: 777})
    world.events.clear()  # Nobody tells.
    ordered(world, "retry", referral_id)
    check_agreed(world)
    assert world.crm.row(world.record_id())["estimatedvalue"] == 777


def test_a_deal_without_a_referral_is_tried_again_by_its_record(world: World) -> None:
    record_id = world.crm.add_deal(cosell_products=None)
    world.settle()
    account = world.parked()[0]
    assert account.problems
    start = world.mark()
    ordered(world, "retry", record_id)
    assert world.calls(start)["crm.read"]
    assert [each.attempts for each in world.parked()] == [2]


# --- pause and resume ------------------------------------------------------------------------------------------------


def test_nothing_travels_while_a_person_has_paused_the_deal(world: World) -> None:
    referral_id, record_id = shared(world, estimatedvalue=1000)
    ordered(world, "pause", referral_id)
    assert shown(world, record_id).startswith("⏸ Paused by an administrator")
    start = world.mark()
    world.crm.edit(record_id, estimatedvalue=2000)
    world.partner_center.edit(referral_id, {"/name": "Theirs"})
    world.settle()
    world.reconcile()
    world.settle()
    calls = world.calls(start)
    assert not [name for name in calls if name in ("partner_center.update", "crm.update", "partner_center.read")]
    assert value_of(world, referral_id) == 1000
    assert world.ledger.of("dynamics365").survey.counts()[Standing.PAUSED] == 1


def test_the_sellers_sync_does_not_resume_it_and_a_person_does(world: World) -> None:
    referral_id, record_id = shared(world, estimatedvalue=1000)
    ordered(world, "pause", record_id)
    world.crm.edit(record_id, cosell_syncwithpartnercenter=False)
    world.settle()
    world.crm.edit(record_id, cosell_syncwithpartnercenter=True, estimatedvalue=2000)
    world.settle()
    assert state(world, referral_id) is LinkState.STOPPED
    ordered(world, "resume", referral_id)
    check_agreed(world)
    assert value_of(world, referral_id) == 2000
    assert state(world, referral_id) is LinkState.LINKED
    assert shown(world, record_id).startswith("✔")


def test_a_deal_that_is_resumed_while_its_sync_is_off_is_the_sellers_again(world: World) -> None:
    referral_id, record_id = shared(world)
    ordered(world, "pause", referral_id)
    world.crm.edit(record_id, cosell_syncwithpartnercenter=False)
    world.settle()
    ordered(world, "resume", referral_id)
    assert state(world, referral_id) is LinkState.PAUSED
    status, answer = order(world, "resume", referral_id)
    assert status == 409
    assert "seller switched Sync off" in str(answer["problems"])


# --- unlink and link -------------------------------------------------------------------------------------------------


def test_both_sides_keep_what_they_hold_and_do_not_link_again_by_themselves(world: World) -> None:
    referral_id, record_id = shared(world, estimatedvalue=1000)
    ordered(world, "unlink", referral_id)
    row = world.crm.row(record_id)
    assert (row["cosell_referralidentifier"], row["cosell_referrallink"]) == (None, None)
    assert (row["estimatedvalue"], value_of(world, referral_id)) == (1000, 1000)
    assert shown(world, record_id) == "⏸ Unlinked by an administrator; this record has no referral."
    world.crm.edit(record_id, estimatedvalue=2000)
    world.partner_center.edit(referral_id, {VALUE: 3000})
    world.settle()
    for synced in (False, True):
        world.crm.edit(record_id, cosell_syncwithpartnercenter=synced)
        world.settle()
    world.reconcile()
    world.settle()
    assert state(world, referral_id) is LinkState.UNLINKED
    assert (world.crm.row(record_id)["estimatedvalue"], value_of(world, referral_id)) == (2000, 3000)
    assert len(world.partner_center.ours()) == 1


def test_an_invitation_is_linked_to_the_opportunity_that_the_seller_has_already(world: World) -> None:
    referral_id, made = invited(world)
    ordered(world, "unlink", referral_id)
    own = world.crm.add_deal(name="What the seller works on", cosell_syncwithpartnercenter=False, estimatedvalue=1234)
    status, _ = order(world, "link", referral_id, record=made)
    assert status == 202, "the record it had is free again, too"
    world.queue.messages.clear()
    world.crm.edit(own, cosell_syncwithpartnercenter=True)
    ordered(world, "link", referral_id, record=own)
    link = world.link_of_record(own)
    assert link
    assert (link.referral_id, link.state) == (referral_id, LinkState.LINKED)
    assert world.crm.row(own)["cosell_referralidentifier"] == referral_id
    (row,) = world.partner_center.ours()
    assert row["externalReferenceId"] == own
    # Nothing is accepted on an unknown past: the seller decides about the invitation, and what differs waits for it.
    apart = {each.partition(":")[0] for each in disagreements(world, link)}
    assert apart == {"status", *waiting(world, link)}
    assert shown(world, own).startswith("✖")
    world.partner_center.accept(referral_id)
    world.settle()
    assert world.partner_center.rows[referral_id]["details"]["dealValue"] == 1234
    assert disagreements(world, world.link()) == []


@pytest.mark.parametrize("side", ["referral", "record"])
def test_a_side_that_is_tied_is_not_linked_to_another(world: World, side: str) -> None:
    first, second = shared(world), shared(world)
    deal, record = (first[0], "other") if side == "referral" else ("0f6f6a2e-50f7-4a39-9a6c-6f0c6f6d5a11", second[1])
    status, answer = order(world, "link", deal, record=record)
    assert status == 409
    assert "Unlink them first" in str(answer["problems"])
    assert world.queue.messages == []


def test_a_closed_side_is_not_overwritten_by_a_link(world: World) -> None:
    referral_id, record_id = shared(world, estimatedvalue=1000)
    ordered(world, "unlink", referral_id)
    world.partner_center.close(referral_id, "Lost")
    world.settle()
    ordered(world, "link", referral_id, record=record_id)
    assert state(world, referral_id) is LinkState.LINKED
    assert world.crm.row(record_id)["statecode"] == 0
    assert shown(world, record_id).startswith(("✖", "◐"))


def test_a_record_whose_sync_is_off_is_not_linked(world: World) -> None:
    referral_id, record_id = shared(world)
    ordered(world, "unlink", referral_id)
    world.crm.edit(record_id, cosell_syncwithpartnercenter=False)
    world.settle()
    ordered(world, "link", referral_id, record=record_id)
    assert state(world, referral_id) is LinkState.UNLINKED
    (parked,) = world.parked()
    assert [each.code for each in parked.problems] == ["order.not_shared"]


# --- share again -----------------------------------------------------------------------------------------------------


def test_a_deal_that_is_over_is_shared_again_and_the_old_link_is_history(world: World) -> None:
    old, record_id = over(world)
    ordered(world, "share_again", old)
    link = world.link_of_record(record_id)
    assert link
    assert link.referral_id != old
    assert (link.state, state(world, old)) == (LinkState.LINKED, LinkState.UNLINKED)
    assert world.crm.row(record_id)["cosell_referralidentifier"] == link.referral_id
    assert len(world.partner_center.ours()) == 2
    assert shown(world, record_id).startswith("✔")
    status, _ = order(world, "share_again", old)
    assert status == 409
    assert world.audit_of(old), "its history can still be read"


def test_a_deal_that_is_open_is_not_shared_a_second_time(world: World) -> None:
    referral_id, _ = shared(world)
    status, answer = order(world, "share_again", referral_id)
    assert (status, len(world.partner_center.ours())) == (409, 1)
    assert "still open" in str(answer["problems"])
