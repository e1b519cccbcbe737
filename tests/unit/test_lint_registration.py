"""Lint of the section `registration`: a form that Microsoft would not take is found before any win."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shared.mapping.check.findings import Finding, Severity
from shared.mapping.check.lint import lint
from shared.mapping.check.needs import record_needs
from shared.mapping.check.tables import Column, Description, Kind, Option
from shared.mapping.loading import load_mapping, positions
from tests.support.fakes import crm_tables
from tests.support.registration import section


def findings(crm: str, directory: Path, *edits: tuple[str, str], live: Description | None = None) -> list[Finding]:
    text = section(crm)
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    (directory / f"{crm}.yaml").write_text(f"overlay: true\nversion: own\n{text}", encoding="utf-8")
    file = load_mapping(crm, directory).file
    return [
        each for each in lint(file, positions(crm, directory), live) if str(each.place[:1]) == str(("registration",))
    ]


@pytest.mark.parametrize("crm", ["dynamics365", "salesforce"])
def test_a_whole_form_has_nothing_to_say(crm: str, tmp_path: Path) -> None:
    assert findings(crm, tmp_path) == []


@pytest.mark.parametrize(
    ("edit", "what", "nearest"),
    [
        (
            ("contract.signDateTime", "contract.signedDateTime"),
            "has no contract.signedDateTime",
            "contract.signDateTime",
        ),
        (("solutionDetails.pricingModel:", "solutionDetails.price:"), "has no solutionDetails.price", ""),
        (("pricingModel: PayAsYouGo", "pricingModel: PayAsYouGoes"), "no code PayAsYouGoes", "PayAsYouGo"),
        (("1: Perpetual", "1: Forever"), "no code Forever", ""),
        (("codec: solutions", "codec: text"), "which codec text does not read", ""),
        (("column: cosell_contractend, codec: date", "column: cosell_contractend, codec: text"), "codec text", ""),
        (("    solutionDetails.primaryDeploymentOn: Customer\n", ""), "lacks solutionDetails.primaryDeploymentOn", ""),
        (("  constants:", "  not_needed: [contract.end]\n  constants:"), "has no contract.end", ""),
    ],
)
def test_a_fault_is_an_error(edit: tuple[str, str], what: str, nearest: str, tmp_path: Path) -> None:
    found = [each for each in findings("dynamics365", tmp_path, edit) if what in each.what]
    assert [each.severity for each in found] == [Severity.ERROR]
    assert nearest in found[0].nearest
    assert found[0].line > 2


def test_what_a_form_lacks_under_a_condition_is_a_warning(tmp_path: Path) -> None:
    row = "    - {field: contract_end, referral: contract.endDateTime, column: cosell_contractend, codec: date}\n"
    (found,) = findings("dynamics365", tmp_path, (row, ""))
    assert found.severity is Severity.WARNING
    assert "contract.endDateTime" in found.what
    perpetual = ("  constants:", "  not_needed: [contract.endDateTime]\n  constants:")
    assert findings("dynamics365", tmp_path, (row, ""), perpetual) == []


def test_its_columns_are_needed_each_once_and_its_status_is_optional(tmp_path: Path) -> None:
    shared = ("column: cosell_contractvalue", "column: estimatedvalue")
    assert findings("dynamics365", tmp_path, shared) == []
    needs = record_needs(load_mapping("dynamics365", tmp_path).file)
    columns = [each.column for each in needs]
    assert columns.count("estimatedvalue") == 1
    by_field = {each.field: each for each in needs}
    assert by_field["registration.contract_start"].kinds == (Kind.DAY,)
    assert not by_field["registration.contract_start"].update
    status = by_field["registration.status_column"]
    assert (status.optional, status.update, status.size) == (True, True, 100)


def test_live_what_is_missing_can_be_provisioned(tmp_path: Path) -> None:
    description = crm_tables.description()
    found = findings("dynamics365", tmp_path, live=description)
    told = {each.field: each.severity for each in found}
    assert told["registration.contract_start"] is Severity.ERROR
    assert told["registration.when"] is Severity.ERROR
    assert told["registration.status_column"] is Severity.WARNING
    assert all(each.can_be_provisioned for each in found)
    held = {need.column: need for need in record_needs(load_mapping("dynamics365", tmp_path).file)}
    columns = {**description.record.columns, "cosell_registerwin": Column("cosell_registerwin", Kind.YES_NO)}
    for name, need in held.items():
        options = tuple(Option(value, label) for value, label in need.values)
        columns.setdefault(name, Column(name, need.kinds[0], length=need.size or 4000, options=options))
    there = replace(description, record=replace(description.record, columns=columns))
    assert findings("dynamics365", tmp_path, live=there) == []
