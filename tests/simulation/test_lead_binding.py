"""The binding of leads beside that of opportunities: it fails alone, and its deals are forecast by its own rows."""

from __future__ import annotations

from argparse import Namespace

import pytest

from shared.errors import SchemaMismatch
from shared.link import Link, LinkState
from shared.mapping.loading import load_mapping
from shared.sync.preview import Side, linked, preview
from tests.simulation.test_leads import LEAD, lead, leads, link_of, status, with_leads
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
    return with_leads()


def test_a_table_that_lacks_the_columns_of_leads_stops_no_opportunity_and_names_the_remedy(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacks(_cursor: str | None) -> object:
        raise SchemaMismatch("Dynamics 365 lacks what the mapping names (0x80060888): cosell_audit")

    monkeypatch.setattr(leads(world), "changes", lacks)
    world.crm.add_deal()
    world.settle()
    (link,) = world.links()
    assert link.state is LinkState.LINKED
    (told,) = world.chat.texts
    assert "provision --apply" in told
    assert "leads: off" in told


# --- forecasts -------------------------------------------------------------------------------------------------------


def test_a_linked_lead_is_forecast_by_the_rows_of_leads(world: World) -> None:
    referral_id, lead_id = lead(world)
    leads(world).restore(lead_id, {**leads(world).row(lead_id), "description": "afterwards"})
    (found,) = preview(world.task, linked(world.task))
    assert [(each.side, each.field, each.new) for each in found.forecasts] == [
        (Side.PARTNER_CENTER, "notes", "afterwards")
    ]
    assert found.link.referral_id == referral_id


def test_a_linked_lead_whose_table_is_not_synchronized_is_forecast_untouched(world: World) -> None:
    lead(world)
    world.configure(field_map=load_mapping("dynamics365"))
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
