"""Lists: a set of ids in Partner Center, one text in the CRM."""

from __future__ import annotations

import re
from collections.abc import Callable

from shared.deal import Value
from shared.mapping.codecs.codec import Codec, Json
from shared.mapping.unreadable import UnreadableValue


def ids(limit: int | None = None, separator: str = ", ") -> Codec:
    """Several ids: a list of texts in Partner Center, one text in the CRM, separated.

    A set: order and repetition mean nothing. A person may also separate by commas, semicolons and line breaks, and
    `fit` leaves out whole ids only.
    """
    return _ids(limit, separator, lambda item: item if isinstance(item, str) else None, lambda each: each)


def solutions(limit: int | None = None, separator: str = ", ") -> Codec:
    """The co-sell solutions: ids in objects, of the type Name when they are new (create-a-referral).

    Whatever else Partner Center keeps with a solution survives a write.
    """

    def id_of(item: Json) -> Json:
        return item.get("id") if isinstance(item, dict) else None

    return _ids(limit, separator, id_of, lambda each: {"type": "Name", "id": each})


def _ids(limit: int | None, separator: str, id_of: Callable[[Json], Json], new: Callable[[str], Json]) -> Codec:
    apart = re.compile(f"[,;\n{re.escape(separator.strip())}]")

    def key(item: Json) -> str:
        found = id_of(item)
        return "" if found is None else str(found).strip()

    def from_referral(value: Json) -> Value:
        if value is None:
            return ()
        if not isinstance(value, list):
            raise UnreadableValue("value.not_a_list")
        found = {key(item) for item in value} - {""}
        if any(apart.search(each) for each in found):
            raise UnreadableValue("value.separator_in_id")
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
