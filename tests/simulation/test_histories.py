"""Promises that hold in every history: P1 to P5, P7, P8 and P12 of the reliability goals."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.simulation.histories import COLUMNS, History
from tests.simulation.seeds import check, history_of
from tests.simulation.troubles import KINDS
from tests.support.fakes.world import World

SEEDS = 20_000
BLOCKS = 20
SEEN_TWICE = 100
"""One history in so many is lived twice and compared."""

REGRESSIONS = [
    int(line.split()[0])
    for line in Path(__file__).with_name("regressions.txt").read_text("utf-8").splitlines()
    if line[:1].isdigit()
]
"""Seeds that failed once."""

ENOUGH = 1000
"""How often each trouble must strike in all of them: one that never does is a broken test."""


def relive(history: History) -> World:
    """Run a history and check it; a failure names its seed."""
    try:
        world = history.live()
        check(history, world)
    except Exception as error:
        error.add_note(f"{history!r}"[:120])
        raise
    return world


@pytest.mark.timeout(600)
@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_history_comes_to_rest_in_agreement(block: int) -> None:
    struck: Counter[str] = Counter()
    for seed in range(block * SEEDS // BLOCKS, (block + 1) * SEEDS // BLOCKS):
        history = history_of(seed)
        world = relive(history)
        struck += history.troubles.struck
        if seed % SEEN_TWICE == 0:
            assert everything(world) == everything(relive(history_of(seed))), seed
    assert {kind: struck[kind] for kind in KINDS if struck[kind] < ENOUGH / BLOCKS} == {}


def everything(world: World) -> str:
    """Return what both sides and the ledger hold, byte for byte; only the marks of each piece of work are random."""
    keys = [link.referral_id for link in world.links()]
    ledger = [repr(link) for link in world.links()], [sorted(_told(world, key)) for key in keys]
    return json.dumps([world.partner_center.rows, world.crm.rows(), ledger, world.chat.texts], default=str)


def _told(world: World, key: str) -> list[str]:
    return [repr(replace(entry, id="", correlation_id="")) for entry in world.audit_of(key)]


@pytest.mark.parametrize("seed", REGRESSIONS)
def test_what_failed_once_holds(seed: int) -> None:
    relive(history_of(seed))


def test_undisturbed_each_edit_is_written_once() -> None:
    """At most one write to each side for each edit, and none for echoes and duplicates (P3, P4)."""
    for seed in range(100):
        history = History(seed, calm=True)
        calls = relive(history).tape.remote()
        made = history.counts["edits"] + 2 * history.counts["deals"]
        assert calls["partner_center.update"] <= made, seed
        assert calls["crm.update"] <= made, seed


@pytest.mark.parametrize("days", [-1, 1, 400])
def test_a_wrong_clock_decides_nothing(days: int) -> None:
    for seed in range(100):
        right = _outcome(relive(History(seed)))
        assert _outcome(relive(History(seed, skew=timedelta(days=days)))) == right, seed


def _outcome(world: World) -> object:
    mapping = world.task.field_map
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
