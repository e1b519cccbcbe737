"""Rows as the Web API shows them: properties, etags, annotations, contexts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fnmatch import fnmatchcase

from tools.simulators.dataverse.columns import CHOICES, Column, Kind
from tools.simulators.dataverse.environment import Environment
from tools.simulators.dataverse.query import Expansion, Shape
from tools.simulators.dataverse.rows import Reference, Row

FORMATTED = "OData.Community.Display.V1.FormattedValue"
TARGET_TABLE = "Microsoft.Dynamics.CRM.lookuplogicalname"
NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"


def to_json(document: object) -> bytes:
    """Return the JSON text of a document; Decimals become numbers."""
    return json.dumps(document, default=_number, ensure_ascii=False).encode()


def _number(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} cannot be sent")


@dataclass(frozen=True)
class Renderer:
    """Renders rows for one request of a user. `annotations` are the name patterns that the request prefers."""

    environment: Environment
    service_root: str
    user_id: str
    annotations: tuple[str, ...] = ()

    def context(self, shape: Shape, suffix: str = "") -> str:
        """Return the context of a result."""
        names = shape.names()
        return f"{self.service_root}$metadata#{shape.table.set_name}{f'({names})' if names else ''}{suffix}"

    def entity_id(self, row: Row) -> str:
        """Return the absolute address of a row."""
        return f"{self.service_root}{self.environment.table(row.table).set_name}({row.id})"

    def single(self, row: Row, shape: Shape) -> dict[str, object]:
        """Return one row as a whole answer."""
        return {"@odata.context": self.context(shape, "/$entity")} | self.row(row, shape)

    def row(self, row: Row, shape: Shape) -> dict[str, object]:
        """Return one row as an element of an answer."""
        document: dict[str, object] = {"@odata.etag": row.etag}
        for column in self._columns(shape):
            document |= self._property(row, column)
        for expansion in shape.expansions:
            document[expansion.navigation] = self._expanded(row, expansion)
        return document

    def _columns(self, shape: Shape) -> Iterator[Column]:
        """The primary key is always there, and so is the currency of a selected amount."""
        table = shape.table
        if shape.columns is None:
            yield from table.visible_columns(self.environment.now())
            return
        chosen = {column.name: column for column in shape.columns}
        if any(column.kind is Kind.MONEY for column in shape.columns) and "transactioncurrencyid" in table.columns:
            chosen["transactioncurrencyid"] = table.columns["transactioncurrencyid"]
        chosen[table.primary_id] = table.columns[table.primary_id]
        yield from chosen.values()

    def _property(self, row: Row, column: Column) -> dict[str, object]:
        held: object = row.version if column.name == "versionnumber" else row.values.get(column.name)
        value = self.environment.rules.shown(row.table, column.name, held, self.user_id)
        shown = {column.wire_name: value.id if isinstance(value, Reference) else value}
        if value is None or not self.annotations:
            return shown
        notes = {FORMATTED: self._formatted(column, value)}
        if isinstance(value, Reference):
            notes |= {TARGET_TABLE: value.table, NAVIGATION: _navigation(column, value)}
        kept = {name: text for name, text in notes.items() if text is not None and self._wants(name)}
        return {f"{column.wire_name}@{name}": text for name, text in kept.items()} | shown

    def _wants(self, annotation: str) -> bool:
        return any(fnmatchcase(annotation, pattern) for pattern in self.annotations)

    def _formatted(self, column: Column, value: object) -> str | None:
        if isinstance(value, Reference):
            return self._display_name(value)
        if column.kind in CHOICES or column.kind is Kind.BOOLEAN:
            option = column.option(int(value) if isinstance(value, bool) else value)
            return option.label if option else None
        if column.kind is Kind.DATETIME:
            return _formatted_date(str(value))
        if isinstance(value, Decimal):
            return f"{value:,}"
        return f"{value:,}" if column.kind is Kind.INTEGER else None

    def _display_name(self, reference: Reference) -> str | None:
        target = self.environment.store.find(reference.table, reference.id)
        name = target.values.get(self.environment.table(reference.table).primary_name) if target else None
        return str(name) if name is not None else None

    def _expanded(self, row: Row, expansion: Expansion) -> object:
        if expansion.many:
            return [self.row(each, expansion.shape) for each in expansion.many(row)]
        reference = row.values.get(expansion.column.name)
        if not isinstance(reference, Reference):
            return None
        if expansion.shape.table.name == "principal":
            return {"ownerid": reference.id}
        target = self.environment.store.find(reference.table, reference.id)
        if target is None or target.table != expansion.shape.table.name:
            return None
        return self.row(target, expansion.shape)


def _navigation(column: Column, value: Reference) -> str | None:
    return next((name for name, target in column.navigations if target == value.table), None)


def _formatted_date(text: str) -> str:
    if "T" in text:
        return f"{datetime.fromisoformat(text):%m/%d/%Y %I:%M %p}"
    return f"{date.fromisoformat(text):%m/%d/%Y}"
