"""docs/PROBLEMS.md is the catalogue's, and every problem is on it once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.errors import AccessDenied, AllowanceSpent, CosellError, SettingsError, SignInRequired, problems_of
from shared.messages import ENGLISH, Messages, catalogue
from shared.messages.plain import units
from shared.problems import problem
from shared.status import LONGEST, attention
from tools.admin.problems_page import dump

PAGE = Path(__file__).resolve().parents[2] / "docs" / "PROBLEMS.md"


def test_what_is_published_is_what_the_catalogue_says() -> None:
    published = PAGE.read_text(encoding="utf-8")
    assert published == dump(), "write it anew: python3 cosell.py lint --problems > docs/PROBLEMS.md"


def test_every_problem_is_on_it_once_below_the_heading_of_its_subject() -> None:
    page = dump()
    assert re.findall(r"^\| `([^`]+)`", page, re.MULTILINE) == list(catalogue(ENGLISH).problems)
    headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert len(headings) == len(set(headings)), "the problems of one subject stand together in the catalogue"


ROWS = {code: row for row in dump().splitlines() for code in re.findall(r"^\| `([^`]+)`", row)}


@pytest.mark.parametrize("code", catalogue(ENGLISH).problems)
def test_every_problem_says_what_is_seen_meant_done_by_whom_and_how_to_see_that_it_is_gone(code: str) -> None:
    cells = [each.strip() for each in re.split(r"(?<!\\)\|", ROWS[code])[1:-1]]
    assert len(cells) == 6
    assert all(cells)
    assert "{" not in ROWS[code]
    _, seen, _, _, who, gone = cells
    assert units(seen) <= LONGEST or "*" in seen
    assert seen[0] in "✖⏳" or seen == "nothing: whoever ordered it is told"
    assert seen.startswith("⏳") == (who == "nobody: it is retried" or code in WAITS), code
    assert re.search(r"`cosell\.py \w+|accepted", gone), "a command tells"


WAITS = {f"app.{each}" for each in ("settings", "mapping", "sign_in", "access_denied", "schema", "leads")} | {
    "app.allowance",
    "app.failed",
}
"""Those of an administrator: the record says what the deal waits for."""


@pytest.mark.parametrize("code", [code for code in ROWS if "*" not in ROWS[code] and "| ✖" in ROWS[code]])
def test_what_is_seen_is_what_the_status_says(code: str) -> None:
    assert f"| {attention(Messages(), [problem(code, 'deal')]).text} |" in ROWS[code]


@pytest.mark.parametrize("error", [SignInRequired("x"), AccessDenied("x"), SettingsError("x"), AllowanceSpent("x")])
def test_what_waits_is_an_administrators_error(error: CosellError) -> None:
    assert {each.code for each in problems_of(error)} <= WAITS
