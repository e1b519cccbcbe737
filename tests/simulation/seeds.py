"""Which history a seed is: every eighth is one of leads."""

from __future__ import annotations

from tests.simulation import promises
from tests.simulation.histories import History
from tests.simulation.lead_histories import LeadHistory, check_leads, lead_history
from tests.support.fakes.world import World


def history_of(seed: int, only: frozenset[int] | None = None) -> History:
    """Return the history of a seed; `only` are the numbers of the acts that happen."""
    return lead_history(seed, only) if seed % 8 == 4 else History.of(seed, only)


def check(history: History, world: World) -> None:
    """Check the promises of a history's kind."""
    if isinstance(history, LeadHistory):
        check_leads(history, world)
    else:
        promises.check(history, world)
