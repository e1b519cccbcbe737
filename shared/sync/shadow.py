"""What a dry run learns about a deal: what the app would have written, and what whoever else writes made of it.

A dry run beside another product is compared look by look. What a decision would write is remembered; once a later
decision has no need to write it any more, the other one has settled it, and both sides tell how.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from shared.ledger.drawers import Drawer, document

KEPT = 20
"""How many settled writes of a deal are remembered in full; the earlier ones are counted."""

LONGEST = 500
"""Characters of a value: enough to tell two apart for a person."""

STEP = "deal"
"""The field under which a step stands that is about the whole deal, such as its creation."""


class How(StrEnum):
    """How a write that the app would have made was settled by somebody else."""

    SAME = "same"
    """Both sides hold what the app would have written."""
    REVERSED = "reversed"
    """Both sides hold what the app would have replaced: the other side won."""
    OTHER = "other"
    """Both sides hold a third value."""
    CARRIED = "carried"
    """The app would have kept the sides different, and they are equal."""


@dataclass(frozen=True)
class Would:
    """One write that the app would have made: the field, the side, old and new value as a person reads them, and why.

    `since` is when a look first called for it.
    """

    field: str
    side: str
    old: str
    new: str
    reason: str
    since: datetime


@dataclass(frozen=True)
class Settled:
    """A write that is no longer called for: how, what both sides hold instead, and when that was seen."""

    would: Would
    how: How
    value: str
    at: datetime


@dataclass(frozen=True)
class Look:
    """What one decision called for: its writes, the values that it keeps apart by field, and those of both sides."""

    at: datetime
    writes: tuple[Would, ...]
    apart: Mapping[str, tuple[str, str]]
    values: Mapping[str, tuple[str, str]]
    old: bool = False
    """Whether the deal was shared long ago."""


@dataclass(frozen=True)
class Shadow:
    """A deal in a dry run. `table` and `record_id` are empty until its record is known.

    `would` waits to be settled, `apart` are the values that the last decision kept apart, by field: Partner Center's
    and the CRM's. `counts` are all that were settled, by how. `first` is when the deal was looked at first, and `old`
    whether it had been shared for long by then: what differed at that moment is none of today's doings.
    """

    table: str = ""
    referral_id: str = ""
    record_id: str = ""
    would: tuple[Would, ...] = ()
    apart: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    settled: tuple[Settled, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    first: datetime | None = None
    old: bool = False

    def stood(self, would: Would) -> bool:
        """Whether a write was called for before anybody did anything: it is the first run's."""
        return self.old and would.since == self.first


def after(shadow: Shadow, look: Look) -> Shadow:
    """Return what is known of a deal once a decision was looked at. Pure."""
    since = {_what(each): each.since for each in shadow.would}
    wanted = tuple(replace(each, since=since.get(_what(each), each.since)) for each in look.writes)
    settled = [*_settled(shadow, look), *_carried(shadow, look)]
    counts = dict(shadow.counts)
    for each in settled:
        counts[each.how] = counts.get(each.how, 0) + 1
    first, old = (shadow.first, shadow.old) if shadow.first else (look.at, look.old)
    known = replace(shadow, would=wanted, apart=look.apart, counts=counts, first=first, old=old)
    return replace(known, settled=(*settled, *shadow.settled)[:KEPT])


def _what(would: Would) -> tuple[str, str, str]:
    return would.field, would.side, would.new


def _settled(shadow: Shadow, look: Look) -> Iterator[Settled]:
    called_for = {each.field for each in look.writes}
    for would in shadow.would:
        if would.field in called_for or would.field in look.apart:
            continue  # It still differs, and the newest decision says what is to become of it.
        if would.field == STEP:
            yield Settled(would, How.SAME, would.new, look.at)
        elif would.field in look.values:
            both = look.values[would.field]
            how = How.SAME if would.new in both else How.REVERSED if would.old in both else How.OTHER
            yield Settled(would, how, both[1], look.at)


def _carried(shadow: Shadow, look: Look) -> Iterator[Settled]:
    for name, (referral, record) in shadow.apart.items():
        both = look.values.get(name)
        if both and name not in look.apart and all(each.field != name for each in look.writes):
            yield Settled(Would(name, "", referral, record, "", look.at), How.CARRIED, both[1], look.at)


def joined(one: Shadow, other: Shadow) -> Shadow:
    """Return a deal that was known under two keys, before and after it had both sides."""
    counts = {how: one.counts.get(how, 0) + other.counts.get(how, 0) for how in {*one.counts, *other.counts}}
    settled = sorted((*one.settled, *other.settled), key=lambda each: each.at, reverse=True)
    return replace(
        one,
        would=(*one.would, *other.would),
        apart={**other.apart, **one.apart},
        settled=tuple(settled[:KEPT]),
        counts=counts,
        first=min((each.first for each in (one, other) if each.first), default=None),
        # One that was seen before it had both sides is new.
        old=(one.old or other.old) and not (one.first and other.first),
    )


# --- in the ledger ---------------------------------------------------------------------------------------------------


def kind_of_shadows(crm: str) -> str:
    """Return the kind of a CRM's drawers for dry runs."""
    return f"shadow-{crm}"


def shadow_drawer(crm: str, key: str) -> Drawer[Shadow]:
    """Return where the dry run of a deal is kept, by the deal's key."""
    return document(kind_of_shadows(crm), key, Shadow(), _dump, _load)


def _dump(shadow: Shadow) -> object:
    return {
        **asdict(replace(shadow, would=(), settled=(), first=None)),
        "first": shadow.first.isoformat() if shadow.first else None,
        "would": [_dump_would(each) for each in shadow.would],
        "settled": [
            {"would": _dump_would(each.would), "how": each.how, "value": each.value, "at": each.at.isoformat()}
            for each in shadow.settled
        ],
    }


def _dump_would(would: Would) -> dict[str, str]:
    return {**asdict(would), "since": would.since.isoformat()}


def _load(stored: object) -> Shadow:
    assert isinstance(stored, dict)  # noqa: S101 - written by `_dump`
    return Shadow(
        stored["table"],
        stored["referral_id"],
        stored["record_id"],
        tuple(map(_load_would, stored["would"])),
        {name: (referral, record) for name, (referral, record) in stored["apart"].items()},
        tuple(
            Settled(_load_would(row["would"]), How(row["how"]), row["value"], datetime.fromisoformat(row["at"]))
            for row in stored["settled"]
        ),
        stored["counts"],
        datetime.fromisoformat(stored["first"]) if stored.get("first") else None,
        stored.get("old", False),
    )


def _load_would(row: dict[str, str]) -> Would:
    return Would(**{**row, "since": datetime.fromisoformat(row["since"])})  # type: ignore[arg-type]
