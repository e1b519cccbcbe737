"""The deal in canonical values: what a referral and a record have in common.

Both sides are translated into these values before anything is compared, so that `1000` and `1000.0000`, `&amp;` and
`&`, a date with and without a time, and null and the empty string are never a difference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

Value = None | bool | str | Decimal | date | tuple[str, ...]
"""A canonical value: absent, yes/no, normalized text (or a code), Decimal number, UTC day, or an ordered set."""

Fields = Mapping[str, Value]
"""Canonical values by field name."""


def mark_of(*values: Value) -> str:
    """Return a mark by which equal values are known again, and which does not tell them."""
    plain = [each.normalize() if isinstance(each, Decimal) else each for each in values]
    return hashlib.sha256(repr(plain).encode()).hexdigest()[:12]


@dataclass(frozen=True, order=True)
class RecordKey:
    """Which record: the CRM, its table, and the record's id there. Ids of two tables may look alike."""

    crm: str
    table: str
    id: str

    @property
    def deal(self) -> str:
        """The key of a deal that has no referral yet; a referral's id, a GUID, never looks like it."""
        return f"{self.table}:{self.id}"

    def __str__(self) -> str:
        return f"{self.crm}/{self.table}/{self.id}"


def identifier_in(held: object) -> str | None:
    """Return what an identifier column holds in Partner Center's spelling: one typed in capitals is no other one."""
    return str(held or "").strip().lower() or None


NAME = "name"
DEAL_VALUE = "deal_value"
CURRENCY = "currency"
CLOSING_DATE = "closing_date"
NOTES = "notes"
SOLUTIONS = "solutions"
VISIBLE = "visible_to_microsoft"
HELP = "help"
STATUS = "status"
CLOSE_REASON = "close_reason"
DECIDE_BY = "decide_by"

STANDARD_FIELDS = (NAME, DEAL_VALUE, CURRENCY, CLOSING_DATE, NOTES, SOLUTIONS, VISIBLE, HELP)
"""Fields that every mapping file defines, because creating a deal needs them; others are the customer's own."""


def dump_fields(fields: Fields) -> dict[str, object]:
    """Return canonical fields as JSON can hold them; `load_fields` gives them back exactly."""
    return {name: _dump(value) for name, value in sorted(fields.items())}


def load_fields(content: Mapping[str, object]) -> dict[str, Value]:
    """Read what `dump_fields` returned."""
    return {name: _load(value) for name, value in content.items()}


def show(value: Value) -> str:
    """Return a value as a person reads it in an audit line."""
    if value is None or value == ():
        return "(empty)"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value)


def _dump(value: Value) -> object:
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, tuple):
        return list(value)
    return value


def _load(value: object) -> Value:
    if isinstance(value, dict):
        return Decimal(value["decimal"]) if "decimal" in value else date.fromisoformat(value["date"])
    if isinstance(value, list):
        return tuple(value)
    if value is None or isinstance(value, (bool, str)):
        return value
    raise ValueError(f"not a stored canonical value: {type(value).__name__}")


def is_part(part: Value, whole: Value) -> bool:
    """Whether one value is the beginning of a text, a rounded number, or some members of a set."""
    if isinstance(part, str) and isinstance(whole, str):
        return whole.startswith(part)
    if isinstance(part, Decimal) and isinstance(whole, Decimal):
        return whole.quantize(part, ROUND_HALF_EVEN) == part
    return isinstance(part, tuple) and isinstance(whole, tuple) and set(part) < set(whole)
