"""The table in words: every situation with its row, and what that says."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from tests.unit.decide.rows import ROWS, TableRow
from tests.unit.decide.situations import Situation, situations

STRIDE = 97
"""How far apart neighbours in `spread` are in the table."""


class Entry(NamedTuple):
    """A situation, the first row that fits, and what is to be done; None and nothing when no row fits."""

    situation: Situation
    row: TableRow | None
    wanted: str


@cache
def table() -> tuple[Entry, ...]:
    """Return every situation in the order in which they are told."""
    return tuple(map(_entry, situations()))


@cache
def spread() -> tuple[Entry, ...]:
    """Return every situation, so that whatever is looked at first is a sample of them all."""
    return tuple(entry for start in range(STRIDE) for entry in table()[start::STRIDE])


def _entry(situation: Situation) -> Entry:
    row = next((row for row in ROWS if row.when(situation)), None)
    return Entry(situation, row, row.expected(situation) if row else "")
