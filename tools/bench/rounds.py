"""Compares contenders that do the same work: rounds interleaved, medians, the ratio to the first."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

BATCH = 200
"""Calls per round and contender: long enough for the clock, short enough for a quiet moment."""


def medians(contenders: Mapping[str, Callable[[], object]], rounds: int, batch: int = BATCH) -> dict[str, float]:
    """Return the median microseconds per call of each; every one runs in each round, so that a slow moment hits all."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            start = time.perf_counter()
            for _ in range(batch):
                call()
            times[name].append((time.perf_counter() - start) / batch * 1e6)
    return {name: statistics.median(each) for name, each in times.items()}
