"""Definitions of object types and their fields."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class FieldType(StrEnum):
    """A field's type, spelled as describe spells it."""

    ID = "id"
    STRING = "string"
    TEXTAREA = "textarea"
    PICKLIST = "picklist"
    BOOLEAN = "boolean"
    CURRENCY = "currency"
    PERCENT = "percent"
    INT = "int"
    DOUBLE = "double"
    DATE = "date"
    DATETIME = "datetime"
    REFERENCE = "reference"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    ADDRESS = "address"


TEXTS = frozenset(
    {FieldType.STRING, FieldType.TEXTAREA, FieldType.PICKLIST, FieldType.EMAIL, FieldType.PHONE, FieldType.URL}
)
NUMBERS = frozenset({FieldType.CURRENCY, FieldType.PERCENT, FieldType.INT, FieldType.DOUBLE})
IDS = frozenset({FieldType.ID, FieldType.REFERENCE})
_LONG_TEXT = 255


@dataclass(frozen=True)
class Field:
    """One field. `required` means that every record needs it; booleans never are.

    `compound` is the field that stands for it and its neighbours together, such as BillingAddress.
    """

    name: str
    type: FieldType
    label: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    required: bool = False
    createable: bool = True
    updateable: bool = True
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    picklist: tuple[str, ...] = ()
    restricted: bool = False
    refers_to: str | None = None
    relationship: str | None = None
    default: object = None
    custom: bool = False
    compound: str | None = None

    @property
    def is_key(self) -> bool:
        """Whether records can be addressed by it."""
        return self.external_id or self.type is FieldType.ID

    @property
    def is_filterable(self) -> bool:
        """Whether WHERE and ORDER BY may name it: long text may not be."""
        return not (self.type is FieldType.TEXTAREA and self.length > _LONG_TEXT)


@dataclass(frozen=True)
class ChildRelationship:
    """A relationship seen from the parent. `cascades`: deleting the parent deletes the children."""

    name: str
    child: str
    field: str
    cascades: bool = False


@dataclass
class SObjectType:
    """One object type, with its fields in the order of their definition.

    `writable`: records can be made and changed through the API. `admin_only`: that takes a permission.
    """

    name: str
    label: str
    prefix: str
    fields: dict[str, Field]
    children: tuple[ChildRelationship, ...] = ()
    replicateable: bool = False
    writable: bool = True
    admin_only: bool = False
    _by_lower: dict[str, Field] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._by_lower = {name.lower(): item for name, item in self.fields.items()}

    def find(self, name: str) -> Field | None:
        """Return a field by its name, which is case-insensitive."""
        return self._by_lower.get(name.lower())

    def by_relationship(self, name: str) -> Field | None:
        """Return the reference field whose relationship has this name."""
        wanted = name.lower()
        return next((item for item in self.fields.values() if (item.relationship or "").lower() == wanted), None)

    def child(self, name: str) -> ChildRelationship | None:
        """Return a child relationship by its name."""
        return next((item for item in self.children if item.name.lower() == name.lower()), None)

    def add(self, item: Field) -> None:
        """Add a field, or replace it."""
        self.fields[item.name] = item
        self._by_lower[item.name.lower()] = item


def object_type(
    name: str,
    prefix: str,
    fields: Iterable[Field],
    children: Iterable[ChildRelationship] = (),
    *,
    label: str = "",
    replicateable: bool = False,
    writable: bool = True,
    admin_only: bool = False,
) -> SObjectType:
    """Return an object type with the given fields."""
    return SObjectType(
        name,
        label or name,
        prefix,
        {item.name: item for item in fields},
        tuple(children),
        replicateable,
        writable,
        admin_only,
    )
