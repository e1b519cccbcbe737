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
    """Median microseconds per call by contender, ours first, and how many times faster ours is to be.

    With `does_more` ours contains the peer's work, and `target` is how many times longer it may take.
    """

    title: str
    micros: Mapping[str, float]
    target: float
    does_more: bool = False

    @property
    def ratio(self) -> float:
        """How many times longer the fastest peer takes; with `does_more`, how many times longer ours takes."""
        ours, *peers = self.micros.values()
        return ours / min(peers) if self.does_more else min(peers) / ours

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        return self.ratio <= self.target if self.does_more else self.ratio >= self.target

    def __str__(self) -> str:
        """The table."""
        ours = next(iter(self.micros.values()))
        lines = [f"  {name:<12} {each:>10.1f} µs {each / ours:>8.1f} ×" for name, each in self.micros.items()]
        verdict = "met" if self.met else "MISSED"
        bound = "at most" if self.does_more else "at least"
        return "\n".join([self.title, *lines, f"  {self.ratio:.2g} × (target {bound} {self.target:g} ×: {verdict})"])


def compare(
    title: str, contenders: Mapping[str, Callable[[], object]], rounds: int, target: float, *, does_more: bool = False
) -> Result:
    """Time every contender once per round, in turn, so that a slow moment of the machine hits all of them."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            start = time.perf_counter()
            for _ in range(BATCH):
                call()
            times[name].append((time.perf_counter() - start) / BATCH * 1e6)
    return Result(title, {name: statistics.median(each) for name, each in times.items()}, target, does_more)
