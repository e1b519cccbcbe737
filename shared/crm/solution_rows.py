"""Solutions that a CRM keeps in rows of a table of their own: read with the records, and never written.

A record's columns then hold the ids as one text, where the mapping's row has its column, and their names beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from shared.crm.around import Columns
from shared.crm.port import Record
from shared.mapping.catalogue import NAMES
from shared.mapping.columns import Behind, behind
from shared.mapping.field_map import FieldMap
from shared.mapping.rows import CompiledRow
from shared.mapping.sections import RowsOf

MOST = 40
"""Records whose rows one call asks for: of fifty solutions each, they fit on a page of either CRM."""

Row = tuple[str, object, object]
"""The record's id, the solution's, and its name."""

Ask = Callable[[Sequence[str]], Iterable[Row]]
"""Reads the rows of at most MOST records."""


class SolutionRows:
    """Puts the solutions into records that the sync concerns, as the mapping wants them."""

    def __init__(self, field_map: FieldMap, row: CompiledRow, table: RowsOf) -> None:
        self._own = field_map.columns
        self._row = row
        self.table = table

    @property
    def solution(self) -> Behind:
        """Where the solution's id stands."""
        return behind(self.table.id)

    @property
    def title(self) -> Behind | None:
        """Where its name stands, if anywhere."""
        return behind(self.table.name) if self.table.name else None

    def into(self, records: Sequence[Record], ask: Ask) -> tuple[Record, ...]:
        """Return the records with their solutions; one call for MOST of them. Raises what `ask` raises."""
        wanted = [each.id for each in records if self._concerns(each.columns)]
        found: dict[str, dict[str, str]] = {each: {} for each in wanted}
        for start in range(0, len(wanted), MOST):
            for record_id, solution, name in ask(wanted[start : start + MOST]):
                if record_id in found and solution:
                    found[record_id][str(solution).strip()] = str(name or "")
        return tuple(self._with(each, found[each.id]) if each.id in found else each for each in records)

    def _concerns(self, columns: Columns) -> bool:
        return bool(columns.get(self._own.sync) or columns.get(self._own.referral_identifier))

    def _with(self, record: Record, names: Mapping[str, str]) -> Record:
        column = self._row.pair.column
        text = self._row.codec.to_record(tuple(sorted(names)))
        return replace(record, columns={**record.columns, column: text, f"{column}{NAMES}": dict(names)})


def solution_rows(field_map: FieldMap) -> SolutionRows:
    """Return what a mapping says of the rows; it must have them."""
    assert field_map.in_rows  # noqa: S101 - a client of rows serves a mapping with rows
    assert field_map.in_rows_of  # noqa: S101
    return SolutionRows(field_map, field_map.in_rows, field_map.in_rows_of)


def at(row: Mapping[str, object], place: Behind | None) -> object:
    """Return the value at a place of a row that was read."""
    if place is None:
        return None
    look_up, column = place
    held = row.get(look_up) if look_up else row
    return held.get(column) if isinstance(held, Mapping) else None
