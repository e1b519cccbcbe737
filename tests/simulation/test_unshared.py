"""Records that are not shared: copies of shared ones, and those that say why they are not."""

from __future__ import annotations

import pytest

from shared.errors import ServiceUnavailable
from shared.lifecycle import Stage
from tests.simulation.agreement import check_agreed
from tests.simulation.deals import HELP, shared
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.crm_rules import SYNC
from tests.support.fakes.world import World

VALUE, NOTES = "/details/dealValue", "/details/notes"
LINK, STATUS, AUDIT = "cosell_referrallink", "cosell_syncstatus", "cosell_audit"


@pytest.fixture
def world() -> World:
    return World()


def status(world: World, record_id: str) -> str:
    return str(world.crm.row(record_id)[STATUS])


def calls_of_the_crm(world: World, mark: int) -> dict[str, int]:
    """Return the calls but for the one that every CRM is asked once an hour."""
    calls = world.calls(mark).items()
    return {name: count for name, count in calls if name.startswith("crm.") and name != "crm.beside_edited"}


# --- copies ---


def test_a_copy_without_the_identifier_is_refused_until_its_sync_is_switched_off_and_on(world: World) -> None:
    _, record_id = shared(world, cosell_howcanmicrosofthelp=HELP)
    copy_id = world.crm.clone(record_id, **{IDENTIFIER: None, "name": "The same once more"})
    world.settle()
    world.recover()
    assert status(world, copy_id).startswith("✖ This is a copy")
    assert len(world.partner_center.ours()) == 1, "Microsoft is not invited a second time"
    world.crm.edit(copy_id, description="still a copy")
    world.settle()
    assert len(world.partner_center.ours()) == 1
    world.crm.edit(copy_id, **{SYNC: False})
    world.settle()
    assert world.crm.row(copy_id)[IDENTIFIER] is None
    world.crm.edit(copy_id, **{SYNC: True})
    world.settle()
    assert len(world.partner_center.ours()) == 2
    assert status(world, copy_id).startswith("✔")
    check_agreed(world, deals=2)


@pytest.mark.parametrize("kept", [STATUS, AUDIT])
def test_a_copy_that_kept_only_one_of_our_columns_is_refused_too(world: World, kept: str) -> None:
    _, record_id = shared(world, cosell_howcanmicrosofthelp=HELP)
    emptied: dict[str, object] = dict.fromkeys({IDENTIFIER, LINK, STATUS, AUDIT} - {kept})
    copy_id = world.crm.clone(record_id, **emptied)
    world.settle()
    world.tape.fail(ServiceUnavailable("answered 503"), "crm", "read")
    world.crm.edit(copy_id, description="still a copy")
    world.settle()
    world.recover()
    assert status(world, copy_id).startswith("✖ This is a copy")
    assert len(world.partner_center.ours()) == 1, "Microsoft is not invited a second time"
    for sync in (False, True):
        world.crm.edit(copy_id, **{SYNC: sync})
        world.settle()
    assert len(world.partner_center.ours()) == 2
    assert status(world, copy_id).startswith("✔")
    check_agreed(world, deals=2)


# --- records that are not shared ---


def test_a_record_on_which_we_said_why_it_is_not_shared_is_no_copy(world: World) -> None:
    record_id = world.crm.add_deal(estimatedclosedate=None)
    world.settle()
    assert status(world, record_id).startswith("✖")
    world.crm.edit(record_id, description="not yet")
    world.settle()
    world.crm.edit(record_id, estimatedclosedate="2027-06-30")
    world.settle()
    assert status(world, record_id).startswith("✔")
    check_agreed(world)


@pytest.mark.parametrize("wrong", [{"estimatedclosedate": None}, {IDENTIFIER: "REF-0042"}], ids=["date", "identifier"])
def test_a_record_that_cannot_be_shared_says_so_no_more_when_its_sync_is_off(
    world: World, wrong: dict[str, object]
) -> None:
    record_id = world.crm.add_deal(**wrong)
    world.settle()
    assert status(world, record_id).startswith("✖")
    world.crm.edit(record_id, **{SYNC: False})
    world.settle()
    assert status(world, record_id).startswith("⏸ Paused")
    assert world.parked() == []
    mark = world.mark()
    world.crm.edit(record_id, description="nobody's business", estimatedclosedate="2027-06-30", **{IDENTIFIER: None})
    world.settle()
    world.recover()
    assert calls_of_the_crm(world, mark) == {}, "it is nobody's business any more"
    world.crm.edit(record_id, **{SYNC: True})
    world.settle()
    check_agreed(world)


def test_a_record_that_is_not_shared_and_whose_sync_is_switched_at_each_write_comes_to_rest(world: World) -> None:
    record_id = world.crm.add_deal(**{IDENTIFIER: "REF-0042"})
    world.crm.logic.append(lambda row: {SYNC: not row[SYNC]})
    mark = world.mark()
    world.settle()
    assert calls_of_the_crm(world, mark)["crm.update"] < 20
    world.crm.logic.clear()
    world.crm.edit(record_id, **{SYNC: False})
    world.recover()
    assert status(world, record_id).startswith("⏸"), "an hour later"


def test_a_copy_that_was_refused_says_so_no_more_when_its_sync_is_off(world: World) -> None:
    _, record_id = shared(world)
    copy_id = world.crm.clone(record_id, **{IDENTIFIER: None})
    world.settle()
    world.crm.edit(copy_id, **{SYNC: False})
    world.settle()
    assert status(world, copy_id).startswith("⏸")
    assert world.parked() == []


def test_a_record_that_fails_and_is_closed_and_reopened_is_no_copy(world: World) -> None:
    record_id = world.crm.add_deal(estimatedclosedate=None)
    world.settle()
    world.crm.close(record_id, Stage.LOST)
    world.settle()
    assert world.parked() == []
    world.crm.reopen(record_id)
    world.crm.edit(record_id, estimatedclosedate="2027-06-30")
    world.settle()
    check_agreed(world)


def test_a_closed_record_that_is_switched_on_says_why_it_is_not_shared() -> None:
    world = World(closed_rows_are_read_only=False)
    record_id = world.crm.add_deal()
    world.crm.close(record_id, Stage.LOST)
    world.settle()
    assert status(world, record_id).startswith("⏸ Not shared: closed before")
    assert world.partner_center.ours() == []
    mark = world.mark()
    world.recover()
    assert calls_of_the_crm(world, mark) == {}, "it says so once"
    world.crm.reopen(record_id)
    world.settle()
    check_agreed(world)


@pytest.mark.parametrize("times", [1, 2])
def test_why_a_record_is_not_shared_is_said_though_the_crm_was_down(times: int) -> None:
    world = World(closed_rows_are_read_only=False)
    record_id = world.crm.add_deal()
    world.crm.close(record_id, Stage.LOST)
    world.tape.fail(ServiceUnavailable("answered 503"), "crm", "update", times=times)
    world.settle()
    world.recover()
    assert status(world, record_id).startswith("⏸ Not shared: closed before")
    assert world.parked() == []


@pytest.mark.parametrize("times", [1, 2])
def test_a_sync_that_is_off_is_said_though_the_crm_was_down(world: World, times: int) -> None:
    record_id = world.crm.add_deal(estimatedclosedate=None)
    world.settle()
    world.crm.edit(record_id, **{SYNC: False})
    world.tape.fail(ServiceUnavailable("answered 503"), "crm", "update", times=times)
    world.settle()
    world.recover()
    assert status(world, record_id).startswith("⏸ Paused")
    assert world.parked() == []


# --- copies with an identifier ---


def test_a_paused_record_that_a_write_without_its_commit_left_saying_that_it_agrees_is_told_again(world: World) -> None:
    _, record_id = shared(world)
    world.crm.edit(record_id, **{SYNC: False})
    world.settle()
    assert status(world, record_id).startswith("⏸")
    world.crm.edit(record_id, **{STATUS: "✔ Synchronized 2026-03-02 13:12 UTC"})
    world.settle()
    assert status(world, record_id).startswith("⏸")
    mark = world.mark()
    world.crm.edit(record_id, description="Another note")
    world.settle()
    assert "crm.update" not in world.calls(mark)


def test_what_fails_about_a_record_whose_sync_is_off_is_not_written_on_it(world: World) -> None:
    record_id = world.crm.add_deal(**{IDENTIFIER: "6ff1b4ca-110e-4e1d-9301-95015e1a11a3", SYNC: False})
    world.poll()
    fault = world.tape.fail(ServiceUnavailable("Table Storage answered 503"), "ledger", "agenda.of")
    mark = world.mark()
    world.settle()
    assert fault.fired == 1
    assert world.crm.row(record_id)[STATUS] is None
    assert "crm.update" not in world.calls(mark)


def test_a_copy_with_the_identifier_of_a_living_record_is_told_so_and_touches_nothing(world: World) -> None:
    world.crm.keyed = False
    referral_id, record_id = shared(world)
    before = dict(world.partner_center.rows[referral_id])
    copy_id = world.crm.clone(record_id, estimatedvalue=1, description="a copy")
    world.settle()
    world.recover()
    assert world.partner_center.rows[referral_id] == before
    assert world.crm.row(record_id)["estimatedvalue"] == 42000
    assert status(world, copy_id).startswith("✖")
    assert world.link().record_id == record_id
    mark = world.mark()
    world.crm.edit(copy_id, description="edited again")
    world.settle()
    assert world.calls(mark).get("partner_center.update", 0) == 0
    assert world.calls(mark).get("crm.update", 0) <= 1
