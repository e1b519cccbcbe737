"""What was registered when, and what it replaced: kept in the ledger, newest first, without any key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from shared.errors import ServiceUnavailable, StaleError
from shared.ledger.port import Ledger
from shared.partner_center.webhooks import Registration
from shared.urls import redacted

KEPT = 20
"""How many registrations are remembered; a tenant sees a handful in its life."""

_KIND, _NAME = "registration", "history"
_ROUNDS = 5


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


def history(ledger: Ledger) -> tuple[Registered, ...]:
    """Return the registrations that are remembered, newest first."""
    return _load(ledger.value(_KIND, _NAME).value)


def remember(ledger: Ledger, entry: Registered) -> None:
    """Add a registration; one that changed nothing only when it is not the newest one anyway.

    Raises the retriable and fatal families.
    """
    for _ in range(_ROUNDS):
        held = ledger.value(_KIND, _NAME)
        entries = _load(held.value)
        if entry.status == "unchanged" and entries and entries[0].fingerprint == entry.fingerprint:
            return
        try:
            ledger.replace_value(_KIND, _NAME, _dump((entry, *entries)[:KEPT]), held)
        except StaleError:
            continue  # Somebody else registered at the same time; both are remembered.
        return
    raise ServiceUnavailable("the registration's history could not be stored")


def _dump(entries: tuple[Registered, ...]) -> str:
    return json.dumps([{**asdict(entry), "at": entry.at.isoformat()} for entry in entries])


def _load(text: str) -> tuple[Registered, ...]:
    rows = json.loads(text) if text else []
    return tuple(
        Registered(**{**row, "at": datetime.fromisoformat(row["at"]), "events": tuple(row["events"])}) for row in rows
    )
