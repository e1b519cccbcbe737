"""`cosell.py provision` and `doctor` where leads are synchronized: their table gets columns, key and rights as well."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.mapping.check.findings import Severity
from shared.mapping.check.lint import lint_leads
from shared.mapping.loading import load_mapping, positions
from tests.support.stages.admin import DESKS, Desk, DynamicsDesk, SalesforceDesk
from tools.admin.doctor.crm_diagnosis import diagnose_crm
from tools.admin.doctor.report import Line, Mark
from tools.cli import provision
from tools.simulators.vendors import Vendors


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    with Vendors() as vendors:
        yield vendors


@pytest.fixture(params=DESKS)
def desk(request: pytest.FixtureRequest, vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    return DESKS[request.param](vendors)


def diagnosed(desk: Desk) -> list[Line]:
    """What doctor says about the CRM, without the storage."""
    return list(diagnose_crm(desk.app(), desk.name, stored=False))


def on_leads(desk: Desk) -> set[str]:
    """The columns of leads that somebody added."""
    if isinstance(desk, DynamicsDesk):
        return {each.name for each in desk.crm.environment.table("lead").columns.values() if each.custom}
    assert isinstance(desk, SalesforceDesk)
    return {name for name, each in desk.crm.org.objects["lead"].fields.items() if each.custom}


def test_apply_makes_what_the_section_of_leads_names(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.provision(apply=False) == 0
    file = load_mapping(desk.name).file
    assert file.lead
    assert f"{file.lead.table} in " in capsys.readouterr().out
    assert on_leads(desk) == set()
    assert desk.provision(apply=True) == 0
    own = file.lead.columns.model_dump(exclude_none=True).values()
    mapped = {row.column for row in file.lead.fields if row.field in ("solutions", "close_reason", "decide_by")}
    assert on_leads(desk) == {*own, *mapped}
    task = desk.app().tasks.of(desk.name).lead
    assert task
    found = lint_leads(file, positions(desk.name), task.records.describe())
    assert [str(each) for each in found if each.severity is Severity.ERROR] == []
    before = desk.posts()
    assert desk.provision(apply=True) == 0
    assert desk.posts() == before
    assert capsys.readouterr().out.endswith("✔ Nothing to do.\n")


@pytest.fixture
def without(tmp_path: Path, desk: Desk) -> dict[str, str]:
    """The setting for a mapping file that switches leads off."""
    (tmp_path / f"{desk.name}.yaml").write_text("overlay: true\nversion: no-leads\nleads: off\n", encoding="utf-8")
    return {"MAPPING_DIR": str(tmp_path)}


def test_leads_come_later_to_an_installation_that_has_its_opportunities(desk: Desk, without: dict[str, str]) -> None:
    assert desk.provision(apply=True, **without) == 0
    assert on_leads(desk) == set()
    assert desk.provision(apply=True) == 0
    assert len(on_leads(desk)) == 8


def test_doctor_tells_of_leads_apart_from_opportunities(desk: Desk, without: dict[str, str]) -> None:
    assert desk.provision(apply=True, **without) == 0
    lines = diagnosed(desk)
    wrong = [line for line in lines if line.mark is Mark.BAD and "of leads" in line.subject]
    assert wrong
    assert all("leads: off" in line.remedy for line in wrong)
    assert any(line.subject.endswith(": mapping") and line.mark is Mark.GOOD for line in lines)
    assert desk.provision(apply=True) == 0
    lines = diagnosed(desk)
    assert [line for line in lines if line.mark is Mark.BAD] == []
    assert any(line.subject.endswith("change feed of leads") and line.mark is Mark.GOOD for line in lines)


def test_leads_that_are_switched_off_are_asked_for_nowhere(desk: Desk, without: dict[str, str]) -> None:
    assert desk.provision(apply=True, **without) == 0
    start = len(desk.server.log.entries)
    lines = list(diagnose_crm(desk.app(**without), desk.name, stored=False))
    assert [line for line in lines if line.mark is Mark.BAD or "lead" in line.subject] == []
    asked = [entry.path for entry in desk.server.log.entries[start:] if re.search(r"lead", entry.path, re.IGNORECASE)]
    assert asked == []


def test_a_program_is_told_the_table_of_each_item(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("tools.cli.local_settings.FILE", tmp_path / "none.json")
    monkeypatch.setattr(provision, "app_for", lambda _crms, *_parts: desk.administrator())
    for name, value in desk.settings().items():
        monkeypatch.setenv(name, value)
    given = ["--user", desk.options.user] if desk.options.user else []
    assert provision.main(["--dry-run", "--json", *given]) == 0
    (crm,) = json.loads(capsys.readouterr().out)["crms"]
    assert {item["table"].casefold() for item in crm["items"]} == {"opportunity", "lead"}


def test_no_permission_set_lets_anybody_convert_a_lead_through_the_app(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    desk = SalesforceDesk(vendors)
    assert desk.provision(apply=True) == 0
    rows = {str(row["Field"]): bool(row["PermissionsEdit"]) for row in desk.crm.rows("FieldPermissions")}
    assert not rows.get("Lead.IsConverted", False)
    (parent,) = [row["Id"] for row in desk.crm.rows("PermissionSet") if row["Name"] == "Cosell_Sync"]
    (held,) = [
        row for row in desk.crm.rows("ObjectPermissions") if row["ParentId"] == parent and row["SobjectType"] == "Lead"
    ]
    assert [held[f"Permissions{each}"] for each in ("Read", "Create", "Edit", "ViewAllRecords")] == [True] * 4
    assert not held["PermissionsDelete"]
