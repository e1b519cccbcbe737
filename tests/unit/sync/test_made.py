"""What a side was made of is known again, whatever form its values have, and tells who edited the deal since."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from shared.deal import Fields, Value
from shared.lifecycle import Stage
from shared.sync.perform.made import marks, unedited

MADE: Fields = {
    "value": Decimal(42000),
    "day": date(2027, 6, 30),
    "ids": ("a", "b"),
    "none": None,
    "status": Stage.ACTIVE,
}


def test_what_nobody_edited_is_agreed() -> None:
    assert unedited(marks(MADE), MADE, MADE) == MADE
    assert unedited(marks(MADE), {**MADE, "value": Decimal("42000.00")}, {}) == MADE


@pytest.mark.parametrize("name", MADE)
def test_the_side_that_was_not_edited_holds_what_was_agreed(name: str) -> None:
    edited = {**MADE, name: "edited"}
    assert unedited(marks(MADE), edited, MADE) == unedited(marks(MADE), MADE, edited) == MADE
    assert name not in unedited(marks(MADE), edited, {**MADE, name: "otherwise"})


def test_what_was_never_posted_is_not_agreed() -> None:
    assert unedited(marks(MADE), {"notes": "equal"}, {"notes": "equal"}) == {}
    assert unedited({}, MADE, MADE) == {}


@pytest.mark.parametrize(
    ("one", "another"), [(None, ""), (True, "True"), (Decimal(1), "1"), (("a",), "a"), (Decimal(1), True)]
)
def test_values_that_are_not_equal_have_other_marks(one: Value, another: Value) -> None:
    assert marks({"field": one}) != marks({"field": another})
