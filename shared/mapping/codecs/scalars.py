"""Amounts, currencies, days, yes and no."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from shared.deal import Value
from shared.mapping.codecs.codec import Codec, Json, as_is, as_is_to_referral
from shared.mapping.codes import is_currency
from shared.mapping.unreadable import UnreadableValue

_LARGEST = 10**15
"""No amount reaches this: Dataverse's money ends at 922 337 203 685 477, and a JSON number holds 15 digits exactly."""


def _decimal(value: Json) -> Value:
    if type(value) is int or type(value) is float:
        number: float = value
    elif value is None or value == "":
        return None
    elif isinstance(value, (str, Decimal)):
        try:
            number = float(Decimal(str(value).strip()))
        except (InvalidOperation, ValueError, OverflowError):
            raise UnreadableValue("value.not_a_number") from None
    else:
        raise UnreadableValue("value.not_a_number")
    if not -_LARGEST < number < _LARGEST:  # NaN is not, either
        raise UnreadableValue("value.too_large")
    whole = int(number)
    return Decimal(whole) if whole == number else Decimal(repr(number))


def _number(value: Value) -> Json:
    if not isinstance(value, Decimal):
        return None
    number = float(value)
    return int(number) if number.is_integer() else number


def _number_to_referral(value: Value, _source: Json) -> Json:
    return _number(value)


def money(digits: int = 2) -> Codec:
    """An amount, rounded half-even to the `digits` that the CRM column keeps; a JSON number on both sides."""
    place = Decimal(1).scaleb(-digits)

    def fit(value: Value) -> Value:
        return _decimal(value.quantize(place, ROUND_HALF_EVEN)) if isinstance(value, Decimal) else value

    return Codec(_decimal, _number_to_referral, _decimal, _number, fit)


def rounded(value: Value, digits: int, held: Value) -> Value:
    """Return an amount as a CRM has it that keeps fewer digits: `held` when that is the amount rounded, either way."""
    if not isinstance(value, Decimal):
        return value
    unit = Decimal(1).scaleb(-digits)
    if isinstance(held, Decimal) and held % unit == 0 and abs(held - value) * 2 <= unit:
        return held
    return _decimal(value.quantize(unit, ROUND_HALF_EVEN))


def currency() -> Codec:
    """An ISO 4217 alphabetic code, of this time or another: whether the other side knows it is theirs to say."""

    def read(value: Json) -> Value:
        if value is None or value == "":
            return None
        typed = str(value)
        code = typed if is_currency(typed) else typed.strip().upper()
        if not is_currency(code):
            raise UnreadableValue("value.not_a_currency", value=typed)
        return code

    return Codec(read, as_is_to_referral, read, as_is)


def _day(value: Json) -> Value:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise UnreadableValue("value.not_a_date", value=value)
    try:
        moment = datetime.fromisoformat(value)
        zone = moment.tzinfo
        if zone is not UTC and zone is not None and moment.year > 1:
            moment = moment.astimezone(UTC)
    except ValueError:
        raise UnreadableValue("value.not_a_date", value=value) from None
    except OverflowError:
        raise UnreadableValue("value.date_out_of_range", value=value) from None
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
            raise UnreadableValue("value.not_yes_or_no")
        return value

    return Codec(read, lambda value, _source: bool(value), read, bool)
