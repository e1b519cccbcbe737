"""Compares contenders that do the same work: rounds interleaved, medians, the ratio to the first."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

BATCH = 200
"""Calls per round and contender: long enough for the clock, short enough for a quiet moment."""


@dataclass(frozen=True)
class Result:
    """Median microseconds per call by contender, ours first, and how many times faster ours is to be."""

    title: str
    micros: Mapping[str, float]
    target: float

    @property
    def ratio(self) -> float:
        """How many times longer the fastest peer takes."""
        ours, *peers = self.micros.values()
        return min(peers) / ours

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        return self.ratio >= self.target

    def __str__(self) -> str:
        """The table."""
        ours = next(iter(self.micros.values()))
        lines = [f"  {name:<12} {each:>10.1f} µs {each / ours:>8.1f} ×" for name, each in self.micros.items()]
        verdict = "met" if self.met else "MISSED"
        return "\n".join([self.title, *lines, f"  {self.ratio:.1f} × (target {self.target:g} ×: {verdict})"])


def compare(title: str, contenders: Mapping[str, Callable[[], object]], rounds: int, target: float) -> Result:
    """Time every contender once per round, in turn, so that a slow moment of the machine hits all of them."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            start = time.perf_counter()
            for _ in range(BATCH):
                call()
            times[name].append((time.perf_counter() - start) / BATCH * 1e6)
    return Result(title, {name: statistics.median(each) for name, each in times.items()}, target)
