"""What goes round is stopped, and tried twice more when it has rested: not all over again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.decide.fights import FORGIVEN, PAUSE, ROUNDS, SOON, goes_round, once_more
from shared.link import Link
from tests.support.stand_ins import START

LINK = Link("dynamics365", "referral", None)


def after(link: Link, rest: timedelta) -> int:
    """Return how often a deal is paused, without a rest between, before that goes round."""
    now, number = START + rest, 0
    while not goes_round(link, PAUSE, now):
        link, number = replace(link, repeats=once_more(link, PAUSE, now)), number + 1
    return number


@pytest.mark.parametrize(
    ("rest", "number"),
    [
        (timedelta(), 0),
        (SOON, 0),
        (SOON + timedelta(seconds=1), 2),
        (FORGIVEN, 2),
        (FORGIVEN + timedelta(seconds=1), ROUNDS),
    ],
)
def test_what_went_round_is_tried_twice_more_within_the_day(rest: timedelta, number: int) -> None:
    link = LINK
    for _ in range(ROUNDS):
        link = replace(link, repeats=once_more(link, PAUSE, START))
    assert after(link, rest) == number
