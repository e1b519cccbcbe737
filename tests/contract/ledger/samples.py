"""Links, entries and intents to store, and many who store them at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.deal import RecordKey
from shared.errors import CosellError
from shared.ledger.model import AuditEntry, Due, DueKind, Intent
from shared.link import Link
from shared.status import Status, StatusKind

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
CRM = "dynamics365"


def record(record_id: str = "c1", table: str = "opportunity", crm: str = CRM) -> RecordKey:
    """Return the key of a record."""
    return RecordKey(crm, table, record_id)


def link(referral_id: str = "r1", record_id: str = "c1", **members: Any) -> Link:
    """Return a link that was never stored."""
    return Link(CRM, referral_id, record(record_id), **members)


def status(text: str) -> Status:
    """Return a status, told apart by its text."""
    return Status(StatusKind.PENDING, text)


def entry(name: str, minutes: int = 0) -> AuditEntry:
    """Return an audit entry."""
    return AuditEntry(name, NOW + timedelta(minutes=minutes), "CRM → Partner Center", f"text of {name}")


def intent(owner: str = "worker", record_id: str = "c1", table: str = "opportunity") -> Intent:
    """Return an intent that was never stored."""
    return Intent(record(record_id, table), since=NOW, started_at=NOW, owner=owner, posted={"notes": "0123456789ab"})


def due(key: str = "r1", minutes: float = 0, kind: DueKind = DueKind.PARKED, **members: Any) -> Due:
    """Return an entry of the agenda, due some minutes after NOW."""
    return Due(kind, key, NOW + timedelta(minutes=minutes), NOW, "{}", **members)


def together(count: int, action: Callable[[int], object]) -> tuple[list[object], list[CosellError]]:
    """Run an action in threads that start at once; returns what came back and what was raised."""
    barrier = threading.Barrier(count)
    results: list[object] = []
    errors: list[CosellError] = []

    def run(number: int) -> None:
        barrier.wait()
        try:
            results.append(action(number))
        except CosellError as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) + len(errors) == count, "something else than our own errors was raised"
    return results, errors
