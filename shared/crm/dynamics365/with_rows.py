"""Opportunities whose solutions are rows of a table of their own, such as Microsoft Solutions.

Change tracking knows no $expand (use-change-tracking-synchronize-data-external-systems), and what the relationship is
called is the customer's business: the rows are asked for by their look-up. With one record they travel in one batch.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from shared.crm.dynamics365.api import Json, Query, text_at
from shared.crm.dynamics365.records import Dynamics365
from shared.crm.port import ChangePage, Record
from shared.crm.rows_watch import MOST_TOUCHED, Touched, Watch, parted
from shared.crm.solution_rows import Row, SolutionRows, at, solution_rows
from shared.errors import GoneError, SchemaMismatch


class WithSolutionRows(Dynamics365):
    """Implements Records."""

    @functools.cached_property
    def _solutions(self) -> SolutionRows:
        return solution_rows(self._field_map)

    def changes(self, cursor: str | None) -> Iterator[ChangePage]:
        """Follow change tracking, with the rows of what changed, and the rows that changed by themselves."""
        own, mark = parted(cursor)
        return Watch(self._solutions, self._ask, self._touched, self.read).follow(super().changes(own), mark)

    def expect(self, cursor: str | None) -> None:
        """Let the delta link travel in a batch."""
        super().expect(parted(cursor)[0])

    def find(self, referral_id: str) -> Record | None:
        """Read by the alternate key, then the rows."""
        found = super().find(referral_id)
        return self._solutions.into([found], self._ask)[0] if found else None

    def read(self, record_id: str) -> Record:
        """Read one opportunity and its rows, in one call."""
        self._by_id(record_id)  # Raises GoneError for what is no id.
        self._security.check()
        seen_at, known = self._clock.now(), record_id.lower()
        only = {"$select": self._select, "$filter": f"{self._entity.id_column} eq {known}"}
        rows, of_record = self._api.rows_of_each([(self._entity.entity_set, only), self._query([known])])
        if not rows:
            raise GoneError("there is no such record in Dynamics 365")
        record = self._record(rows[0], seen_at)
        return self._solutions.into([record], lambda _ids: map(self._row_of, of_record))[0]

    def _ask(self, record_ids: Sequence[str]) -> Iterator[Row]:
        return map(self._row_of, self._api.rows(*self._query(record_ids)))

    def _query(self, record_ids: Sequence[str]) -> Query:
        look_up = f"_{self._solutions.table.record}_value"
        wanted = [place for place in (self._solutions.solution, self._solutions.title) if place]
        own = [column for at_row, column in wanted if not at_row]
        expanded: dict[str, list[str]] = {}
        for at_row, column in wanted:
            if at_row:
                expanded.setdefault(at_row, []).append(column)
        query = {
            "$select": ",".join(dict.fromkeys([look_up, *own])),
            "$filter": " or ".join(f"{look_up} eq {each}" for each in record_ids),
        }
        if expanded:
            parts = (f"{name}($select={','.join(dict.fromkeys(columns))})" for name, columns in expanded.items())
            query["$expand"] = ",".join(parts)
        return self._rows_set[0], query

    def _touched(self, since: str | None) -> list[Touched]:
        """Ask for rows by the day and second of their last write; of a deleted one nothing tells its record."""
        entity_set, id_column = self._rows_set
        look_up = f"_{self._solutions.table.record}_value"
        newest = since is None
        query = {
            "$select": f"{id_column},{look_up},modifiedon",
            "$orderby": f"modifiedon {'desc' if newest else 'asc'}",
            "$top": "1" if newest else str(MOST_TOUCHED),
            **({"$filter": f"modifiedon ge {since}"} if since else {}),
        }
        return [
            Touched(text_at(row, id_column), str(row.get(look_up) or "").lower(), text_at(row, "modifiedon"))
            for row in self._api.rows(entity_set, query)
        ]

    def _row_of(self, row: Json) -> Row:
        solutions = self._solutions
        record_id = str(row.get(f"_{solutions.table.record}_value") or "").lower()
        return record_id, at(row, solutions.solution), at(row, solutions.title)

    @functools.cached_property
    def _rows_set(self) -> tuple[str, str]:
        """The name by which the Web API knows the table, and its id column; asked for once. Raises SchemaMismatch."""
        name = self._solutions.table.table
        try:
            found = self._api.get(
                f"EntityDefinitions(LogicalName='{name}')", {"$select": "EntitySetName,PrimaryIdAttribute"}
            )
        except GoneError as error:
            raise SchemaMismatch(f"Dynamics 365 has no table {name}, which `rows` of the mapping names") from error
        return text_at(found, "EntitySetName"), text_at(found, "PrimaryIdAttribute")
