"""Answers for rows: collections with paging and change tracking, single rows, creates, upserts, deletes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from werkzeug.wrappers import Response

from tools.simulators.dataverse.addresses import RowAddress
from tools.simulators.dataverse.changes import ChangeTracker
from tools.simulators.dataverse.columns import Table
from tools.simulators.dataverse.environment import Cursor
from tools.simulators.dataverse.errors import RefusedError, Rule
from tools.simulators.dataverse.exchange import Exchange
from tools.simulators.dataverse.payload import Payload
from tools.simulators.dataverse.query import COLLECTIONS, QueryReader, Shape, require_known
from tools.simulators.dataverse.rows import Reference, Row, Values

_COUNT_LIMIT = 5000


@dataclass(frozen=True)
class Collection:
    """A table as a whole: read, count, create."""

    exchange: Exchange
    table: Table

    def read(self) -> Response:
        """Answer a page: of a query, of a tracked first read, or of the changes since a token."""
        options = self.exchange.options
        require_known(options)
        reader = QueryReader(self.exchange.environment, self.table)
        tracked = self.exchange.prefer.tracks_changes()
        shape = reader.shape({} if tracked or "$deltatoken" in options else options)
        cursor = self._cursor(reader, tracked=tracked)
        if cursor.token is not None:
            shape = reader.shape({name: text for name, text in options.items() if name == "$select"})
        return self._page(cursor, shape, tracked=tracked)

    def count(self) -> Response:
        """Answer `/$count`, of a filter or of the changes since a token."""
        options = self.exchange.options
        require_known(options)
        if "$deltatoken" in options:
            cursor = self._tracker().since(options["$deltatoken"], options)
            return self.exchange.text(str(len(cursor.ids) + len(cursor.deleted)))
        found = QueryReader(self.exchange.environment, self.table).rows(options)
        return self.exchange.text(str(min(len(found), _COUNT_LIMIT)))

    def create(self) -> Response:
        """Create a row: 204, or 201 with the row."""
        environment = self.exchange.environment
        body = self.exchange.body()
        deep = {name: body.pop(name) for name in list(body) if (self.table.name, name) in COLLECTIONS}
        changes = Payload(environment, self.table, creating=True).changes(body)
        shape = QueryReader(environment, self.table).shape(self.exchange.options)
        row = self.exchange.writer.create(self.table, changes)
        try:
            self._create_deep(row, deep)
        except RefusedError:
            environment.store.forget(self.table, row)  # One transaction: nothing of it was ever there.
            raise
        return written(self.exchange, row, shape, self.exchange.renderer.entity_id(row), created=True)

    def _create_deep(self, row: Row, deep: dict[str, object]) -> None:
        """Create the rows that hang on a new one (create-entity-web-api: deep insert)."""
        environment = self.exchange.environment
        for name, bodies in deep.items():
            other, look_up = COLLECTIONS[self.table.name, name]
            if not isinstance(bodies, list) or not all(isinstance(each, dict) for each in bodies):
                raise RefusedError(Rule.MALFORMED_BODY, detail=f"A collection was expected for '{name}'.")
            for each in bodies:
                table = environment.table(other)
                changes = Payload(environment, table, creating=True).changes(each)
                self.exchange.writer.create(table, {**changes, look_up: Reference(self.table.name, row.id)})

    def _tracker(self) -> ChangeTracker:
        return ChangeTracker(self.exchange.environment, self.table, self.exchange.caller)

    def _cursor(self, reader: QueryReader, *, tracked: bool) -> Cursor:
        options = self.exchange.options
        if "$skiptoken" in options:
            cursor = self.exchange.environment.cursors.get(options["$skiptoken"])
            if cursor is None:
                raise RefusedError(Rule.SYNTAX, detail="The skip token is malformed.")
            return cursor
        if "$deltatoken" in options:
            return self._tracker().since(options["$deltatoken"], options)
        if tracked:
            return self._tracker().start(options)
        ids = [row.id for row in reader.rows(options)]
        return Cursor(tuple(ids[: self._top(len(ids))]))

    def _top(self, default: int) -> int:
        """$top is ignored together with a page size (reference, A.5)."""
        top = self.exchange.options.get("$top")
        if top is None or self.exchange.prefer.limits_pages():
            return default
        if not top.isdigit():
            raise RefusedError(Rule.SYNTAX, detail=f"Invalid value '{top}' for $top.")
        return int(top)

    def _page(self, cursor: Cursor, shape: Shape, *, tracked: bool) -> Response:
        size = self.exchange.prefer.page_size(self.exchange.environment.quirks.max_page_size)
        ids, rest = cursor.ids[:size], cursor.ids[size:]
        space = size - len(ids)
        deleted, later = cursor.deleted[:space], cursor.deleted[space:]
        suffix = "/$delta" if cursor.is_delta else ""
        document: dict[str, object] = {"@odata.context": self.exchange.renderer.context(shape, suffix)}
        if self.exchange.options.get("$count") == "true":
            document["@odata.count"] = min(len(cursor.ids), _COUNT_LIMIT)
        document["value"] = [*self._rows(ids, shape), *self._deletions(deleted)]
        if rest or later:
            remaining = Cursor(rest, later, cursor.token, is_delta=cursor.is_delta)
            document["@odata.nextLink"] = self._link("$skiptoken", self.exchange.environment.keep_cursor(remaining))
        elif cursor.token is not None and self._ends_with_delta_link(cursor, tracked=tracked):
            document["@odata.deltaLink"] = self._link("$deltatoken", self._final_token(cursor))
        return self.exchange.json(document)

    def _rows(self, ids: Sequence[str], shape: Shape) -> list[dict[str, object]]:
        found = (self.exchange.environment.store.find(self.table.name, row_id) for row_id in ids)
        return [self.exchange.renderer.row(row, shape) for row in found if row]

    def _deletions(self, ids: Sequence[str]) -> list[dict[str, object]]:
        context = f"{self.exchange.renderer.service_root}$metadata#{self.table.set_name}/$deletedEntity"
        return [{"@odata.context": context, "id": row_id, "reason": "deleted"} for row_id in ids]

    def _ends_with_delta_link(self, cursor: Cursor, *, tracked: bool) -> bool:
        """The preference must be repeated on every page of a first read; annotations lose the link (issue 439)."""
        drops = (
            bool(self.exchange.renderer.annotations) and self.exchange.environment.quirks.annotations_drop_delta_link
        )
        return (cursor.is_delta or tracked) and not drops

    def _final_token(self, cursor: Cursor) -> str:
        loses = self.exchange.environment.quirks.lose_changes_during_first_load and not cursor.is_delta
        return self._tracker().new_token() if loses or cursor.token is None else cursor.token

    def _link(self, name: str, value: str) -> str:
        kept = {key: text for key, text in self.exchange.options.items() if key not in {"$skiptoken", "$deltatoken"}}
        query = "&".join(f"{key}={quote(text, safe='')}" for key, text in (kept | {name: value}).items())
        return f"{self.exchange.renderer.service_root}{self.table.set_name}?{query}"


@dataclass(frozen=True)
class SingleRow:
    """One row by its address: read, update or create, delete."""

    exchange: Exchange
    address: RowAddress

    def read(self) -> Response:
        """Answer the row, or 304 when the caller has this version and asked for nothing extra."""
        row = self._existing()
        options = self.exchange.options
        require_known(options)
        shape = QueryReader(self.exchange.environment, self.address.table).shape(options)
        plain = not shape.expansions and not self.exchange.renderer.annotations
        if plain and self.exchange.header("If-None-Match") == row.etag:
            return self.exchange.empty(304)
        return self.exchange.json(self.exchange.renderer.single(row, shape))

    def upsert(self) -> Response:
        """Update the row, or create it unless the conditions forbid it."""
        body = self.exchange.body()
        row = self.address.find(self.exchange.environment)
        shape = QueryReader(self.exchange.environment, self.address.table).shape(self.exchange.options)
        if row is None:
            return self._create(body, shape)
        if self.exchange.header("If-None-Match") == "*":
            raise RefusedError(Rule.ROW_EXISTS)
        self._require_version(row)
        changes = Payload(self.exchange.environment, self.address.table, creating=False).changes(body)
        self.exchange.writer.update(row, changes)
        return written(self.exchange, row, shape, self._entity_id(), created=False)

    def delete(self) -> Response:
        """Delete the row."""
        row = self._existing()
        self._require_version(row)
        self.exchange.writer.delete(row)
        return self.exchange.empty()

    def _existing(self) -> Row:
        row = self.address.find(self.exchange.environment)
        if row is None:
            raise self.address.missing()
        return row

    def _create(self, body: dict[str, object], shape: Shape) -> Response:
        if self.exchange.header("If-Match") is not None:
            raise self.address.missing()
        table = self.address.table
        changes = Payload(self.exchange.environment, table, creating=True).changes(body)
        # Documented: on create a conflicting value in the body wins over the key in the address.
        from_address: Values = (
            dict(self.address.values) if self.address.id is None else {table.primary_id: self.address.id}
        )
        row = self.exchange.writer.create(table, from_address | changes)
        return written(self.exchange, row, shape, self._entity_id(), created=True)

    def _require_version(self, row: Row) -> None:
        wanted = self.exchange.header("If-Match")
        if wanted is not None and wanted not in {"*", row.etag}:
            code = "" if self.exchange.environment.quirks.empty_412_code else None
            raise RefusedError(Rule.STALE_VERSION, as_code=code)

    def _entity_id(self) -> str:
        return f"{self.exchange.renderer.service_root}{self.address.text()}"


def written(exchange: Exchange, row: Row, shape: Shape, entity_id: str, *, created: bool) -> Response:
    """Answer a write: the row when the caller prefers its representation, else 204 with its address."""
    if not exchange.prefer.wants_representation():
        return exchange.empty(entity_id=entity_id)
    response = exchange.json(exchange.renderer.single(row, shape), status=201 if created else 200)
    response.headers["OData-EntityId"] = entity_id
    response.headers["ETag"] = row.etag
    return response
