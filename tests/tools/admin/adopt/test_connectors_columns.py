"""Moving in where Microsoft's connector kept the deals: its columns by the very overlays of docs/MAPPING.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.bootstrap import App
from shared.ledger.memory import MemoryLedger, MemoryLinks
from shared.lifecycle import Stage
from shared.link import Link
from shared.settings import load_settings
from tests.support.stages.crm import DataverseStage
from tests.support.stages.crm import _settings as dataverse_settings
from tests.support.stages.salesforce import SalesforceStage
from tests.tools.admin.adopt.test_command import Office, edited
from tools.cli import adopt
from tools.simulators.salesforce import org
from tools.simulators.salesforce.cosell import cosell_columns
from tools.simulators.salesforce.fields import Field
from tools.simulators.vendors import Vendors

GUIDE = (Path(__file__).resolve().parents[4] / "docs" / "MAPPING.md").read_text("utf-8")
CONNECTOR = "2026-01-02T10:00:00Z Referral synchronized successfully."
"""What the connector left in the records' Audit column."""

OURS = {
    "dynamics365": {
        "cosell_syncwithpartnercenter": "msft_syncwithpartnercenter",
        "cosell_referralidentifier": "msft_referralidentifier",
        "cosell_referrallink": "msft_referrallink",
        "cosell_audit": "msft_audit",
        "cosell_products": "msft_products",
        "cosell_howcanmicrosofthelp": "msft_howcanmicrosofthelp",
    },
    "salesforce": {
        f"{name}__c": f"pkg__{name}__c"
        for name in (
            "Sync_with_Partner_Center",
            "Referral_Identifier",
            "Referral_Link",
            "Audit",
            "Products",
            "How_can_Microsoft_help",
        )
    },
}
"""The connector's names in the place of ours."""


def recipe(version: str) -> str:
    """Return the overlay of the guide that has this version."""
    (found,) = [text for text in re.findall(r"(?ms)^```yaml\n(.*?)^```", GUIDE) if f"version: {version}\n" in text]
    return str(found)


class Connected(Office):
    """A CRM whose deals are in the connector's columns."""

    def __init__(self, vendors: Vendors, stage: DataverseStage | SalesforceStage) -> None:
        super().__init__(vendors, stage)
        self.names = OURS[self.name]

    def record(self, **words: object) -> str:
        """Add a record as the connector leaves it: identity, glyph in the name, its line in Audit."""
        dialect = self.stage.dialect
        account = self.stage.add_account(customer=f"Customer {self.number}", postal_code=f"P{self.number}")
        ready = {
            "name": f"✔ Deal {self.number}",
            "value": Decimal(1000 + self.number),
            "currency": "GBP",
            "closing": date(2027, 3, 31),
            "notes": "Phase one",
            "products": "SOL-20311-QXT",
            "sync": True,
            "visible": True,
            "audit": CONNECTOR,
            **words,
        }
        columns = {self.names.get(name, name): value for name, value in dialect.columns(ready).items()}
        if isinstance(self.stage, DataverseStage):
            columns |= {"parentaccountid": account, "customerid": account}
            return self.stage.simulator.seller.create_opportunity(**self.stage._with_currency(columns))
        return self.stage.simulator.seller.create_opportunity(
            **columns, **dialect.states[Stage.ACTIVE], AccountId=account
        )

    def row(self, record_id: str) -> Mapping[str, object]:
        """Return what the CRM holds, by our names."""
        table = "opportunity" if self.name == "dynamics365" else "Opportunity"
        theirs = {new: old for old, new in self.names.items()}
        return {theirs.get(name, name): value for name, value in self.stage.simulator.row(table, record_id).items()}

    def move_in(self) -> dict[str, tuple[str, str]]:
        """Add a deal of each state that matters, two of those that are written; returns (record, referral) by name."""
        deals = {}
        for name in ("first", "second", "third"):
            self.number += 1
            same = self.referral()
            deals[name] = (self.record(identifier=same, value=Decimal(5)), same)
        self.number += 1
        ended = self.referral()
        deals["closed"] = (self.record(identifier=ended, value=Decimal(99_999)), ended)
        self.stage.close(deals["closed"][0], Stage.WON)
        self.number += 1
        asked = self.referral("cosell-inbound")
        deals["undecided"] = (self.record(identifier=asked, value=Decimal(6)), asked)
        self.number += 1
        private = self.referral()
        deals["not shared"] = (self.record(identifier=private, sync=False, value=Decimal(8)), private)
        return deals


def _dynamics365(vendors: Vendors, directory: Path) -> DataverseStage:
    stage = DataverseStage(vendors)
    environment = stage.simulator.environment
    table, now = environment.table("opportunity"), environment.now()
    for old, new in OURS["dynamics365"].items():
        table.add_column(replace(table.columns.pop(old), name=new, schema_name=new), now)
    table.keys.clear()
    environment.add_key(table, "msft_ReferralIdentifierKey", ("msft_referralidentifier",), at_once=True)
    (directory / "dynamics365.yaml").write_text(recipe("msft-columns"), "utf-8")
    settings = {**vendors.settings(), **dataverse_settings(vendors, stage.server.url), "MAPPING_DIR": str(directory)}
    stage.app = App(load_settings(settings), stage.clock)
    stage.app.ledger = MemoryLedger()
    stage.port = stage.app.tasks.of("dynamics365").records
    return stage


def _salesforce(vendors: Vendors, directory: Path, monkeypatch: pytest.MonkeyPatch) -> SalesforceStage:
    def packaged(sobject: str = "Opportunity") -> list[Field]:
        names = OURS["salesforce"]
        return [replace(each, name=names.get(each.name, each.name)) for each in cosell_columns(sobject)]

    monkeypatch.setattr(org, "cosell_columns", packaged)
    (directory / "salesforce.yaml").write_text(recipe("package-columns"), "utf-8")
    return SalesforceStage(vendors, MAPPING_DIR=str(directory))


@pytest.fixture(params=["dynamics365", "salesforce"])
def office(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Connected]:
    with Vendors() as vendors:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
        stage: Any = (
            _dynamics365(vendors, tmp_path)
            if request.param == "dynamics365"
            else _salesforce(vendors, tmp_path, monkeypatch)
        )
        stage.app.clock = stage.clock
        yield Connected(vendors, stage)


@pytest.mark.slow
def test_the_connectors_deals_are_taken_over_although_the_first_run_is_interrupted(
    office: Connected, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deals, path = office.move_in(), tmp_path / "deals.csv"
    before = office.state()
    _, told = office.run(capsys, csv=path)
    would = {(row["record_id"], row["referral_id"]): row["would"] for row in told["rows"]}
    written = dict.fromkeys(("first", "second", "third"), "write")
    assert {name: would[deal] for name, deal in deals.items()} == written | {
        name: name for name in ("closed", "undecided", "not shared")
    }
    assert office.state() == before
    edited(path, "yes")

    commit, commits = MemoryLinks.commit, [0]

    def interrupted(self: MemoryLinks, link: Link, *rest: Any, **more: Any) -> Link:
        commits[0] += 1
        if commits[0] == 2:
            raise KeyboardInterrupt
        return commit(self, link, *rest, **more)

    with monkeypatch.context() as patched:
        patched.setattr(MemoryLinks, "commit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            office.run(capsys, apply=path)
    capsys.readouterr()
    code, done = office.run(capsys, apply=path)
    totals = done["totals"]
    assert (code, totals["done"] + totals["done before"]) == (adopt.NOTHING, 3)
    assert totals["done before"] >= 1

    after = office.state()
    untouched = {deals[name] for name in ("closed", "undecided", "not shared")}
    id_of = "opportunityid" if office.name == "dynamics365" else "Id"
    records = {str(row[id_of]): row for row in before[0]}
    referrals = {row["id"]: row for row in before[1]}
    assert len(after[0]) == len(before[0])
    assert len(after[1]) == len(before[1])
    assert all(row == records[row[id_of]] for row in after[0] if row[id_of] in {record for record, _ in untouched})
    assert all(row == referrals[row["id"]] for row in after[1] if row["id"] in {referral for _, referral in untouched})
    sync = office.stage.dialect.record
    for name in written:
        record_id, referral_id = deals[name]
        row = office.row(record_id)
        assert row[sync["identifier"]] == referral_id
        assert str(row[sync["status"]]).startswith("✔")
        assert str(row[sync["audit"]]).endswith(CONNECTOR), "the connector's lines stay below ours"
        assert str(row[sync["audit"]]) != CONNECTOR
        (referral,) = [each for each in after[1] if each["id"] == referral_id]
        assert (referral["details"]["dealValue"], referral["externalReferenceId"]) == (5, record_id)

    code, again = office.run(capsys)
    assert (code, again["totals"][office.name]["linked"]) == (adopt.NOTHING, 3)
