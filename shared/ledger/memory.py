"""The ledger in memory: for tests and simulation, held to the same contract as Table Storage."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

from shared.errors import StaleError
from shared.ledger.port import AuditEntry, Intent, Link, Parked, Stored
from shared.ledger.rows import dump_link, load_link


class MemoryLedger:
    """Implements Ledger in this process. `commits` counts the atomic commits that were made."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._etags = itertools.count(1)
        self._links: dict[tuple[str, str], tuple[str, str]] = {}
        self._records: dict[tuple[str, str], str] = {}
        self._audit: dict[tuple[str, str], list[AuditEntry]] = {}
        self._intents: dict[tuple[str, str], Intent] = {}
        self._parked: dict[tuple[str, str], Parked] = {}
        self._values: dict[tuple[str, str], Stored] = {}
        self.commits = 0

    def link(self, crm: str, referral_id: str) -> Link | None:
        """Return the link of a referral."""
        with self._lock:
            held = self._links.get((crm, referral_id))
        return load_link(*held) if held else None

    def link_of_record(self, crm: str, record_id: str) -> Link | None:
        """Return the link of a record."""
        referral_id = self._records.get((crm, record_id))
        link = self.link(crm, referral_id) if referral_id else None
        return link if link and link.record_id == record_id else None

    def links(self, crm: str) -> Iterator[Link]:
        """Return every link."""
        for key in sorted(self._links):
            if key[0] == crm:
                yield load_link(*self._links[key])

    def commit(self, link: Link, entries: Sequence[AuditEntry], intent: Intent | None = None) -> Link:
        """Store a link with its audit rows."""
        with self._lock:
            key = (link.crm, link.referral_id)
            held = self._links.get(key)
            if (held[1] if held else None) != link.etag:
                raise StaleError("the link was committed by somebody else")
            stored = replace(link, etag=self._next_etag())
            self._links[key] = (dump_link(stored), str(stored.etag))
            if link.record_id:
                self._records[link.crm, link.record_id] = link.referral_id
            for entry in entries:
                self.note(link.crm, link.referral_id, entry)
            if intent:
                self._intents.pop((intent.crm, intent.record_id), None)
            self.commits += 1
            return stored

    def history(self, crm: str, key: str, limit: int = 50) -> Sequence[AuditEntry]:
        """Return the newest audit entries."""
        rows = self._audit.get((crm, key), [])
        return sorted(rows, key=lambda row: (-row.at.timestamp(), row.id))[:limit]

    def note(self, crm: str, key: str, entry: AuditEntry) -> None:
        """Store one audit row; the same row again changes nothing."""
        rows = self._audit.setdefault((crm, key), [])
        if not any((row.id, row.at) == (entry.id, entry.at) for row in rows):
            rows.append(entry)

    def begin_intent(self, intent: Intent) -> Intent:
        """Store an intent unless there is one."""
        with self._lock:
            stored = replace(intent, etag=self._next_etag())
            return self._intents.setdefault((intent.crm, intent.record_id), stored)

    def replace_intent(self, held: Intent, intent: Intent) -> Intent:
        """Replace an intent."""
        with self._lock:
            if self._intents.get((held.crm, held.record_id)) != held:
                raise StaleError("the intent changed")
            taken = replace(intent, etag=self._next_etag())
            self._intents[held.crm, held.record_id] = taken
            return taken

    def intent(self, crm: str, record_id: str) -> Intent | None:
        """Return the record's intent."""
        return self._intents.get((crm, record_id))

    def park(self, parked: Parked) -> None:
        """Set a deal aside."""
        self._parked[parked.crm, parked.key] = parked

    def parked(self, crm: str, key: str) -> Parked | None:
        """Return what is parked under a key."""
        return self._parked.get((crm, key))

    def unpark(self, crm: str, key: str) -> None:
        """Forget what was parked."""
        self._parked.pop((crm, key), None)

    def all_parked(self, crm: str) -> Iterator[Parked]:
        """Return every parked deal of a CRM."""
        return iter([parked for parked in self._parked.values() if parked.crm == crm])

    def value(self, kind: str, name: str) -> Stored:
        """Return a small value."""
        return self._values.get((kind, name), Stored("", None))

    def replace_value(self, kind: str, name: str, value: str, held: Stored) -> Stored:
        """Replace a small value."""
        with self._lock:
            if self.value(kind, name).etag != held.etag:
                raise StaleError(f"the {kind} {name} changed")
            self._values[kind, name] = Stored(value, self._next_etag())
            return self._values[kind, name]

    def _next_etag(self) -> str:
        return str(next(self._etags))
