"""Codecs: how one field's value is written on either side, and what both spellings mean.

A codec is a lens with four functions, made once per row of the mapping file. `from_referral` and `from_record` read a
wire value into the canonical value; both normalize, so that spelling never counts as a difference. `to_referral` and
`to_record` write a canonical value; the first is given what the referral holds now, so that parts we do not map
survive. A wire value that breaks the codec's rule raises ValueError with that rule; whoever knows the field's name
turns it into a DataError.

What is written is read back as the same value. A column that cannot hold everything (a shorter text, fewer digits)
says so through `fit`, which is all a codec may lose.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from html.entities import html5
from typing import TypeVar

from shared.deal import Value
from shared.mapping.codes import country_code, country_name, is_country, is_currency

Json = object
"""A decoded JSON value as a vendor sends it."""


_QUOTED = 80


def quoted(value: object) -> str:
    """Return a value as a problem quotes it: of a long one the beginning, since problems are shown on records."""
    text = repr(value)
    return text if len(text) <= _QUOTED else f"{text[: _QUOTED - 1]}…"


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

MARK = "\u2714 "
"""What is put in front of a record's own name when the mapping wants it there."""

_MARKS = frozenset("\u2713\u2714\u2716\u2717\u2718\u23f3")
"""The glyphs that Microsoft's connector and we put in front of a record's name."""

_LEADING_MARKS = re.compile(f"^(?:[{''.join(_MARKS)}][\ufe0e\ufe0f]?\\s*)+")

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]*);")
"""An HTML entity as Partner Center escapes names with; only with its semicolon, so that `?a=1&copy=2` stays."""


def text(limit: int | None = None, *, strip_mark: bool = False, mark: bool = False, refuse: bool = False) -> Codec:
    """Plain text, at most `limit` characters in the CRM; entities unescaped, outer blanks and empty text dropped.

    `strip_mark` ignores a check mark in front of it, `mark` also writes one there. Longer text is cut by `fit`, or
    with `refuse` it breaks the rule.
    """
    room = limit - len(MARK) if limit is not None and mark else limit

    def normalize(value: Json) -> Value:
        if value is None:
            return None
        if not isinstance(value, str):
            raise ValueError(f"must be text, not {type(value).__name__}")
        plain = value.strip() if value.isascii() else _whole(value).strip()
        if "&" in plain or "\r" in plain or (strip_mark and plain[:1] in _MARKS):
            plain = _cleaned(plain, strip_mark=strip_mark)
        return plain or None

    def not_too_long(value: Json) -> Value:
        plain = normalize(value)
        if isinstance(plain, str) and room is not None and _units(plain) > room:
            raise ValueError(f"is longer than the {room} characters that the CRM's column holds")
        return plain

    def fit(value: Value) -> Value:
        return _cut(value, room) if room is not None and isinstance(value, str) else value

    from_referral = not_too_long if refuse else normalize
    return Codec(from_referral, _text_to_referral, normalize, _marked if mark else _as_is, fit)


def _text_to_referral(value: Value, _source: Json) -> Json:
    return "" if value is None else value


def _marked(value: Value) -> Json:
    return None if value is None else f"{MARK}{value}"


def _cleaned(plain: str, *, strip_mark: bool) -> str:
    """Unescape and strip until nothing changes any more, so that reading again reads the same."""
    while True:
        before = plain
        plain = _ENTITY.sub(_unescaped, plain).replace("\r\n", "\n").strip()
        if strip_mark:
            plain = _LEADING_MARKS.sub("", plain)
        if plain == before or ("&" not in plain and "\r" not in plain and not strip_mark):
            return plain


def _unescaped(entity: re.Match[str]) -> str:
    name = entity[0]
    return html.unescape(name) if name[1] == "#" else html5.get(name[1:], name)


def _whole(plain: str) -> str:
    """Drop halves of UTF-16 pairs, which JSON may carry and no storage takes."""
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")


def _units(plain: str) -> int:
    """The length as both CRMs count it: in UTF-16 code units."""
    return len(plain) if plain.isascii() else len(plain.encode("utf-16-le")) // 2


def _cut(plain: str, limit: int) -> str | None:
    if _units(plain) > limit:
        plain = plain.encode("utf-16-le")[: 2 * limit].decode("utf-16-le", "ignore").strip()
    return plain or None


def link(limit: int | None = None) -> Codec:
    """A web address; one that the CRM's column cannot hold is refused, because a cut address leads nowhere."""
    plain = text(limit, refuse=True)

    def checked(read: Callable[[Json], Value]) -> Callable[[Json], Value]:
        def read_link(value: Json) -> Value:
            found = read(value)
            if found is not None and not re.fullmatch(r"https?://\S+", str(found)):
                raise ValueError("must be a web address that begins with https://")
            return found

        return read_link

    return Codec(checked(plain.from_referral), plain.to_referral, checked(plain.from_record), plain.to_record)


# --- money, currency, date, yes/no -----------------------------------------------------------------------------------

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
            raise ValueError("must be a number") from None
    else:
        raise ValueError(f"must be a number, not {type(value).__name__}")
    if not -_LARGEST < number < _LARGEST:  # NaN is not, either
        raise ValueError("must be a finite number below 10^15")
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
    unit = Decimal(1).scaleb(-digits)

    def fit(value: Value) -> Value:
        return _decimal(value.quantize(unit, ROUND_HALF_EVEN)) if isinstance(value, Decimal) else value

    return Codec(_decimal, _number_to_referral, _decimal, _number, fit)


def rounded(value: Value, digits: int, held: Value) -> Value:
    """Return an amount as a CRM has it that keeps fewer digits: `held` when that is the amount rounded, either way."""
    if not isinstance(value, Decimal):
        return value
    unit = Decimal(1).scaleb(-digits)
    if isinstance(held, Decimal) and held % unit == 0 and abs(held - value) * 2 <= unit:
        return held
    return _decimal(value.quantize(unit, ROUND_HALF_EVEN))


def _same_to_referral(value: Value, _source: Json) -> Json:
    return value


def currency() -> Codec:
    """An ISO 4217 alphabetic code, of this time or another: whether the other side knows it is theirs to say."""

    def read(value: Json) -> Value:
        if value is None or value == "":
            return None
        code = str(value)
        if not is_currency(code):
            code = code.strip().upper()
            if not is_currency(code):
                raise ValueError(f"{quoted(code)} is not an ISO 4217 currency code, which has three letters")
        return code

    return Codec(read, _same_to_referral, read, _as_is)


def _day(value: Json) -> Value:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError(f"must be a date, not {type(value).__name__}")
    try:
        moment = datetime.fromisoformat(value)
        zone = moment.tzinfo
        if zone is not UTC and zone is not None and moment.year > 1:
            moment = moment.astimezone(UTC)
    except ValueError:
        raise ValueError(f"{quoted(value)} is not an ISO 8601 date") from None
    except OverflowError:
        raise ValueError(f"{quoted(value)} is a date beyond the calendar") from None
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

Option = TypeVar("Option", bound=str | int)


def choice(values: Mapping[Option, str], empty: tuple[str, ...] = ()) -> Codec:
    """A closed set; `values` maps the CRM's option to Partner Center's code and is used in both directions.

    `empty` lists the codes that mean "nothing chosen" in Partner Center.
    """
    to_code = {str(option): code for option, code in values.items()}
    to_option: dict[object, Option] = {code: option for option, code in values.items()}

    def from_referral(value: Json) -> Value:
        if value is None or value == "" or value in empty:
            return None
        if not isinstance(value, str) or value not in to_option:
            raise ValueError(f"{quoted(value)} is not one of {', '.join(values.values())}")
        return value

    def from_record(value: Json) -> Value:
        if value is None or value == "":
            return None
        code = to_code.get(str(value))
        if code is None:
            raise ValueError(f"option {quoted(value)} is not one of {', '.join(to_code)}")
        return code

    def to_referral(value: Value, _source: Json) -> Json:
        return value if value is not None else (empty[0] if empty else None)

    return Codec(from_referral, to_referral, from_record, to_option.get)


_NOT_ISO = frozenset({"UK", "EL"})
"""Two letters that are in use for a country whose code has others."""


def country(*, as_name: bool = False) -> Codec:
    """A country: alpha-2 in Partner Center; in the CRM a code or an English name, written as alpha-2 or `as_name`."""

    def read(value: Json) -> Value:
        if value is None or value == "":
            return None
        code = str(value)
        if is_country(code) and code not in _NOT_ISO:
            return code
        known = country_code(code)
        if known is None:
            raise ValueError(f"{quoted(value)} is neither an ISO 3166 code nor an English country name")
        return known

    def to_name(value: Value) -> Json:
        return None if value is None else country_name(str(value))

    return Codec(read, _same_to_referral, read, to_name if as_name else _as_is)


# --- lists -----------------------------------------------------------------------------------------------------------


def ids(limit: int | None = None, separator: str = ", ") -> Codec:
    """Several ids: a list of texts in Partner Center, one text in the CRM, separated.

    A set: order and repetition mean nothing. A person may also separate by commas, semicolons and line breaks, and
    `fit` leaves out whole ids only.
    """
    return _ids(limit, separator, "ids", lambda item: item if isinstance(item, str) else None, lambda each: each)


def solutions(limit: int | None = None, separator: str = ", ") -> Codec:
    """The co-sell solutions: ids in objects, of the type Name when they are new (create-a-referral).

    Whatever else Partner Center keeps with a solution survives a write.
    """

    def id_of(item: Json) -> Json:
        return item.get("id") if isinstance(item, dict) else None

    return _ids(limit, separator, "solutions", id_of, lambda each: {"type": "Name", "id": each})


def _ids(
    limit: int | None, separator: str, title: str, id_of: Callable[[Json], Json], new: Callable[[str], Json]
) -> Codec:
    apart = re.compile(f"[,;\n{re.escape(separator.strip())}]")

    def key(item: Json) -> str:
        found = id_of(item)
        return "" if found is None else str(found).strip()

    def from_referral(value: Json) -> Value:
        if value is None:
            return ()
        if not isinstance(value, list):
            raise ValueError(f"must be a list of {title}")
        found = {key(item) for item in value} - {""}
        if any(apart.search(each) for each in found):
            raise ValueError("holds an id with a separator in it")
        return tuple(sorted(found))

    def to_referral(value: Value, source: Json) -> Json:
        wanted = value if isinstance(value, tuple) else ()
        held = {key(item): item for item in source} if isinstance(source, list) else {}
        return [held[each] if each in held else new(each) for each in wanted]

    def from_record(value: Json) -> Value:
        return () if value is None else tuple(sorted({part.strip() for part in apart.split(str(value))} - {""}))

    def fit(value: Value) -> Value:
        return fewer(value, limit, separator) if limit is not None and isinstance(value, tuple) else value

    def to_record(value: Value) -> Json:
        return separator.join(value) if isinstance(value, tuple) and value else None

    return Codec(from_referral, to_referral, from_record, to_record, fit, needs_source=True)


def fewer(value: tuple[str, ...], limit: int, separator: str) -> tuple[str, ...]:
    """Return the members of a list that fit into `limit` characters with a separator between them."""
    while len(separator.join(value)) > limit:
        value = value[:-1]
    return value
