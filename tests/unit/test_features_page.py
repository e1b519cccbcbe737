"""docs/FEATURES.md promises nothing that no test proves, and docs/LIMITS.md has every row of it that is not full."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
FEATURES = (ROOT / "docs/FEATURES.md").read_text(encoding="utf-8")
LIMITS = (ROOT / "docs/LIMITS.md").read_text(encoding="utf-8")


class Row(NamedTuple):
    """A line of the table: its id, the capability, the verdict of today, and the tests or what is missing."""

    id: str
    capability: str
    today: str
    rest: str


def cells_of(page: str) -> list[list[str]]:
    """Return the cells of the lines of all tables of a page."""
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| ")]


def rows_of(page: str) -> list[Row]:
    """Return the lines of all tables of four columns."""
    return [Row(*line) for line in cells_of(page) if line[0] and len(line) == 4]


PARTS = re.split(r"(?m)^## ", FEATURES)[1:]
CAPABILITIES = [part for part in PARTS if re.match(r"[A-Z]\. ", part)]
ROWS = [row for part in CAPABILITIES for row in rows_of(part)]
(FIRST_USE,) = [part for part in PARTS if part not in CAPABILITIES]
TEST = r"`(tests/[^`]+?)::(.+?)`"
NAMED = [
    pytest.param(*found, id=f"{line[0]}-{found[1]}")
    for line in cells_of(FEATURES)
    for found in re.findall(TEST, line[-1])
]


@cache
def names_in(file: str) -> set[str]:
    """Return the names of a file's tests."""
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    return {each.name for each in body if isinstance(each, ast.FunctionDef) and each.name.startswith("test_")}


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_is_named_exists(file: str, name: str) -> None:
    assert name in names_in(file)


def test_every_capability_stands_once_below_its_heading() -> None:
    assert [id_ for id_, count in Counter(row.id for row in ROWS).items() if count > 1] == []
    for part in CAPABILITIES:
        assert {row.id[0] for row in rows_of(part)} == {part[0]}


def test_a_capability_that_is_claimed_is_proved() -> None:
    assert {row.today for row in ROWS} == {"full", "partly", "no"}
    unproved = [row.id for row in ROWS if row.today != "no" and "::" not in row.rest]
    assert unproved == []


def test_the_numbers_are_those_of_the_table() -> None:
    count = Counter(row.today for row in ROWS)
    told = f"**{len(ROWS)} capabilities: {count['full']} full, {count['partly']} partly, {count['no']} no.**"
    assert told in FEATURES


def test_what_is_not_full_is_a_limit_with_its_reason() -> None:
    limits = rows_of(LIMITS)
    lacking = [(row.id, row.capability, row.today) for row in ROWS if row.today != "full"]
    assert sorted((row.id, row.capability, row.today) for row in limits) == sorted(lacking)
    assert [row.id for row in limits if not row.rest] == []


def test_a_limit_stands_below_how_much_it_matters() -> None:
    headings = re.findall(r"(?m)^## (.+)", LIMITS)
    assert headings[:-2] == [each for each in ("CRITICAL", "HIGH", "MEDIUM", "LOW") if each in headings]
    assert ("CRITICAL" in headings) is not ("No row is CRITICAL" in LIMITS)


# --- first use -------------------------------------------------------------------------------------------------------


def test_everything_that_was_found_at_first_use_is_proved_to_be_gone() -> None:
    found = rows_of(FIRST_USE)
    assert [row.id for row in found] == [f"B{number}" for number in range(1, 30)]
    assert [row.id for row in found if not re.search(TEST, row.rest)] == []


def test_everything_that_was_looked_for_at_first_use_is_tested_written_down_or_a_limit() -> None:
    looked_for = [line for line in cells_of(FIRST_USE) if len(line) == 2][1:]
    assert len(looked_for) > 15
    assert [what for what, where in looked_for if not re.search(rf"{TEST}|\]\(\S+\.md", where)] == []
