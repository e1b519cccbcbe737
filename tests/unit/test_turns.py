"""Turns: one worker at a time, whoever dies, is late, or does not know what became of its work."""

from __future__ import annotations

from datetime import datetime

import pytest

from shared.errors import Deferred, OutcomeUnknown
from shared.ledger.memory import MemoryLedger
from shared.ledger.turns import LEASE, LOOK_AGAIN, MARGIN, LedgerTurns
from tests.support.stand_ins import ManualClock

NAME = "Northwind Traders"


class Stage:
    """Two workers on one ledger."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.ledger = MemoryLedger()
        self.turns = LedgerTurns(self.ledger.drawers, self.clock)
        self.other = LedgerTurns(self.ledger.drawers, self.clock)

    def later(self) -> datetime:
        """Let the margin pass; returns the time."""
        self.clock.pass_time(MARGIN.total_seconds() + 1)
        return self.clock.now()

    def other_may(self, since: datetime) -> bool:
        try:
            with self.other.turn(NAME, since):
                return True
        except Deferred:
            return False


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_who_holds_a_turn_holds_it_alone(stage: Stage) -> None:
    with stage.turns.turn(NAME, stage.clock.now()):
        with pytest.raises(Deferred) as caught, stage.other.turn(NAME, stage.later()):
            pass
        assert caught.value.retry_after == LOOK_AGAIN
        with stage.other.turn("another name", stage.clock.now()):
            pass
    assert stage.other_may(stage.later())


def test_who_looked_before_it_was_free_looks_again(stage: Stage) -> None:
    looked_at = stage.clock.now()
    stage.later()
    with stage.turns.turn(NAME, looked_at):
        pass
    assert not stage.other_may(looked_at)
    assert not stage.other_may(stage.clock.now()), "the clocks of two instances may differ by the margin"
    assert stage.other_may(stage.later())


@pytest.mark.parametrize(("error", "free"), [(ValueError("x"), True), (OutcomeUnknown("x"), False)])
def test_a_turn_is_given_back_unless_the_outcome_is_unknown(stage: Stage, error: Exception, *, free: bool) -> None:
    with pytest.raises(type(error)), stage.turns.turn(NAME, stage.clock.now()):
        raise error
    assert stage.other_may(stage.later()) is free
    stage.clock.pass_time(LEASE.total_seconds())
    assert stage.other_may(stage.later())


def test_a_worker_that_died_keeps_a_turn_for_its_lease_only(stage: Stage) -> None:
    first = stage.turns.turn(NAME, stage.clock.now())
    first.__enter__()
    stage.clock.pass_time(LEASE.total_seconds() - 1)
    assert not stage.other_may(stage.clock.now())
    stage.clock.pass_time(1)
    with stage.other.turn(NAME, stage.clock.now()):
        first.__exit__(None, None, None)  # It was slow, not dead: the turn is no longer its own to give back.
        with pytest.raises(Deferred), stage.turns.turn(NAME, stage.later()):
            pass


def test_of_two_that_take_it_at_once_one_gets_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    read = stage.ledger.values.get
    inner = stage.other.turn(NAME, stage.clock.now())

    def and_then_the_other(kind: str, name: str) -> tuple[str, str] | None:
        monkeypatch.setattr(stage.ledger.values, "get", read)
        held = read(kind, name)
        inner.__enter__()
        return held

    monkeypatch.setattr(stage.ledger.values, "get", and_then_the_other)
    with pytest.raises(Deferred), stage.turns.turn(NAME, stage.clock.now()):
        pass
    inner.__exit__(None, None, None)
