"""Why a deal ended, until when an invitation may be decided, and what waits until it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from shared.lifecycle import Stage
from shared.mapping.loading import load_mapping
from shared.status import StatusKind
from tests.simulation.agreement import check_agreed
from tests.simulation.deals import invited, shared
from tests.support.fakes.world import World

REASON = "cosell_closereason"
DECIDE_BY = "cosell_decideby"
EXPIRES = "/expirationDateTime"
BUDGET = "Budget inadequate"


@pytest.fixture
def world() -> World:
    return World()


def configured(directory: Path, overlay: str, **settings: object) -> World:
    """A world with an overlay on the built-in mapping."""
    (directory / "dynamics365.yaml").write_text(f"overlay: true\nversion: own\n{overlay}\n", encoding="utf-8")
    world = World(**settings)  # type: ignore[arg-type]
    world.configure(field_map=load_mapping("dynamics365", directory))
    return world


def patches(world: World, referral_id: str) -> str:
    """What the referral's status and reason are."""
    row = world.partner_center.rows[referral_id]
    return f"{row['status']}/{row['substatus']}: {row.get('statusReason')}"


# --- close reasons ---------------------------------------------------------------------------------------------------


def test_a_reason_waits_for_the_end_that_it_explains(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, **{REASON: 1})
    world.settle()
    assert world.partner_center.rows[referral_id].get("statusReason") is None
    assert world.link().status is not None
    assert world.link().status.kind is StatusKind.SYNCHRONIZED  # type: ignore[union-attr]
    since = world.mark()
    world.crm.close(record_id, Stage.LOST)
    world.settle()
    assert patches(world, referral_id) == f"Closed/Lost: {BUDGET}"
    assert world.tape.remote(since)["partner_center.update"] == 1, "status and reason are one PATCH"
    check_agreed(world)


def test_a_decline_tells_why(world: World) -> None:
    referral_id, record_id = invited(world)
    world.crm.edit(record_id, **{REASON: 5})
    world.settle()
    world.crm.close(record_id, Stage.LOST)
    world.settle()
    assert patches(world, referral_id) == "Closed/Declined: Not a customer"
    check_agreed(world)


def test_a_win_needs_no_reason_and_sends_none(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, **{REASON: 1})
    world.crm.close(record_id, Stage.WON)
    world.settle()
    assert patches(world, referral_id) == "Closed/Won: None"


@pytest.mark.parametrize(("text", "option"), [(BUDGET, 1), ("budget INADEQUATE ", 1), ("They built it themselves", 8)])
def test_a_reason_from_partner_center_is_shown_and_never_sent_back(world: World, text: str, option: int) -> None:
    referral_id, record_id = invited(world)
    world.partner_center.edit(referral_id, {"/statusReason": text})
    world.partner_center.close(referral_id, "Declined")
    world.settle()
    assert world.crm.row(record_id)[REASON] == option
    assert world.partner_center.rows[referral_id]["statusReason"] == text
    assert text.strip()[:6].casefold() in str(world.link().base["close_reason"]).casefold()


def test_while_the_undo_window_runs_the_record_is_asked_for_the_reason(tmp_path: Path) -> None:
    world = configured(tmp_path, "close_reason: optional", close_delay=timedelta(minutes=5))
    _, record_id = shared(world)
    world.crm.close(record_id, Stage.LOST)
    world.poll()
    world.pump()
    status = world.link().status
    assert status is not None
    assert status.kind is StatusKind.PENDING
    assert "close reason" in status.text


def test_where_a_reason_is_required_nothing_ends_without_one(tmp_path: Path) -> None:
    world = configured(tmp_path, "close_reason: required")
    referral_id, record_id = shared(world)
    world.crm.close(record_id, Stage.LOST)
    world.settle()
    assert world.partner_center.rows[referral_id]["status"] == "Active"
    assert "close reason" in " ".join(world.chat.texts)
    world.crm.reopen(record_id)
    world.crm.edit(record_id, **{REASON: 3})
    world.crm.close(record_id, Stage.LOST)
    world.settle()
    assert patches(world, referral_id) == "Closed/Lost: Chose another vendor"


# --- an invitation that nobody has decided ---------------------------------------------------------------------------


def test_the_record_shows_until_when_an_invitation_may_be_decided(world: World) -> None:
    referral_id, record_id = invited(world, expirationDateTime="2027-04-05T10:00:00Z")
    assert world.crm.row(record_id)[DECIDE_BY] == "2027-04-05"
    world.crm.edit(record_id, statuscode=1)
    world.settle()
    assert world.partner_center.rows[referral_id]["status"] == "Active"
    assert world.crm.row(record_id)[DECIDE_BY] is None
    check_agreed(world)


@pytest.mark.parametrize("ends", ["accepted", "declined"])
def test_what_a_dead_host_left_of_it_is_cleared_though_nobody_knows_the_past(world: World, ends: str) -> None:
    world.settle()
    world.tape.crash_before("links.commit")
    referral_id = world.partner_center.invites_us(expirationDateTime="2027-04-05T10:00:00Z")
    world.receive_all()
    world.pump()
    assert (world.crashes, list(world.links())) == (1, [])
    (row,) = world.crm.rows().values()
    assert row[DECIDE_BY] == "2027-04-05"
    if ends == "accepted":
        world.partner_center.accept(referral_id)
    else:
        world.partner_center.close(referral_id, "Declined")
    world.settle()
    world.recover()
    assert world.crm.row(world.link().record_id)[DECIDE_BY] is None


def test_a_decline_leaves_no_difference_on_the_locked_record(world: World) -> None:
    _, record_id = invited(world, expirationDateTime="2027-04-05T10:00:00Z")
    world.crm.close(record_id, Stage.LOST)
    world.settle()
    status = world.link().status
    assert status is not None
    assert status.kind is not StatusKind.DIFFERS
    assert world.chat.texts == []


def test_edits_wait_until_the_invitation_is_accepted(world: World) -> None:
    referral_id, record_id = invited(world)
    world.crm.edit(record_id, description="Ours", estimatedvalue=5)
    world.settle()
    row = world.partner_center.rows[referral_id]
    assert (row["details"]["notes"] != "Ours", row["details"]["dealValue"] != 5) == (True, True)
    status = world.link().status
    assert status is not None
    assert status.kind is StatusKind.PENDING
    assert "Accept the invitation" in status.text
    world.crm.edit(record_id, statuscode=1)
    world.settle()
    row = world.partner_center.rows[referral_id]
    assert (row["status"], row["details"]["notes"], row["details"]["dealValue"]) == ("Active", "Ours", 5)
    check_agreed(world)


def test_edits_are_sent_at_once_where_the_mapping_says_so(tmp_path: Path) -> None:
    world = configured(tmp_path, "edits_on_hold: send")
    referral_id, record_id = invited(world)
    world.crm.edit(record_id, description="Ours")
    world.settle()
    assert world.partner_center.rows[referral_id]["details"]["notes"] == "Ours"


@pytest.mark.parametrize("minutes", [0, 5])
def test_a_win_of_an_undecided_invitation_is_an_acceptance_and_then_a_win(minutes: int) -> None:
    world = World(close_delay=timedelta(minutes=minutes))
    referral_id, record_id = invited(world)
    since = world.mark()
    world.crm.close(record_id, Stage.WON)
    world.poll()
    world.pump()
    assert world.partner_center.rows[referral_id]["status"] == "Active", "accepted at once, before any window"
    world.recover()
    world.clock.advance(timedelta(minutes=minutes + 1))
    world.recover()
    assert patches(world, referral_id).startswith("Closed/Won")
    assert world.tape.remote(since)["partner_center.update"] == 2
    check_agreed(world)


# --- solution ids ----------------------------------------------------------------------------------------------------


def test_a_wrong_solution_id_is_named_with_the_one_that_was_meant_and_holds_nothing_else(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, cosell_products="SOL-20311-QXT, sol 20312 abc", description="Ours")
    world.settle()
    details = world.partner_center.rows[referral_id]["details"]
    assert [each["id"] for each in details["requirements"]["solutions"]] == ["SOL-20311-QXT"]
    assert details["notes"] == "Ours"
    assert "sol 20312 abc → SOL-20312-ABC" in str(world.crm.row(record_id)["cosell_syncstatus"])


def test_a_catalogue_says_what_may_be_sold_and_what_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "solutions.csv").write_text(
        "Solution Identifier,Solution Name\nSOL-20311-QXT,Insight Hub\nSOL-20312-ABC,Stock View\n", encoding="utf-8"
    )
    world = configured(tmp_path, "close_reason: optional")
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, cosell_products="SOL-20311-QXT, SOL-20312-ABC")
    world.settle()
    assert "SOL-20312-ABC (Stock View)" in str(world.crm.row(record_id)["cosell_audit"])
    world.crm.edit(record_id, cosell_products="SOL-20311-QXT, SOL-99999-ABC")
    world.settle()
    held = world.partner_center.rows[referral_id]["details"]["requirements"]["solutions"]
    assert {each["id"] for each in held} == {"SOL-20311-QXT", "SOL-20312-ABC"}
    assert world.link().status.kind is StatusKind.ATTENTION  # type: ignore[union-attr]
