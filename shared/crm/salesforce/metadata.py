"""What Salesforce says about its tables (api_rest: resources_sobject_describe): only fields the app's user may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shared.crm.salesforce.api import JsonObject, SalesforceApi, path
from shared.crm.salesforce.currency import COLUMN as CURRENCY
from shared.errors import GoneError, SchemaMismatch
from shared.lifecycle import Stage
from shared.mapping.check.tables import Column, Description, Key, Kind, Option, Table
from shared.mapping.model import MappingFile

STAGE = "StageName"

LONGEST_TEXT = 255
"""Characters that a field with a single line of text can hold (api_meta: CustomField)."""

_KINDS = {
    "string": Kind.TEXT,
    "url": Kind.TEXT,
    "email": Kind.TEXT,
    "phone": Kind.TEXT,
    "combobox": Kind.TEXT,
    "textarea": Kind.MEMO,
    "int": Kind.WHOLE,
    "long": Kind.WHOLE,
    "double": Kind.DECIMAL,
    "percent": Kind.DECIMAL,
    "currency": Kind.MONEY,
    "boolean": Kind.YES_NO,
    "date": Kind.DAY,
    "datetime": Kind.MOMENT,
    "picklist": Kind.CHOICE,
    "reference": Kind.LOOKUP,
}

_FILLED_IN = frozenset({"OwnerId", "AccountId"})
"""Fields that the platform or our own client fills in on create."""

_STAGES = "SELECT ApiName, MasterLabel, IsActive, IsClosed, IsWon FROM OpportunityStage ORDER BY SortOrder"


def describe(api: SalesforceApi, file: MappingFile, currency: str | None) -> Description:
    """Return the tables that the mapping file speaks of. Raises SchemaMismatch for a table that does not exist.

    `currency` is the one currency of an org without the field for it: it is described as if it were there.
    """
    record = describe_table(api, file.table)
    columns = dict(record.columns)
    if STAGE in columns:
        # The picklist names the stages; what they mean stands in another table.
        options = tuple(_stage(row) for row in api.rows(_STAGES))
        columns[STAGE] = Column(STAGE, Kind.STATUS, options=options)
    if currency:
        columns[CURRENCY] = Column(CURRENCY, Kind.CHOICE, options=(Option(currency, currency),))
    return Description(
        replace(record, columns=columns),
        describe_table(api, "Account"),
        describe_table(api, "Contact"),
        describe_table(api, "User"),
        rows=next((describe_table(api, row.rows.table) for row in file.fields if row.rows), None),
    )


def describe_table(api: SalesforceApi, name: str) -> Table:
    """Return every field of a table that can be seen. Raises SchemaMismatch."""
    try:
        content = api.get(path("sobjects", name, "describe"))
    except GoneError as error:
        raise SchemaMismatch(f"Salesforce has no table {name}, or hides it from the app's user") from error
    fields = content.get("fields")
    rows = [row for row in fields if isinstance(row, Mapping)] if isinstance(fields, list) else []
    keys = tuple(_key(row) for row in rows if row.get("externalId") is True or row.get("unique") is True)
    return Table(name, {str(row["name"]): _column(row) for row in rows}, keys, key_title="external id")


def _column(row: JsonObject) -> Column:
    kind = _KINDS.get(str(row.get("type")), Kind.OTHER)
    name, creatable = str(row["name"]), row.get("createable") is True
    demanded = creatable and row.get("nillable") is False and row.get("defaultedOnCreate") is False
    return Column(
        name,
        kind,
        length=_whole(row.get("length")) if kind in (Kind.TEXT, Kind.MEMO) else None,
        digits=_whole(row.get("scale")) if kind in (Kind.MONEY, Kind.DECIMAL) else None,
        options=_options(row) if kind is Kind.CHOICE else (),
        required=demanded and name not in _FILLED_IN,
        creatable=creatable,
        updatable=row.get("updateable") is True,
        targets=tuple(map(str, _list(row, "referenceTo"))),
    )


def _options(row: JsonObject) -> tuple[Option, ...]:
    values = [value for value in _list(row, "picklistValues") if isinstance(value, Mapping)]
    return tuple(
        Option(str(value.get("value")), str(value.get("label") or value.get("value")))
        for value in values
        if value.get("active") is True
    )


def _stage(row: JsonObject) -> Option:
    closed, won = row.get("IsClosed") is True, row.get("IsWon") is True
    means = {Stage.WON} if closed and won else {Stage.LOST} if closed else {Stage.ON_HOLD, Stage.ACTIVE}
    label = str(row.get("MasterLabel") or row.get("ApiName"))
    return Option(
        str(row.get("ApiName") or label), label, means=frozenset(means), active=row.get("IsActive") is not False
    )


def _key(row: JsonObject) -> Key:
    both = row.get("externalId") is True and row.get("unique") is True
    state = "Active" if both else "not unique" if row.get("externalId") is True else "unique only"
    return Key((str(row["name"]),), state, both)


def _list(row: JsonObject, name: str) -> list[object]:
    values = row.get(name)
    return values if isinstance(values, list) else []


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
