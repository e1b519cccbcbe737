"""Lives histories by the million, for `cosell.py test --nightly`; then those of Hypothesis, the mutants, the soak, and
ten thousand deals that move in.

Blocks that are finished are remembered in a file, so that a run which was interrupted goes on. A seed that fails is
told, and noted, as what `python -m tests.simulation.replay` takes, which makes it short.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.simulation.machine import explore
from tests.simulation.replay import failure
from tests.simulation.seeds import AUTOMATION, PEOPLE, history_of
from tools.cli.manners import behave

BLOCK = 1000
MILLION = 1_000_000
WILD = 10
"""Beside every which seed the wild histories of both kinds are lived."""
EXAMPLES, STEPS = 10_000, 50
"""How many histories Hypothesis makes, and of how many acts."""
STATE = Path(__file__).resolve().parents[2] / ".cosell" / "nightly.json"


def live(seeds: range) -> dict[str, str]:
    """Live histories, and a wild one of each kind beside every tenth; returns how each failed that did.

    They are called by what `tests.simulation.replay` takes.
    """
    logging.disable(logging.CRITICAL)
    found = {str(seed): failure(history_of(seed)) for seed in seeds}
    for seed in (each // WILD for each in seeds if each % WILD == 0):
        found |= {f"{seed} --wild {acts}": failure(history_of(seed, wild=acts)) for acts in (PEOPLE, AUTOMATION)}
    return {seed: words for seed, words in found.items() if words}


def blocks(until: int, done: set[int]) -> Iterator[int]:
    """Yield the blocks below a seed that are not done yet."""
    return (block for block in range(until // BLOCK) if block not in done)


def main(args: list[str]) -> int:
    """Live what is left of the histories; 1 when any failed, in this run or in an earlier one that it goes on with."""
    parser = argparse.ArgumentParser(prog="cosell.py test --nightly", description="Live very many random histories.")
    parser.add_argument("--until", type=int, default=MILLION, help="the seed to stop at (default 1,000,000)")
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="histories of Hypothesis (default 10,000)")
    parser.add_argument("--mutants", type=int, default=400, help="mutants of the pure modules (default 400)")
    parser.add_argument("--links", type=int, default=2000, help="links of the soak on real parts (default 2,000)")
    parser.add_argument("--deals", type=int, default=10_000, help="deals that move in (default 10,000)")
    parser.add_argument("--state", type=Path, default=STATE, help="where finished blocks are remembered")
    options = parser.parse_args(args)
    done, failed = _read(options.state)
    left = list(blocks(options.until, done))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        seeds = [range(block * BLOCK, (block + 1) * BLOCK) for block in left]
        for block, found in zip(left, pool.map(live, seeds), strict=True):
            done.add(block)
            failed |= found
            _write(options.state, done, failed)
            print(f"{len(done) * BLOCK:>9,} of {options.until:,} histories, {len(failed)} failed", flush=True)
    for seed, words in failed.items():
        print(f"seed {seed}: {words}")
    broken = [
        _explored(options.examples),
        _run("tests.planted.mutants", "--sample", options.mutants),
        _run("tests.e2e.soak", "--links", options.links),
        _run("tests.tools.admin.adopt.many", "--deals", options.deals),
    ]
    return 1 if failed or any(broken) else 0


def _run(module: str, option: str, count: int) -> bool:
    """Run another part of the night, unless there is nothing of it; tells whether it failed."""
    command = [sys.executable, "-m", module, option, str(count)]
    return bool(count) and subprocess.run(command, check=False).returncode != 0


def _explored(examples: int) -> str:
    """Let Hypothesis look for a history that breaks a promise, and tell it; returns how it failed."""
    if not examples:
        return ""
    logging.disable(logging.CRITICAL)
    try:
        explore(examples, STEPS)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        print("\n".join([*getattr(error, "__notes__", ()), f"{type(error).__name__}: {error}"]))
        return type(error).__name__
    print(f"{examples:>9,} histories of Hypothesis, none failed")
    return ""


def _read(state: Path) -> tuple[set[int], dict[str, str]]:
    if not state.exists():
        return set(), {}
    held = json.loads(state.read_text("utf-8"))
    return set(held["done"]), held["failed"]


def _write(state: Path, done: set[int], failed: dict[str, str]) -> None:
    state.parent.mkdir(exist_ok=True)
    draft = state.with_suffix(".new")
    draft.write_text(json.dumps({"done": sorted(done), "failed": failed}), "utf-8")
    draft.replace(state)


if __name__ == "__main__":
    sys.exit(behave(lambda: main(sys.argv[1:])))
