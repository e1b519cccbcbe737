"""Relives a history that failed, makes it shorter, and tells it: `python -m tests.simulation.replay 971`.

Acts are left out, halves first, as long as the history fails in the same way (Zeller, "Yesterday, my program worked").
"""

from __future__ import annotations

import argparse
import logging
import sys
import traceback
from collections.abc import Callable

from tests.simulation.histories import History
from tests.simulation.seeds import AUTOMATION, PEOPLE, check, history_of

Make = Callable[[frozenset[int] | None], History]


def failure(history: History) -> str:
    """Live a history; returns how it failed, empty when all promises were kept."""
    try:
        check(history, history.live())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {str(error).partition(chr(10))[0] or where.line}"
    return ""


def shorten(make: Make, steps: int) -> History:
    """Return the shortest history found that fails as the whole one does. Raises ValueError when that does not fail."""
    whole = make(None)
    wanted = failure(whole)
    if not wanted:
        raise ValueError("this history keeps every promise")
    kept, size = list(range(steps)), steps // 2
    while size:
        for start in range(0, len(kept), size):
            fewer = kept[:start] + kept[start + size :]
            if failure(make(frozenset(fewer))) == wanted:
                kept = fewer
                break
        else:
            size //= 2
    return make(frozenset(kept))


def main(args: list[str]) -> int:
    """Tell the history of a seed; 1 when it fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.replay", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument(
        "--wild", choices=[PEOPLE, AUTOMATION], default="", help="a wild history, and whose acts it has"
    )
    options = parser.parse_args(args)
    logging.disable(logging.CRITICAL)
    whole = history_of(options.seed, wild=options.wild)
    try:
        shortest = shorten(lambda only: history_of(options.seed, only, options.wild), whole.steps)
    except ValueError as kept:
        print(f"seed {options.seed}: {kept}")
        return 0
    words = failure(shortest)
    print(f"seed {options.seed}, {len(shortest.told)} of {whole.steps} acts:")
    print("\n".join(shortest.told))
    print(words)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
