"""A dry run beside the old connector: what the app would have written, and what the connector made of it instead."""

from __future__ import annotations

import argparse
import csv
import json
import uuid
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from shared.bootstrap import App
from shared.feeds.upkeep import forget_shadows
from shared.messages import Messages
from shared.settings import load_settings
from shared.settings.declaration import declared
from shared.sync.shadow import LONGEST, Shadow, Would, kind_of_shadows, shadow_drawer
from tests.support.fakes.clock import START
from tests.support.fakes.crm_rules import SYNC
from tests.support.fakes.world import World
from tests.tools.admin.adopt.town import with_held_notes
from tests.unit.test_settings import GOOD
from tools.admin.asked import STORAGE, settings_for
from tools.admin.drift import shadow
from tools.admin.drift.shadow import Kind, Row, from_shadow
from tools.admin.export.deal import of_deal
from tools.admin.export.person import Person, erase_drawers, find_drawers
from tools.cli import drift, local_settings

CRM = "dynamics365"
IDENTIFIER = "cosell_referralidentifier"


class Beside:
    """A CRM whose deals the old connector shares, and the app beside it in a dry run."""

    def __init__(
        self,
        deals: int = 1,
        *,
        held_notes: bool = False,
        age: timedelta = timedelta(days=2),
        before: dict[str, object] | None = None,
    ) -> None:
        self.world = World()
        if held_notes:
            self.world.configure(field_map=with_held_notes())
        self.records = [self.world.crm.add_deal(name=f"Deal {number}") for number in range(deals)]
        self.world.settle()
        found = {link.record_id: link.referral_id for link in self.world.links()}
        self.referrals = [found[each] for each in self.records]
        self.world.lose_the_ledger()  # What shared them was not this app.
        self.world.clock.advance(age)
        if before:
            self.world.crm.edit(self.records[0], **before)
        self.world.configure(dry_run=True)
        self.look()

    def look(self) -> None:
        """Let everything that changed be looked at: no event reaches a shadow."""
        self.world.events.clear()
        self.world.clock.advance(timedelta(minutes=1))
        self.world.reconcile()
        self.world.settle()

    def rows(self) -> list[Row]:
        world = self.world
        agenda, now = world.ledger.of(CRM).agenda, world.clock.now()
        return [row for rows in from_shadow(CRM, world.ledger.drawers, agenda, Messages(), now) for row in rows]

    def told(self) -> list[tuple[str, str, str, str]]:
        return [(row.kind, row.field, row.would_write, row.became) for row in self.rows()]

    def run(self, **options: object) -> int:
        given = {"crm": None, "look": False, "shadow": True, "csv": None, "json": False, **options}
        app = SimpleNamespace(ledger=self.world.ledger, clock=self.world.clock)
        return drift.run(cast("App", app), argparse.Namespace(**given))


@pytest.fixture
def beside() -> Beside:
    return Beside()


def test_deals_that_agree_leave_nothing_to_tell(beside: Beside) -> None:
    assert beside.rows() == []
    assert beside.run() == drift.AS_EXPECTED


def test_what_the_connector_carries_over_as_the_app_would_is_the_same(beside: Beside) -> None:
    (record_id,), (referral_id,) = beside.records, beside.referrals
    beside.world.crm.edit(record_id, estimatedvalue=7)
    beside.look()
    (row,) = beside.rows()
    assert (row.kind, row.expected, row.field, row.side) == (Kind.WAITING, True, "deal_value", "partner_center")
    assert (row.held, row.would_write, row.became) == ("42000", "7", "")
    assert (row.referral_id, row.record_id, row.table) == (referral_id, record_id, "opportunity")
    beside.world.partner_center.edit(referral_id, {"/details/dealValue": 7})
    beside.look()
    assert beside.told() == [(Kind.SAME, "deal_value", "7", "7")]
    assert beside.run() == drift.AS_EXPECTED


@pytest.mark.parametrize(("age", "kind"), [(timedelta(days=2), Kind.BEFORE), (timedelta(hours=2), Kind.WAITING)])
def test_what_differed_before_the_first_look_is_the_first_runs(age: timedelta, kind: Kind) -> None:
    beside = Beside(age=age, before={"estimatedvalue": 7})
    assert [(row.kind, row.field) for row in beside.rows()] == [(kind, "deal_value")]
    beside.world.crm.edit(beside.records[0], estimatedvalue=8)
    beside.look()
    assert [row.kind for row in beside.rows()] == [Kind.WAITING], "what a person does later is none of it"
    assert beside.run() == drift.AS_EXPECTED


def test_what_the_connector_leaves_undone_is_missed_after_an_hour(beside: Beside) -> None:
    beside.world.crm.edit(beside.records[0], estimatedvalue=7)
    beside.look()
    beside.world.clock.advance(timedelta(minutes=61))
    assert beside.told() == [(Kind.MISSED, "deal_value", "7", "")]
    assert beside.run() == drift.UNEXPECTED


def test_a_look_that_calls_for_the_same_again_does_not_begin_the_hour_anew(beside: Beside) -> None:
    beside.world.crm.edit(beside.records[0], estimatedvalue=7)
    beside.look()
    beside.world.clock.advance(timedelta(minutes=40))
    beside.world.crm.edit(beside.records[0], name="Another name")
    beside.look()
    beside.world.clock.advance(timedelta(minutes=25))
    assert [row.kind for row in beside.rows() if row.field == "deal_value"] == [Kind.MISSED]


@pytest.mark.parametrize(("value", "kind"), [(42000, Kind.REVERSED), (8, Kind.OTHER)])
def test_a_conflict_that_ends_otherwise_is_told(beside: Beside, value: int, kind: Kind) -> None:
    (record_id,), (referral_id,) = beside.records, beside.referrals
    beside.world.crm.edit(record_id, estimatedvalue=7)
    beside.look()
    beside.world.crm.edit(record_id, estimatedvalue=value)
    if value != 42000:
        beside.world.partner_center.edit(referral_id, {"/details/dealValue": value})
    beside.look()
    assert beside.told() == [(kind, "deal_value", "7", str(value))]
    assert beside.run() == drift.UNEXPECTED


def test_what_the_app_keeps_apart_and_the_connector_makes_equal_is_told() -> None:
    beside = Beside(held_notes=True)
    (record_id,), (referral_id,) = beside.records, beside.referrals
    beside.world.crm.edit(record_id, description="here")
    beside.world.partner_center.edit(referral_id, {"/details/notes": "there"})
    beside.look()
    assert beside.rows() == [], "both texts stay where they are, by the mapping's policy"
    beside.world.crm.edit(record_id, description="there")
    beside.look()
    (row,) = beside.rows()
    assert (row.kind, row.field, row.held, row.would_write, row.became) == (
        Kind.CARRIED,
        "notes",
        "there",
        "here",
        "there",
    )


def test_a_creation_is_the_same_once_the_other_side_is_there(beside: Beside) -> None:
    world = beside.world
    record_id = world.crm.add_deal(name="New deal")
    beside.look()
    (row,) = beside.rows()
    assert (row.kind, row.field, row.would_write) == (Kind.WAITING, "deal", "the referral is created")
    assert (row.record_id, row.referral_id) == (record_id, "")
    world.configure(dry_run=False)
    world.crm.edit(record_id, name="New deal, again")
    world.settle()  # Whoever creates it, does it as the app does.
    link = world.link_of_record(record_id)
    assert link
    shadows = dict(world.ledger.values.all(kind_of_shadows(CRM)))
    world.lose_the_ledger()
    for key, text in shadows.items():
        world.ledger.values.put(kind_of_shadows(CRM), key, text, None)
    world.configure(dry_run=True)
    world.crm.edit(record_id, estimatedvalue=9)
    beside.look()
    assert beside.told() == [
        (Kind.WAITING, "deal_value", "9", ""),
        (Kind.SAME, "deal", "the referral is created", ""),
    ]
    assert {(row.referral_id, row.record_id) for row in beside.rows()} == {(link.referral_id, record_id)}


def test_a_deal_that_the_app_would_have_asked_about_is_told(beside: Beside) -> None:
    record_id = beside.world.crm.add_deal(cosell_products=None)
    beside.look()
    (row,) = beside.rows()
    assert (row.kind, row.record_id, row.expected) == (Kind.SET_ASIDE, record_id, False)
    assert row.reason.startswith("solutions: Partner Center requires a solution")


def test_nothing_was_written_to_either_side(beside: Beside) -> None:
    (record_id,), (referral_id,) = beside.records, beside.referrals
    beside.world.crm.edit(record_id, estimatedvalue=7, description="x" * 2_000)
    before = beside.world.crm.rows(), dict(beside.world.partner_center.rows[referral_id])
    beside.look()
    assert (beside.world.crm.rows(), dict(beside.world.partner_center.rows[referral_id])) == before
    assert beside.world.links() == []
    (notes,) = [row for row in beside.rows() if row.field == "notes"]
    assert len(notes.would_write) == LONGEST


def test_the_newest_settled_writes_are_kept_and_all_are_counted(beside: Beside) -> None:
    (record_id,), (referral_id,) = beside.records, beside.referrals
    for value in range(100, 123):
        beside.world.crm.edit(record_id, estimatedvalue=value)
        beside.look()
        beside.world.partner_center.edit(referral_id, {"/details/dealValue": value})
        beside.look()
    ((_, text),) = beside.world.ledger.values.all(kind_of_shadows(CRM))
    kept = json.loads(text)
    assert (kept["counts"], len(kept["settled"])) == ({"same": 23}, 20)
    assert beside.rows()[0].would_write == "122"


def test_people_and_programs_are_told_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beside = Beside(deals=2)
    beside.world.crm.edit(beside.records[0], estimatedvalue=7, name="=cmd()")
    beside.look()
    beside.world.clock.advance(timedelta(hours=2))
    path = tmp_path / "shadow.csv"
    assert beside.run(csv=path, json=True) == drift.UNEXPECTED
    told = json.loads(capsys.readouterr().out)
    assert told["deals"] == {CRM: {"deals": 2, "alike": 1}}
    assert told["unexpected"] == sum(not row["expected"] for row in told["rows"])
    lines = list(csv.reader(path.read_text("utf-8-sig").splitlines()))
    assert lines[0] == list(shadow.HEADER) == list(told["rows"][0])
    assert len(lines) == len(told["rows"]) + 1
    assert beside.run() == drift.UNEXPECTED
    out = capsys.readouterr().out
    assert "2 deals were looked at; 1 went as the app would have done it." in out
    assert "missed" in out


@pytest.mark.slow
def test_the_command_asks_for_the_storage_alone(
    azurite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(local_settings, "FILE", tmp_path / "local.settings.json")
    for setting in declared().values():
        monkeypatch.delenv(setting.name, raising=False)
    monkeypatch.setenv("AzureWebJobsStorage", azurite)
    drawers, record_id = App(settings_for({"AzureWebJobsStorage": azurite}, STORAGE)).ledger.drawers, str(uuid.uuid4())
    would = Would("deal_value", "partner_center", "1", "7", "changed_in_crm", START)
    kept = shadow_drawer("salesforce", f"Opportunity:{record_id}")
    drawers.fill(kept, Shadow("Opportunity", "", record_id, (would,)))
    assert drift.main(["--shadow", "--crm", "salesforce", "--json"]) == drift.UNEXPECTED
    (row,) = [row for row in json.loads(capsys.readouterr().out)["rows"] if row["record_id"] == record_id]
    assert (row["kind"], row["would_write"], row["reason"]) == ("missed", "7", "changed in the CRM")
    forget_shadows(drawers, "salesforce")
    drift.main(["--shadow", "--crm", "salesforce", "--json"])
    assert record_id not in capsys.readouterr().out


# --- afterwards ------------------------------------------------------------------------------------------------------


def test_once_the_app_writes_itself_what_a_dry_run_learned_goes_some_rows_a_tick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    beside = Beside(deals=3)
    monkeypatch.setattr("shared.feeds.upkeep.STEP", 2)
    values, ledger = beside.world.ledger.values, beside.world.ledger
    left = []
    for dry_run in ("true", "false", "false"):
        app = App(load_settings({**GOOD, "DRY_RUN": dry_run}), beside.world.clock)
        monkeypatch.setattr(app, "ledger", ledger)
        app.keep_up_others()
        left.append(len(list(values.all(kind_of_shadows(CRM)))))
    assert left == [3, 1, 0]


def test_a_deal_of_a_dry_run_is_exported_with_it(beside: Beside) -> None:
    beside.world.crm.edit(beside.records[0], estimatedvalue=7)
    beside.look()
    part, drawers = beside.world.ledger.of(CRM), beside.world.ledger.drawers
    (deal,) = of_deal(CRM, part, drawers, beside.referrals[0].upper())
    assert deal["link"] is None
    learned = cast("dict[str, str]", deal["drawers"])[kind_of_shadows(CRM)]
    assert json.loads(learned)["would"][0]["new"] == "7"


def test_a_person_is_found_and_erased_in_it(beside: Beside) -> None:
    beside.world.crm.edit(beside.records[0], description="Ask olive@contoso.example about it")
    beside.look()
    person, drawers = Person("olive@contoso.example"), beside.world.ledger.drawers
    assert [place.where.partition(".")[0] for place in find_drawers(drawers, person)] == [kind_of_shadows(CRM)]
    assert erase_drawers(drawers, person) == 1
    assert list(find_drawers(drawers, person)) == []


def test_a_deal_with_sync_off_is_nothing_of_the_apps(beside: Beside) -> None:
    beside.world.crm.edit(beside.records[0], **{SYNC: False, "estimatedvalue": 9})
    beside.look()
    assert beside.rows() == []
