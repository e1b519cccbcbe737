"""Closed sets: choices and countries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from shared.deal import Value
from shared.mapping.codecs.codec import Codec, Json, as_is, as_is_to_referral
from shared.mapping.codes import country_code, country_name, is_country
from shared.mapping.unreadable import UnreadableValue

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
            raise UnreadableValue("value.not_a_choice", value=value, choices=", ".join(values.values()))
        return value

    def from_record(value: Json) -> Value:
        if value is None or value == "":
            return None
        code = to_code.get(str(value))
        if code is None:
            raise UnreadableValue("value.not_a_choice", value=value, choices=", ".join(to_code))
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
            raise UnreadableValue("value.not_a_country", value=value)
        return known

    def to_name(value: Value) -> Json:
        return None if value is None else country_name(str(value))

    return Codec(read, as_is_to_referral, read, to_name if as_name else as_is)
