"""What a CRM says about its own tables: the vocabulary in which a mapping is held against the live system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.lifecycle import Stage
from shared.mapping.owners import Assignee


class Kind(StrEnum):
    """What a column holds, in words that every CRM shares; the value is what a person reads."""

    TEXT = "Text"
    MEMO = "Multiline text"
    WHOLE = "Whole number"
    DECIMAL = "Decimal number"
    MONEY = "Currency"
    YES_NO = "Yes/No"
    DAY = "Date only"
    MOMENT = "Date and time"
    CHOICE = "Choice"
    STATE = "Status"
    STATUS = "Status reason"
    LOOKUP = "Lookup"
    OTHER = "another type"


@dataclass(frozen=True)
class Option:
    """One value of a choice.

    `state` is the state that a status reason belongs to; `means` are the stages that the CRM itself takes it for, where
    it says so. A value that is not `active` is understood, but can no longer be written.
    """

    value: str | int
    label: str
    state: int | None = None
    means: frozenset[Stage] | None = None
    active: bool = True


@dataclass(frozen=True)
class Column:
    """One column. Facts that its kind does not have, or that the CRM does not fix, are None or empty.

    `length` is in characters, `digits` behind the decimal point. `required`: the CRM refuses a new row without it and
    does not fill it in. `targets` are the tables that a look-up may point to; one that is `coded` is read and
    written by a code of the row that it points to, as a currency is. No other look-up can be mapped. `hidden` says why
    the app's user does not get to see its values, where the CRM tells.
    """

    name: str
    kind: Kind
    length: int | None = None
    digits: int | None = None
    options: tuple[Option, ...] = ()
    required: bool = False
    creatable: bool = True
    updatable: bool = True
    targets: tuple[str, ...] = ()
    coded: bool = False
    hidden: str = ""

    def __str__(self) -> str:
        """The type as a person reads it: `Text 100`."""
        return self.kind.value if self.length is None else f"{self.kind.value} {self.length}"


@dataclass(frozen=True)
class Key:
    """An alternate key. It enforces anything only while `active`; `state` is the CRM's own word for its index."""

    columns: tuple[str, ...]
    state: str
    active: bool


@dataclass(frozen=True)
class Table:
    """One table, columns by logical name. `change_tracking`: whether it has a change feed.

    `key_title` is what the CRM's own pages call an alternate key.
    """

    name: str
    columns: Mapping[str, Column]
    keys: tuple[Key, ...] = ()
    change_tracking: bool = True
    key_title: str = "alternate key"

    def key(self, column: str) -> Key | None:
        """Return the alternate key on exactly this column."""
        return next((key for key in self.keys if key.columns == (column,)), None)


@dataclass(frozen=True)
class Description:
    """The tables that a mapping file speaks of, and whom it names that the CRM does not have."""

    record: Table
    account: Table
    contact: Table
    owner: Table
    missing_owners: tuple[Assignee, ...] = ()
    rows: Table | None = None
    """The table of solutions, where the mapping file names one."""
