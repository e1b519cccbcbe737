"""✔ means agreement: what differs, what is held, what the CRM's own logic changed, and what nobody may read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from shared.decide.fights import ROUNDS
from shared.errors import DataError, VersionMismatch
from shared.lifecycle import Stage
from shared.problems import problem
from shared.status import StatusKind
from tests.simulation.agreement import check_agreed
from tests.simulation.deals import HELP, invited, shared
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.referral_rules import at
from tests.support.fakes.tape import Step
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


def test_a_status_that_the_record_refused_without_being_edited_is_shown_all_the_same(world: World) -> None:
    # Nothing comes with the change feed that would bring the deal back.
    _, record_id = shared(world)
    world.crm.edit(record_id, name="Renamed")
    world.tape.fail(VersionMismatch("preconditionFailed"), "crm", "update")
    world.settle()
    assert status(world, record_id).endswith("kept: name")
    assert world.parked() == []


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


@pytest.mark.parametrize("linked_before", [True, False])
def test_what_partner_center_makes_of_our_write_is_no_edit_of_anybody(world: World, *, linked_before: bool) -> None:
    def in_thousands(row: Mapping[str, object]) -> dict[str, object]:
        return {VALUE: 50_000} if at(row, VALUE) == 50_123 else {}

    world.partner_center.logic.append(in_thousands)
    if linked_before:
        referral_id, record_id = shared(world)
        world.crm.edit(record_id, estimatedvalue=50_123)
    else:
        referral_id = world.partner_center.registers()
        world.events.clear()
        record_id = world.crm.add_deal(**{IDENTIFIER: referral_id, "estimatedvalue": 50_123})
    world.settle()
    assert status(world, record_id) == "◐ Partner Center keeps another value: deal value"
    world.partner_center.edit(referral_id, {NOTES: "both are looked at again"})
    world.settle()
    assert world.crm.row(record_id)["description"] == "both are looked at again"
    assert world.crm.row(record_id)["estimatedvalue"] == 50_123
    assert at(world.partner_center.rows[referral_id], VALUE) == 50_000
    assert "deal_value" in world.link().differences


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


def test_a_status_that_an_edit_kept_from_being_shown_is_shown_with_that_edit() -> None:
    world = World(closed_rows_are_read_only=False)
    referral_id, record_id = shared(world)
    world.partner_center.close(referral_id, "Lost")
    world.settle()
    world.crm.reopen(record_id)
    edit_within_the_next_writes(world, record_id, 1)
    world.settle()
    assert status(world, record_id).startswith("◐")


def test_a_pause_that_edits_keep_from_being_shown_is_shown_with_the_last_of_them() -> None:
    """A write that was refused is none that automation took back, however many there were."""
    world = World()
    _, record_id = shared(world)
    edit_within_the_next_writes(world, record_id, ROUNDS)
    world.crm.edit(record_id, cosell_syncwithpartnercenter=False)
    world.settle()
    assert status(world, record_id).startswith("⏸")
    assert world.parked() == []


def test_the_status_of_a_record_that_was_merged_is_that_of_the_deal() -> None:
    """The copy says ✔ from before the referral was closed; the link that follows knows better."""
    world = World(closed_rows_are_read_only=False)
    referral_id, record_id = shared(world)
    copy = world.crm.clone(record_id, cosell_referralidentifier=None)
    world.settle()
    world.crm.edit(copy, cosell_syncstatus="✔ Synchronized 2026-03-02 09:00 UTC")
    world.partner_center.close(referral_id, "Lost")
    world.settle()
    world.crm.reopen(record_id)
    world.settle()
    world.crm.merge(record_id, copy)
    world.settle()
    world.recover()
    assert world.link().record_id == copy
    assert status(world, copy).startswith("◐")


def edit_within_the_next_writes(world: World, record_id: str, number: int) -> None:
    """Let a seller save the record at the very moments at which the app writes it."""
    saved: list[int] = []

    def edit(step: Step) -> None:
        if (step.port, step.name) == ("crm", "update") and len(saved) < number:
            saved.append(step.number)
            world.crm.edit(record_id, description=f"saved at step {step.number}")

    world.tape.before.append(edit)
