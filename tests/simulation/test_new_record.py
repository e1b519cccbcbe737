"""A new record of a referral that leaves required columns empty: what it gets, and that it is nobody's edit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from shared.mapping.loading import load_mapping
from tests.simulation.deals import invited
from tests.support.fakes.world import World

CLOSING = "/details/closingDateTime"
Configured = Callable[[str], World]


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    """A world with an overlay on the built-in mapping."""

    def load(overlay: str) -> World:
        (tmp_path / "dynamics365.yaml").write_text(f"overlay: true\nversion: given\n{overlay}\n", encoding="utf-8")
        world = World()
        world.configure(field_map=load_mapping("dynamics365", tmp_path))
        return world

    return load


DATED = "new_record: {estimatedclosedate: {days_from_today: 90}, new_campaign: From Microsoft}"


def without_date(world: World) -> tuple[str, str]:
    """An invitation without a closing date; returns its referral's and its record's id."""
    return invited(world, **{"details/closingDateTime": None})


def test_constants_and_the_stand_in_for_an_empty_date_are_written(configured: Configured) -> None:
    world = configured(DATED)
    today = world.clock.now().date()
    referral_id, record_id = without_date(world)
    record = world.crm.row(record_id)
    assert record["estimatedclosedate"] == (today + timedelta(days=90)).isoformat()
    assert record["new_campaign"] == "From Microsoft"
    assert world.partner_center.rows[referral_id]["details"]["closingDateTime"] is None
    assert "Partner Center says nothing" in str(record["cosell_audit"])


def test_a_stand_in_is_not_sent_back_when_something_else_changes(configured: Configured) -> None:
    world = configured(DATED)
    referral_id, record_id = without_date(world)
    world.partner_center.accept(referral_id)
    world.crm.edit(record_id, description="Edited by the seller.")
    world.settle()
    details = world.partner_center.rows[referral_id]["details"]
    assert (details["closingDateTime"], details["notes"]) == (None, "Edited by the seller.")


def test_a_date_that_the_seller_types_is_sent_as_the_sellers(configured: Configured) -> None:
    world = configured(DATED)
    referral_id, record_id = without_date(world)
    world.partner_center.accept(referral_id)
    world.settle()
    world.crm.edit(record_id, estimatedclosedate="2030-01-15")
    world.settle()
    assert world.partner_center.rows[referral_id]["details"]["closingDateTime"].startswith("2030-01-15")
    assert "→ 2030-01-15 (changed in the CRM)" in str(world.crm.row(record_id)["cosell_audit"])


def test_a_date_that_partner_center_gets_later_replaces_the_stand_in(configured: Configured) -> None:
    world = configured(DATED)
    referral_id, record_id = without_date(world)
    world.partner_center.edit(referral_id, {CLOSING: "2031-02-03T00:00:00Z"})
    world.settle()
    assert world.crm.row(record_id)["estimatedclosedate"] == "2031-02-03"


def test_a_date_that_the_referral_has_needs_no_stand_in(configured: Configured) -> None:
    world = configured(DATED)
    _, record_id = invited(world)
    assert world.crm.row(record_id)["estimatedclosedate"] == "2027-03-31"
    world.crm.edit(record_id, new_campaign="The seller's own")
    world.settle()
    assert world.crm.row(record_id)["new_campaign"] == "The seller's own"


def test_a_crash_anywhere_makes_no_edit_of_the_stand_in(configured: Configured) -> None:
    whole = configured(DATED)
    first = whole.mark()
    without_date(whole)
    for number in range(first, whole.mark()):
        world = configured(DATED)
        world.tape.crash_at(number, after=True)
        referral_id = world.partner_center.invites_us(**{"details/closingDateTime": None})
        world.settle()
        world.recover()
        assert world.crm.row(world.record_id())["estimatedclosedate"] is not None
        assert world.partner_center.rows[referral_id]["details"]["closingDateTime"] is None, number
