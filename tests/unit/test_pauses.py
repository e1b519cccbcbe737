"""A service is left alone for as long as it asked, whatever our clock does."""

from __future__ import annotations

from shared.pauses import Pauses
from tests.support.stand_ins import ManualClock


def test_the_longer_pause_holds_and_ends() -> None:
    clock = ManualClock()
    pauses = Pauses(clock)
    pauses.ask("", 60)
    pauses.ask("", 10)
    pauses.ask("search", 90)
    assert (pauses.remaining("read"), pauses.remaining("search")) == (60, 90)
    clock.pass_time(70)
    assert (pauses.remaining("read"), pauses.remaining("search")) == (0, 20)


def test_a_clock_that_is_set_back_makes_no_pause_longer() -> None:
    clock = ManualClock()
    pauses = Pauses(clock)
    pauses.ask("", 60)
    clock.pass_time(-86_400)
    assert pauses.remaining("read") == 60
