"""The record's Audit column: our lines at its top, another connector's text below them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.ledger import audit

STAMP = audit.Stamp(datetime(2026, 11, 1, 9, tzinfo=UTC))
OTHERS = "2025-01-02 sync success.\r\nmy own remark\n"


def lines(count: int) -> tuple[str, ...]:
    directions = (audit.TO_CRM, audit.TO_PARTNER_CENTER, audit.BOTH)
    return audit.extended(
        (), [audit.entry(STAMP, "key", directions[each % 3], f"line {each}") for each in range(count)]
    )


@pytest.mark.parametrize("count", [0, 1, 3, audit.LINES])
@pytest.mark.parametrize("earlier", ["", OTHERS])
def test_a_column_that_we_wrote_is_parted_into_what_it_was_made_of(count: int, earlier: str) -> None:
    assert audit.parted(audit.column(lines(count), earlier)) == (lines(count), earlier)


def test_a_line_like_ours_further_down_stays_where_it_is() -> None:
    text = OTHERS + lines(1)[0]
    assert audit.parted(text) == ((), text)


def test_what_is_below_is_kept_as_far_as_the_column_has_room() -> None:
    ours, earlier = audit.parted(audit.column(lines(2), "x" * 50_000))
    assert (ours, len(earlier)) == (lines(2), audit.EARLIER)
