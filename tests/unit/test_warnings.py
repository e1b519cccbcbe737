"""What is odd about a deal travels all the same: the status, the audit and the deal's page say what to check."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from shared.deal import Fields
from shared.lifecycle import Stage
from shared.mapping.loading import load_mapping
from shared.mapping.oddities import NONE, Warnings
from shared.messages import LANGUAGES, Messages
from shared.messages.plain import units
from shared.status import LONGEST, StatusKind, synchronized
from tests.simulation.deals import invited, shared
from tests.support.desks import Visitor
from tests.support.fakes.clock import START
from tests.support.fakes.world import World

TODAY = date(2026, 3, 2)
SOUND: Fields = {"status": Stage.ACTIVE, "closing_date": date(2026, 3, 2), "deal_value": Decimal("0.01")}
LATE: Fields = {"closing_date": date(2026, 3, 1)}
NOTHING: Fields = {"deal_value": Decimal(0)}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, ()),
        (LATE, ("closing_date",)),
        (NOTHING, ("deal_value",)),
        ({**LATE, **NOTHING}, ("closing_date", "deal_value")),
        ({"closing_date": None, "deal_value": None}, ()),
        ({**LATE, **NOTHING, "status": Stage.ON_HOLD}, ()),
        ({**LATE, **NOTHING, "status": Stage.WON}, ()),
        ({**LATE, **NOTHING, "status": Stage.LOST}, ()),
    ],
)
def test_an_open_deals_past_date_and_lack_of_value_are_odd(given: Fields, found: tuple[str, ...]) -> None:
    assert Warnings().to_check({**SOUND, **given}, TODAY) == found


def test_the_mapping_file_says_from_where_on(tmp_path: Path) -> None:
    text = "overlay: true\nversion: mild\nwarnings: {closing_date_past_days: 30}\n"
    (tmp_path / "salesforce.yaml").write_text(text, encoding="utf-8")
    mild = load_mapping("salesforce", tmp_path).file.warnings
    assert mild == Warnings(closing_date_past_days=30, deal_value_up_to=0)
    assert mild.to_check({**SOUND, "closing_date": date(2026, 1, 31)}, TODAY) == ()
    assert mild.to_check({**SOUND, "closing_date": date(2026, 1, 30)}, TODAY) == ("closing_date",)
    assert Warnings(deal_value_up_to=100).to_check({**SOUND, "deal_value": Decimal(100)}, TODAY) == ("deal_value",)
    assert NONE.to_check({**SOUND, **LATE, **NOTHING}, TODAY) == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_check_mark_stays_and_the_sentence_fits(language: str) -> None:
    odd, many = ("closing_date", "deal_value"), [f"a rather long field {number}" for number in range(9)]
    for kept in ([], ["name"]):
        shown = synchronized(Messages(language), START, kept, check=odd)
        assert shown.kind is StatusKind.SYNCHRONIZED
        assert units(shown.text) <= LONGEST
        assert {"en": "check: closing date, deal value", "ko": "확인 필요: "}[language] in shown.text
    said = synchronized(Messages(language), START, many)
    assert synchronized(Messages(language), START, many, check=odd) == said, "what differs is said before what is odd"


def test_a_record_that_is_shared_says_what_to_check_until_it_is_put_right() -> None:
    world = World()
    referral_id, record_id = shared(world, estimatedclosedate="2026-03-01")
    assert world.partner_center.rows[referral_id]["details"]["closingDateTime"].startswith("2026-03-01")
    assert world.crm.row(record_id)["cosell_syncstatus"] == "✔ Synchronized 2026-03-02 09:00 UTC; check: closing date"
    assert told(world, referral_id) == ["check: the closing date is in the past"]
    assert Visitor(world).data(deal=referral_id)["notes"] == ["check: the closing date is in the past"]

    world.crm.edit(record_id, description="still late")
    world.settle()
    assert "check: closing date" in str(world.crm.row(record_id)["cosell_syncstatus"])
    assert len(told(world, referral_id)) == 1

    world.crm.edit(record_id, estimatedclosedate="2026-04-01")
    world.settle()
    assert "check" not in str(world.crm.row(record_id)["cosell_syncstatus"])
    assert Visitor(world).data(deal=referral_id)["notes"] == []


def test_a_value_of_nothing_from_partner_center_is_said_once() -> None:
    world = World()
    referral_id, record_id = invited(world)
    world.partner_center.accept(referral_id)
    world.settle()
    world.partner_center.edit(referral_id, {"/details/dealValue": 0})
    world.settle()
    assert world.crm.row(record_id)["estimatedvalue"] == 0
    assert str(world.crm.row(record_id)["cosell_syncstatus"]).endswith("check: deal value")
    assert told(world, referral_id) == ["check: the value is very small"]


def told(world: World, referral_id: str) -> list[str]:
    return [each.text for each in world.audit_of(referral_id) if each.text.startswith("check")]
