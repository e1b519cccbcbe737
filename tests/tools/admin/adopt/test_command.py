"""`cosell.py adopt` over TLS against both CRMs and Partner Center: forecast, an edited file, and nothing but that."""

from __future__ import annotations

import argparse
import csv
import json
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.errors import SettingsError
from shared.lifecycle import Stage
from tests.support.stages.crm import DataverseStage
from tests.support.stages.salesforce import SalesforceStage
from tools.cli import adopt
from tools.simulators.vendors import Vendors

SOLUTIONS = {"requirements": {"solutions": [{"id": "SOL-20311-QXT", "type": "Name", "name": "Insight Hub"}]}}
ROUNDS = 10


class Office:
    """A CRM that shared deals before, its Partner Center, and the app's settings."""

    def __init__(self, vendors: Vendors, stage: DataverseStage | SalesforceStage) -> None:
        self.stage = stage
        self.partner_center = vendors.partner_center
        self.name = stage.port.name
        self.number = 0

    def referral(self, kind: Any = "own", **more: object) -> str:
        details = {
            "dealValue": 1000 + self.number,
            "currency": "GBP",
            "closingDateTime": "2027-03-31T00:00:00Z",
            "notes": "Phase one",
            **SOLUTIONS,
        }
        customer = {"name": f"Customer {self.number} plc", "address": {"postalCode": f"P {self.number}"}}
        made = self.partner_center.portal.create_referral(
            kind, name=f"Deal {self.number}", details=details, customerProfile=customer, **more
        )
        return str(made["id"])

    def record(self, **words: object) -> str:
        customer = {"customer": f"Customer {self.number}", "postal_code": f"P{self.number}", "city": "Bristol"}
        account = self.stage.add_account(**customer)
        ready = {
            "name": f"Deal {self.number}",
            "value": Decimal(1000 + self.number),
            "closing": date(2027, 3, 31),
            "notes": "Phase one",
            "visible": True,
            self.stage.dialect.account_of: account,
        }
        # The stages make no customer of their own where one is given: each in its own way.
        own = {"customer": None} if self.name == "salesforce" else {}
        return self.stage.add_deal(**(ready | own | words))

    def populate(self) -> dict[tuple[str, str], str]:
        """Add deals of six kinds; returns what is expected of each."""
        self.number += 1
        expected = {}
        same = self.referral()
        expected[self.record(identifier=same), same] = "write"
        self.number += 1
        renamed = self.referral()
        expected[self.record(identifier=renamed, name="Another name", value=Decimal(7)), renamed] = "write"
        self.number += 1
        ended = self.referral()
        won = self.record(identifier=ended, value=Decimal(99_999))
        self.stage.close(won, Stage.WON)
        expected[won, ended] = "closed"
        self.number += 1
        asked = self.referral("cosell-inbound")
        expected[self.record(identifier=asked, value=Decimal(5)), asked] = "undecided"
        self.number += 1
        private = self.referral()
        expected[self.record(identifier=private, sync=False), private] = "not shared"
        self.number += 1
        likely = self.referral()
        expected[self.record(name=f"Talks {self.number}"), likely] = "write"
        return expected

    def run(self, capsys: pytest.CaptureFixture[str], **options: object) -> tuple[int, dict[str, Any]]:
        given = {"crm": None, "csv": None, "apply": None, "json": True, **options}
        code = adopt.run(self.stage.app, argparse.Namespace(**given))
        return code, json.loads(capsys.readouterr().out)

    def state(self) -> tuple[list[Any], list[Any]]:
        table = "opportunity" if self.name == "dynamics365" else "Opportunity"
        return list(self.stage.simulator.rows(table)), list(self.partner_center.referrals())


@pytest.fixture(params=["dynamics365", "salesforce"])
def office(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with Vendors() as vendors:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
        stage = DataverseStage(vendors) if request.param == "dynamics365" else SalesforceStage(vendors)
        stage.app.clock = stage.clock
        yield Office(vendors, stage)


def edited(path: Path, decision: str) -> None:
    """Decide every row that can be decided, as a spreadsheet with semicolons would save it."""
    rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    for row in rows:
        row["decision"] = decision if row["check"] else ""
    with path.open("w", encoding="cp949", errors="replace", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.slow
def test_the_forecast_is_what_apply_does(office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    office.partner_center.take_over_webhook()
    expected = {key: kind for _ in range(ROUNDS) for key, kind in office.populate().items()}
    before, path = office.state(), tmp_path / "deals.csv"
    code, told = office.run(capsys, csv=path)
    assert code == adopt.OPEN
    found = {(row["record_id"], row["referral_id"]): row["would"] for row in told["rows"]}
    assert found == expected
    assert told["complete"] is True
    assert told["totals"][office.name]["write"] == 3 * ROUNDS
    assert any("Microsoft's connector" in each for each in told["notes"])
    assert office.state() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    edited(path, "yes")
    code, done = office.run(capsys, apply=path)
    assert (code, done["totals"]["done"]) == (adopt.NOTHING, 3 * ROUNDS)
    after = office.state()
    id_of = "opportunityid" if office.name == "dynamics365" else "Id"
    changed = {row[id_of] for row, old in zip(after[0], before[0], strict=True) if row != old}
    assert changed == {record for (record, _), kind in expected.items() if kind == "write"}
    old = {row["id"]: row for row in before[1]}
    written = {row["id"] for row in after[1] if row != old[row["id"]]}
    assert written == {referral for (_, referral), kind in expected.items() if kind == "write"}

    code, again = office.run(capsys)
    assert (code, again["totals"][office.name]["linked"]) == (adopt.NOTHING, 3 * ROUNDS)
    code, repeated = office.run(capsys, apply=path)
    assert (code, repeated["totals"]["done before"]) == (adopt.NOTHING, 3 * ROUNDS)
    assert office.state() == after


def test_a_file_with_a_mistake_performs_nothing(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    office.populate()
    path = tmp_path / "deals.csv"
    office.run(capsys, csv=path)
    edited(path, "perhaps")
    before = office.state()
    options = argparse.Namespace(crm=None, csv=None, apply=path, json=True)
    assert adopt.run(office.stage.app, options) == adopt.FAILED
    told = capsys.readouterr()
    assert "deals.csv, line 2: decision: “perhaps” is neither yes, no nor empty." in told.err
    assert "Nothing was performed: correct 3 of its rows first." in told.err
    assert told.out == ""
    assert office.state() == before


def test_the_table_is_for_people_and_dry_run_performs_nothing(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = Counter(office.populate().values())
    path = tmp_path / "deals.csv"
    assert adopt.run(office.stage.app, argparse.Namespace(crm=None, csv=path, apply=None, json=False)) == adopt.OPEN
    told = capsys.readouterr().out
    assert f"{kinds['write']:>7}  write: would be tied, and values be written" in told
    assert f"Written: {path}." in told
    assert "Nothing was written to either side." in told
    office.stage.app.settings = replace(office.stage.app.settings, dry_run=True)
    with pytest.raises(SettingsError, match="DRY_RUN"):
        adopt.run(office.stage.app, argparse.Namespace(crm=None, csv=None, apply=path, json=False))
