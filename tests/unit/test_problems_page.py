"""docs/PROBLEMS.md is the catalogue's, and every problem is on it once."""

from __future__ import annotations

import re
from pathlib import Path

from shared.messages import ENGLISH, catalogue
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


def test_every_row_has_four_cells_and_no_placeholder() -> None:
    rows = [line for line in dump().splitlines() if line.startswith("| `")]
    for row in rows:
        assert len(re.split(r"(?<!\\)\|", row)) == 6, row
        assert "{" not in row
