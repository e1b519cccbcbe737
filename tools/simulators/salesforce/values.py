"""Values of fields: what JSON may bring, how it is stored, how it is shown."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.fields import IDS, NUMBERS, TEXTS, Field, FieldType, SObjectType
from tools.simulators.salesforce.ids import long_id

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def to_stored(sobject: SObjectType, field: Field, value: object) -> object:
    """Return a JSON value as it is stored, or refuse it; None stands for null."""
    if value is None:
        if field.type is FieldType.BOOLEAN:
            raise _wrong_type(field, value)
        return None
    if field.type in TEXTS:
        return _text(sobject, field, value)
    if field.type in NUMBERS:
        return _number(sobject, field, value)
    if field.type in IDS:
        return _id(field, value)
    if field.type is FieldType.BOOLEAN:
        if not isinstance(value, bool):
            raise _wrong_type(field, value)
        return value
    return _moment(field, value)


def _text(sobject: SObjectType, field: Field, value: object) -> str | None:
    """Text loses the blanks around it; what is empty then is null."""
    if not isinstance(value, str):
        raise _wrong_type(field, value)
    kept = value.strip()
    label = f"{sobject.label}.{field.label}" if field.custom else field.label
    if len(kept.encode("utf-16-le")) // 2 > field.length:
        raise RefusedError(Rule.TOO_LONG, label=label, value=kept, limit=field.length, on=[field.name])
    if kept and field.restricted and kept not in field.picklist:
        raise RefusedError(Rule.BAD_PICKLIST, label=label, value=kept, on=[field.name])
    if kept and field.type is FieldType.EMAIL and not _MAIL.fullmatch(kept):
        raise RefusedError(Rule.BAD_EMAIL, label=label, value=kept, on=[field.name])
    return kept or None


def _number(sobject: SObjectType, field: Field, value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise _wrong_type(field, value)
    exact = Decimal(str(value))
    if field.type is FieldType.INT and exact != exact.to_integral_value():
        raise _wrong_type(field, value)
    if not exact.is_finite() or abs(exact) >= Decimal(10) ** (field.precision - field.scale):
        raise RefusedError(Rule.OUT_OF_RANGE, label=f"{sobject.label}.{field.label}", value=value, on=[field.name])
    return exact.quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP)


def _id(field: Field, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong_type(field, value)
    full = long_id(value)
    if full is None:
        raise RefusedError(Rule.MALFORMED_ID, label=field.label, value=value, on=[field.name])
    return full


def _moment(field: Field, value: object) -> object:
    if not isinstance(value, str):
        raise _wrong_type(field, value)
    try:
        if field.type is FieldType.DATE:
            return date.fromisoformat(_DATE.fullmatch(value)[0]).isoformat()  # type: ignore[index]
        moment = datetime.fromisoformat(value)
    except (ValueError, TypeError):
        raise _wrong_type(field, value) from None
    if moment.tzinfo is None:
        raise _wrong_type(field, value)
    return moment.astimezone(UTC)


def _wrong_type(field: Field, value: object) -> RefusedError:
    return RefusedError(Rule.WRONG_TYPE, type=field.type.value, token=_token(value), value=value)


def _token(value: object) -> str:
    """Return the name that the platform's JSON parser has for a value."""
    if isinstance(value, bool):
        return "VALUE_TRUE" if value else "VALUE_FALSE"
    names = {str: "VALUE_STRING", int: "VALUE_NUMBER_INT", dict: "START_OBJECT", list: "START_ARRAY"}
    if value is None:
        return "VALUE_NULL"
    return names.get(type(value), "VALUE_NUMBER_FLOAT")


def to_wire(value: object) -> object:
    """Return a stored value as JSON shows it: numbers plain, datetimes with milliseconds and `+0000`."""
    if isinstance(value, datetime):
        return wire_datetime(value)
    if isinstance(value, Decimal):
        return float(value) if value.as_tuple().exponent else int(value)
    return value


def wire_datetime(moment: datetime) -> str:
    """Return a moment in the form of answers: `2026-05-07T22:07:19.000+0000`."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}+0000"
