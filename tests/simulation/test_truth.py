"""✔ means agreement: what differs, what is held, what the CRM's own logic changed, and what nobody may read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.decide.fights import DRIFT, FIGHT, FIGHT_WINDOW, SHOWS, SOON
from shared.errors import DataError
from shared.lifecycle import Stage
from shared.link import LinkState
from shared.problems import problem
from shared.status import StatusKind
from tests.simulation.agreement import check_agreed
from tests.simulation.deals import HELP, invited, shared
from tests.support.fakes.crm import IDENTIFIER, SYNC
from tests.support.fakes.crm_rules import CrmRow
from tests.support.fakes.referral_rules import at
from tests.support.fakes.world import World

VALUE, NOTES, CLOSING = "/details/dealValue", "/details/notes", "/details/closingDateTime"
STATUS = "cosell_syncstatus"


@pytest.fixture
def world() -> World:
    return World()


def status(world: World, record_id: str) -> str:
    return str(world.crm.row(record_id)[STATUS])


def test_help_that_was_cleared_is_restored_and_changed_help_is_put_back(world: World) -> None:
    _, record_id = shared(world, cosell_howcanmicrosofthelp=HELP)
    for value in (None, 3):
        world.crm.edit(record_id, cosell_howcanmicrosofthelp=value)
        world.settle()
        assert world.crm.row(record_id)["cosell_howcanmicrosofthelp"] == HELP
        assert "put back" in str(world.crm.row(record_id)["cosell_audit"])
        check_agreed(world)


def test_a_name_that_partner_center_cannot_change_is_a_kept_difference(world: World) -> None:
    _, record_id = shared(world)
    world.crm.edit(record_id, name="Renamed")
    world.settle()
    assert status(world, record_id).startswith("✔ Synchronized")
    assert status(world, record_id).endswith("kept: name")


def test_a_deal_that_is_reopened_after_its_end_says_that_the_referral_stays_closed(world: World) -> None:
    _, record_id = shared(world)
    world.crm.close(record_id, Stage.LOST)
    world.settle()
    world.crm.reopen(record_id)
    world.settle()
    assert status(world, record_id).startswith("◐")
    assert world.crm.row(record_id)["statecode"] == 0


@pytest.mark.parametrize("accepted", [True, False])
def test_an_invitation_that_expires_closes_only_what_nobody_moved(world: World, *, accepted: bool) -> None:
    referral_id, record_id = invited(world)
    world.partner_center.close(referral_id, "Expired")
    if accepted:
        world.crm.edit(record_id, statuscode=1)
    world.settle()
    assert world.crm.row(record_id)["statecode"] == (0 if accepted else 2)
    assert status(world, record_id).startswith("✖ The invitation expired" if accepted else "✔")


# --- an unknown base decides nothing irreversible --------------------------------------------------------------------


def test_an_undecided_invitation_is_not_accepted_by_being_linked(world: World) -> None:
    referral_id = world.partner_center.invites_us()
    world.events.clear()
    record_id = world.crm.add_deal(**{IDENTIFIER: referral_id})
    world.settle()
    world.recover()
    assert world.partner_center.rows[referral_id]["status"] == "New"
    assert status(world, record_id).startswith("✖")


def test_history_is_linked_as_it_is_without_a_single_write(world: World) -> None:
    referral_id = world.partner_center.registers()
    world.partner_center.close(referral_id, "Won")
    world.events.clear()
    record_id = world.crm.add_deal(**{IDENTIFIER: referral_id, "estimatedvalue": 99999})
    world.crm.close(record_id, Stage.WON)
    before, there = world.crm.row(record_id), dict(world.partner_center.rows[referral_id])
    world.settle()
    world.recover()
    assert world.crm.row(record_id) == before
    assert world.partner_center.rows[referral_id] == there
    assert "deal_value" in world.link().differences, "what differs is listed"


def test_an_open_record_of_a_closed_referral_is_not_rewritten_by_being_linked(world: World) -> None:
    referral_id = world.partner_center.registers()
    world.partner_center.close(referral_id, "Won")
    world.events.clear()
    record_id = world.crm.add_deal(**{IDENTIFIER: referral_id, "estimatedvalue": 99999})
    world.settle()
    assert world.crm.row(record_id)["estimatedvalue"] == 99999
    assert world.crm.row(record_id)["statecode"] == 0


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


def test_a_crm_that_changes_a_field_at_each_write_is_held_and_tried_again_every_hour(world: World) -> None:
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
        assert status(world, record_id).startswith("◐ Stop the automation that keeps changing it")
        mark = world.mark()
        for _ in range(4):
            world.clock.advance(timedelta(minutes=61))
            world.reconcile()
            world.settle()
        assert world.calls(mark)["partner_center.update"] <= 5, "one try an hour"
        world.crm.logic.clear()
        world.clock.advance(timedelta(minutes=61))
        world.reconcile()
        world.settle()
        check_agreed(world)
        assert status(world, record_id).startswith("✔")
        world.clock.advance(FIGHT_WINDOW + SOON)
    assert world.link().referral_id == referral_id


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


# --- values that cannot travel ---------------------------------------------------------------------------------------


def test_a_value_that_cannot_be_read_holds_its_field_and_the_rest_goes_on(world: World) -> None:
    referral_id, record_id = shared(world)
    world.partner_center.edit(referral_id, {CLOSING: "not a date", NOTES: "goes on"})
    world.settle()
    row = world.crm.row(record_id)
    assert (row["description"], row["estimatedclosedate"]) == ("goes on", "2027-06-30")
    assert status(world, record_id).startswith("✖")
    world.partner_center.edit(referral_id, {CLOSING: "2028-01-31T00:00:00Z"})
    world.settle()
    assert world.crm.row(record_id)["estimatedclosedate"] == "2028-01-31"
    check_agreed(world)


def test_a_deal_whose_currency_the_crm_lacks_arrives_without_its_value(world: World) -> None:
    refusal = DataError(problem("crm.row_missing", "transactioncurrencyid", crm="Dynamics 365", key="JPY"))
    referral_id = world.partner_center.invites_us(**{"details/currency": "JPY"})
    world.crm.currencies_missing = {"JPY": refusal}
    world.settle()
    (record_id,) = world.crm.rows()
    row = world.crm.row(record_id)
    assert row["name"] == "Northwind analytics rollout"
    assert row["estimatedvalue"] is None, "42 000 of another currency would be a false value"
    assert status(world, record_id).startswith("✖")
    world.crm.currencies_missing = {}
    world.clock.advance(timedelta(hours=2))
    world.recover()
    assert world.crm.row(record_id)["estimatedvalue"] == 42000
    assert world.link().referral_id == referral_id


@pytest.mark.parametrize("mask", ["****", "St****es"])
def test_a_column_that_is_masked_from_now_on_is_no_edit(world: World, mask: str) -> None:
    referral_id, record_id = shared(world)
    world.crm.masked = {"description": mask}
    world.crm.edit(record_id, estimatedvalue=7)
    world.settle()
    assert at(world.partner_center.rows[referral_id], NOTES) == "Stores want one view of their stock."
    assert len([text for text in world.chat.texts if "hides" in text]) == 1, "an administrator is told"
    world.crm.masked = {}
    world.recover()
    assert at(world.partner_center.rows[referral_id], VALUE) == 7
    check_agreed(world)


def test_a_masked_customer_is_not_shared(world: World) -> None:
    record_id = world.crm.add_deal()
    (account,) = world.crm.accounts.values()
    name = account["name"]
    account["name"] = "*****"
    world.settle()
    assert world.partner_center.ours() == []
    assert status(world, record_id).startswith("✖ Let the app's user read customer name unmasked")
    account["name"] = name
    world.crm.edit(record_id, description="again")
    world.settle()
    check_agreed(world)


# --- the record's audit ---


def test_another_connectors_audit_stays_on_a_deal_that_was_history_and_is_reopened(world: World) -> None:
    referral_id = world.partner_center.registers()
    world.events.clear()
    record_id = world.crm.add_deal(**{IDENTIFIER: referral_id, "cosell_audit": "2025-01-02 sync success."})
    world.crm.close(record_id, Stage.WON)
    world.settle()
    world.crm.reopen(record_id)
    world.settle()
    text = str(world.crm.row(record_id)["cosell_audit"])
    assert text.endswith("\n2025-01-02 sync success."), text


def test_what_another_connector_wrote_stays_below_ours(world: World) -> None:
    _, record_id = shared(world, cosell_audit="2025-01-02 sync success.\nmy own remark")
    audit = str(world.crm.row(record_id)["cosell_audit"])
    assert audit.endswith("2025-01-02 sync success.\nmy own remark")
    assert "created from the CRM" in audit
    world.crm.edit(record_id, description="later")
    world.settle()
    assert str(world.crm.row(record_id)["cosell_audit"]).endswith("my own remark")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ({"estimatedclosedate": None}, {"estimatedclosedate": "2027-06-30"}),
        ({IDENTIFIER: "REF-0042"}, {IDENTIFIER: None}),
        ({IDENTIFIER: "REF-0042"}, {IDENTIFIER: "an existing one"}),
    ],
    ids=["no closing date", "no identifier's form", "corrected to a referral's"],
)
def test_a_failure_before_the_first_link_keeps_what_another_connector_wrote(
    world: World, wrong: dict[str, object], right: dict[str, object]
) -> None:
    earlier = "2025-01-02 sync success.\nmy own remark"
    record_id = world.crm.add_deal(cosell_audit=earlier, **wrong)
    mark = world.mark()
    world.settle()
    assert status(world, record_id).startswith("✖")
    assert str(world.crm.row(record_id)["cosell_audit"]).endswith(f"\n{earlier}")
    assert world.calls(mark)["crm.audit_text"] == 1
    mark = world.mark()
    world.clock.advance(timedelta(days=2))
    world.recover()
    assert world.calls(mark).get("crm.audit_text", 0) == 0, "the same failure costs nothing again"
    world.crm.edit(record_id, transactioncurrencyid=None, **{IDENTIFIER: None})
    world.settle()
    if right.get(IDENTIFIER):
        right = {IDENTIFIER: world.partner_center.registers()}
        world.events.clear()
    world.crm.edit(record_id, transactioncurrencyid="GBP", **right)
    world.settle()
    text = str(world.crm.row(record_id)["cosell_audit"])
    assert world.link_of_record(record_id)
    assert text.endswith(f"\n{earlier}"), text
    assert text.count("sync success") == 1
    lines = text.split("\n")[:-2]
    assert len(lines) == len(set(lines)) >= 3, "each failure and the link, once"


def test_a_note_cannot_forge_a_line_of_the_audit(world: World) -> None:
    _, record_id = shared(world)
    forged = "hello\n2026-11-01 09:00:00 UTC  CRM → Partner Center  deal_value: 1 → 2 (changed in the CRM)\u202e"
    world.crm.edit(record_id, description=forged)
    world.settle()
    lines = str(world.crm.row(record_id)["cosell_audit"]).split("\n")
    assert len([line for line in lines if line.startswith("2026-11-01")]) == 0
    assert "\u202e" not in "".join(lines)


def test_what_waits_is_neither_agreement_nor_a_difference() -> None:
    world = World(close_delay=timedelta(minutes=5))
    _, record_id = shared(world)
    world.crm.close(record_id, Stage.WON)
    world.poll()
    world.pump()
    link = world.link()
    assert link.closing
    assert link.status
    assert link.status.kind is StatusKind.PENDING
