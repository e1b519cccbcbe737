"""Opportunities whose solutions are records of an object of their own, such as Microsoft Solutions.

With one record they are read in the same composite call; those of a page of changes are one query more for forty.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from simple_salesforce.format import format_soql

from shared.crm.port import ChangePage, Record
from shared.crm.rows_watch import MOST_TOUCHED, Touched, Watch, parted
from shared.crm.salesforce.api import JsonObject, Subrequest, path, rows_of, text_at
from shared.crm.salesforce.feed import literal, moment
from shared.crm.salesforce.records import Salesforce
from shared.crm.solution_rows import Row, SolutionRows, at, solution_rows


class WithSolutionRows(Salesforce):
    """Implements Records."""

    @functools.cached_property
    def _solutions(self) -> SolutionRows:
        return solution_rows(self._field_map)

    def changes(self, cursor: str | None) -> Iterator[ChangePage]:
        """Follow SystemModstamp, with the rows of what changed, and the rows that changed by themselves."""
        own, mark = parted(cursor)
        return Watch(self._solutions, self._ask, self._touched, self.read).follow(super().changes(own), mark)

    def expect(self, cursor: str | None) -> None:
        """Let the query travel in a composite request with another table's."""
        super().expect(parted(cursor)[0])

    def find(self, referral_id: str) -> Record | None:
        """Query by the external id, then the rows."""
        found = super().find(referral_id)
        return self._solutions.into([found], self._ask)[0] if found else None

    def read(self, record_id: str) -> Record:
        """Read one opportunity and its rows, in one call."""
        seen_at = self._clock.now()
        look = path(*self._address(record_id), fields=self._select())
        asked = [Subrequest("record", "GET", look), Subrequest("rows", "GET", path("query", q=self._soql([record_id])))]
        answers = self._api.composite(asked)
        if error := self._api.first_error(answers):
            raise error
        record, rows = self._record(answers[0].object, seen_at), rows_of(answers[1].body)
        return self._solutions.into([record], lambda _ids: map(self._row_of, rows))[0]

    def _ask(self, record_ids: Sequence[str]) -> Iterator[Row]:
        return map(self._row_of, self._api.query(self._soql(record_ids)).rows)

    def _touched(self, since: str | None) -> list[Touched]:
        """Query rows by the time of their last write, those in the recycle bin among them."""
        table, newest = self._solutions.table, since is None
        soql = f"SELECT Id, {table.record}, SystemModstamp FROM {table.table}"  # noqa: S608 - of the mapping file
        if since:
            soql += f" WHERE SystemModstamp >= {since}"
        soql += f" ORDER BY SystemModstamp {'DESC' if newest else 'ASC'} LIMIT {1 if newest else MOST_TOUCHED}"
        return [
            Touched(text_at(row, "Id"), str(row.get(table.record) or ""), literal(moment(row.get("SystemModstamp"))))
            for row in self._api.query(soql, deleted=True).rows
        ]

    def _soql(self, record_ids: Sequence[str]) -> str:
        table = self._solutions.table
        names = ", ".join(dict.fromkeys(each for each in (table.record, table.id, table.name) if each))
        condition = format_soql(" IN {}", list(record_ids))
        return f"SELECT {names} FROM {table.table} WHERE {table.record}{condition}"  # noqa: S608 - of the mapping file

    def _row_of(self, row: JsonObject) -> Row:
        solutions = self._solutions
        return str(row.get(solutions.table.record) or ""), at(row, solutions.solution), at(row, solutions.title)
