"""The codec of a team: people in Partner Center, one text in the CRM with a line for each.

A line is `Last, First <mail> phone`. A name keeps its blanks, which is why the comma stands between its parts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from shared.deal import Value
from shared.mapping.codecs import Codec, Json, fewer, text
from shared.mapping.unreadable import UnreadableValue

_LINE = re.compile(r"(?P<lastName>[^,<>]*),(?P<firstName>[^,<>]*)<(?P<email>[^<>\s]*)>(?P<phoneNumber>[^<>]*)")
_PARTING = re.compile("[,<>]")
_plain = text(escaped=True)


def people(limit: int | None = None) -> Codec:
    """The people of a team, a set in which the mail address is a person's identity.

    What Partner Center keeps with a person (title, contact preference) survives a write, and `fit` leaves out whole
    people only. `team` is an array by the documentation; a bare object, as old payloads have it, is taken for one.
    """

    def from_referral(value: Json) -> Value:
        if value is None:
            return ()
        members = [value] if isinstance(value, Mapping) else value
        if not isinstance(members, list):
            raise UnreadableValue("value.not_a_list")
        return tuple(sorted({_line(each) for each in members if isinstance(each, Mapping)} - {_NOBODY}))

    def to_referral(value: Value, source: Json) -> Json:
        members = [each for each in source if isinstance(each, Mapping)] if isinstance(source, list) else []
        same = {_line(each): each for each in members}
        known = {_mail(each): each for each in members}
        lines = value if isinstance(value, tuple) else ()
        return [same.get(line) or {**known.get(_mail(_member(line)), {}), **_member(line)} for line in lines]

    def from_record(value: Json) -> Value:
        lines = (line.strip() for line in str(value or "").splitlines())
        return tuple(sorted({_line(_member(line)) for line in lines if line} - {_NOBODY}))

    def to_record(value: Value) -> Json:
        return "\n".join(value) if isinstance(value, tuple) and value else None

    def fit(value: Value) -> Value:
        return fewer(value, limit, "\n") if limit is not None and isinstance(value, tuple) else value

    return Codec(from_referral, to_referral, from_record, to_record, fit, needs_source=True)


def _line(member: Mapping[str, Json]) -> str:
    """Return a person as one line; commas and brackets, which part the line, become blanks."""
    last, first, mail, phone = (
        " ".join(_PARTING.sub(" ", str(_plain.from_referral(member.get(part)) or "")).split())
        for part in ("lastName", "firstName", "email", "phoneNumber")
    )
    return f"{last}, {first} <{mail.replace(' ', '')}> {phone}".strip()


_NOBODY = ",  <>"


def _member(line: str) -> dict[str, str]:
    found = _LINE.fullmatch(line)
    if found is None:
        raise UnreadableValue("value.not_a_person")
    return {part: value.strip() for part, value in found.groupdict().items()}


def _mail(member: Mapping[str, Json]) -> str:
    return str(member.get("email") or "").strip().casefold()
