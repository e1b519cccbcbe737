"""Drawers: small values that belong to no deal, each with its type, and one way to change them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from shared.deal import RecordKey
from shared.errors import ServiceUnavailable, StaleError

T = TypeVar("T")

ROUNDS = 5
"""How often a change is made again because somebody else changed the value meanwhile."""

RECENT = timedelta(minutes=1)
"""How old a value may be that `recent` returns."""


@dataclass(frozen=True)
class Drawer(Generic[T]):
    """Where a value is kept, and how it is written down; `empty` is what an unused drawer holds."""

    kind: str
    name: str
    empty: T
    dump: Callable[[T], str]
    load: Callable[[str], T]


@dataclass(frozen=True)
class Held(Generic[T]):
    """A value as it was read, with the version that a guarded replacement needs."""

    value: T
    etag: str | None


class Values(Protocol):
    """The storage below: texts by kind and name, with versions."""

    def get(self, kind: str, name: str) -> tuple[str, str] | None:
        """Return a text and its version, or None."""
        ...

    def put(self, kind: str, name: str, text: str, etag: str | None) -> str:
        """Store a text in place of the version `etag`, or as the first one; returns its version. Raises StaleError."""
        ...

    def remove(self, kind: str, name: str, etag: str) -> None:
        """Forget a text that still has the version `etag`; silent when it is gone. Raises StaleError."""
        ...

    def all(self, kind: str) -> Iterator[tuple[str, str]]:
        """Return every name and text of a kind."""
        ...


class Drawers:
    """Reads and changes drawers."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._recent: dict[tuple[str, str], tuple[datetime, Any]] = {}

    def read(self, drawer: Drawer[T]) -> Held[T]:
        """Return what a drawer holds."""
        found = self._values.get(drawer.kind, drawer.name)
        return Held(drawer.load(found[0]), found[1]) if found else Held(drawer.empty, None)

    def recent(self, drawer: Drawer[T], now: datetime) -> T:
        """Return what a drawer held at most a minute ago, or what this process has put there since.

        Read once a minute, for what is asked at each message and may be known a little late.
        """
        key = drawer.kind, drawer.name
        at, value = self._recent.get(key, (None, drawer.empty))
        if at is None or not at <= now < at + RECENT:
            value = self.read(drawer).value
            self._recent[key] = now, value
        return value

    def replace(self, drawer: Drawer[T], value: T, held: Held[T]) -> Held[T]:
        """Store a value, once. Raises StaleError when the drawer changed since `held` was read."""
        try:
            return Held(value, self._values.put(drawer.kind, drawer.name, drawer.dump(value), held.etag))
        finally:
            self._recent.pop((drawer.kind, drawer.name), None)

    def change(self, drawer: Drawer[T], change: Callable[[T], T]) -> T:
        """Store what `change` makes of the value, again for a newer value when somebody else was quicker.

        Returns what the drawer holds now; an equal value is not written. Raises ServiceUnavailable when others are
        quicker every time.
        """
        for _ in range(ROUNDS):
            held = self.read(drawer)
            wanted = change(held.value)
            if wanted == held.value:
                return wanted
            try:
                return self.replace(drawer, wanted, held).value
            except StaleError:
                continue  # The newer value is read and changed instead.
        raise ServiceUnavailable(f"the stored {drawer.kind} {drawer.name} changes all the time")

    def fill(self, drawer: Drawer[T], value: T) -> None:
        """Store a value in a drawer that is probably unused: one request then. Raises ServiceUnavailable."""
        try:
            self.replace(drawer, value, Held(drawer.empty, None))
        except StaleError:
            self.change(drawer, lambda _held: value)

    def clear(self, drawer: Drawer[T], held: Held[T]) -> None:
        """Empty a drawer; nothing is done to one that was empty.

        Raises StaleError when it changed since `held` was read.
        """
        if held.etag is not None:
            self._values.remove(drawer.kind, drawer.name, held.etag)
            self._recent.pop((drawer.kind, drawer.name), None)

    def all(self, kind: Callable[[str], Drawer[T]], of: str) -> Iterator[tuple[str, T]]:
        """Return the name and value of every used drawer of a kind; `kind` makes the drawer of a name."""
        for name, text in self._values.all(of):
            yield name, kind(name).load(text)


def text(kind: str, name: str) -> Drawer[str]:
    """Return a drawer for a text."""
    return Drawer(kind, name, "", str, str)


def moment(kind: str, name: str) -> Drawer[datetime | None]:
    """Return a drawer for a moment."""
    return Drawer(kind, name, None, _dump_moment, datetime.fromisoformat)


def document(kind: str, name: str, empty: T, dump: Callable[[T], object], load: Callable[[object], T]) -> Drawer[T]:
    """Return a drawer for anything that `dump` turns into JSON and `load` back."""
    return Drawer(kind, name, empty, lambda value: json.dumps(dump(value)), lambda stored: load(json.loads(stored)))


def _dump_moment(value: datetime | None) -> str:
    if value is None:
        raise ValueError("a moment is never stored empty")
    return value.isoformat()


# --- every drawer that the deals use; those of the webhook and the tokens stand beside their owners ---------------


def crm_cursor(binding: str) -> Drawer[str]:
    """How far the change feed of a CRM's table was handed over."""
    return text("cursor", binding)


def sweep_cursor(crm: str) -> Drawer[datetime | None]:
    """Up to which of Partner Center's moments the sweep has looked for a CRM."""
    return moment("cursor", f"partner_center-{crm}")


def applied_mapping(binding: str) -> Drawer[str]:
    """The version of the mapping that every deal of a CRM's table was last treated under."""
    return text("mapping", binding)


def surveyed(crm: str) -> Drawer[str]:
    """How far the rows of a CRM from before there was a survey are taken into it."""
    return text("surveyed", crm)


def own_half(related_id: str) -> Drawer[str]:
    """The id of our own referral in the engagement of somebody else's row."""
    return text("related", related_id)


def merged_into(record: RecordKey) -> Drawer[str]:
    """The id of the referral whose record was merged into this one while that was not shared."""
    return text("merged", f"{record.crm}:{record.deal}")


Made = tuple[str, Mapping[str, str]]
"""Of which referral a record was made, and a mark of each value that it was made of."""


def made_of(record: RecordKey) -> Drawer[Made]:
    """What a record was made of that could not be tied to its referral. Empty: no referral, and no marks."""
    return document("made", f"{record.crm}:{record.deal}", ("", {}), list, _load_made)


def _load_made(stored: object) -> Made:
    assert isinstance(stored, list)  # noqa: S101 - written by `made_of`
    referral_id, marks = stored
    return str(referral_id), dict(marks)
