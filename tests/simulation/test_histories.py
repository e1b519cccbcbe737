"""Promises that hold in every history: P1 to P5, P7, P8 and P12 of the reliability goals."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.ledger.port import LinkState
from tests.simulation.agreement import check_tied, disagreements
from tests.simulation.histories import COLUMNS, History
from tests.support.fakes.world import World

SEEDS = 1000


def check(history: History, world: World) -> None:
    """Whatever happened: in agreement, once, with every edit on both sides or in the audit."""
    links = {link.referral_id: link for link in world.links()}
    for row in world.partner_center.ours():
        link = links.pop(row["id"], None)
        if link is None or link.state is LinkState.IGNORED:
            assert row["status"] == "Closed"  # Before the app heard of it.
            continue
        assert link.state is LinkState.LINKED
        told = {line.partition(":")[0] for line in disagreements(world, link)}
        assert told <= link.differences.keys()
        # A record that was closed before the two were tied is left to a person: an unknown base closes nothing (P13).
        assert not told or row["status"] == "Closed" or world.crm.row(link.record_id)["statecode"] != 0
        check_tied(world, link)
        assert len(world.partner_center.of_microsoft(row["engagementId"])) <= 1
    assert links == {}
    for record_id, record in world.crm.rows().items():
        linked = world.ledger.link_of_record("dynamics365", record_id)
        assert linked or record["statecode"] != 0  # Closed before it was shared.
    assert history.lost_edits() == []
    assert world.queue.messages == []
    assert world.queue.poisoned == []
    assert [parked.reason for parked in world.ledger.all_parked("dynamics365")] == []


def relive(history: History) -> World:
    """Run a history and check it; a failure names its seed."""
    try:
        world = history.live()
        check(history, world)
    except Exception as error:
        error.add_note(f"{history!r}"[:120])
        raise
    return world


def test_every_history_comes_to_rest_in_agreement() -> None:
    crashes = 0
    for seed in range(SEEDS):
        crashes += relive(History(seed)).crashes
    assert crashes > SEEDS / 2  # A fault that never fires is a broken test.


def test_every_history_with_sellers_who_win_and_lose() -> None:
    for seed in range(SEEDS):
        relive(History(seed, closes_records=True))


def test_undisturbed_each_edit_is_written_once() -> None:
    """At most one write to each side for each edit, and none for echoes and duplicates (P3, P4)."""
    for seed in range(SEEDS // 10):
        history = History(seed, calm=True)
        calls = relive(history).tape.remote()
        made = history.counts["edits"] + 2 * history.counts["deals"]
        assert calls["partner_center.update"] <= made, seed
        assert calls["crm.update"] <= made, seed


@pytest.mark.parametrize("days", [-1, 1, 400])
def test_a_wrong_clock_decides_nothing(days: int) -> None:
    for seed in range(SEEDS // 10):
        right = _outcome(relive(History(seed)))
        assert _outcome(relive(History(seed, skew=timedelta(days=days)))) == right, seed


def _outcome(world: World) -> object:
    mapping = world.ports.field_map
    referrals = [mapping.read_referral(row) for row in world.partner_center.ours()]
    records = [[row[column] for column in COLUMNS.values()] for row in world.crm.rows().values()]
    return referrals, records


def test_a_clock_that_falls_back_hides_an_edit_until_the_sweep() -> None:
    world = World()
    world.partner_center.invites_us()
    world.recover()
    world.theirs.skew = timedelta(minutes=-10)
    world.partner_center.edit(world.referral_id(), {"/details/dealValue": 7})
    world.recover()
    assert world.crm.row(world.record_id())["estimatedvalue"] == 7


def test_the_same_seed_is_the_same_history() -> None:
    one, two = relive(History(7)), relive(History(7))
    assert one.partner_center.rows == two.partner_center.rows
    assert one.crm.rows() == two.crm.rows()
