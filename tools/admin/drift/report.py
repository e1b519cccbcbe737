"""A report of lines, of what differs or of a dry run: counted, and the first of them kept for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from rich import box
from rich.table import Table
from rich.text import Text

from shared.printable import printable

SHOWN = 50
"""How many lines the terminal shows, the unexpected first in the order of the deals; the files have all of them."""


class Line(Protocol):
    """What a report is made of."""

    @property
    def crm(self) -> str: ...  # noqa: D102 - the CRM's name
    @property
    def kind(self) -> str: ...  # noqa: D102 - what kind of line it is
    @property
    def expected(self) -> bool: ...  # noqa: D102 - whether nobody has to do anything about it
    @property
    def cells(self) -> Sequence[str]: ...  # noqa: D102 - its texts for the terminal

    def data(self) -> dict[str, object]:
        """Return it for a program."""
        ...


class Report:
    """Counts lines, and keeps the first of them for the terminal, below `columns`."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self.unexpected = 0
        """How many lines are not as they should be."""
        self._counts: Counter[tuple[str, str]] = Counter()
        self._first: dict[bool, list[Line]] = {True: [], False: []}

    def add(self, line: Line) -> None:
        """Count one line."""
        self._counts[line.crm, line.kind] += 1
        self.unexpected += not line.expected
        if len(self._first[line.expected]) < SHOWN:
            self._first[line.expected].append(line)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many there are of each kind, by CRM."""
        found: dict[str, dict[str, int]] = {}
        for (crm, kind), count in sorted(self._counts.items()):
            found.setdefault(crm, {})[str(kind)] = count
        return found

    def table(self) -> Table | None:
        """Return the first lines, the unexpected ones first; None when there are none."""
        lines = [*self._first[False], *self._first[True]][:SHOWN]
        if not lines:
            return None
        table = Table(box=box.SIMPLE_HEAD)
        for name in self._columns:
            table.add_column(name, overflow="fold")
        for line in lines:
            # As plain text: a deal's name may look like a mark of style, or be a command to the terminal.
            cells = (Text(printable(each, 200)) for each in line.cells)
            table.add_row(*cells, style=None if line.expected else "yellow")
        return table
