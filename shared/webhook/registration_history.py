"""What was registered when, and what it replaced: kept in the ledger, newest first, without any key."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from shared.ledger.drawers import Drawers, document
from shared.partner_center.webhooks import Registration
from shared.urls import redacted

KEPT = 20
"""How many registrations are remembered; a tenant sees a handful in its life."""


@dataclass(frozen=True)
class Registered:
    """One registration that this app made. `at` is our clock; `previous` is what it replaced.

    The URL is redacted. Its fingerprint, a hash of the whole URL, tells whether the key in it is still the same: a
    function key is random enough not to be found by trying.
    """

    at: datetime
    by: str
    status: str
    webhook_url: str
    events: tuple[str, ...]
    previous: Mapping[str, object] | None
    fingerprint: str


def fingerprint(url: str) -> str:
    """Return a hash that tells two URLs apart without holding either."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()


def describe(registration: Registration) -> dict[str, object]:
    """Return a registration as it may be shown: the key in its URL is a secret and stays out."""
    return {"webhook_url": redacted(registration.url), "events": list(registration.events)}


def history(drawers: Drawers) -> tuple[Registered, ...]:
    """Return the registrations that are remembered, newest first."""
    return drawers.read(_HISTORY).value


def remember(drawers: Drawers, entry: Registered) -> None:
    """Add a registration; one that changed nothing only when it is not the newest one anyway.

    Raises the retriable and fatal families.
    """

    def with_entry(entries: tuple[Registered, ...]) -> tuple[Registered, ...]:
        if entry.status == "unchanged" and entries and entries[0].fingerprint == entry.fingerprint:
            return entries
        return (entry, *entries)[:KEPT]

    drawers.change(_HISTORY, with_entry)


def _dump(entries: tuple[Registered, ...]) -> object:
    return [{**asdict(entry), "at": entry.at.isoformat()} for entry in entries]


def _load(rows: object) -> tuple[Registered, ...]:
    assert isinstance(rows, list)  # noqa: S101 - written by `_dump`
    return tuple(
        Registered(**{**row, "at": datetime.fromisoformat(row["at"]), "events": tuple(row["events"])}) for row in rows
    )


_NONE: tuple[Registered, ...] = ()
_HISTORY = document("registration", "history", _NONE, _dump, _load)
