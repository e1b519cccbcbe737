"""Whatever interrupts the app at whatever call, what is left at rest is what would have been without it.

Every decision has its scenario, every call its death, and every call of the storage each of its answers.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.errors import AlreadyExists, CosellError, ServiceUnavailable, StaleError, Throttled
from shared.sync.perform import RESTS, WRITES
from tests.simulation.interruptions import SCENARIOS, Scenario, at_rest, won_and_taken_back
from tests.support.fakes.tape import Crash, Step, where_to_die
from tests.support.fakes.world import World

EACH = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.__name__)
SECONDS = 3
"""Second deaths that are tried for each first one."""
JUMPS = 20
"""At how many calls of a scenario our clock jumps."""

Interruption = tuple[int, bool, Callable[[World], object]]
"""At which call something happens, whether after its effect, and what."""


def relive(scenario: Scenario, *interruptions: Interruption) -> tuple[World, int]:
    """Let a scenario happen and come to rest; returns the world, and how many interruptions there were."""
    world, act = scenario()
    met = [_interrupt(world, each) for each in interruptions]
    act()
    world.settle()
    world.recover()
    return world, sum(map(len, met))


def _interrupt(world: World, interruption: Interruption) -> list[Step]:
    number, after, act = interruption
    met: list[Step] = []

    def meet(step: Step) -> None:
        if step.number == number and not met:
            met.append(step)
            act(world)

    (world.tape.after if after else world.tape.before).append(meet)
    return met


def undisturbed(scenario: Scenario) -> tuple[str, list[Step]]:
    """Return what is left of a scenario in which nothing goes wrong, and its calls up to rest."""
    world, act = scenario()
    first = world.mark()
    act()
    world.settle()
    steps = world.tape.steps[first:]
    world.recover()
    return at_rest(world), steps


def die(_world: World) -> None:
    """The process is gone."""
    raise Crash("the process dies")


def test_every_decision_has_a_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    handle = importlib.import_module("shared.sync.handle")
    taken, perform = set[type](), handle.perform

    def spy(*given: object) -> object:
        taken.add(type(given[2]))
        return perform(*given)

    monkeypatch.setattr(handle, "perform", spy)
    for scenario in SCENARIOS:
        relive(scenario)
    assert {kind.__name__ for kind in {*WRITES, *RESTS} - taken} == {"Wait"}  # Two workers: test_races.py has it.


@EACH
def test_a_death_at_any_call_changes_nothing(scenario: Scenario) -> None:
    wanted, steps = undisturbed(scenario)
    for number in where_to_die(steps):
        world, met = relive(scenario, (number, True, die))
        assert (met, world.crashes) == (1, 1), number
        assert at_rest(world) == wanted, number


@EACH
def test_two_deaths_change_nothing(scenario: Scenario) -> None:
    wanted, steps = undisturbed(scenario)
    twice, firsts = 0, where_to_die(steps)
    for first in firsts:
        later = where_to_die(relive(scenario, (first, True, die))[0].tape.steps[first + 1 :])
        stride = 1 + len(later) // SECONDS
        for second in later[first % stride :: stride]:
            world, met = relive(scenario, (first, True, die), (second, True, die))
            twice += met == 2
            assert at_rest(world) == wanted, (first, second)
    assert twice > len(firsts)


ANSWERS: dict[str, tuple[CosellError, bool]] = {
    "409": (AlreadyExists("the entity exists"), False),
    "412": (StaleError("the stored row changed"), False),
    "503": (ServiceUnavailable("answered 503"), False),
    "503 after its effect": (ServiceUnavailable("answered 503"), True),
    "slow down": (Throttled("slow down", retry_after=3), False),
}
READS = ("get", "of", "of_referral", "of_record", "all", "due")
"""What has no effect: it fails before it, in one way."""
GUARDED = ("commit", "add", "replace", "change", "put")
"""Writes that may be refused because of what is stored: nothing else answers 409 or 412."""


def _may(step: Step, answer: str) -> bool:
    """Whether a call may be answered so."""
    name = step.name.rpartition(".")[2]
    if step.port not in ("ledger", "queue"):
        return False
    return name in GUARDED if answer in ("409", "412") else answer == "503" or name not in READS


@EACH
@pytest.mark.parametrize("answer", ANSWERS)
def test_what_any_call_of_the_storage_answers_changes_nothing(scenario: Scenario, answer: str) -> None:
    wanted, steps = undisturbed(scenario)
    error, after = ANSWERS[answer]

    def fail(_world: World) -> None:
        raise error

    struck = 0
    for step in (each for each in steps if _may(each, answer)):
        world, met = relive(scenario, (step.number, after, fail))
        struck += met
        assert at_rest(world) == wanted, step
    assert struck


@EACH
def test_a_slow_storage_changes_nothing(scenario: Scenario) -> None:
    """A call takes longer than any lease or lock of ours lasts; the queue shows the message to somebody else."""
    wanted, steps = undisturbed(scenario)
    calls = [step for step in steps if step.port == "ledger"]
    for step in calls[:: 1 + len(calls) // JUMPS]:
        world, met = relive(scenario, (step.number, True, lambda world: world.clock.advance(timedelta(minutes=4))))
        assert met
        assert at_rest(world) == wanted, step


@EACH
@pytest.mark.parametrize("days", [-1, 1])
def test_a_jump_of_our_own_clock_at_any_call_changes_nothing(scenario: Scenario, days: int) -> None:
    """Neither the other systems' clocks nor the queue's jump with it. An undo window is measured by ours."""
    if days > 0 and scenario is won_and_taken_back:
        return

    def jump(world: World) -> None:
        world.clock.advance(timedelta(days=days))
        world.theirs.skew -= timedelta(days=days)
        for message in world.queue.messages:
            message.visible_at += timedelta(days=days)

    wanted, steps = undisturbed(scenario)
    for step in steps[:: 1 + len(steps) // JUMPS]:
        world, met = relive(scenario, (step.number, False, jump))
        assert met
        assert at_rest(world) == wanted, step
