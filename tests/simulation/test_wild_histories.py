"""Wild histories: 400 without automation and 400 with it, and those that failed once.

`python -m tests.simulation.replay SEED --wild people` (or `automation`) tells one that fails.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.wild import WildHistory
from tests.simulation.wild_promises import check

SEEDS = 400
REGRESSIONS = [
    (int(line.split()[1]), line.split()[2])
    for line in Path(__file__).with_name("regressions.txt").read_text("utf-8").splitlines()
    if line.startswith("wild ")
]
"""Seeds that failed once, and whose acts they were."""


@pytest.mark.parametrize("block", range(8))
@pytest.mark.parametrize("automation", [False, True], ids=["people", "people and automation"])
def test_no_history_makes_the_app_do_harm(block: int, *, automation: bool) -> None:
    for seed in range(block * SEEDS // 8, (block + 1) * SEEDS // 8):
        relive(seed, automation=automation)


@pytest.mark.parametrize(("seed", "acts"), REGRESSIONS)
def test_what_failed_once_does_no_harm_any_more(seed: int, acts: str) -> None:
    relive(seed, automation=acts == "automation")


def relive(seed: int, *, automation: bool) -> None:
    """Live a wild history and check it; a failure names its seed."""
    history = WildHistory.of_seed(seed, automation=automation)
    try:
        check(history, history.live())
    except Exception as error:
        error.add_note(f"{history!r}"[:120])
        raise
