"""What a table is made of: columns by kind, alternate keys, and the table that holds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """The platform's AttributeType."""

    STRING = "String"
    MEMO = "Memo"
    INTEGER = "Integer"
    BIGINT = "BigInt"
    DECIMAL = "Decimal"
    MONEY = "Money"
    BOOLEAN = "Boolean"
    DATETIME = "DateTime"
    PICKLIST = "Picklist"
    STATE = "State"
    STATUS = "Status"
    LOOKUP = "Lookup"
    CUSTOMER = "Customer"
    OWNER = "Owner"
    ID = "Uniqueidentifier"


LOOKUPS = frozenset({Kind.LOOKUP, Kind.CUSTOMER, Kind.OWNER})
CHOICES = frozenset({Kind.PICKLIST, Kind.STATE, Kind.STATUS})


class Required(StrEnum):
    """The platform's RequiredLevel; the API itself enforces only SystemRequired."""

    NONE = "None"
    SYSTEM = "SystemRequired"
    APPLICATION = "ApplicationRequired"
    RECOMMENDED = "Recommended"


@dataclass(frozen=True)
class Option:
    """One value of a choice; `state` is the statecode that a status reason belongs to."""

    value: int
    label: str
    state: int | None = None


@dataclass(frozen=True)
class Column:
    """One typed column. `navigations` are (navigation property name, target table), exact case.

    `precision_source` says who decides the digits of money: 0 the column, 1 the organization, 2 the row's currency.
    """

    name: str
    kind: Kind
    schema_name: str
    required: Required = Required.NONE
    creatable: bool = True
    updatable: bool = True
    max_length: int | None = None
    precision: int | None = None
    precision_source: int = 0
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    format: str = ""
    options: tuple[Option, ...] = ()
    navigations: tuple[tuple[str, str], ...] = ()
    custom: bool = False

    @property
    def is_lookup(self) -> bool:
        """Whether the column refers to another row."""
        return self.kind in LOOKUPS

    @property
    def is_date_only(self) -> bool:
        """Whether the column holds a day without a time."""
        return self.kind is Kind.DATETIME and self.format == "DateOnly"

    @property
    def wire_name(self) -> str:
        """The property name under which the column is read."""
        return f"_{self.name}_value" if self.is_lookup else self.name

    def option(self, value: object) -> Option | None:
        """Return the option of that value, or None."""
        return next((option for option in self.options if option.value == value), None)


@dataclass(frozen=True)
class Key:
    """An alternate key; its unique index becomes usable at `active_from`, unless `failed`."""

    name: str
    schema_name: str
    columns: tuple[str, ...]
    created: datetime
    active_from: datetime
    failed: bool = False

    def status(self, now: datetime) -> str:
        """Return the platform's EntityKeyIndexStatus at `now`."""
        if self.failed:
            return "Failed"
        if now >= self.active_from:
            return "Active"
        half_way = self.created + (self.active_from - self.created) / 2
        return "InProgress" if now >= half_way else "Pending"


@dataclass
class Table:
    """A table's definition. `visible_from` delays columns that were added by the metadata API."""

    name: str
    set_name: str
    schema_name: str
    primary_id: str
    primary_name: str
    columns: dict[str, Column]
    change_tracking: bool = False
    keys: dict[str, Key] = field(default_factory=dict)
    visible_from: dict[str, datetime] = field(default_factory=dict)
    tokens_void_up_to: int = 0

    def visible_columns(self, now: datetime) -> Iterator[Column]:
        """Yield the columns that every server of the environment knows at `now`."""
        return (column for column in self.columns.values() if self._visible(column.name, now))

    def column(self, name: str, now: datetime) -> Column | None:
        """Return a visible column by logical name."""
        return self.columns.get(name) if self._visible(name, now) else None

    def readable(self, wire_name: str, now: datetime) -> Column | None:
        """Return the column behind a property name as it is used in $select and $filter."""
        is_lookup_form = wire_name.startswith("_") and wire_name.endswith("_value")
        column = self.column(wire_name[1:-6] if is_lookup_form else wire_name, now)
        return column if column and column.is_lookup == is_lookup_form else None

    def navigation(self, name: str, now: datetime) -> tuple[Column, str] | None:
        """Return (column, target table) of a single-valued navigation property; the case must match."""
        for column in self.visible_columns(now):
            for navigation, target in column.navigations:
                if navigation == name:
                    return column, target
        return None

    def targets(self, name: str, now: datetime) -> tuple[str, ...]:
        """Return every table that a navigation property may lead to: an owner is a user or a team."""
        columns = self.visible_columns(now)
        return tuple(target for column in columns for navigation, target in column.navigations if navigation == name)

    def key_for(self, columns: set[str], now: datetime) -> Key | None:
        """Return the active alternate key made of exactly these columns."""
        for key in self.keys.values():
            if set(key.columns) == columns and key.status(now) == "Active":
                return key
        return None

    def add_column(self, column: Column, visible_from: datetime) -> None:
        """Add a custom column that can be seen from then on."""
        self.columns[column.name] = column
        self.visible_from[column.name] = visible_from

    def add_key(self, schema_name: str, columns: tuple[str, ...], now: datetime, delay: timedelta) -> Key:
        """Add an alternate key whose index is built within `delay`."""
        key = Key(schema_name.lower(), schema_name, columns, now, now + delay)
        self.keys[key.name] = key
        return key

    def _visible(self, name: str, now: datetime) -> bool:
        visible_from = self.visible_from.get(name)
        return visible_from is None or visible_from <= now
