"""Changes of the rows of solutions themselves: no change of their record tells of them, so they are asked for by time.

The mark of how far they were read travels behind the cursor of the records' own feed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from shared.crm.port import ChangePage, Record
from shared.crm.solution_rows import Ask, SolutionRows
from shared.errors import GoneError

MOST_TOUCHED = 1000
"""Rows of one poll; the others come with the next one."""

_BEHIND = " rows="


@dataclass(frozen=True)
class Touched:
    """A row that was written, by the CRM's stamp; `record` is empty when it belongs to none."""

    id: str
    record: str
    stamp: str


@dataclass(frozen=True)
class Mark:
    """Up to which stamp the rows were read, and which rows of that stamp were; empty while there was no row at all."""

    stamp: str = ""
    ids: tuple[str, ...] = ()

    def is_new(self, row: Touched) -> bool:
        """Whether a row was written since; one of the mark's own stamp may have been read already."""
        return row.stamp != self.stamp or row.id not in self.ids

    def after(self, rows: Sequence[Touched]) -> Mark:
        """Return the mark behind rows in the order of their stamps."""
        if not rows:
            return self
        last = rows[-1].stamp
        held = self.ids if last == self.stamp else ()
        return Mark(last, tuple(dict.fromkeys([*held, *(each.id for each in rows if each.stamp == last)])))


@dataclass(frozen=True)
class Watch:
    """Adds to a pass of the change feed the records whose rows were written since the last one.

    `touched` returns rows from a stamp on, the earliest first; all of them for an empty one, the last alone for None.
    """

    solutions: SolutionRows
    ask: Ask
    touched: Callable[[str | None], Sequence[Touched]]
    read: Callable[[str], Record]

    def follow(self, pages: Iterator[ChangePage], mark: Mark | None) -> Iterator[ChangePage]:
        """Yield the pages with their solutions, the last with what else has to be looked at. Raises the families.

        A record of the pages is among that: our own echo, say, whose version would end the look at it.
        """
        for page in pages:
            filled = replace(page, records=self.solutions.into(page.records, self.ask))
            if page.cursor is None:
                yield filled
                continue
            rows = self.touched(mark.stamp if mark else None)
            fresh = [each.record for each in rows if mark and mark.is_new(each)]
            again = tuple(self._afresh(dict.fromkeys(filter(None, fresh))))
            cursor = joined(page.cursor, (mark or Mark()).after(rows))
            yield replace(filled, records=(*filled.records, *again), cursor=cursor)

    def _afresh(self, record_ids: dict[str, None]) -> Iterator[Record]:
        """Yield the records without their version, which is the one that is known already."""
        for each in record_ids:
            try:
                yield replace(self.read(each), version=None)
            except GoneError:
                continue


def parted(cursor: str | None) -> tuple[str | None, Mark | None]:
    """Return the feed's own cursor, and the mark behind it; one from before there were rows has none."""
    own, found, behind = (cursor or "").rpartition(_BEHIND)
    if not found:
        return cursor, None
    stamp, *ids = json.loads(behind)
    return own, Mark(stamp, tuple(ids))


def joined(cursor: str, mark: Mark) -> str:
    """Return both as one cursor."""
    return f"{cursor}{_BEHIND}{json.dumps([mark.stamp, *mark.ids])}"
