"""Which history a seed is: every eighth is one of leads. Wild ones are asked for, with or without automation."""

from __future__ import annotations

from tests.simulation import promises, wild_promises
from tests.simulation.histories import History
from tests.simulation.lead_histories import LeadHistory, check_leads, lead_history
from tests.simulation.wild import WildHistory
from tests.support.fakes.world import World

PEOPLE, AUTOMATION = "people", "automation"
"""Whose acts a wild history has."""


def history_of(seed: int, only: frozenset[int] | None = None, wild: str = "") -> History:
    """Return the history of a seed; `only` are the numbers of the acts that happen.

    `wild` says whose acts a wild one has: `people`, or those of `automation`, too.
    """
    if wild:
        return WildHistory.of_seed(seed, automation=wild == AUTOMATION, only=only)
    return lead_history(seed, only) if seed % 8 == 4 else History.of(seed, only)


def check(history: History, world: World) -> None:
    """Check the promises of a history's kind."""
    if isinstance(history, WildHistory):
        wild_promises.check(history, world)
    elif isinstance(history, LeadHistory):
        check_leads(history, world)
    else:
        promises.check(history, world)
