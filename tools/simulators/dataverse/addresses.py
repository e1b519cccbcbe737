"""Understands the part of an address that names a row: `(guid)`, `(accountid=guid)`, `(key='value',other=3)`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import unquote, urlsplit

from tools.simulators.dataverse.columns import Column, Key, Kind, Table
from tools.simulators.dataverse.environment import Environment
from tools.simulators.dataverse.errors import RefusedError, Rule
from tools.simulators.dataverse.rows import Reference, Row
from tools.simulators.dataverse.values import parse_id

_SEGMENT = re.compile(r"(?P<name>[A-Za-z_][\w.]*)(?:\((?P<key>.*)\))?", re.DOTALL)
_KEY_PART = re.compile(r"\s*(?P<name>\w+)\s*=\s*(?P<value>'(?:[^']|'')*'|[^,']+)\s*(?:,|$)")
_SERVICE_ROOT = re.compile(r"^.*/api/data/v9\.\d/")
# Documented: these characters in alternate-key data make GET and PATCH by key fail.
_FORBIDDEN = frozenset("/<>*%&:\\?+")


@dataclass(frozen=True)
class RowAddress:
    """One row by its id, or by the values of an active alternate key."""

    table: Table
    id: str | None
    key: Key | None = None
    values: tuple[tuple[str, object], ...] = ()

    def find(self, environment: Environment) -> Row | None:
        """Return the row, or None."""
        if self.id is not None:
            return environment.store.find(self.table.name, self.id)
        assert self.key is not None  # noqa: S101 - one of the two is always there
        return environment.store.find_by_key(self.table, self.key, dict(self.values))

    def missing(self) -> RefusedError:
        """Return the refusal for a row that does not exist."""
        if self.id is not None:
            return RefusedError(Rule.NO_ROW, table=self.table.name, id=self.id)
        return RefusedError(Rule.NO_ROW_BY_KEY, table=self.table.name)

    def text(self) -> str:
        """Return the address relative to the service root, in the form it was given."""
        if self.id is not None:
            return f"{self.table.set_name}({self.id})"
        parts = ",".join(f"{name}={_literal(value)}" for name, value in self.values)
        return f"{self.table.set_name}({parts})"


def split_segment(segment: str) -> tuple[str, str | None]:
    """Return a path segment's name and the text between its parentheses."""
    match = _SEGMENT.fullmatch(segment)
    if match is None:
        raise RefusedError(Rule.SYNTAX, detail=f"Segment '{segment}'.")
    return match["name"], match["key"]


def parse_key(environment: Environment, table: Table, text: str) -> RowAddress:
    """Return the row that the text between the parentheses names."""
    identifier = parse_id(text.strip())
    if identifier:
        return RowAddress(table, identifier)
    parts = dict(_key_parts(text))
    if set(parts) == {table.primary_id}:
        return _by_named_id(table, parts[table.primary_id])
    columns = {name: _key_column(environment, table, name) for name in parts}
    key = table.key_for({column.name for column in columns.values()}, environment.now())
    if key is None:
        raise RefusedError(Rule.NO_SUCH_KEY, table=table.name, columns=", ".join(parts))
    values = tuple((column.name, _key_value(column, parts[name])) for name, column in columns.items())
    return RowAddress(table, None, key, values)


def parse_bind(environment: Environment, value: str) -> RowAddress:
    """Return the row that a bind value names: `/set(key)`, `set(key)` or an absolute address."""
    path = _SERVICE_ROOT.sub("", urlsplit(value).path) if "://" in value else value.lstrip("/")
    name, key = split_segment(unquote(path))
    table = environment.table_of_set(name)
    if key is None:
        raise RefusedError(Rule.SYNTAX, detail=f"'{value}' names no row.")
    return parse_key(environment, table, key)


def _key_parts(text: str) -> list[tuple[str, str]]:
    parts, position = [], 0
    while position < len(text):
        match = _KEY_PART.match(text, position)
        if match is None:
            raise RefusedError(Rule.SYNTAX, detail=f"Key '{text}'.")
        parts.append((match["name"], match["value"].strip()))
        position = match.end()
    if not parts:
        raise RefusedError(Rule.SYNTAX, detail="An empty key.")
    return parts


def _by_named_id(table: Table, text: str) -> RowAddress:
    identifier = parse_id(text)
    # systemuser inherits its primary key from principal, so the named form is refused for it.
    if identifier is None or table.name == "systemuser":
        raise RefusedError(Rule.SYNTAX, detail=f"'{table.primary_id}={text}' is no row of {table.set_name}.")
    return RowAddress(table, identifier)


def _key_column(environment: Environment, table: Table, name: str) -> Column:
    column = table.readable(name, environment.now())
    if column is None:
        raise RefusedError(Rule.NO_SUCH_KEY, table=table.name, columns=name)
    return column


def _key_value(column: Column, text: str) -> object:
    if text.startswith("'"):
        value = text[1:-1].replace("''", "'")
        if _FORBIDDEN & set(value):
            raise RefusedError(Rule.SYNTAX, detail=f"'{value}' cannot be used as the value of an alternate key.")
        return value
    if column.is_lookup and (identifier := parse_id(text)):
        return Reference(column.navigations[0][1], identifier)
    if column.kind is not Kind.STRING and re.fullmatch(r"-?\d+(\.\d+)?", text):
        return Decimal(text) if "." in text else int(text)
    raise RefusedError(Rule.SYNTAX, detail=f"'{text}' is not a value for '{column.name}'.")


def _literal(value: object) -> str:
    if isinstance(value, Reference):
        return value.id
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)
