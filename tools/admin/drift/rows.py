"""A line of the drift report: one thing that differs, of what kind, and whether that is as it should be."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from rich import box
from rich.table import Table
from rich.text import Text

from shared.link import Link
from shared.printable import printable

SHOWN = 50
"""How many lines the terminal shows, the unexpected first in the order of the deals; the files have all of them."""

HEADER = (
    "crm",
    "table",
    "referral_id",
    "record_id",
    "kind",
    "expected",
    "field",
    "referral",
    "record",
    "reason",
    "since",
)


class Kind(StrEnum):
    """Why something differs."""

    KEPT = "kept"
    """By the mapping's rules, or because Partner Center froze it."""
    HISTORY = "history"
    """The deal ended before it was linked."""
    WAITING = "waiting"
    """It travels later, without anybody's doing."""
    PAUSED = "paused"
    """Sync is off, or a person paused the deal."""
    UNSYNCED = "unsynced"
    """The app has not carried it over yet."""
    HELD = "held"
    """It stays until somebody decides or makes both sides equal."""
    REOPENED = "reopened"
    """Open here, closed for good in Partner Center."""
    ORPHAN = "orphan"
    """One side is gone."""
    SET_ASIDE = "set aside"
    """The deal waits for a person to put something right, or for a service."""


EXPECTED = frozenset({Kind.KEPT, Kind.HISTORY, Kind.WAITING, Kind.PAUSED})


@dataclass(frozen=True)
class Row:
    """One difference. Values are as a person reads them; empty where the ledger alone was asked."""

    crm: str
    table: str
    referral_id: str
    record_id: str
    kind: Kind
    field: str = ""
    referral: str = ""
    record: str = ""
    reason: str = ""
    since: str = ""

    @property
    def expected(self) -> bool:
        """Whether nobody has to do anything about it."""
        return self.kind in EXPECTED

    def data(self) -> dict[str, object]:
        """Return it for a program, in the order of the header."""
        return {name: getattr(self, name) for name in HEADER}


def of_link(link: Link, kind: Kind, **more: str) -> Row:
    """Return a row about a link's deal."""
    table = link.record.table if link.record else ""
    return Row(link.crm, table, link.referral_id, link.record_id, kind, **more)


class Report:
    """Counts rows, and keeps the first of them for the terminal."""

    def __init__(self) -> None:
        self.deals = 0
        self._counts: Counter[tuple[str, Kind]] = Counter()
        self._first: dict[bool, list[Row]] = {True: [], False: []}

    def add(self, row: Row) -> None:
        """Count one difference."""
        self._counts[row.crm, row.kind] += 1
        if len(self._first[row.expected]) < SHOWN:
            self._first[row.expected].append(row)

    @property
    def unexpected(self) -> int:
        """How many differences are not as they should be."""
        return sum(count for (_, kind), count in self._counts.items() if kind not in EXPECTED)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many there are of each kind, by CRM."""
        found: dict[str, dict[str, int]] = {}
        for (crm, kind), count in sorted(self._counts.items()):
            found.setdefault(crm, {})[str(kind)] = count
        return found

    def table(self) -> Table | None:
        """Return the first differences, the unexpected ones first; None when there are none."""
        rows = [*self._first[False], *self._first[True]][:SHOWN]
        if not rows:
            return None
        table = Table(box=box.SIMPLE_HEAD)
        for name in ("kind", "record", "referral", "field", "Partner Center", "CRM", "why"):
            table.add_column(name, overflow="fold")
        for row in rows:
            cells = (row.kind, row.record_id, row.referral_id, row.field, row.referral, row.record, row.reason)
            # As plain text: a deal's name may look like a mark of style, or be a command to the terminal.
            table.add_row(*(Text(printable(each, 200)) for each in cells), style=None if row.expected else "yellow")
        return table
