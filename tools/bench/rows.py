"""One figure of the bench: what was measured, against which target, beside which peer in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """A figure in `unit`. A peer's figure is in the same unit, and then the ratio of the two is what is judged.

    `ratio` says how many times better ours is than the peer's, or with `does_more`, where ours contains the peer's
    work, how many times longer it takes. A target is a lower bound unless `at_most`; None where there is none.
    """

    name: str
    figure: float
    unit: str
    target: float | None = None
    at_most: bool = False
    peer: str = ""
    peer_figure: float | None = None
    more_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """How the figure stands to the peer's: above 1 is better than the peer, unless the target is a bound above."""
        if not self.peer_figure or not self.figure:
            return None
        better = self.more_is_better or self.at_most
        return self.figure / self.peer_figure if better else self.peer_figure / self.figure

    @property
    def met(self) -> bool:
        """Whether the target is reached, or there is none."""
        judged = self.figure if self.ratio is None else self.ratio
        return self.target is None or (judged <= self.target if self.at_most else judged >= self.target)

    def as_json(self) -> dict[str, object]:
        """Return the row as data."""
        return {**asdict(self), "ratio": self.ratio, "met": self.met}


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a text table."""
    lines = [f"{'what':<46} {'figure':>16} {'peer':>28} {'ratio':>8}  target"]
    for row in rows:
        peer = f"{row.peer} {_number(row.peer_figure)}" if row.peer_figure is not None else ""
        ratio = f"{row.ratio:.2g} ×" if row.ratio is not None else ""
        lines.append(f"{row.name:<46} {_number(row.figure):>9} {row.unit:<6} {peer:>28} {ratio:>8}  {_target(row)}")
    return "\n".join(lines)


def _target(row: Row) -> str:
    if row.target is None:
        return ""
    sign = "×" if row.ratio is not None else row.unit
    return f"{'at most' if row.at_most else 'at least'} {row.target:g} {sign}: {'met' if row.met else 'MISSED'}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
