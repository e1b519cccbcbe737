"""Which rows keep a unique key out: those that share a value of its column. Pure."""

from __future__ import annotations

from collections.abc import Iterable

NAMED = 3
"""Values, and rows of each, that are named; the others are counted."""


def shared_values(rows: Iterable[tuple[str, str]]) -> str:
    """Return the values that several rows hold, with the rows' ids; empty when each is unique. `rows` are (value, id).

    Keys ignore case, as both CRMs do.
    """
    ids: dict[str, list[str]] = {}
    for value, row_id in rows:
        ids.setdefault(value.strip().casefold(), []).append(row_id)
    twice = {value: held for value, held in ids.items() if len(held) > 1}
    named = [f"{value} in {_listed(held)}" for value, held in list(twice.items())[:NAMED]]
    more = [f"and {len(twice) - NAMED} more values"] if len(twice) > NAMED else []
    return "; ".join([*named, *more])


def _listed(ids: list[str]) -> str:
    rest = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return ", ".join(sorted(ids)[:NAMED]) + rest
