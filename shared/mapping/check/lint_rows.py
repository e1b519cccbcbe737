"""Checks the table of solutions that a row of the mapping names, against the CRM's description of it."""

from __future__ import annotations

from collections.abc import Iterator

from shared.mapping.check.findings import Finding, error
from shared.mapping.check.tables import Column, Kind, Table
from shared.mapping.columns import behind
from shared.mapping.model import MappingFile
from shared.mapping.sections import RowsOf

_WORDS = (Kind.TEXT, Kind.MEMO, Kind.CHOICE)


def rows_findings(file: MappingFile, table: Table | None) -> Iterator[Finding]:
    """Yield columns that the table lacks, or that are of another kind; nothing where no row names a table."""
    for number, row in enumerate(file.fields):
        if row.rows and table:
            place = ("fields", number, "rows")
            for key, name, look_up in _named(row.rows):
                yield from _column(row.field, (*place, key), name, table, look_up=look_up)


def _named(rows: RowsOf) -> Iterator[tuple[str, str, bool]]:
    """Yield by key of `rows` the table's own column, and whether it must be a look-up."""
    yield "record", rows.record, True
    for key, text in (("id", rows.id), ("name", rows.name)):
        if text:
            look_up, column = behind(text)
            yield key, look_up_column(look_up, rows.table) if look_up else column, bool(look_up)


def look_up_column(name: str, table: str) -> str:
    """Return the column of a look-up as its CRM's API names the way through it.

    Salesforce has `Detail__r` for the field Detail__c and `Product2` for Product2Id; Dynamics 365 has the schema name.
    """
    if name.endswith("__r"):
        return f"{name.removesuffix('__r')}__c"
    return f"{name}Id" if table[:1].isupper() else name.lower()


def _column(field: str, place: tuple[str | int, ...], name: str, table: Table, *, look_up: bool) -> Iterator[Finding]:
    column: Column | None = table.columns.get(name)
    if column is None:
        what = f"the table {table.name} has no column {name}, or hides it from the app's user"
        yield error(field, place, what, table.columns, name)
    elif look_up != (column.kind is Kind.LOOKUP) or not (look_up or column.kind in _WORDS):
        wanted = "a look-up" if look_up else "text"
        yield error(field, place, f"the column {name} of {table.name} is {column}, but it must be {wanted}")
