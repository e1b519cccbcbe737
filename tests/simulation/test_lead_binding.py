"""The binding of leads beside that of opportunities: it fails alone, and its deals are forecast by its own rows."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from shared.errors import AccessDenied, SchemaMismatch
from shared.lifecycle import Stage
from shared.link import Link, LinkState
from shared.sync.preview import Side, linked, preview
from tests.simulation.test_leads import LEAD, lead, leads, link_of, status, without_leads
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.world import World
from tools.admin.adopt import survey as surveying
from tools.admin.adopt.apply import Result, apply
from tools.admin.adopt.forecast import Kind
from tools.admin.adopt.sheet import Order
from tools.admin.adopt.survey import survey
from tools.cli import preview as preview_command


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(surveying, "WORKERS", 1)
    return World()


@pytest.fixture
def unready(world: World) -> Iterator[World]:
    """An installation from before there were leads: their table lacks every column of ours."""

    def lacks(*_given: object, **_named: object) -> object:
        raise SchemaMismatch(f"Dynamics 365 lacks what the mapping names (0x80060888): {next(numbers)}")

    numbers = count()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("changes", "create", "find", "look_around", "read"):
            patch.setattr(leads(world), name, lacks)
        yield world


def test_a_table_of_leads_that_is_not_ready_stops_no_opportunity_and_is_told_of_once(unready: World) -> None:
    unready.crm.add_deal()
    unready.partner_center.invites_us(**LEAD)
    unready.settle()
    unready.recover()
    (link,) = unready.links()
    assert link.state is LinkState.LINKED
    assert str(unready.crm.row(link.record_id)["cosell_syncstatus"]).startswith("✔")
    (told,) = unready.chat.texts
    assert "provision --apply" in told
    assert "leads: off" in told
    (due,) = unready.parked()
    assert [each.code for each in due.problems] == ["app.leads"]
    assert unready.queue.poisoned == []


def test_opportunities_that_go_well_wake_no_lead_that_waits_for_its_table(unready: World) -> None:
    unready.partner_center.invites_us(**LEAD)
    unready.settle()
    start = unready.mark()
    unready.crm.add_deal()
    unready.settle()
    assert "leads.look_around" not in unready.calls(start)
    assert len(unready.chat.texts) == 1


def test_a_lead_that_waits_for_its_table_comes_as_soon_as_the_table_is_ready(world: World) -> None:
    with pytest.MonkeyPatch.context() as patch:

        def denies(*_given: object) -> object:
            raise AccessDenied("Dynamics 365 denies the application user (0x80040220)")

        patch.setattr(leads(world), "changes", denies)
        patch.setattr(leads(world), "look_around", denies)
        referral_id = world.partner_center.invites_us(**LEAD)
        world.settle()
        assert world.links() == []
    world.settle()
    assert link_of(world, referral_id).record_id in leads(world).rows()
    assert world.parked() == []
    assert world.alerts.raised() == {}
    assert len(world.chat.texts) == 2, "told once, and resolved once"


def test_a_lead_that_waits_for_its_table_and_is_accepted_becomes_an_opportunity(unready: World) -> None:
    referral_id = unready.partner_center.invites_us(**LEAD)
    unready.settle()
    unready.partner_center.accept(referral_id)
    unready.settle()
    unready.recover()
    assert link_of(unready, referral_id).record_id in unready.crm.rows()
    assert unready.parked() == []


def test_leads_that_are_switched_off_ask_nothing_of_their_table(unready: World, tmp_path: Path) -> None:
    unready.configure(field_map=without_leads(tmp_path, "leads: off"))
    unready.partner_center.invites_us(**LEAD)
    unready.crm.add_deal()
    unready.settle()
    unready.recover()
    assert unready.task.tables == ("opportunity",)
    assert unready.chat.texts == []
    assert not [step.name for step in unready.tape.steps if step.port == "leads"]


# --- decided before it was tied --------------------------------------------------------------------------------------


def _dies_on_arrival(number: int, *, after: bool) -> World:
    """A lead arrives, and the process dies at one of its calls."""
    world = World()
    world.tape.crash_at(number, after=after)
    world.partner_center.invites_us(**LEAD)
    world.receive_all()
    world.pump()
    return world


def _calls_on_arrival() -> int:
    calm = World()
    calm.partner_center.invites_us(**LEAD)
    calm.receive_all()
    calm.pump()
    return len(calm.tape.steps)


@pytest.mark.parametrize("after", [False, True])
def test_a_lead_that_is_qualified_before_it_was_tied_goes_on(*, after: bool) -> None:
    qualified = 0
    for number in range(_calls_on_arrival()):
        world = _dies_on_arrival(number, after=after)
        for lead_id in leads(world).rows():
            leads(world).qualify(lead_id, world.crm)
            qualified += 1
        world.settle()
        world.recover()
        (link,) = world.links()
        assert link.record
        assert link.record.table == ("opportunity" if world.crm.rows() else "lead")
        assert status(world, link.referral_id) == ("Active/Accepted" if world.crm.rows() else "New/Pending")
        assert world.parked() == []
    assert qualified


@pytest.mark.parametrize("after", [False, True])
def test_a_lead_that_is_accepted_before_it_was_tied_has_one_record(*, after: bool) -> None:
    for number in range(_calls_on_arrival()):
        world = _dies_on_arrival(number, after=after)
        (referral,) = world.partner_center.ours()
        world.partner_center.accept(referral["id"])
        world.settle()
        world.recover()
        assert len(leads(world).rows()) + len(world.crm.rows()) == 1
        assert world.parked() == []


def test_an_opportunity_that_was_won_before_it_was_tied_asks_to_be_opened_again(world: World) -> None:
    referral_id, lead_id = lead(world)
    opportunity = leads(world).qualify(lead_id, world.crm, estimatedvalue=5)
    world.crm.close(opportunity, Stage.WON)
    world.settle()
    (due,) = world.parked()
    assert [each.code for each in due.problems] == ["lead.opportunity_closed"]
    assert status(world, referral_id) == "Active/Accepted"
    assert any("Reopen the opportunity" in text for text in world.chat.texts)
    world.crm.reopen(opportunity)
    world.recover()
    assert link_of(world, referral_id).record_id == opportunity
    world.crm.close(opportunity, Stage.WON)
    world.settle()
    assert status(world, referral_id) == "Closed/Won"
    assert world.parked() == []


# --- forecasts -------------------------------------------------------------------------------------------------------


def test_a_linked_lead_is_forecast_by_the_rows_of_leads(world: World) -> None:
    referral_id, lead_id = lead(world)
    leads(world).restore(lead_id, {**leads(world).row(lead_id), "description": "afterwards"})
    (found,) = preview(world.task, linked(world.task))
    assert [(each.side, each.field, each.new) for each in found.forecasts] == [
        (Side.PARTNER_CENTER, "notes", "afterwards")
    ]
    assert found.link.referral_id == referral_id


def test_a_linked_lead_whose_table_is_not_synchronized_is_forecast_untouched(world: World, tmp_path: Path) -> None:
    lead(world)
    world.configure(field_map=without_leads(tmp_path))
    (found,) = preview(world.task, linked(world.task))
    assert found.forecasts == ()


def test_moving_in_makes_a_lead_of_an_undecided_lead_and_ties_the_one_that_carries_it(world: World) -> None:
    new = world.partner_center.invites_us(**LEAD)
    carried = world.partner_center.invites_us(**LEAD)
    lead_id = leads(world).add_lead(**{IDENTIFIER: carried})
    rows = {row.referral_id: row for row in survey(world.task)}
    assert (rows[new].table, rows[new].kind) == ("lead", Kind.UNDECIDED)
    assert (rows[carried].table, rows[carried].record_id) == ("lead", lead_id)
    row = rows[carried]
    order = Order(2, Kind.LINK, row.crm, row.table, row.record_id, row.referral_id, row.check, confirmed=True)
    (done,) = apply(world.task, [order])
    assert done.result is Result.DONE, done.text
    assert link_of(world, carried).record_id == lead_id
    assert status(world, carried) == "New/Pending"
    assert world.crm.rows() == {}


def test_a_lead_is_found_by_its_record_id_for_a_forecast(world: World) -> None:
    referral_id, lead_id = lead(world)
    options = Namespace(deal=lead_id, sample=None)
    ((link,), _) = preview_command._chosen(world.task, options)
    assert isinstance(link, Link)
    assert link.referral_id == referral_id
