"""Another mapping file under living deals: what preview says is what the sync then does, and nothing is cleared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from shared.errors import AccessDenied, Throttled
from shared.ledger import audit as trail
from shared.ledger.drawers import applied_mapping
from shared.lifecycle import Stage
from shared.link import Link, LinkState
from shared.mapping.field_map import FieldMap
from shared.mapping.loading import load_mapping
from shared.sync.preview import Action, Forecast, Side, forecast_deal, linked, preview, sample
from tests.simulation.deals import invited, shared
from tests.support.fakes.tape import Crash, Step
from tests.support.fakes.world import World, built_in_mapping

Overlay = Callable[..., FieldMap]
Fact = tuple[str, str, str, str, str]
"""A change of one field of one deal: referral id, direction, field, old and new value."""

CAMPAIGN = """
  - field: campaign
    referral: campaignId
    column: new_campaign
    codec: text
    limit: 100
    to_crm: [create, update]
    to_partner_center: [update]
    conflict: crm
"""
MOVED = "\n  - {field: notes, column: new_notes}"
LONG = "Stores want one view of their stock. " * 60


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def overlay(tmp_path: Path) -> Overlay:
    def load(fields: str, version: str = "candidate", more: str = "") -> FieldMap:
        text = f"overlay: true\nversion: {version}\n{more}\nfields: {fields}\n"
        (tmp_path / "dynamics365.yaml").write_text(text, encoding="utf-8")
        return load_mapping("dynamics365", tmp_path)

    return load


def foretold(world: World, field_map: FieldMap) -> list[tuple[Link, Forecast]]:
    """Preview a candidate over every deal, and check that looking changed nothing anywhere."""
    current = world.task.field_map
    world.configure(field_map=field_map)
    before = (world.crm.rows(), [dict(row) for row in world.partner_center.ours()], world.commits())
    deals = list(preview(world.task, linked(world.task)))
    assert (world.crm.rows(), [dict(row) for row in world.partner_center.ours()], world.commits()) == before
    world.configure(field_map=current)
    return [(deal.link, each) for deal in deals for each in deal.forecasts]


def writes(found: list[tuple[Link, Forecast]]) -> Counter[Fact]:
    direction = {Side.CRM: trail.TO_CRM, Side.PARTNER_CENTER: trail.TO_PARTNER_CENTER}
    return Counter(
        (link.referral_id, direction[each.side], each.field, each.old, each.new)
        for link, each in found
        if each.action in (Action.WRITE, Action.CLEAR)
    )


def switch(world: World, field_map: FieldMap) -> Counter[Fact]:
    """Put the app under another mapping, let it apply it, and return what it wrote according to the audit."""
    before = written(world)
    world.configure(field_map=field_map)
    world.reconcile()
    world.settle()
    return written(world) - before


def written(world: World) -> Counter[Fact]:
    return Counter(
        (link.referral_id, entry.direction, name, old, new)
        for link in world.links()
        for entry in world.audit_of(link.referral_id)
        if entry.direction != trail.BOTH
        for name, old, new in entry.changes
    )


def quiet(world: World) -> None:
    """Remember the present mapping as applied, as an installation does from its first minutes on."""
    world.reconcile()
    world.settle()


# --- forecast, switch, and back --------------------------------------------------------------------------------------


def test_a_new_row_fills_every_deal_as_forecast_and_rolling_back_writes_nothing(world: World, overlay: Overlay) -> None:
    first, record_id = shared(world)
    second, _ = invited(world)
    quiet(world)
    world.partner_center.edit(first, {"/campaignId": "FY27-Retail"})
    world.partner_center.edit(second, {"/campaignId": "FY27-Finance"})
    world.settle()
    candidate = overlay(CAMPAIGN)
    forecast = writes(foretold(world, candidate))
    assert {(fact[0], fact[4]) for fact in forecast} == {(first, "FY27-Retail"), (second, "FY27-Finance")}
    assert switch(world, candidate) == forecast
    assert world.crm.row(record_id)["new_campaign"] == "FY27-Retail"
    assert foretold(world, candidate) == []
    back = foretold(world, built_in_mapping())
    assert switch(world, built_in_mapping()) == writes(back) == Counter()
    assert world.crm.row(record_id)["new_campaign"] == "FY27-Retail"


def test_a_row_that_moves_to_another_column_fills_it_and_clears_nothing(world: World, overlay: Overlay) -> None:
    referral_id, record_id = shared(world)
    quiet(world)
    notes = str(world.crm.row(record_id)["description"])
    found = foretold(world, moved := overlay(MOVED))
    assert [(each.action, each.side, each.new) for _, each in found] == [(Action.WRITE, Side.CRM, notes)]
    assert switch(world, moved) == writes(found)
    assert world.crm.row(record_id)["new_notes"] == notes
    assert world.partner_center.rows[referral_id]["details"]["notes"] == notes


def test_rolling_back_a_moved_row_brings_the_edits_made_meanwhile(world: World, overlay: Overlay) -> None:
    referral_id, record_id = shared(world)
    quiet(world)
    switch(world, overlay(MOVED))
    world.crm.edit(record_id, new_notes="Edited in the new column")
    world.settle()
    assert world.partner_center.rows[referral_id]["details"]["notes"] == "Edited in the new column"
    found = foretold(world, built_in_mapping())
    assert [(each.action, each.side) for _, each in found] == [(Action.WRITE, Side.PARTNER_CENTER)]
    assert "its row in the mapping changed" in found[0][1].reason, "the seller's policy decides, and preview says so"
    assert switch(world, built_in_mapping()) == writes(found)


def test_a_raised_limit_brings_the_whole_text_and_never_sends_the_part(world: World, overlay: Overlay) -> None:
    short = overlay("\n  - {field: notes, column: new_notes, limit: 1000}", "short")
    wide = overlay("\n  - {field: notes, column: new_notes, limit: 4000}", "wide")
    world.configure(field_map=short)
    referral_id, record_id = invited(world)
    quiet(world)
    world.partner_center.edit(referral_id, {"/details/notes": LONG.strip()})
    world.settle()
    assert len(str(world.crm.row(record_id)["new_notes"])) <= 1000
    found = foretold(world, wide)
    assert [(each.action, each.side) for _, each in found] == [(Action.WRITE, Side.CRM)]
    assert switch(world, wide) == writes(found)
    assert (
        world.crm.row(record_id)["new_notes"]
        == world.partner_center.rows[referral_id]["details"]["notes"]
        == LONG.strip()
    )


def test_a_direction_that_is_turned_off_leaves_both_sides_as_they_are(world: World, overlay: Overlay) -> None:
    referral_id, record_id = shared(world)
    quiet(world)
    off = overlay("\n  - {field: notes, to_partner_center: [create]}")
    assert switch(world, off) == writes(foretold(world, off)) == Counter()
    world.crm.edit(record_id, description="Only in the CRM")
    world.settle()
    assert world.partner_center.rows[referral_id]["details"]["notes"] != "Only in the CRM"
    ((_, difference),) = foretold(world, off)
    assert (difference.action, difference.field, difference.new) == (Action.DIFFER, "notes", "Only in the CRM")
    # Turned on again, the edit that waited goes out: the base was never lost.
    found = foretold(world, built_in_mapping())
    assert switch(world, built_in_mapping()) == writes(found)
    assert world.partner_center.rows[referral_id]["details"]["notes"] == "Only in the CRM"


def test_what_would_fail_is_told_with_its_reason_and_does_fail(world: World, overlay: Overlay) -> None:
    shared(world, cosell_howcanmicrosofthelp=2)
    quiet(world)
    fewer = overlay("\n  - {field: help, values: {1: WorkloadSpecificValueProposition, 6: GeneralOrOther}}")
    found = foretold(world, fewer)
    assert [(each.action, each.field) for _, each in found] == [(Action.FAIL, "help")]
    assert "2 is not one of 1, 6" in found[0][1].reason
    assert switch(world, fewer) == Counter()
    parked = list(world.parked())
    assert [each.family for each in parked] == ["data"]
    assert "2 is not one of 1, 6" in parked[0].reason


def test_a_value_that_would_be_cleared_is_told_apart(world: World, overlay: Overlay) -> None:
    referral_id, record_id = shared(world)
    quiet(world)
    off = overlay("\n  - {field: notes, to_crm: [create]}")
    switch(world, off)
    world.partner_center.edit(referral_id, {"/details/notes": ""})
    world.settle()
    found = foretold(world, built_in_mapping())
    assert [(each.action, each.side, each.field) for _, each in found] == [(Action.CLEAR, Side.CRM, "notes")]
    assert found[0][1].alarming
    assert switch(world, built_in_mapping()) == writes(found)
    assert world.crm.row(record_id)["description"] is None


def test_what_partner_center_would_refuse_is_forecast_to_fail(world: World, overlay: Overlay) -> None:
    _, record_id = shared(world)
    quiet(world)
    switch(world, overlay("\n  - {field: solutions, to_partner_center: [create]}"))
    world.crm.edit(record_id, cosell_products=None)
    world.settle()
    found = foretold(world, built_in_mapping())
    assert [(each.action, each.field) for _, each in found] == [(Action.FAIL, "solutions")]
    assert switch(world, built_in_mapping()) == Counter()
    assert [each.reason for each in world.parked()] == [f"Products: {found[0][1].reason}"]


def test_a_closed_record_is_not_forecast_to_be_written(world: World, overlay: Overlay) -> None:
    referral_id, record_id = shared(world)
    quiet(world)
    world.partner_center.edit(referral_id, {"/campaignId": "FY27-Retail"})
    world.crm.close(record_id, Stage.WON)
    world.settle()
    candidate = overlay(CAMPAIGN)
    ((_, forecast),) = foretold(world, candidate)
    assert (forecast.action, forecast.field) == (Action.DIFFER, "campaign")
    assert switch(world, candidate) == Counter()


def test_a_row_that_comes_back_still_knows_what_was_agreed(world: World, overlay: Overlay) -> None:
    referral_id, record_id = shared(world)
    world.partner_center.edit(referral_id, {"/referralProgram": "CoSell"})
    quiet(world)
    switch(world, overlay("\n  - {field: referral_program, remove: true}"))
    world.crm.edit(record_id, estimatedvalue=7)
    world.partner_center.edit(referral_id, {"/referralProgram": "Rewards"})
    world.settle()
    assert world.crm.row(record_id)["cosell_referralprogram"] == "CoSell"
    ((_, forecast),) = foretold(world, built_in_mapping())
    assert (forecast.new, forecast.reason) == ("Rewards", "changed in Partner Center")


# --- noticing and applying -------------------------------------------------------------------------------------------


def test_an_edit_of_the_file_is_noticed_even_when_its_version_stayed(world: World, overlay: Overlay) -> None:
    _, record_id = shared(world)
    same = overlay(CAMPAIGN, "3")
    moved = overlay(CAMPAIGN + MOVED.lstrip("\n"), "3")
    assert same.file.version == moved.file.version
    assert same.version != moved.version
    switch(world, same)
    switch(world, moved)
    assert world.crm.row(record_id)["new_notes"] == world.crm.row(record_id)["description"]


def test_an_unchanged_mapping_is_applied_once(world: World) -> None:
    shared(world)
    quiet(world)
    mark = world.mark()
    world.reconcile()
    assert [step for step in world.tape.steps[mark:] if "queue" in str(step)] == []


def test_a_pass_that_was_interrupted_goes_on_with_what_is_still_under_the_old_one(
    world: World, overlay: Overlay
) -> None:
    shared(world)
    quiet(world)
    candidate = overlay(CAMPAIGN)
    switch(world, candidate)
    world.ledger.drawers.change(applied_mapping("dynamics365"), lambda _held: "not yet")
    world.reconcile()
    assert world.queue.messages == []
    assert world.ledger.drawers.read(applied_mapping("dynamics365")).value == candidate.version


def test_a_pass_that_dies_in_the_middle_is_made_again(world: World, overlay: Overlay) -> None:
    deals = [shared(world) for _ in range(2)]
    quiet(world)
    candidate = overlay(CAMPAIGN)
    world.configure(field_map=candidate)
    die_at_the_second_message(world)
    world.reconcile()
    world.queue.messages.clear()  # Those that were sent are lost, too.
    world.reconcile()
    assert len(world.queue.messages) == len(deals)
    world.settle()
    assert {link.mapping_version for link in world.links()} == {candidate.version}


def die_at_the_second_message(world: World) -> None:
    seen: list[Step] = []

    def die(step: Step) -> None:
        if (step.port, step.name) == ("queue", "send"):
            seen.append(step)
            if len(seen) == 2:
                world.tape.before.remove(die)
                raise Crash("before the second message")

    world.tape.before.append(die)


def test_what_is_paused_is_left_alone_and_what_was_ignored_is_looked_at_again(world: World, overlay: Overlay) -> None:
    only_german = overlay("[]", "german", "sync_when: {referral: \"customerProfile.address.country == 'DE'\"}")
    world.configure(field_map=only_german)
    referral_id = world.partner_center.invites_us()
    world.settle()
    _, paused = shared(world)
    world.crm.edit(paused, cosell_syncwithpartnercenter=False)
    world.settle()
    assert {link.state for link in world.links()} == {LinkState.IGNORED, LinkState.PAUSED}
    switch(world, built_in_mapping())
    link = world.ledger.of("dynamics365").links.of_referral(referral_id)
    assert link is not None
    assert link.state is LinkState.LINKED
    assert LinkState.PAUSED in {each.state for each in world.links()}


def test_a_deal_that_is_gone_is_forecast_to_be_orphaned(world: World) -> None:
    _, record_id = shared(world)
    world.crm.delete(record_id)
    (forecast,) = forecast_deal(world.task, world.link()).forecasts
    assert forecast.action is Action.FAIL
    assert "orphaned" in forecast.reason


def test_a_fleet_is_looked_at_without_holding_it_in_memory(world: World) -> None:
    shared(world)
    link, pulled, most = world.link(), 0, 0

    def fleet() -> Iterator[Link]:
        nonlocal pulled
        for _ in range(1000):
            pulled += 1
            yield link

    for seen, deal in enumerate(preview(world.task, fleet()), 1):
        assert deal.forecasts == ()
        most = max(most, pulled - seen)
    assert pulled == seen == 1000
    assert most < 100


def test_a_service_that_asks_for_patience_gets_it(world: World) -> None:
    shared(world)
    world.tape.fail(Throttled("slow down", retry_after=60), "partner_center", "read", times=3)
    before = world.clock.now()
    assert forecast_deal(world.task, world.link()).forecasts == ()
    assert timedelta(minutes=3) <= world.clock.now() - before < timedelta(minutes=4)
    world.tape.fail(Throttled("slow down", retry_after=60), "partner_center", "read", times=None)
    (forecast,) = forecast_deal(world.task, world.link()).forecasts
    assert (forecast.action, "could not be looked at" in forecast.reason) == (Action.FAIL, True)


def test_a_refused_identity_ends_the_preview(world: World) -> None:
    shared(world)
    world.tape.fail(AccessDenied("no role"), "crm", "read", times=None)
    with pytest.raises(AccessDenied):
        list(preview(world.task, linked(world.task)))


def test_a_sample_is_fair_and_of_the_size_that_was_asked_for() -> None:
    links = [Link("dynamics365", str(number), None) for number in range(100)]
    assert sample(links, 200, Random(0)) == links
    counts = Counter(link.referral_id for seed in range(400) for link in sample(links, 10, Random(seed)))
    assert sum(counts.values()) == 4000
    assert set(counts) == {link.referral_id for link in links}
    assert max(counts.values()) < 3 * 40


def test_an_edited_status_table_accepts_no_invitation_and_closes_nothing(world: World, overlay: Overlay) -> None:
    """Every undecided invitation looks open by the new table, although nobody moved it."""
    referral_id, record_id = invited(world)
    _, other = shared(world)
    before = {each["id"]: (each["status"], each["substatus"]) for each in world.partner_center.ours()}
    entries = "{on_hold: [{statecode: 0, statuscode: 99}], active: [{statecode: 0, statuscode: 2}, {statecode: 0}]}"
    candidate = overlay("[]", more=f"status: {entries}")
    told = [each for link, each in foretold(world, candidate) if link.referral_id == referral_id]
    assert [(each.action, each.field) for each in told] == [(Action.HOLD, "status")]
    world.configure(field_map=candidate)
    world.recover()
    after = {each["id"]: (each["status"], each["substatus"]) for each in world.partner_center.ours()}
    assert after == before
    assert str(world.crm.row(record_id)["cosell_syncstatus"]).startswith("✖ Bring the stage to agreement by hand")
    assert str(world.crm.row(other)["cosell_syncstatus"]).startswith("✔")
