"""Closed sets: choices and countries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from shared.deal import Value
from shared.mapping.codecs.codec import Codec, Json, as_is, as_is_to_referral
from shared.mapping.codecs.texts import text
from shared.mapping.codes import country_code, country_name, is_country
from shared.mapping.unreadable import UnreadableValue

Option = TypeVar("Option", bound=str | int)


def choice(
    values: Mapping[Option, str],
    empty: tuple[str, ...] = (),
    *,
    written: Mapping[str, Option] | None = None,
    ignore_unknown: bool = False,
    other: Option | None = None,
) -> Codec:
    """A closed set; `values` maps the CRM's option to Partner Center's code and is used in both directions.

    Several options may mean one code; `written` says, by code, which of them is written. `empty` lists the codes that
    mean "nothing chosen" in Partner Center. A code that no table has breaks the rule; or it counts as nothing chosen
    (`ignore_unknown`), or the CRM shows it as the option `other`, and what Partner Center holds stays what it is.
    Codes are known in any case.
    """
    to_code = {str(option): code for option, code in values.items()}
    to_option: dict[object, Option] = {code: option for option, code in values.items()}
    to_option.update(written or {})
    stands_for_others = to_code[str(other)] if other is not None else None
    read_code = _code_reader(list(values.values()), ignore_unknown=ignore_unknown, keep_unknown=other is not None)

    def from_referral(value: Json) -> Value:
        return None if value is None or value == "" or value in empty else read_code(value)

    def from_record(value: Json) -> Value:
        if value is None or value == "":
            return None
        code = to_code.get(str(value))
        if code is None:
            raise UnreadableValue("value.not_a_choice", value=value, choices=", ".join(to_code))
        return code

    def to_referral(value: Value, _source: Json) -> Json:
        return value if value is not None else (empty[0] if empty else None)

    def fit(value: Value) -> Value:
        return stands_for_others if stands_for_others and value is not None and value not in to_option else value

    return Codec(from_referral, to_referral, from_record, lambda value: to_option.get(fit(value)), fit)


def _code_reader(codes: list[str], *, ignore_unknown: bool, keep_unknown: bool) -> Callable[[Json], Value]:
    by_case = {code.casefold(): code for code in codes}
    known = frozenset(codes)

    def read(value: Json) -> Value:
        if isinstance(value, str):
            if value in known:
                return value
            if found := by_case.get(value.strip().casefold()):
                return found
            if keep_unknown:
                return text().from_referral(value)
        if ignore_unknown:
            return None
        raise UnreadableValue("value.not_a_choice", value=value, choices=", ".join(dict.fromkeys(codes)))

    return read


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
