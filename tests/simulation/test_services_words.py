"""Solution area, solution play and partner role by the recipe of the guide: words that are the customer's to list."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from shared.mapping.loading import load_mapping
from tests.simulation.deals import shared
from tests.support.fakes.crm_rules import OPPORTUNITY
from tests.support.fakes.referral_rules import at
from tests.support.fakes.world import World

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "MAPPING.md"
COLUMNS = ("new_solutionarea", "new_solutionplay", "new_partnerrole")
ATTRIBUTES = "details/requirements/additionalRequirements/attributes"


@pytest.fixture
def world(tmp_path: Path) -> World:
    (recipe,) = re.findall(
        r"(?ms)^```yaml\n(# dynamics365\.yaml\noverlay: true\nversion: services-fy26\n.*?)^```",
        GUIDE.read_text("utf-8"),
    )
    (tmp_path / "dynamics365.yaml").write_text(recipe, encoding="utf-8")
    world = World()
    world.crm.rules = replace(OPPORTUNITY, others=(*OPPORTUNITY.others, *COLUMNS))
    world.configure(field_map=load_mapping("dynamics365", tmp_path))
    return world


def words(world: World, referral_id: str) -> dict[str, str]:
    return {each["type"]: each["id"] for each in at(world.partner_center.rows[referral_id], ATTRIBUTES)}


def test_a_services_partners_words_travel_by_the_guides_recipe(world: World) -> None:
    referral_id, _ = shared(world, **dict(zip(COLUMNS, (2, 3, 1), strict=True)))
    assert words(world, referral_id) == {
        "SolutionArea": "CloudAndAIPlatforms",
        "SolutionPlay": "ModernSecOps",
        "PartnerRole": "SolutionDesign",
        "CustomerMarketplaceIntent": "HaveNotDecided",
    }
    since = world.mark()
    world.recover()
    assert not [name for name in world.calls(since) if name.endswith("update")]


def test_an_option_that_the_list_lacks_is_named_with_those_that_there_are(world: World) -> None:
    record_id = world.crm.add_deal(new_solutionarea=9)
    since = world.mark()
    world.settle()
    (parked,) = world.parked()
    assert [(each.code, each.field) for each in parked.problems] == [("value.not_a_choice", "solution_area")]
    assert "1, 2, 3" in parked.reason
    assert not [name for name in world.calls(since) if name.startswith("partner_center")]
    world.crm.edit(record_id, new_solutionarea=3)
    world.settle()
    assert world.parked() == []
    assert words(world, world.referral_id())["SolutionArea"] == "Security"


def test_a_word_of_last_year_in_partner_center_holds_nothing(world: World) -> None:
    attributes = [
        {"type": "SolutionArea", "id": "BusinessApplications"},
        {"type": "PartnerRole", "id": "ManagedServices"},
    ]
    referral_id = world.partner_center.invites_us(**{ATTRIBUTES: attributes})
    world.settle()
    record = world.crm.row(world.record_id())
    assert (record["new_solutionarea"], record["new_partnerrole"]) == (None, 4)
    world.partner_center.accept(referral_id)
    world.crm.edit(world.record_id(), estimatedvalue=50_000)
    world.settle()
    assert words(world, referral_id)["SolutionArea"] == "BusinessApplications"
    assert world.parked() == []
