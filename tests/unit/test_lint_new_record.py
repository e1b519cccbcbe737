"""Lint of what a new record gets: constants and rules against the file's other writers and the CRM's columns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shared.errors import MappingError
from shared.mapping.check.findings import Finding
from shared.mapping.check.lint import lint
from shared.mapping.check.tables import Column, Description, Kind, Option
from shared.mapping.loading import load_mapping, positions
from tests.support.fakes import crm_tables
from tests.support.mapping_files import edited, write


def findings(directory: Path, given: str) -> list[Finding]:
    """Lint the default file with something under `new_record`, against a table with more columns."""
    write(directory, edited("new_record: {}", f"new_record: {given}"))
    file = load_mapping("dynamics365", directory).file
    return lint(file, positions("dynamics365", directory), _with_more_columns())


GIVEN = [
    ("{statuscode: 2}", "statuscode is written by the status table: two writers, one target"),
    ("{cosell_audit: Ours}", "cosell_audit is written by the app: two writers, one target"),
    ("{estimatedclosedate: soon}", "estimatedclosedate cannot be soon: soon is not an ISO 8601 date"),
    ("{new_region: West}", "has no column new_region"),
    ("{new_score: high}", "the column new_score is Whole number, which 'high' does not fit"),
    ("{new_score: true}", "the column new_score is Whole number, which True does not fit"),
    ("{new_score: {days_from_today: 3}}", "the column new_score is Whole number"),
    ("{new_source: 4}", "new_source has no option 4; it has 1, 2"),
    ("{new_code: ABCDEF}", "6 characters, but the column new_code holds 5"),
    ("{pricelevelid: 8f6a}", "pricelevelid is a look-up: write pricelevelid@odata.bind: /table(GUID)"),
    ("{new_sum: 5}", "does not let the column new_sum be written at create"),
]


def _with_more_columns() -> Description:
    more = (
        Column("new_score", Kind.WHOLE),
        Column("new_source", Kind.CHOICE, options=(Option(1, "Web"), Option(2, "Partner"))),
        Column("new_code", Kind.TEXT, 5),
        Column("pricelevelid", Kind.LOOKUP, targets=("pricelevel",), required=True),
        Column("new_sum", Kind.WHOLE, creatable=False),
    )
    description = crm_tables.description()
    columns = {**description.record.columns, **{each.name: each for each in more}}
    return replace(description, record=replace(description.record, columns=columns))


@pytest.mark.parametrize(("given", "what"), GIVEN)
def test_what_a_new_record_gets_must_fit_its_column(tmp_path: Path, given: str, what: str) -> None:
    assert [each.what for each in findings(tmp_path, given) if what in each.what]


def test_a_column_that_the_crm_demands_may_be_given_under_new_record(tmp_path: Path) -> None:
    bound = "{'pricelevelid@odata.bind': '/pricelevels(5b0f2f0e-6a1d-4c1f-9a07-3f6f0c3b1d55)', new_source: 2}"
    (demanded,) = findings(tmp_path, "{}")
    assert demanded.what.endswith("give it a value under new_record")
    assert findings(tmp_path, bound) == []


@pytest.mark.parametrize("given", ["[1]", "{days: 3}", "{days_from_today: tomorrow}", "2026-01-01"])
def test_what_is_neither_constant_nor_rule_is_refused(tmp_path: Path, given: str) -> None:
    write(tmp_path, edited("new_record: {}", f"new_record: {{leadsource: {given}}}"))
    with pytest.raises(MappingError, match=r"new_record\.leadsource: must be text, a number, true or false, or a rule"):
        load_mapping("dynamics365", tmp_path)
