"""The ledger in memory: for tests, the simulation and tools that remember nothing."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.deal import RecordKey
from shared.errors import StaleError
from shared.ledger.drawers import Drawers
from shared.ledger.memory_survey import MemorySurvey
from shared.ledger.model import AuditEntry, Due, DueKind, Intent
from shared.ledger.port import DealLedger
from shared.ledger.survey import is_led_to, standing_of
from shared.link import Link


class Versions:
    """Hands out versions, under the lock that makes changes atomic."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._numbers = itertools.count(1)

    def next(self) -> str:
        """Return a version that was never used."""
        return str(next(self._numbers))


class MemoryAudit:
    """Implements Audit."""

    def __init__(self) -> None:
        self.rows: dict[str, list[AuditEntry]] = {}
        self.links: dict[str, Link] = {}
        """By referral id, for the survey, which MemoryLinks fills."""
        self.survey = MemorySurvey(self.links, self.rows)

    def of(self, key: str, limit: int = 50) -> Sequence[AuditEntry]:
        """Return the newest entries of a deal."""
        return sorted(self.rows.get(key, []), key=lambda entry: entry.at, reverse=True)[:limit]

    def add(self, key: str, entry: AuditEntry, record: RecordKey | None = None) -> None:
        """Store an entry; the same entry again changes nothing."""
        rows = self.rows.setdefault(key, [])
        if not any((row.id, row.at) == (entry.id, entry.at) for row in rows):
            rows.append(entry)
            self.survey.told(key, entry, record)

    def all(self) -> Iterator[tuple[str, AuditEntry]]:
        """Return every entry."""
        return iter([(key, each) for key in sorted(self.rows) for each in self.of(key, len(self.rows[key]))])

    def redact(self, key: str, entry: AuditEntry, record: RecordKey | None) -> None:  # noqa: ARG002 - it is known
        """Replace an entry."""
        held = self.rows.get(key, [])
        self.rows[key] = [entry if (row.id, row.at) == (entry.id, entry.at) else row for row in held]


class MemoryIntents:
    """Implements Intents."""

    def __init__(self, versions: Versions) -> None:
        self._versions = versions
        self._held: dict[RecordKey, Intent] = {}

    def begin(self, intent: Intent) -> Intent:
        """Store an intent unless there is one."""
        with self._versions.lock:
            return self._held.setdefault(intent.record, replace(intent, etag=self._versions.next()))

    def replace(self, held: Intent, intent: Intent) -> Intent:
        """Replace an intent."""
        with self._versions.lock:
            if self._held.get(held.record) != held:
                raise StaleError("the intent changed")
            self._held[held.record] = replace(intent, etag=self._versions.next())
            return self._held[held.record]

    def of(self, record: RecordKey) -> Intent | None:
        """Return the record's intent."""
        return self._held.get(record)

    def drop(self, intent: Intent) -> None:
        """Forget an intent."""
        self._held.pop(intent.record, None)


class MemoryLinks:
    """Implements Links."""

    def __init__(self, versions: Versions, audit: MemoryAudit, intents: MemoryIntents, agenda: MemoryAgenda) -> None:
        self._versions = versions
        self._audit = audit
        self._intents = intents
        self._agenda = agenda
        self._by_referral = audit.links
        self._by_record: dict[RecordKey, str] = {}
        self._by_engagement: dict[str, str] = {}
        self.commits = 0
        """How many commits were made."""

    def of_referral(self, referral_id: str) -> Link | None:
        """Return the link of a referral."""
        return self._by_referral.get(referral_id)

    def of_record(self, record: RecordKey) -> Link | None:
        """Return the link of a record."""
        link = self._by_referral.get(self._by_record.get(record, ""))
        return link if link and link.record == record else None

    def of_engagement(self, engagement_id: str) -> Link | None:
        """Return the link of our referral in an engagement."""
        return self._by_referral.get(self._by_engagement.get(engagement_id, ""))

    def all(self) -> Iterator[Link]:
        """Return every link."""
        return iter(list(self._by_referral.values()))

    def commit(
        self,
        link: Link,
        entries: Sequence[AuditEntry],
        intent: Intent | None = None,
        dues: Sequence[Due] = (),
        met: Sequence[DueKind] = (),
    ) -> Link:
        """Store a link, its audit rows and what is due of it, and drop the intent."""
        with self._versions.lock:
            held = self._by_referral.get(link.referral_id)
            if (held.etag if held else None) != link.etag:
                raise StaleError("the link was committed by somebody else")
            if intent and self._intents.of(intent.record) is None:
                raise StaleError("the intent is gone")
            stored = replace(link, etag=self._versions.next())
            self.commits += 1
            self._by_referral[link.referral_id] = stored
            self._audit.survey.counted(held, stored)
            was, before = standing_of(held) if held else "", held.record.deal if held and held.record else ""
            if link.record and is_led_to(link, was, before):
                self._by_record[link.record] = link.referral_id
            if link.engagement_id:
                self._by_engagement[link.engagement_id] = link.referral_id
            for entry in entries:
                self._audit.add(link.referral_id, entry, link.record)
            if intent:
                self._intents.drop(intent)
            for due in dues:
                self._agenda.put(due)
            for kind in met:
                self._agenda.drop(kind, link.referral_id)
            return stored


class MemoryAgenda:
    """Implements Agenda."""

    def __init__(self, versions: Versions) -> None:
        self._versions = versions
        self._entries: dict[tuple[DueKind, str], Due] = {}

    def put(self, due: Due) -> None:
        """Store an entry."""
        self._entries[due.kind, due.key] = replace(due, etag=self._versions.next())

    def of(self, kind: DueKind, key: str) -> Due | None:
        """Return the deal's entry of a kind."""
        return self._entries.get((kind, key))

    def drop(self, kind: DueKind, key: str) -> None:
        """Forget the deal's entry of a kind."""
        self._entries.pop((kind, key), None)

    def due(self, now: datetime) -> Iterator[Due]:
        """Return what is due, the earliest first."""
        waiting = list(self._entries.values())
        return iter(sorted((each for each in waiting if each.at <= now), key=lambda each: each.at))

    def postpone(self, due: Due, until: datetime, mark: str | None = None) -> bool:
        """Move an entry that is still as it was read."""
        with self._versions.lock:
            if self._entries.get((due.kind, due.key)) != due:
                return False
            self.put(replace(due, at=until, mark=due.mark if mark is None else mark))
            return True

    def all(self, kind: DueKind) -> Iterator[Due]:
        """Return every entry of a kind."""
        return iter([each for each in list(self._entries.values()) if each.kind is kind])


@dataclass
class MemoryValues:
    """Implements Values."""

    versions: Versions = field(default_factory=Versions)
    texts: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def get(self, kind: str, name: str) -> tuple[str, str] | None:
        """Return a text and its version."""
        return self.texts.get((kind, name))

    def put(self, kind: str, name: str, text: str, etag: str | None) -> str:
        """Store a text."""
        with self.versions.lock:
            self._check(kind, name, etag)
            self.texts[kind, name] = (text, self.versions.next())
            return self.texts[kind, name][1]

    def remove(self, kind: str, name: str, etag: str) -> None:
        """Forget a text."""
        with self.versions.lock:
            if (kind, name) in self.texts:
                self._check(kind, name, etag)
                del self.texts[kind, name]

    def all(self, kind: str) -> Iterator[tuple[str, str]]:
        """Return every text of a kind."""
        return iter([(name, text) for (each, name), (text, _) in list(self.texts.items()) if each == kind])

    def _check(self, kind: str, name: str, etag: str | None) -> None:
        held = self.texts.get((kind, name))
        if (held[1] if held else None) != etag:
            raise StaleError(f"the {kind} {name} changed")


class MemoryLedger:
    """Implements Ledger in dictionaries, atomic under a lock."""

    def __init__(self) -> None:
        self._versions = Versions()
        self._parts: dict[str, DealLedger] = {}
        self.values = MemoryValues(self._versions)
        self.drawers = Drawers(self.values)

    def of(self, crm: str) -> DealLedger:
        """Return a CRM's part."""
        with self._versions.lock:
            if crm not in self._parts:
                audit, intents = MemoryAudit(), MemoryIntents(self._versions)
                agenda = MemoryAgenda(self._versions)
                links = MemoryLinks(self._versions, audit, intents, agenda)
                self._parts[crm] = DealLedger(links, audit, intents, agenda, audit.survey)
            return self._parts[crm]
