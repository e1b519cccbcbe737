"""What Dataverse says about its tables (power-apps/developer/data-platform/webapi/query-metadata-web-api).

One request per table brings its columns, keys and change tracking. What only one kind of column has (a length, options,
targets) stands behind a cast, so each kind that the mapping file touches costs one request more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from shared.crm.dynamics365.look_ups import LOOK_UPS
from shared.mapping.check.needs import account_needs, contact_needs, owner_needs, record_needs
from shared.mapping.check.tables import Column, Description, Key, Kind, Option, Table
from shared.mapping.model import MappingFile
from shared.mapping.new_record import logical_name

LONGEST_TEXT = 4000
"""Characters that a column with a single line of text can hold (create-update-column-definitions...)."""

Get = Callable[[str, Mapping[str, str]], Mapping[str, object]]
"""Reads (path below the service root, query) and returns the JSON object."""

Document = Mapping[str, object]

_KINDS = {
    "String": Kind.TEXT,
    "Memo": Kind.MEMO,
    "Integer": Kind.WHOLE,
    "BigInt": Kind.WHOLE,
    "Decimal": Kind.DECIMAL,
    "Double": Kind.DECIMAL,
    "Money": Kind.MONEY,
    "Boolean": Kind.YES_NO,
    "DateTime": Kind.MOMENT,
    "Picklist": Kind.CHOICE,
    "State": Kind.STATE,
    "Status": Kind.STATUS,
    "Lookup": Kind.LOOKUP,
    "Customer": Kind.LOOKUP,
    "Owner": Kind.LOOKUP,
}

_OPTIONS = {"$expand": "OptionSet,GlobalOptionSet"}
_CASTS: dict[Kind, tuple[str, dict[str, str]]] = {
    Kind.TEXT: ("String", {"$select": "LogicalName,MaxLength"}),
    Kind.MEMO: ("Memo", {"$select": "LogicalName,MaxLength"}),
    Kind.DECIMAL: ("Decimal", {"$select": "LogicalName,Precision"}),
    Kind.MONEY: ("Money", {"$select": "LogicalName,Precision,PrecisionSource"}),
    Kind.MOMENT: ("DateTime", {"$select": "LogicalName,DateTimeBehavior"}),
    Kind.CHOICE: ("Picklist", {"$select": "LogicalName", **_OPTIONS}),
    Kind.STATE: ("State", {"$select": "LogicalName", **_OPTIONS}),
    Kind.STATUS: ("Status", {"$select": "LogicalName", **_OPTIONS}),
    Kind.LOOKUP: ("Lookup", {"$select": "LogicalName,Targets"}),
}

_DEFINITION = {
    "$select": "LogicalName,ChangeTrackingEnabled",
    "$expand": "Attributes($select=LogicalName,AttributeType,IsValidForCreate,IsValidForUpdate,RequiredLevel),"
    "Keys($select=LogicalName,KeyAttributes,EntityKeyIndexStatus)",
}

_FILLED_IN = frozenset({"ownerid", "customerid", "parentaccountid"})
"""Columns that the platform or our own client fills in on create."""

_DEFAULTED = (Kind.YES_NO, Kind.CHOICE, Kind.STATE, Kind.STATUS, Kind.OTHER)
"""Kinds that have a default of their own, or that only the platform sets (ids, entity names)."""


def describe(get: Get, file: MappingFile) -> Description:
    """Return the tables that the mapping file speaks of. Raises SchemaMismatch for a table that does not exist."""
    record = {need.column for need in record_needs(file)} | {logical_name(column) for column in file.new_record}
    status = {column for _, entry in file.status.entries() for column in entry}
    return Description(
        describe_table(get, file.table, record | status),
        describe_table(get, "account", {need.column for need in account_needs(file)}),
        describe_table(get, "contact", {need.column for need in contact_needs(file)}),
        describe_table(get, "systemuser", {need.column for need in owner_needs(file)}),
        rows=next((describe_table(get, row.rows.table, ()) for row in file.fields if row.rows), None),
    )


def without_right(found: Description, unreadable: Mapping[tuple[str, str], str]) -> Description:
    """Return the description with the columns marked that the app's user may not read, by table and column."""

    def marked(table: Table) -> Table:
        hidden = {name: why for (owner, name), why in unreadable.items() if owner == table.name}
        columns = {name: replace(column, hidden=hidden.get(name, "")) for name, column in table.columns.items()}
        return replace(table, columns=columns)

    record, account, contact, owner = map(marked, (found.record, found.account, found.contact, found.owner))
    return replace(found, record=record, account=account, contact=contact, owner=owner)


def describe_table(get: Get, name: str, wanted: Iterable[str]) -> Table:
    """Return every column of a table; the facts behind casts are read for the kinds of the `wanted` columns."""
    path = f"EntityDefinitions(LogicalName='{name}')"
    definition = get(path, _DEFINITION)
    columns = {column.name: column for column in map(_column, _list(definition, "Attributes"))}
    kinds = {columns[each].kind for each in wanted if each in columns}
    for kind in (each for each in Kind if each in kinds and each in _CASTS):
        cast, query = _CASTS[kind]
        for facts in _list(get(f"{path}/Attributes/Microsoft.Dynamics.CRM.{cast}AttributeMetadata", query), "value"):
            held = str(facts["LogicalName"])
            columns[held] = _with_facts(columns[held], facts)
    keys = tuple(map(_key, _list(definition, "Keys")))
    return Table(name, columns, keys, change_tracking=definition.get("ChangeTrackingEnabled") is True)


def _column(row: Document) -> Column:
    kind = _KINDS.get(str(row["AttributeType"]), Kind.OTHER)
    name, creatable = str(row["LogicalName"]), row.get("IsValidForCreate") is True
    # Of the levels of requirement only this one is enforced by the API; the others are the forms' business.
    demanded = _value(row.get("RequiredLevel")) == "SystemRequired" and creatable
    required = demanded and kind not in _DEFAULTED and name not in _FILLED_IN
    updatable = row.get("IsValidForUpdate") is True
    coded = kind is Kind.LOOKUP and name in LOOK_UPS
    return Column(name, kind, required=required, creatable=creatable, updatable=updatable, coded=coded)


def _with_facts(column: Column, facts: Document) -> Column:
    if "DateTimeBehavior" in facts:
        return replace(column, kind=Kind.DAY if _value(facts["DateTimeBehavior"]) == "DateOnly" else Kind.MOMENT)
    # Any other source means that the organization or the row's currency decides.
    fixed = facts.get("PrecisionSource", 0) == 0
    targets = facts.get("Targets")
    return replace(
        column,
        length=_number(facts.get("MaxLength")),
        digits=_number(facts.get("Precision")) if fixed else None,
        options=_options(facts),
        targets=tuple(map(str, targets)) if isinstance(targets, list) else (),
    )


def _options(facts: Document) -> tuple[Option, ...]:
    """Return the options of the column's own set, or of the global one that it uses."""
    option_set = facts.get("OptionSet") or facts.get("GlobalOptionSet")
    return tuple(map(_option, _list(option_set, "Options"))) if isinstance(option_set, Mapping) else ()


def _option(row: Document) -> Option:
    label = row.get("Label")
    shown = label.get("UserLocalizedLabel") if isinstance(label, Mapping) else None
    text = str(shown.get("Label") or "") if isinstance(shown, Mapping) else ""
    return Option(_number(row.get("Value")) or 0, text, _number(row.get("State")))


def _key(row: Document) -> Key:
    columns, state = row.get("KeyAttributes"), str(row.get("EntityKeyIndexStatus"))
    return Key(tuple(map(str, columns)) if isinstance(columns, list) else (), state, state == "Active")


def _list(document: Document, name: str) -> list[Document]:
    rows = document.get(name)
    return rows if isinstance(rows, list) else []


def _value(document: object) -> object:
    return document.get("Value") if isinstance(document, Mapping) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
