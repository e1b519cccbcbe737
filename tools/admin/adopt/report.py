"""The forecast and what came of it, counted for the terminal and for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

from rich import box
from rich.table import Table
from rich.text import Text

from shared.printable import printable
from tools.admin.adopt.apply import Done
from tools.admin.adopt.forecast import PERFORMED, Kind, Row

SHOWN = 30
"""How many deals the terminal shows; the files have all of them."""

MEANING = {
    Kind.LINK: "would be tied as they are",
    Kind.WRITE: "would be tied, and values be written",
    Kind.DIFFERS: "would be tied, and a difference be left to you",
    Kind.CREATE_REFERRAL: "would be created in Partner Center",
    Kind.CREATE_RECORD: "would be created in the CRM",
    Kind.PROBLEM: "a person has to put something right first",
    Kind.COPY: "carry the identity of another record",
    Kind.UNDECIDED: "invitations that somebody has to decide first",
    Kind.CLOSED: "closed: never touched",
    Kind.NOT_SHARED: "not shared: left alone",
    Kind.LINKED: "tied already",
}


class Report:
    """Takes rows one by one; its size does not grow with their number."""

    def __init__(self, crm: str) -> None:
        self.crm = crm
        self._counts: Counter[Kind] = Counter()
        self._first: list[Row] = []

    def add(self, row: Row) -> None:
        """Count one deal."""
        self._counts[row.kind] += 1
        if row.listed and row.kind is not Kind.CLOSED and len(self._first) < SHOWN:
            self._first.append(row)

    @property
    def waiting(self) -> int:
        """How many deals a person may decide about, or must put right."""
        return sum(self._counts[kind] for kind in (*PERFORMED, Kind.PROBLEM, Kind.COPY))

    def counts(self) -> dict[str, int]:
        """Return how many deals there are of each kind."""
        return {str(kind): self._counts[kind] for kind in MEANING}

    def summary(self) -> list[str]:
        """Return a line for each kind that there is."""
        return [f"{self._counts[kind]:>7}  {kind}: {text}" for kind, text in MEANING.items() if self._counts[kind]]

    def table(self) -> Table | None:
        """Return the first deals, if there are any to show."""
        if not self._first:
            return None
        total = sum(count for kind, count in self._counts.items() if kind not in (Kind.CLOSED, Kind.LINKED))
        title = f"{self.crm}: the first {len(self._first)} deals" if total > SHOWN else f"{self.crm}"
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
        for name in ("would", "score", "record", "referral", "name", "what and why"):
            table.add_column(name, overflow="fold")
        for row in self._first:
            why = [*map(str, row.writes), *row.notes, *row.score.reasons]
            score = f"{row.score.points:.2f}" if row.score.points else ""
            cells = (row.kind, score, row.record_id, row.referral_id, row.name, "\n".join(map(_line, why)))
            # As plain text: a deal's name may look like a mark of style, or be a command to the terminal.
            table.add_row(*(Text(each if place == len(cells) - 1 else _line(each)) for place, each in enumerate(cells)))
        return table


def row_data(row: Row) -> dict[str, object]:
    """Return a row for a program."""
    return {
        "would": row.kind,
        "decision": row.decision,
        "crm": row.crm,
        "table": row.table,
        "record_id": row.record_id,
        "referral_id": row.referral_id,
        "name": row.name,
        "score": row.score.points,
        "why": list(row.score.reasons),
        "writes": [asdict(each) for each in row.writes],
        "notes": list(row.notes),
        "check": row.check if row.waits else "",
    }


def done_data(done: Done) -> dict[str, object]:
    """Return what became of a row, for a program."""
    order = done.order
    ids = {name: getattr(order, name) for name in ("line", "crm", "table", "record_id", "referral_id")}
    return {**ids, "asked": order.kind, "result": done.result, "text": done.text}


def _line(text: str) -> str:
    return printable(text, 300)
