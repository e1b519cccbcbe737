"""Runs a query and shows its rows as the REST API does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tools.simulators.salesforce.cursors import Row
from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.fields import SObjectType
from tools.simulators.salesforce.org import Caller, Org, fold
from tools.simulators.salesforce.records import Record
from tools.simulators.salesforce.soql import Order, Path, Query
from tools.simulators.salesforce.soql_fields import FieldFinder, Resolved, Source
from tools.simulators.salesforce.soql_filters import FilterBuilder
from tools.simulators.salesforce.soql_tokens import pointed
from tools.simulators.salesforce.values import to_wire


@dataclass(frozen=True)
class OrgSource:
    """The records of the org, as one caller sees them."""

    org: Org
    caller: Caller

    def sobject(self, name: str) -> SObjectType | None:
        """Return an object type by name; None when it is missing or the caller may not read it."""
        found = self.org.sobject(name)
        return found if found and self.org.may(self.caller, found, "Read") else None

    def rows(self, sobject: SObjectType, *, deleted: bool) -> Iterator[Record]:
        """Yield the rows that are visible now."""
        rows = self.org.store.all(sobject.name, self.org.now())
        return (row for row in rows if not (self.org.is_purged(row) if deleted else row.is_deleted))

    def row(self, record_id: str) -> Record | None:
        """Return the row that a reference points at."""
        return self.org.store.find(record_id, self.org.now())


@dataclass(frozen=True)
class QueryRunner:
    """Runs queries for one caller. `root` is the version's path, for the addresses in answers."""

    org: Org
    caller: Caller
    source: Source
    root: str
    deleted: bool = False

    def run(self, query: Query) -> list[Row] | int:
        """Return the rows as they are shown, or the number that COUNT() asks for."""
        sobject = self.source.sobject(query.source.name)
        if sobject is None:
            raise RefusedError(Rule.NO_OBJECT, name=query.source.name)
        finder = self._finder(sobject, query)
        show = None if query.paths is None else self._shape(finder, query)
        records = self._select(finder, query, self.source.rows(sobject, deleted=self.deleted))
        return len(records) if show is None else [show(record) for record in records]

    def _finder(self, sobject: SObjectType, query: Query) -> FieldFinder:
        return FieldFinder(self.org, self.caller, self.source, sobject, query.text)

    def _select(self, finder: FieldFinder, query: Query, rows: Iterable[Record]) -> list[Record]:
        if query.where is not None:
            test = FilterBuilder(finder, self._joined, self.org.now()).build(query.where)
            rows = filter(test, rows)
        keys = [(order, finder.filterable(order.path)) for order in query.order]
        found = list(rows)
        for order, resolved in reversed(keys):
            found = _sorted(found, finder, order, resolved)
        end = None if query.limit is None else query.offset + query.limit
        return found[query.offset : end]

    def _joined(self, query: Query) -> set[object]:
        """Return the values that the query inside a semi-join selects."""
        sobject = self.source.sobject(query.source.name)
        if sobject is None:
            raise RefusedError(Rule.NO_OBJECT, name=query.source.name)
        if query.paths is None or len(query.paths) != 1:
            raise RefusedError(Rule.MALFORMED_QUERY, detail="Semi join sub-selects can only select one field")
        finder = self._finder(sobject, query)
        resolved = finder.resolve(query.paths[0])
        return {
            finder.value(record, resolved)
            for record in self._select(finder, query, self.source.rows(sobject, deleted=False))
        }

    # --- showing ---------------------------------------------------------------------------------------------------

    def _shape(self, finder: FieldFinder, query: Query) -> Callable[[Record], Row]:
        resolved = [(path, finder.resolve(path)) for path in query.paths or ()]
        _refuse_repetition(finder, resolved)
        children = [self._child(finder, child) for child in query.children]

        def show(record: Record) -> Row:
            row = self._head(record)
            for _, found in resolved:
                self._place(row, record, found)
            for name, rows in children:
                row[name] = rows(record)
            return row

        return show

    def _head(self, record: Record) -> Row:
        return {"attributes": {"type": record.sobject, "url": f"{self.root}/sobjects/{record.sobject}/{record.id}"}}

    def _place(self, row: Row, record: Record | None, found: Resolved) -> None:
        for step in found.steps:
            assert record is not None  # noqa: S101 - the loop ends at an empty reference
            record = self.source.row(str(record.values.get(step.name, "")))
            name = str(step.relationship)
            if record is None:
                row[name] = None
                return
            inner = row.setdefault(name, self._head(record))
            assert isinstance(inner, dict)  # noqa: S101 - a relationship's name is never a field's
            row = inner
        assert record is not None  # noqa: S101 - as above
        row[found.field.name] = to_wire(record.values.get(found.field.name))

    def _child(self, finder: FieldFinder, query: Query) -> tuple[str, Callable[[Record], Row | None]]:
        relationship = finder.sobject.child(query.source.name)
        sobject = self.source.sobject(relationship.child) if relationship else None
        if relationship is None or sobject is None:
            text = f"Didn't understand relationship '{query.source.name}' in FROM part of query call."
            raise RefusedError(Rule.NO_OBJECT, name=text)
        inner = self._finder(sobject, query)
        show = self._shape(inner, query)

        def rows(parent: Record) -> Row | None:
            mine = (
                record
                for record in self.source.rows(sobject, deleted=self.deleted)
                if record.values.get(relationship.field) == parent.id
            )
            found = self._select(inner, query, mine)
            if not found:
                return None
            return {"totalSize": len(found), "done": True, "records": [show(record) for record in found]}

        return relationship.name, rows


def _sorted(rows: list[Record], finder: FieldFinder, order: Order, resolved: Resolved) -> list[Record]:
    def key(record: Record) -> object:
        return fold(resolved.field, finder.value(record, resolved))

    empty = [record for record in rows if key(record) is None]
    filled = sorted((record for record in rows if key(record) is not None), key=key, reverse=order.descending)  # type: ignore[arg-type]
    return [*filled, *empty] if order.nulls_last else [*empty, *filled]


def _refuse_repetition(finder: FieldFinder, resolved: list[tuple[Path, Resolved]]) -> None:
    seen: set[str] = set()
    for path, _ in resolved:
        name = path.name.lower()
        if name in seen:
            text = f"duplicate field selected: {path.name}"
            raise RefusedError(Rule.MALFORMED_QUERY, detail=pointed(finder.text, path.at, text))
        seen.add(name)
