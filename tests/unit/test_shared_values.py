"""Which rows keep a unique key out."""

from __future__ import annotations

from tools.admin.provision.duplicates import shared_values


def test_values_that_several_rows_hold_are_named_and_the_rest_is_counted() -> None:
    rows = [(f"{value} ", f"{value}{number}") for value in "edcba" for number in (2, 1)]
    assert shared_values(rows) == "e in e1, e2; d in d1, d2; c in c1, c2; and 2 more values"
    assert shared_values([("x", "1"), ("X", "2"), ("y", "3")]) == "x in 1, 2"
    assert shared_values([("x", "1"), ("y", "2")]) == ""
