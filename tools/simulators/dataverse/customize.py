"""EntityDefinitions, the write side: new columns and keys, change tracking switched on.

Source: the vendor's page on column definitions, as summed up in the reference, A.13. What is new is seen late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tools.simulators.dataverse.columns import Column, Key, Kind, Option, Required, Table
from tools.simulators.dataverse.environment import Caller, Environment
from tools.simulators.dataverse.errors import RefusedError, Rule

_CREATABLE = frozenset(
    {
        Kind.STRING,
        Kind.MEMO,
        Kind.INTEGER,
        Kind.BIGINT,
        Kind.DECIMAL,
        Kind.MONEY,
        Kind.DATETIME,
        Kind.BOOLEAN,
        Kind.PICKLIST,
    }
)
_KEY_KINDS = frozenset({Kind.DECIMAL, Kind.INTEGER, Kind.STRING, Kind.DATETIME, Kind.LOOKUP, Kind.PICKLIST})
_LONGEST = {Kind.STRING: 4000, Kind.MEMO: 1_048_576}
_MOST_KEYS, _MOST_KEY_COLUMNS = 10, 16


@dataclass(frozen=True)
class Customizer:
    """Changes a table's definition for a caller who may."""

    environment: Environment
    caller: Caller

    def add_column(self, table: Table, body: Mapping[str, object]) -> Column:
        """Add a column; it becomes visible after the environment's delay."""
        self._require_privilege("prvCreateAttribute", table)
        column = _column(body)
        if column.name in table.columns:
            raise RefusedError(Rule.COLUMN_EXISTS, name=column.schema_name, table=table.name)
        table.add_column(column, self.environment.now() + self.environment.quirks.column_delay)
        self.environment.void_tokens(table)
        return column

    def add_key(self, table: Table, body: Mapping[str, object]) -> Key:
        """Add an alternate key; its index is built within the environment's delay."""
        self._require_privilege("prvCreateEntityKey", table)
        schema_name = _schema_name(body)
        if schema_name.lower() in table.keys:
            raise RefusedError(Rule.KEY_EXISTS, name=schema_name, table=table.name)
        names = body.get("KeyAttributes")
        if not isinstance(names, list) or not 1 <= len(names) <= _MOST_KEY_COLUMNS or len(table.keys) >= _MOST_KEYS:
            raise RefusedError(Rule.BAD_METADATA, detail="KeyAttributes must name 1 to 16 columns, on at most 10 keys")
        for name in names:
            column = table.column(str(name), self.environment.now())
            if column is None or column.kind not in _KEY_KINDS:
                raise RefusedError(Rule.BAD_METADATA, detail=f"'{name}' cannot be part of a key of '{table.name}'")
        key = self.environment.add_key(table, schema_name, tuple(map(str, names)))
        self.environment.void_tokens(table)
        return key

    def replace_definition(self, table: Table, body: Mapping[str, object]) -> None:
        """PUT the full definition: change tracking may be switched on, and never off again."""
        self._require_privilege("prvWriteEntity", table)
        if body.get("LogicalName") != table.name or "MetadataId" not in body or "SchemaName" not in body:
            raise RefusedError(Rule.BAD_METADATA, detail="PUT takes the whole definition")
        wanted = body.get("ChangeTrackingEnabled")
        if table.change_tracking and wanted is False:
            raise RefusedError(Rule.BAD_METADATA, detail="change tracking cannot be switched off")
        table.change_tracking = table.change_tracking or wanted is True

    def _require_privilege(self, privilege: str, table: Table) -> None:
        if not self.caller.customizer:
            raise RefusedError(Rule.NO_PRIVILEGE, user=self.caller.user_id, privilege=privilege, table=table.name)


def _column(body: Mapping[str, object]) -> Column:
    kind = _kind(body)
    schema_name = _schema_name(body)
    return Column(
        schema_name.lower(),
        kind,
        schema_name,
        required=_required(body),
        max_length=_length(body, kind),
        precision=_integer(body, "Precision", 2) if kind in {Kind.MONEY, Kind.DECIMAL} else None,
        minimum=_bound(body, "MinValue"),
        maximum=_bound(body, "MaxValue"),
        format=_format(body, kind),
        options=_options(body, kind),
        custom=True,
    )


def _kind(body: Mapping[str, object]) -> Kind:
    name = str(body.get("@odata.type", "")).rpartition(".")[2].removesuffix("AttributeMetadata")
    if name not in _CREATABLE:
        raise RefusedError(Rule.BAD_METADATA, detail=f"Attribute of type '{name}' cannot be created through Attributes")
    return Kind(name)


def _schema_name(body: Mapping[str, object]) -> str:
    name = body.get("SchemaName")
    if not isinstance(name, str) or "_" not in name.strip("_"):
        raise RefusedError(Rule.BAD_METADATA, detail="SchemaName needs a publisher prefix and an underscore")
    _label(body.get("DisplayName"), "DisplayName")
    return name


def _label(value: object, name: str) -> str:
    labels = value.get("LocalizedLabels") if isinstance(value, dict) else None
    if not isinstance(labels, list) or not labels or not isinstance(labels[0].get("LanguageCode"), int):
        raise RefusedError(Rule.BAD_METADATA, detail=f"{name} needs LocalizedLabels with Label and LanguageCode")
    return str(labels[0].get("Label"))


def _required(body: Mapping[str, object]) -> Required:
    level = body.get("RequiredLevel", {"Value": "None"})
    value = level.get("Value") if isinstance(level, dict) else None
    if value not in list(Required):
        raise RefusedError(Rule.BAD_METADATA, detail="RequiredLevel.Value is not a level")
    return Required(str(value))


def _length(body: Mapping[str, object], kind: Kind) -> int | None:
    if kind not in _LONGEST:
        return None
    length = _integer(body, "MaxLength", 100)
    if not 1 <= length <= _LONGEST[kind]:
        raise RefusedError(Rule.BAD_METADATA, detail=f"MaxLength must be between 1 and {_LONGEST[kind]}")
    return length


def _integer(body: Mapping[str, object], name: str, default: int) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise RefusedError(Rule.BAD_METADATA, detail=f"{name} must be a number")
    return value


def _bound(body: Mapping[str, object], name: str) -> Decimal | None:
    value = body.get(name)
    return Decimal(value) if isinstance(value, int | Decimal) else None


def _format(body: Mapping[str, object], kind: Kind) -> str:
    if kind is Kind.STRING:
        given = body.get("FormatName", {"Value": "Text"})
        return str(given.get("Value")) if isinstance(given, dict) else "Text"
    defaults = {Kind.DATETIME: "DateAndTime", Kind.MEMO: "TextArea"}
    return str(body.get("Format", defaults.get(kind, "")))


def _options(body: Mapping[str, object], kind: Kind) -> tuple[Option, ...]:
    if kind not in {Kind.PICKLIST, Kind.BOOLEAN}:
        return ()
    given = body.get("OptionSet")
    if not isinstance(given, dict):
        raise RefusedError(Rule.BAD_METADATA, detail="OptionSet is missing")
    options = given.get("Options") if kind is Kind.PICKLIST else [given.get("TrueOption"), given.get("FalseOption")]
    if not isinstance(options, list) or not all(isinstance(option, dict) for option in options):
        raise RefusedError(Rule.BAD_METADATA, detail="OptionSet needs its options")
    return tuple(Option(_integer(option, "Value", 0), _label(option.get("Label"), "Label")) for option in options)
