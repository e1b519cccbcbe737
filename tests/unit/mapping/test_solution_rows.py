"""Solutions in rows of a table of their own: what the mapping file takes, what is read, and what people are shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shared.crm.port import Record
from shared.crm.solution_rows import MOST, Row, solution_rows
from shared.mapping.catalogue import named
from shared.mapping.check.lint import lint
from shared.mapping.check.lint_rows import look_up_column, rows_findings
from shared.mapping.check.needs import record_needs
from shared.mapping.check.tables import Column, Kind, Table
from shared.mapping.loading import load_mapping, positions
from shared.merge import Change
from shared.messages.reasons import Reason
from tests.support.mapping_files import refusal
from tests.support.solution_rows import OVERLAYS, mapping
from tests.support.stand_ins import START

FIRST, SECOND = "SOL-20311-QXT", "SOL-40771-ABC"
SYNC = "cosell_syncwithpartnercenter"
COLUMN = "cosell_products"


def record(number: int = 0, **columns: object) -> Record:
    return Record(f"record{number}", "1", {SYNC: True, **columns}, START)


@pytest.mark.parametrize("crm", OVERLAYS)
def test_the_text_column_is_neither_read_nor_needed(crm: str, tmp_path: Path) -> None:
    plain = load_mapping(crm)
    column = plain.rows["solutions"].pair.column
    found = mapping(crm, tmp_path)
    assert column in plain.record_columns
    assert column not in found.record_columns
    assert column not in [need.column for need in record_needs(found.file)]
    assert [each for each in lint(found.file, positions(crm, tmp_path)) if each.field == "solutions"] == []
    assert found.version != plain.version
    assert not next(rule for rule in found.rules if rule.name == "solutions").to_crm


def test_a_list_longer_than_the_column_is_not_cut(tmp_path: Path) -> None:
    rule = next(rule for rule in mapping("salesforce", tmp_path).rules if rule.name == "solutions")
    many = tuple(f"SOL-{number:05}-ABC" for number in range(50))
    assert rule.fit(many) == many


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("to_crm: []", "to_crm: [update]", "only read"),
        ("field: solutions\n", "field: notes\n", "codec `solutions`"),
        ("id: msps_SolutionDetailId.msps_solutionidentifier", "id: a.b.c", "fields: solutions: rows: id"),
        ("record: msps_opportunityid", "recrd: msps_opportunityid", "recrd"),
    ],
)
def test_what_makes_no_sense_is_not_loaded(old: str, new: str, said: str, tmp_path: Path) -> None:
    text = OVERLAYS["dynamics365"]
    assert text.count(old) == 1
    assert said.rsplit(":", maxsplit=1)[-1].strip() in refusal(tmp_path, text.replace(old, new))


def test_a_lead_has_no_such_table(tmp_path: Path) -> None:
    text = OVERLAYS["dynamics365"].replace("fields:", "lead:\n  fields:").replace("\n  - ", "\n    - ")
    text = (
        text.replace("\n    to_crm", "\n      to_crm")
        .replace("\n    rows", "\n      rows")
        .replace("\n      ta", "\n        ta")
    )
    text = text.replace("\n      record", "\n        record").replace("\n      id", "\n        id")
    text = text.replace("\n      name", "\n        name")
    assert "`rows` is for opportunities" in refusal(tmp_path, text)


def test_rows_become_the_text_that_the_column_would_hold(tmp_path: Path) -> None:
    reader = solution_rows(mapping("dynamics365", tmp_path))
    rows: list[Row] = [
        ("record0", f" {SECOND} ", "Stock View"),
        ("record0", FIRST, None),
        ("record0", FIRST, "Insight Hub"),
        ("record0", None, "A row without an id"),
        ("another", FIRST, "Of a record that nobody asked about"),
    ]
    (found,) = reader.into([record()], lambda _ids: rows)
    assert found.columns[COLUMN] == f"{FIRST}, {SECOND}"
    assert found.columns[f"{COLUMN}.names"] == {SECOND: "Stock View", FIRST: "Insight Hub"}
    (empty,) = reader.into([record()], lambda _ids: [])
    assert empty.columns[COLUMN] is None


def test_only_what_concerns_the_sync_is_asked_for_and_many_at_once(tmp_path: Path) -> None:
    reader = solution_rows(mapping("dynamics365", tmp_path))
    asked: list[int] = []

    def ask(ids: object) -> list[Row]:
        assert isinstance(ids, list)
        asked.append(len(ids))
        return []

    apart = replace(record(), columns={SYNC: False})
    tied = replace(record(1), columns={SYNC: False, "cosell_referralidentifier": "x"})
    left, right = reader.into([apart, tied], ask)
    assert (left, asked) == (apart, [1])
    assert COLUMN in right.columns
    reader.into([record(number) for number in range(MOST + 1)], ask)
    assert asked == [1, MOST, 1]
    assert reader.into([], ask) == ()


def test_people_read_names_beside_the_ids(tmp_path: Path) -> None:
    field_map = mapping("dynamics365", tmp_path)
    change = Change("solutions", (FIRST,), (FIRST, SECOND), Reason.CHANGED_IN_CRM)
    (shown,) = named(field_map, [change], {f"{COLUMN}.names": {SECOND: "Stock View", FIRST: ""}})
    assert (shown.old, shown.new) == ((FIRST,), (FIRST, f"{SECOND} (Stock View)"))
    assert list(named(field_map, [change])) == [change]
    assert list(named(load_mapping("dynamics365"), [change], {f"{COLUMN}.names": {SECOND: "x"}})) == [change]


@pytest.mark.parametrize(
    ("name", "table", "column"),
    [
        ("msps_SolutionDetailId", "msps_microsoftsolution", "msps_solutiondetailid"),
        ("Solution_Detail__r", "Microsoft_Solution__c", "Solution_Detail__c"),
        ("Product2", "OpportunityLineItem", "Product2Id"),
    ],
)
def test_a_way_through_a_look_up_is_known_by_its_column(name: str, table: str, column: str) -> None:
    assert look_up_column(name, table) == column


def test_columns_of_another_kind_are_told(tmp_path: Path) -> None:
    file = mapping("dynamics365", tmp_path).file
    held = [Column("msps_opportunityid", Kind.TEXT), Column("msps_solutiondetailid", Kind.LOOKUP)]
    table = Table("msps_microsoftsolution", {each.name: each for each in held})
    (found,) = rows_findings(file, table)
    assert found.place[-2:] == ("rows", "record")
    assert "it must be a look-up" in found.what
    assert list(rows_findings(file, None)) == []
    plain = load_mapping("dynamics365").file
    assert list(rows_findings(plain, table)) == []
