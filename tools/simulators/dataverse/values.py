"""Checks one column's value as the platform does and returns it as it is stored."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

from tools.simulators.dataverse.columns import CHOICES, Column, Kind
from tools.simulators.dataverse.errors import RefusedError, Rule

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})")
LONGEST_MONEY = 4
_FIRST_YEAR = 1753  # what SQL Server's datetime can hold


def checked(table: str, column: Column, value: object, rounding: str) -> object:
    """Return the value as stored, or refuse it. None stays None; an empty text is null."""
    if value is None:
        return None
    if column.kind is Kind.MONEY:
        return _money(table, column, value, rounding)
    return _CHECKS[column.kind](table, column, value)


def parse_id(text: str) -> str | None:
    """Return a GUID in the form the platform writes it, or None when it is none."""
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
        return None
    return str(uuid.UUID(text))


def _wrong(column: Column, value: object, expected: str) -> RefusedError:
    return RefusedError(Rule.WRONG_TYPE, column=column.name, value=repr(value), type=expected)


def _text(table: str, column: Column, value: object) -> object:
    if not isinstance(value, str):
        raise _wrong(column, value, "Edm.String")
    # The platform counts UTF-16 units, as .NET strings do.
    if column.max_length is not None and len(value.encode("utf-16-le")) // 2 > column.max_length:
        raise RefusedError(Rule.TOO_LONG, table=table, column=column.name, limit=column.max_length)
    return value or None


def _whole(table: str, column: Column, value: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(column, value, "Edm.Int32")
    _require_range(Rule.NUMBER_OUT_OF_RANGE, table, column, Decimal(value))
    return value


def _number(column: Column, value: object) -> Decimal:
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        raise _wrong(column, value, "Edm.Decimal")
    return Decimal(value)


def _decimal(table: str, column: Column, value: object) -> object:
    number = _number(column, value)
    _require_range(Rule.NUMBER_OUT_OF_RANGE, table, column, number)
    return number


def _money(table: str, column: Column, value: object, rounding: str) -> Decimal:
    number = _number(column, value)
    _require_range(Rule.MONEY_OUT_OF_RANGE, table, column, number)
    precision = LONGEST_MONEY if column.precision_source else column.precision or 0  # the row decides later
    return number.quantize(Decimal(1).scaleb(-precision), rounding=rounding)


def _require_range(rule: Rule, table: str, column: Column, value: Decimal) -> None:
    low, high = column.minimum, column.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        raise RefusedError(rule, table=table, column=column.name, value=value, low=low, high=high)


def _boolean(_table: str, column: Column, value: object) -> object:
    if not isinstance(value, bool):
        raise _wrong(column, value, "Edm.Boolean")
    return value


def _choice(table: str, column: Column, value: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(column, value, "Edm.Int32")
    if column.option(value) is None:
        accepted = ",".join(str(option.value) for option in column.options)
        raise RefusedError(Rule.OPTION_OUT_OF_RANGE, table=table, column=column.name, value=value, accepted=accepted)
    return value


def _date(_table: str, column: Column, value: object) -> object:
    expected, pattern = ("Edm.Date", _DAY) if column.is_date_only else ("Edm.DateTimeOffset", _MOMENT)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _wrong(column, value, expected)
    try:
        stored, year = _stored_date(value, column)
    except ValueError:
        raise _wrong(column, value, expected) from None
    if year < _FIRST_YEAR:
        raise RefusedError(Rule.DATE_OUT_OF_RANGE, column=column.name, value=value)
    return stored


def _stored_date(value: str, column: Column) -> tuple[str, int]:
    if column.is_date_only:
        return value, date.fromisoformat(value).year
    moment = datetime.fromisoformat(value).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ"), moment.year


def _identifier(_table: str, column: Column, value: object) -> object:
    identifier = parse_id(value) if isinstance(value, str) else None
    if identifier is None:
        raise _wrong(column, value, "Edm.Guid")
    return identifier


_CHECKS: dict[Kind, Callable[[str, Column, object], object]] = {
    Kind.STRING: _text,
    Kind.MEMO: _text,
    Kind.INTEGER: _whole,
    Kind.BIGINT: _whole,
    Kind.DECIMAL: _decimal,
    Kind.BOOLEAN: _boolean,
    Kind.DATETIME: _date,
    Kind.ID: _identifier,
    **dict.fromkeys(CHOICES, _choice),
}
