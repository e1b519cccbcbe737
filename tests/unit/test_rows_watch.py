"""How far the rows of solutions were read: the mark behind a change feed's cursor."""

from __future__ import annotations

import pytest

from shared.crm.rows_watch import Mark, Touched, joined, parted

NOON, LATER = "2026-03-02T12:00:00Z", "2026-03-02T12:00:01Z"


def rows(*marks: tuple[str, str]) -> list[Touched]:
    return [Touched(row, f"record of {row}", stamp) for row, stamp in marks]


@pytest.mark.parametrize("mark", [Mark(), Mark(NOON), Mark(NOON, ("a", "b"))])
@pytest.mark.parametrize("cursor", ["digest https://x.example/?$deltatoken=1%20rows=2", "2026-03-02 rows= and more"])
def test_a_cursor_comes_apart_again(cursor: str, mark: Mark) -> None:
    assert parted(joined(cursor, mark)) == (cursor, mark)


@pytest.mark.parametrize("cursor", [None, "digest https://x.example/?$deltatoken=1", "2026-03-02T12:00:00Z abc"])
def test_a_cursor_without_a_mark_is_the_feeds_own(cursor: str | None) -> None:
    assert parted(cursor) == (cursor, None)


def test_the_mark_is_the_last_stamp_with_every_row_of_it() -> None:
    assert Mark().after([]) == Mark()
    assert Mark().after(rows(("a", NOON), ("b", LATER), ("c", LATER))) == Mark(LATER, ("b", "c"))
    assert Mark(NOON, ("a",)).after([]) == Mark(NOON, ("a",))
    assert Mark(NOON, ("a",)).after(rows(("a", NOON), ("d", NOON))) == Mark(NOON, ("a", "d"))


def test_only_a_row_that_was_read_at_that_very_stamp_is_known() -> None:
    mark = Mark(NOON, ("a",))
    assert [mark.is_new(each) for each in rows(("a", NOON), ("b", NOON), ("a", LATER), ("c", LATER))] == [
        False,
        True,
        True,
        True,
    ]
    assert Mark().is_new(*rows(("a", NOON)))
