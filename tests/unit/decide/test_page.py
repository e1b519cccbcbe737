"""docs/DECISIONS.md is the table's, row for row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.decide.page import dump
from tests.unit.decide.rows import ROWS

pytestmark = pytest.mark.timeout(600)
PAGE = Path(__file__).resolve().parents[3] / "docs" / "DECISIONS.md"


def test_what_is_published_is_what_the_table_says() -> None:
    published = PAGE.read_text(encoding="utf-8")
    assert published == dump(), "write it anew: python -m tests.unit.decide.page > docs/DECISIONS.md"


def test_every_story_is_told_once() -> None:
    stories = re.findall(r"^\| \d+ \| (.+?) \| .+ \|$", dump(), re.MULTILINE)
    assert stories == [row.story for row in ROWS]
    assert len(set(stories)) == len(stories)
