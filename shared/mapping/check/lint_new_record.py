"""The part of lint that holds the constants and rules of a new record against the CRM's description of its table."""

from __future__ import annotations

from collections.abc import Iterator

from shared.mapping.check.findings import Finding, error
from shared.mapping.check.tables import Column, Kind, Table
from shared.mapping.model import MappingFile
from shared.mapping.new_record import BIND, DaysFromToday, Given, logical_name

_HOLDS: dict[Kind, tuple[type, ...]] = {
    Kind.TEXT: (str,),
    Kind.MEMO: (str,),
    Kind.WHOLE: (int,),
    Kind.DECIMAL: (int, float),
    Kind.MONEY: (int, float),
    Kind.YES_NO: (bool,),
    Kind.DAY: (str, DaysFromToday),
    Kind.MOMENT: (str,),
}
"""What a constant must be for a column; kinds that are not here are not checked."""


def check_new_record(file: MappingFile, table: Table) -> Iterator[Finding]:
    """Yield columns that do not exist or cannot be written, and values that they cannot hold."""
    for name, given in file.new_record.items():
        place = ("new_record", name)
        column = table.columns.get(logical_name(name))
        if column is None:
            what = f"the table {table.name} has no column {logical_name(name)}, or hides it from the app's user"
            yield error("new_record", place, what, table.columns, name)
        elif not column.creatable:
            yield error("new_record", place, f"the CRM does not let the column {column.name} be written at create")
        elif what := _misfit(name, column, given):
            yield error("new_record", place, what)


def _misfit(name: str, column: Column, given: Given) -> str:
    """Return why a column cannot hold what it is given; empty when it can, as far as its description tells."""
    if column.kind is Kind.LOOKUP and not column.coded:
        return _look_up(name, column, given)
    if column.kind is Kind.CHOICE and column.options and given not in {option.value for option in column.options}:
        known = ", ".join(str(option.value) for option in column.options)
        return f"{column.name} has no option {given}; it has {known}"
    fitting = _HOLDS.get(column.kind, (object,))
    if not isinstance(given, fitting) or (isinstance(given, bool) and bool not in fitting and object not in fitting):
        return f"the column {column.name} is {column}, which {given!r} does not fit"
    if isinstance(given, str) and column.length is not None and len(given) > column.length:
        return f"{len(given)} characters, but the column {column.name} holds {column.length}"
    return ""


def _look_up(name: str, column: Column, given: Given) -> str:
    """A look-up takes the id of a row; Dynamics 365, whose names are in lower case, through a navigation property."""
    of_dynamics = column.name == column.name.lower() and not column.name.endswith("__c")
    if of_dynamics and not (name.endswith(BIND) and str(given).startswith("/")):
        return f"{column.name} is a look-up: write {column.name}{BIND}: /table(GUID)"
    return "" if isinstance(given, str) else f"the column {column.name} is {column}, which {given!r} does not fit"
