"""Codecs: how one field's value is written on either side, and what both spellings mean.

A codec has four functions. `from_referral` and `from_record` read a wire value into the canonical value; both
normalize, so that spelling never counts as a difference. `to_referral` and `to_record` write a canonical value; the
first is given what the referral holds now, so that parts we do not map survive. A wire value that breaks the codec's
rule raises ValueError with that rule; whoever knows the field's name turns it into a DataError.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from shared.deal import Value
from shared.mapping.codes import CURRENCIES, country_code

Json = object
"""A decoded JSON value as a vendor sends it."""


def _as_is(value: Value) -> Value:
    return value


@dataclass(frozen=True)
class Codec:
    """The two spellings of one field. `needs_source`: the referral's current value is needed to write it."""

    from_referral: Callable[[Json], Value]
    to_referral: Callable[[Value, Json], Json]
    from_record: Callable[[Json], Value]
    to_record: Callable[[Value], Json]
    fit: Callable[[Value], Value] = _as_is
    needs_source: bool = False


# --- text ------------------------------------------------------------------------------------------------------------

_MARK = re.compile("^[\u2713\u2714\u2716\u2717\u2718\u23f3][\ufe0e\ufe0f]?\\s*")
"""The glyphs that Microsoft's connector and we put in front of a record's name."""


def text(limit: int | None = None, *, strip_mark: bool = False) -> Codec:
    """Plain text, at most `limit` characters in the CRM; entities unescaped, outer blanks and empty text dropped."""

    def normalize(value: Json) -> Value:
        if value is None:
            return None
        if not isinstance(value, str):
            raise ValueError(f"must be text, not {type(value).__name__}")
        plain = value.replace("\r\n", "\n").strip()
        if strip_mark:
            plain = _MARK.sub("", plain)
        return plain or None

    def from_referral(value: Json) -> Value:
        return normalize(html.unescape(value) if isinstance(value, str) else value)

    def fit(value: Value) -> Value:
        if limit is None or not isinstance(value, str):
            return value
        return value[:limit].strip() or None

    def to_referral(value: Value, _source: Json) -> Json:
        return "" if value is None else value

    return Codec(from_referral, to_referral, normalize, _as_is, fit)


# --- money, currency, date, yes/no -----------------------------------------------------------------------------------


def _decimal(value: Json) -> Value:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise ValueError(f"must be a number, not {type(value).__name__}")
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError("must be a number") from None
    if not number.is_finite():
        raise ValueError("must be a finite number")
    plain = number.normalize()
    return plain.quantize(Decimal(1)) if plain == plain.to_integral_value() else plain


def _number(value: Value) -> Json:
    if not isinstance(value, Decimal):
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def money(digits: int = 2) -> Codec:
    """An amount, rounded half-even to the `digits` that the CRM column keeps; a JSON number on both sides."""
    unit = Decimal(1).scaleb(-digits)

    def fit(value: Value) -> Value:
        return _decimal(value.quantize(unit, ROUND_HALF_EVEN)) if isinstance(value, Decimal) else value

    return Codec(_decimal, lambda value, _source: _number(value), _decimal, _number, fit)


def currency() -> Codec:
    """An ISO 4217 alphabetic code."""

    def read(value: Json) -> Value:
        if value is None or value == "":
            return None
        code = str(value).strip().upper()
        if code not in CURRENCIES:
            raise ValueError(f"{code!r} is not an ISO 4217 currency code")
        return code

    return Codec(read, lambda value, _source: value, read, _as_is)


def _day(value: Json) -> Value:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError(f"must be a date, not {type(value).__name__}")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is not an ISO 8601 date") from None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    # .NET's smallest date is how an absent one comes back from some services.
    return None if moment.year == 1 else moment.date()


def day() -> Codec:
    """A calendar day: the UTC day of Partner Center's timestamp, a date-only column in the CRM."""

    def to_referral(value: Value, source: Json) -> Json:
        if source is not None and _day(source) == value:
            return source
        return f"{value.isoformat()}T00:00:00Z" if isinstance(value, date) else None

    def to_record(value: Value) -> Json:
        return value.isoformat() if isinstance(value, date) else None

    return Codec(_day, to_referral, _day, to_record)


def yes_no() -> Codec:
    """A yes/no field; an absent one is no."""

    def read(value: Json) -> Value:
        if value is None:
            return False
        if not isinstance(value, bool):
            raise ValueError(f"must be true or false, not {type(value).__name__}")
        return value

    return Codec(read, lambda value, _source: bool(value), read, bool)


# --- closed sets -----------------------------------------------------------------------------------------------------


def choice(values: Mapping[str | int | bool, str], empty: tuple[str, ...] = ()) -> Codec:
    """A closed set; `values` maps the CRM's option to Partner Center's code and is used in both directions.

    `empty` lists the codes that mean "nothing chosen" in Partner Center.
    """
    to_code = {str(option): code for option, code in values.items()}
    to_option = {code: option for option, code in values.items()}

    def from_referral(value: Json) -> Value:
        if value is None or value == "" or value in empty:
            return None
        if value not in to_option:
            raise ValueError(f"{value!r} is not one of {', '.join(to_option)}")
        return str(value)

    def from_record(value: Json) -> Value:
        if value is None or value == "":
            return None
        if str(value) not in to_code:
            raise ValueError(f"option {value!r} is not one of {', '.join(to_code)}")
        return to_code[str(value)]

    def to_referral(value: Value, _source: Json) -> Json:
        return value if value is not None else (empty[0] if empty else None)

    return Codec(from_referral, to_referral, from_record, lambda value: to_option.get(str(value)))


def country() -> Codec:
    """A country: alpha-2 in Partner Center; in the CRM a code or an English name, written as alpha-2."""

    def read(value: Json) -> Value:
        if value is None or value == "":
            return None
        code = country_code(str(value))
        if code is None:
            raise ValueError(f"{value!r} is neither an ISO 3166 code nor an English country name")
        return code

    return Codec(read, lambda value, _source: value, read, _as_is)


# --- lists -----------------------------------------------------------------------------------------------------------


def solutions(limit: int | None = None) -> Codec:
    """The co-sell solutions: objects with an id in Partner Center, a comma separated list of ids in the CRM.

    A set: order and repetition mean nothing. Whatever else Partner Center keeps with a solution survives a write.
    """

    def from_referral(value: Json) -> Value:
        if value is None:
            return ()
        if not isinstance(value, list):
            raise ValueError("must be a list of solutions")
        return tuple(sorted({str(item["id"]).strip() for item in value if isinstance(item, dict) and item.get("id")}))

    def to_referral(value: Value, source: Json) -> Json:
        ids = value if isinstance(value, tuple) else ()
        held = {item["id"]: item for item in source if isinstance(item, dict)} if isinstance(source, list) else {}
        return [held.get(each, {"type": "Name", "id": each}) for each in ids]

    def from_record(value: Json) -> Value:
        if value is None:
            return ()
        return tuple(sorted({part.strip() for part in re.split(r"[,;\n]", str(value)) if part.strip()}))

    def fit(value: Value) -> Value:
        ids = list(value) if isinstance(value, tuple) else []
        while limit is not None and len(", ".join(ids)) > limit:
            ids.pop()
        return tuple(ids)

    def to_record(value: Value) -> Json:
        return ", ".join(value) if isinstance(value, tuple) and value else None

    return Codec(from_referral, to_referral, from_record, to_record, fit, needs_source=True)
