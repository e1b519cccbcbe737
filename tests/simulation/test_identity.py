"""Which record is whose: merged and replaced records, wrong identifiers, and other organizations' rows."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from shared.decide.unlinked import ties
from shared.errors import AccessDenied
from shared.link import LinkState
from shared.status import StatusKind
from shared.sync.strangers import ALL, EACH, WINDOW
from tests.simulation.agreement import check_agreed
from tests.simulation.deals import HELP, shared
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.crm_rules import SYNC
from tests.support.fakes.partner_center import Event
from tests.support.fakes.referral_rules import at
from tests.support.fakes.world import World

VALUE, NOTES = "/details/dealValue", "/details/notes"
LINK, STATUS, AUDIT = "cosell_referrallink", "cosell_syncstatus", "cosell_audit"


@pytest.fixture
def world() -> World:
    return World()


def status(world: World, record_id: str) -> str:
    return str(world.crm.row(record_id)[STATUS])


# --- merged and replaced ---


def test_a_link_follows_the_record_that_its_own_was_merged_into(world: World) -> None:
    referral_id, record_id = shared(world)
    winner = world.crm.add_deal(**{SYNC: False, "description": "the one that stays"})
    world.settle()
    world.crm.merge(record_id, winner, keep=(SYNC, LINK))
    world.settle()
    world.recover()
    assert world.link().record_id == winner
    assert world.link().state is LinkState.LINKED
    assert world.crm.row(winner)[IDENTIFIER] == referral_id
    assert world.partner_center.rows[referral_id]["externalReferenceId"] == winner
    assert len(world.partner_center.ours()) == 1
    mark = world.mark()
    world.recover()
    assert {name: count for name, count in world.calls(mark).items() if "update" in name} == {}, "it rests"


def test_a_link_does_not_follow_to_a_record_that_its_seller_does_not_share(world: World) -> None:
    referral_id, record_id = shared(world)
    winner = world.crm.add_deal(**{SYNC: False, "description": "nobody's business"})
    world.settle()
    before = world.crm.row(winner)
    there = dict(world.partner_center.rows[referral_id])
    world.crm.merge(record_id, winner)
    world.settle()
    world.recover()
    assert world.crm.row(winner) == before
    assert world.partner_center.rows[referral_id] == there
    assert world.link().state is LinkState.ORPHANED


def test_a_record_that_a_deals_own_was_merged_into_goes_on_with_it_once_it_is_shared(world: World) -> None:
    referral_id, record_id = shared(world)
    winner = world.crm.add_deal(**{SYNC: False, "description": "the one that stays"})
    world.settle()
    world.crm.merge(record_id, winner)
    world.settle()
    assert world.link().state is LinkState.ORPHANED
    assert world.crm.row(winner)[STATUS] is None, "it is not shared, and not written"
    world.crm.edit(winner, **{SYNC: True})
    world.settle()
    check_agreed(world)
    assert world.referral_id() == referral_id, "it is no new deal"
    assert world.link().record_id == winner
    assert at(world.partner_center.rows[referral_id], "externalReferenceId") == winner
    assert at(world.partner_center.rows[referral_id], NOTES) == "the one that stays"


@pytest.mark.parametrize("names", [True, False], ids=["the record has its identifier", "it names the record alone"])
def test_a_referral_that_was_ignored_never_takes_the_record_that_another_deal_went_on_with(
    world: World, *, names: bool
) -> None:
    referral_id, record_id = shared(world)
    winner = world.crm.add_deal(**{SYNC: False})
    ignored = world.partner_center.registers(externalReferenceId=winner)
    world.settle()
    assert {link.referral_id: link.state for link in world.links()}[ignored] is LinkState.IGNORED
    world.crm.merge(record_id, winner, keep=(SYNC, LINK))
    world.partner_center.edit(referral_id, {VALUE: 7})
    world.receive_all()
    world.pump()  # The deal follows its record before anybody polls the one that stays.
    world.settle()
    if names:
        world.crm.edit(winner, **{IDENTIFIER: ignored})
        world.settle()
    for step in range(3):
        world.partner_center.edit(ignored, {NOTES: f"edited {step}"})
        world.settle()
        world.crm.edit(winner, description=f"saved {step}")
        world.settle()
        world.recover()
        assert [link.referral_id for link in world.links() if ties(link)] == [referral_id]
        assert world.link_of_record(winner) == world.ledger.of("dynamics365").links.of_referral(referral_id)
        assert "belongs to" not in f"{status(world, winner)} {world.crm.row(winner)[AUDIT]}", "the other deal's trouble"
        assert [due.problems[0].code for due in world.parked() if due.key == ignored] == ["identifier.record_taken"]


def test_a_record_is_a_deal_of_its_own_when_the_one_merged_into_it_was_restored(world: World) -> None:
    _, record_id = shared(world)
    winner = world.crm.add_deal(**{SYNC: False})
    world.settle()
    row = world.crm.row(record_id)
    world.crm.merge(record_id, winner)
    world.settle()
    world.crm.restore(record_id, row)
    world.settle()
    world.crm.edit(winner, **{SYNC: True})
    world.settle()
    check_agreed(world, deals=2)


def test_a_record_that_carries_the_identifier_of_a_deleted_one_takes_its_place(world: World) -> None:
    referral_id, record_id = shared(world)
    columns = world.crm.row(record_id)
    world.crm.delete(record_id)
    replacement = world.crm.add_deal(**{IDENTIFIER: referral_id, "description": columns["description"]})
    world.settle()
    world.recover()
    assert world.link().record_id == replacement
    assert world.partner_center.rows[referral_id]["externalReferenceId"] == replacement
    check_agreed(world)


def test_a_record_that_comes_back_goes_on(world: World) -> None:
    referral_id, record_id = shared(world)
    columns = world.crm.row(record_id)
    world.crm.delete(record_id)
    world.settle()
    assert world.link().state is LinkState.ORPHANED
    world.partner_center.edit(referral_id, {VALUE: 7})
    world.settle()
    world.crm.restore(record_id, columns)
    world.settle()
    check_agreed(world)
    assert world.crm.row(record_id)["estimatedvalue"] == 7


# --- wrong identifiers ---


@pytest.mark.parametrize("identifier", ["REF-0042", "abc", "{}", "a'b"])
def test_an_identifier_that_is_no_guid_is_a_problem_on_the_record(world: World, identifier: str) -> None:
    record_id = world.crm.add_deal(**{IDENTIFIER: identifier})
    world.settle()
    assert status(world, record_id).startswith("✖ Correct or clear the Referral Identifier")
    assert f"{identifier} is not a referral ID" in str(world.crm.row(record_id)["cosell_audit"])
    assert world.queue.poisoned == []
    assert world.partner_center.ours() == []
    world.crm.edit(record_id, **{IDENTIFIER: None})
    world.settle()
    check_agreed(world)


@pytest.mark.parametrize("typed", ["11111111-2222-4333-8444-555555555555", "AAAAAAAA-2222-4333-8444-555555555555"])
def test_an_unknown_identifier_is_no_outage(world: World, typed: str) -> None:
    record_id = world.crm.add_deal(**{IDENTIFIER: typed})
    world.settle()
    assert status(world, record_id).startswith("✖ Correct or clear the Referral Identifier")
    (parked,) = world.parked()
    assert (parked.family, parked.problems[0].code) == ("data", "identifier.unknown")
    assert typed in parked.reason, "as it was typed"
    assert typed in str(world.crm.row(record_id)["cosell_audit"])


def test_another_organizations_identifier_is_refused(world: World) -> None:
    referral_id, _ = shared(world)
    theirs = world.partner_center.partner_joins(world.partner_center.rows[referral_id]["engagementId"])
    record_id = world.crm.add_deal(**{IDENTIFIER: theirs})
    world.settle()
    assert status(world, record_id).startswith("✖ Enter the ID of your own referral")
    assert world.partner_center.rows[theirs]["externalReferenceId"] is None


def test_an_exchanged_identifier_is_held_and_a_cleared_one_restored(world: World) -> None:
    first, record_id = shared(world)
    second, _ = shared(world)
    before = dict(world.partner_center.rows[second])
    world.crm.keyed = False
    world.crm.edit(record_id, **{IDENTIFIER: second, "estimatedvalue": 3})
    world.settle()
    assert status(world, record_id).startswith("✖")
    assert world.partner_center.rows[second] == before
    assert at(world.partner_center.rows[first], VALUE) == 42000
    world.crm.edit(record_id, **{IDENTIFIER: None})
    world.settle()
    assert world.crm.row(record_id)[IDENTIFIER] == first
    assert world.crm.row(record_id)[LINK]
    check_agreed(world, deals=2)


@pytest.mark.parametrize("cleared", [(LINK,), (LINK, IDENTIFIER)], ids=["the link", "both"])
def test_what_ties_a_record_is_given_back_when_a_person_clears_it(world: World, cleared: tuple[str, ...]) -> None:
    _, record_id = shared(world)
    before = world.crm.row(record_id)
    world.crm.edit(record_id, **dict.fromkeys(cleared))
    world.settle()
    after = world.crm.row(record_id)
    assert (after[LINK], after[IDENTIFIER]) == (before[LINK], before[IDENTIFIER])


# --- Sync = Yes is the seller's word ---------------------------------------------------------------------------------


@pytest.mark.parametrize("carries", [True, False], ids=["with its identifier", "named by the CRM ID alone"])
def test_a_record_whose_sync_is_no_is_neither_read_out_nor_written(world: World, *, carries: bool) -> None:
    record_id = world.crm.add_deal(**{SYNC: False, "description": "CONFIDENTIAL"})
    world.settle()
    referral_id = world.partner_center.registers(externalReferenceId=record_id)
    if carries:
        world.crm.edit(record_id, **{IDENTIFIER: referral_id})
    before, there = world.crm.row(record_id), dict(world.partner_center.rows[referral_id])
    world.settle()
    world.partner_center.edit(referral_id, {VALUE: 5})
    world.settle()
    world.recover()
    assert world.crm.row(record_id) == before
    assert at(world.partner_center.rows[referral_id], NOTES) == at(there, NOTES)
    assert [link.state for link in world.links()] == [LinkState.IGNORED]
    world.crm.edit(record_id, **{SYNC: True})
    world.settle()
    assert len(world.partner_center.ours()) == 1, "switched on, it is tied to the referral that named it"
    check_agreed(world)


def test_the_audit_of_a_deal_that_was_ignored_at_first_begins_with_what_both_sides_held(world: World) -> None:
    record_id = world.crm.add_deal(**{SYNC: False})
    world.settle()
    referral_id = world.partner_center.registers(externalReferenceId=record_id)
    world.settle()
    assert world.link().state is LinkState.IGNORED
    world.crm.edit(record_id, **{SYNC: True, "estimatedclosedate": "2027-03-31"})
    world.settle()
    check_agreed(world)
    told = [change for entry in world.audit_of(referral_id) for change in entry.changes]
    assert ("closing_date", "(empty)", "2027-03-31") in told, "an edit that replaces it later has its old value"


def test_the_status_says_paused_while_the_sync_is_off(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, **{SYNC: False})
    world.settle()
    assert status(world, record_id).startswith("⏸")
    world.partner_center.edit(referral_id, {VALUE: 9})
    world.settle()
    assert world.crm.row(record_id)["estimatedvalue"] == 42000
    world.crm.edit(record_id, **{SYNC: True})
    world.settle()
    assert status(world, record_id).startswith("✔")
    check_agreed(world)


# --- other organizations' rows ---------------------------------------------------------------------------------------


def test_another_partners_row_leads_to_ours_and_never_becomes_a_deal(world: World) -> None:
    referral_id, record_id = shared(world, cosell_howcanmicrosofthelp=HELP)
    engagement = world.partner_center.rows[referral_id]["engagementId"]
    theirs = world.partner_center.partner_joins(engagement)
    world.settle()
    world.partner_center.edit(theirs, {VALUE: 1})
    world.settle()
    world.recover()
    assert list(world.crm.rows()) == [record_id]
    assert world.chat.texts == []
    check_agreed(world)


def tell(world: World, referral_id: str) -> int:
    """Let an event name a row; returns how many reads that costs."""
    mark = world.mark()
    world.clock.advance(timedelta(seconds=30))
    world.receive(Event(referral_id, created=False, ours=True, at=world.theirs.now()))
    world.settle()
    return sum(world.calls(mark).values())


@pytest.mark.parametrize("known", [False, True], ids=["unknown", "another organization's"])
def test_events_about_a_row_that_is_not_ours_cost_little_and_nothing_any_more_soon(
    world: World, *, known: bool
) -> None:
    row = str(uuid.UUID(int=7, version=4))
    if known:
        row = world.partner_center.partner_joins("99999999-2222-4333-8444-555555555555")
        world.events.clear()
    spent = [tell(world, row) for _ in range(6)]
    assert spent == [1] * EACH + [0] * 3
    assert world.chat.texts == []
    assert world.parked() == []
    world.clock.advance(WINDOW)
    assert tell(world, row) == 1


def test_a_flood_of_unknown_rows_is_no_more_read_and_ours_is_found_all_the_same(world: World) -> None:
    flood = [Event(str(uuid.UUID(int=each, version=4)), False, True, world.theirs.now()) for each in range(ALL + 50)]
    mark = world.mark()
    for event in flood:
        world.receive(event)
    world.pump()
    assert sum(world.calls(mark).values()) == ALL
    world.partner_center.invites_us()
    world.settle()
    assert not world.crm.rows(), "no event about an unknown row is believed"
    world.recover()
    check_agreed(world)
    assert world.chat.texts == []


def test_a_foreign_row_of_an_engagement_that_is_not_ours_is_nobodys_business(world: World) -> None:
    shared(world)
    theirs = world.partner_center.partner_joins("99999999-2222-4333-8444-555555555555")
    mark = world.mark()
    world.settle()
    assert world.calls(mark) == {"partner_center.read": 1}
    world.recover()
    assert theirs not in {link.referral_id for link in world.links()}
    assert world.chat.texts == []
    assert world.parked() == []


def test_the_status_of_a_referral_that_vanished_says_so_and_it_goes_on_when_it_is_back(world: World) -> None:
    referral_id, record_id = shared(world)
    row = world.partner_center.rows[referral_id]
    world.partner_center.delete(referral_id)
    world.crm.edit(record_id, estimatedvalue=4)
    world.settle()
    link = world.link()
    assert link.state is LinkState.ORPHANED
    assert link.status
    assert link.status.kind is StatusKind.ATTENTION
    assert status(world, record_id).startswith("✖ Check the referral in Partner Center")
    world.partner_center.rows[referral_id] = row
    world.crm.edit(record_id, estimatedvalue=6)
    world.settle()
    check_agreed(world)


def test_an_event_about_a_row_that_we_may_not_read_calls_no_administrator(world: World) -> None:
    referral_id, record_id = shared(world)
    world.tape.fail(AccessDenied("the service user needs a Referrals role"), "partner_center", "read", times=None)
    row = str(uuid.UUID(int=8, version=4))
    assert [tell(world, row) for _ in range(EACH + 2)] == [1] * EACH + [0] * 2
    assert world.chat.texts == []
    assert world.parked() == []
    world.partner_center.edit(referral_id, {VALUE: 9})
    world.settle()
    assert len(world.chat.texts) == 1, "of a deal of ours it is an administrator's business"
    world.tape.faults.clear()
    world.recover()
    assert world.crm.row(record_id)["estimatedvalue"] == 9
