"""What differs is told by its kind, from the ledger without a call, and from both sides without a write."""

from __future__ import annotations

import argparse
import csv
import json
import stat
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from shared.deal import HELP, NOTES
from shared.lifecycle import Stage
from shared.messages import Messages
from tests.support.fakes.crm_rules import SYNC
from tests.support.fakes.world import World
from tests.tools.admin.adopt.town import with_held_notes
from tools.admin.drift.ledger import from_ledger
from tools.admin.drift.look import from_both_sides
from tools.admin.drift.rows import Kind, Row
from tools.cli import drift

if TYPE_CHECKING:
    from shared.bootstrap import App

CRM = "dynamics365"


def kinds(rows: Iterable[Row]) -> dict[str, set[tuple[Kind, str]]]:
    found: dict[str, set[tuple[Kind, str]]] = {}
    for row in rows:
        found.setdefault(row.record_id, set()).add((row.kind, row.field))
    return found


class Story:
    """Deals that were shared, and what became of each."""

    def __init__(self) -> None:
        self.world = World()
        self.world.configure(field_map=with_held_notes())
        crm, there = self.world.crm, self.world.partner_center
        ids = [crm.add_deal(name=f"Deal {number}") for number in range(6)]
        self.equal, self.renamed, self.reopened, self.paused, self.deleted, self.held = ids
        self.world.settle()
        crm.edit(self.renamed, name="Another name")
        crm.close(self.reopened, Stage.WON)
        crm.edit(self.paused, **{SYNC: False})
        crm.delete(self.deleted)
        self.world.settle()
        crm.reopen(self.reopened)
        link = self.world.link_of_record(self.held)
        assert link
        there.edit(link.referral_id, {"/details/notes": "there"})
        crm.edit(self.held, description="here")
        self.incomplete = crm.add_deal(cosell_products=None)
        self.world.settle()

    @property
    def expected(self) -> dict[str, set[tuple[Kind, str]]]:
        return {
            self.renamed: {(Kind.KEPT, "name")},
            self.reopened: {(Kind.REOPENED, "status")},
            self.paused: {(Kind.PAUSED, "")},
            self.deleted: {(Kind.ORPHAN, "")},
            self.held: {(Kind.HELD, NOTES)},
        }

    def from_ledger(self) -> list[Row]:
        return list(from_ledger(CRM, self.world.ledger.of(CRM)))

    def from_both_sides(self) -> list[Row]:
        return [row for rows in from_both_sides(self.world.task) for row in rows]

    def run(self, **options: object) -> int:
        given = {"crm": CRM, "look": False, "shadow": False, "csv": None, "json": False, **options}
        app = SimpleNamespace(ledger=self.world.ledger, tasks=self.world.tasks)
        return drift.run(cast("App", app), argparse.Namespace(**given))


@pytest.fixture(scope="module")
def story() -> Story:
    return Story()


def test_the_ledger_tells_every_kind_without_a_call(story: Story) -> None:
    mark = story.world.mark()
    rows = story.from_ledger()
    assert kinds(rows) == {**story.expected, story.incomplete: {(Kind.SET_ASIDE, "")}}
    (aside,) = (row for row in rows if row.kind is Kind.SET_ASIDE)
    assert aside.reason.startswith("solutions: Partner Center requires")
    assert {row.kind for row in rows if row.expected} == {Kind.KEPT, Kind.PAUSED}
    assert story.world.mark() == mark


def test_both_sides_tell_the_same_with_values_and_without_a_write(story: Story) -> None:
    before = (story.world.crm.rows(), dict(story.world.partner_center.rows), story.world.links())
    rows = story.from_both_sides()
    assert kinds(rows) == story.expected
    (held,) = (row for row in rows if row.kind is Kind.HELD)
    assert (held.referral, held.record) == ("there", "here")
    assert (story.world.crm.rows(), dict(story.world.partner_center.rows), story.world.links()) == before


def test_an_edit_that_was_not_carried_over_yet_is_seen_by_looking_only() -> None:
    story = Story()
    story.world.crm.edit(story.equal, estimatedvalue=7)
    assert story.equal not in kinds(story.from_ledger())
    (row,) = (row for row in story.from_both_sides() if row.record_id == story.equal)
    assert (row.kind, row.field, row.referral, row.record) == (Kind.UNSYNCED, "deal_value", "42000", "7")
    assert not row.expected


def test_help_that_was_chosen_and_not_asked_for_yet_is_a_difference() -> None:
    world = World()
    record_id = world.crm.add_deal()
    world.settle()
    world.crm.edit(record_id, cosell_howcanmicrosofthelp=2)
    assert HELP in {row.field for rows in from_both_sides(world.task) for row in rows}


def test_a_waiting_close_is_as_it_should_be() -> None:
    world = World(close_delay=timedelta(minutes=5))
    record_id = world.crm.add_deal()
    world.settle()
    world.crm.close(record_id, Stage.WON)
    world.poll()
    world.pump()
    assert kinds(from_ledger(CRM, world.ledger.of(CRM))) == {record_id: {(Kind.WAITING, "status")}}
    looked = [row for rows in from_both_sides(world.task) for row in rows]
    assert kinds(looked) == {record_id: {(Kind.WAITING, "status")}}


def test_a_difference_keeps_its_kind_in_another_language() -> None:
    world = World()
    world.task = replace(world.task, choices=replace(world.task.choices, messages=Messages("ko")))
    world.configure()
    record_id = world.crm.add_deal()
    world.settle()
    world.crm.edit(record_id, name="Another name")
    world.settle()
    assert kinds(from_ledger(CRM, world.ledger.of(CRM))) == {record_id: {(Kind.KEPT, "name")}}


@pytest.mark.parametrize("look", [False, True])
def test_the_command_tells_people_and_programs_the_same(
    story: Story, look: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "drift.csv"
    assert story.run(look=look, csv=path, json=True) == drift.UNEXPECTED
    told = json.loads(capsys.readouterr().out)
    assert told["unexpected"] == sum(not row["expected"] for row in told["rows"]) == (3 if look else 4)
    lines = list(csv.reader(path.read_text("utf-8-sig").splitlines()))
    assert lines[0] == list(told["rows"][0])
    assert len(lines) == len(told["rows"]) + 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert story.run(look=look) == drift.UNEXPECTED
    assert f"{told['unexpected']} differences need somebody." in capsys.readouterr().out


def test_nothing_unexpected_is_no_finding(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    record_id = world.crm.add_deal()
    world.settle()
    world.crm.edit(record_id, name="Another name")
    world.settle()
    app = SimpleNamespace(ledger=world.ledger, tasks=world.tasks)
    options = argparse.Namespace(crm=None, look=False, shadow=False, csv=None, json=False)
    assert drift.run(cast("App", app), options) == drift.AS_EXPECTED
    assert "Every difference is as it should be." in capsys.readouterr().out
