"""What else than fields goes round: a pause, an identifier given back, a record written for its Audit alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.deal import RecordKey
from shared.decide.fights import HELD, PAUSE, ROUNDS, SHOW, SHOWS, SOON, TIE, goes_round, once_more
from shared.link import Link
from tests.support.stand_ins import START

LINK = Link("dynamics365", "referral", RecordKey("dynamics365", "opportunity", "record"))


def after(what: str, times: int, apart: timedelta = SOON) -> Link:
    """Return a link on which it was done so many times, the last time now."""
    link = LINK
    for number in reversed(range(times)):
        link = replace(link, repeats=once_more(link, what, START - number * apart))
    return link


@pytest.mark.parametrize(("what", "limit"), [(PAUSE, ROUNDS), (TIE, ROUNDS), (SHOW, SHOWS)])
def test_what_is_done_again_and_again_soon_after_the_last_goes_round(what: str, limit: int) -> None:
    assert not goes_round(LINK, what, START)
    assert not goes_round(after(what, limit - 1), what, START)
    assert goes_round(after(what, limit), what, START)
    assert goes_round(after(what, limit), what, START + SOON)
    assert not goes_round(after(what, limit), what, START + SOON + timedelta(seconds=1)), "it rested"


def test_what_takes_its_time_does_not_go_round() -> None:
    assert not goes_round(after(PAUSE, ROUNDS * 3, SOON + timedelta(seconds=1)), PAUSE, START)


def test_each_of_them_is_counted_for_itself() -> None:
    link = after(PAUSE, ROUNDS)
    link = replace(link, repeats=once_more(link, TIE, START))
    assert goes_round(link, PAUSE, START)
    assert not goes_round(link, TIE, START)


def test_a_link_of_yesterday_remembers_them_by_the_same_words() -> None:
    assert (PAUSE, TIE, SHOW, HELD) == ("pause", "identifier to CRM", "audit to CRM", "held")
