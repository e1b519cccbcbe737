"""Another mapping file on the running app: previewed, switched on, and rolled back."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from shared.bootstrap import App
from shared.ledger import audit as trail
from shared.ledger.drawers import applied_mapping
from shared.ledger.port import Ledger
from shared.settings import load_settings
from tests.e2e.deals import received_deal, shared_deal
from tools.local.stack import ROOT, Stack

Fact = tuple[str, str, str, str, str]
"""A change of one field of one deal: referral id, side, field, old and new value."""

CANDIDATE = """
overlay: true
version: candidate
fields:
  - {field: referral_program, referral: campaignId}
  - {field: notes, to_partner_center: [create]}
"""
AS_SHIPPED = """
overlay: true
version: as shipped
"""
LIMITED = """
overlay: true
version: limited
fields:
  - {field: notes, limit: 20, too_long: refuse}
"""


class Office:
    """An administrator's desk beside a running app, whose mapping folder is `live`."""

    def __init__(self, stack: Stack, live: Path, drafts: Path) -> None:
        self.stack = stack
        self.live = live
        self.drafts = drafts

    def draft(self, text: str) -> Path:
        """Write a candidate; returns its folder."""
        folder = self.drafts / str(len(list(self.drafts.iterdir())))
        folder.mkdir()
        (folder / f"{self.stack.crm.name}.yaml").write_text(text, encoding="utf-8")
        return folder

    def preview(self, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tools.cli", "preview", "--mapping", str(folder), *options]
        environment = {**os.environ, **self.stack.settings()}
        return subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)

    def forecast(self, folder: Path) -> Counter[Fact]:
        """Return every write that preview foretells for every deal."""
        file = self.drafts.parent / "forecast.csv"
        done = self.preview(folder, "--all", "--csv", str(file))
        assert done.returncode == 0, done.stdout + done.stderr
        rows = csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines())
        return Counter(
            (row["referral_id"], row["side"], row["field"], row["old"], row["new"])
            for row in rows
            if row["action"] == "write"
        )

    def switch(self, folder: Path) -> Counter[Fact]:
        """Put the app under the folder's mapping; returns every write that it audited in consequence."""
        before = self.written()
        self.put(folder)
        self.stack.restart()
        self.settle()
        return self.written() - before

    def put(self, folder: Path) -> None:
        """Make a draft the app's mapping from its next start on."""
        target = self.live / f"{self.stack.crm.name}.yaml"
        target.write_text((folder / target.name).read_text(encoding="utf-8"), encoding="utf-8")

    def settle(self) -> None:
        """Let the app apply its mapping."""
        wanted = self.app().tasks.of(self.stack.crm.name).field_map.version
        self.stack.run("Reconciler")
        self.stack.eventually(
            lambda: self.ledger().drawers.read(applied_mapping(self.stack.crm.name)).value == wanted,
            "the mapping being applied",
        )
        self.stack.quiet()

    def written(self) -> Counter[Fact]:
        sides = {trail.TO_CRM: "crm", trail.TO_PARTNER_CENTER: "partner_center"}
        ledger = self.ledger().of(self.stack.crm.name)
        return Counter(
            (link.referral_id, sides[entry.direction], field, old, new)
            for link in ledger.links.all()
            for entry in ledger.audit.of(link.referral_id, limit=1000)
            if entry.direction in sides
            for field, old, new in entry.changes
        )

    def ledger(self) -> Ledger:
        return self.app().ledger

    def app(self) -> App:
        return App(load_settings(self.stack.settings()))


def test_what_preview_foretells_is_what_the_app_writes_and_rolling_back_too(
    crm: str, storage: str, tmp_path: Path
) -> None:
    for name in ("live", "drafts"):
        (tmp_path / name).mkdir()
    with Stack(crms=(crm,), storage=storage, settings={"MAPPING_DIR": str(tmp_path / "live")}) as stack:
        office = Office(stack, tmp_path / "live", tmp_path / "drafts")
        shipped = office.draft(AS_SHIPPED)
        office.put(shipped)
        stack.register()
        first, second = shared_deal(stack)[0], received_deal(stack)[0]
        untouched, _ = received_deal(stack)
        for referral_id, campaign in ((first, "FY27-Retail"), (second, "=FY27-Finance")):
            stack.partner_center.portal.edit(referral_id, {"/campaignId": campaign, "/referralProgram": "CoSell"})
        stack.quiet()
        office.settle()

        candidate = office.draft(CANDIDATE)
        foretold = office.forecast(candidate)
        assert {(fact[0], fact[3], fact[4]) for fact in foretold} == {
            (first, "CoSell", "FY27-Retail"),
            (second, "CoSell", "'=FY27-Finance"),  # a spreadsheet must not take it for a formula
        }
        unquoted = Counter({(*fact[:4], fact[4].removeprefix("'")): count for fact, count in foretold.items()})
        writes_before = stack.crm.calls()
        assert office.switch(candidate) == unquoted
        assert stack.crm.calls() > writes_before
        assert office.forecast(candidate) == Counter()
        assert untouched not in {fact[0] for fact in foretold}

        back = office.forecast(shipped)
        assert len(back) == len(foretold)
        assert office.switch(shipped) == Counter({(*fact[:3], fact[3].removeprefix("'"), fact[4]): 1 for fact in back})
        assert office.forecast(shipped) == Counter()


def test_preview_says_what_would_fail_and_writes_nothing(stack: Stack, tmp_path: Path) -> None:
    referral_id, record_id = received_deal(stack)
    stack.partner_center.portal.edit(referral_id, {"/details/notes": "Longer than twenty characters"})
    stack.quiet()
    (tmp_path / "drafts").mkdir()
    office = Office(stack, tmp_path, tmp_path / "drafts")
    folder, report = office.draft(LIMITED), tmp_path / "report.json"
    before = stack.crm.deal(record_id).version, stack.partner_center.referral(referral_id)["eTag"]
    done = office.preview(folder, "--deal", record_id, "--json", str(report))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Nothing was written" in done.stdout
    content = json.loads(report.read_text(encoding="utf-8"))
    (group,) = content["groups"]
    assert (group["action"], group["field"], group["deals"]) == ("fail", "notes", 1)
    assert "longer than the 20 characters" in group["reason"]
    assert group["examples"][0]["referral_id"] == referral_id
    assert (stack.crm.deal(record_id).version, stack.partner_center.referral(referral_id)["eTag"]) == before


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("overlay: true\nversion: v\nfields: [{field: notes, column: no_such_column}]", "no_such_column"),
        ("overlay: true\nversion: v\nfields: [{field: notes, referral: details.nots}]", "Did you mean details.notes?"),
    ],
)
def test_a_mapping_that_does_not_fit_is_not_previewed(stack: Stack, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "drafts").mkdir()
    office = Office(stack, tmp_path, tmp_path / "drafts")
    done = office.preview(office.draft(text), "--sample", "1")
    assert done.returncode == 2
    assert told in done.stdout


def test_an_unknown_deal_is_said_to_be_unknown(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "drafts").mkdir()
    office = Office(stack, tmp_path, tmp_path / "drafts")
    done = office.preview(office.draft("overlay: true\nversion: v\n"), "--deal", "nothing")
    assert done.returncode == 2
    assert "no deal" in done.stdout
