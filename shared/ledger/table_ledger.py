"""The ledger in Azure Table Storage: one table, one partition per CRM, so that a deal's commit is one transaction.

Row keys: `link:<referral>`, `record:<table>:<id>` and `engagement:<id>` (the ways from a record and from an engagement
back to our referral), `audit:<key>:<newest first>`, `intent:<table>:<id>`, `agenda:<kind>:<key>`, and
`due:<moment>:<kind>:<key>`, which points to an entry of the agenda; table_survey.py has those of the survey. Drawers
are in the partition `value`, as `<kind>:<name>`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from shared.deal import RecordKey
from shared.errors import StaleError
from shared.ledger import serialize
from shared.ledger.drawers import Drawers
from shared.ledger.model import AuditEntry, Due, DueKind, Intent
from shared.ledger.port import DealLedger
from shared.ledger.table import Entity, Operation, Table, delete, entity, etag_of, from_chunks, upsert
from shared.ledger.table_survey import (
    Stood,
    TableSurvey,
    audit_rows,
    engagement_of,
    link_of,
    link_row,
    parted,
    steps,
    unlisted,
    version,
    ways,
)
from shared.link import Link

if TYPE_CHECKING:
    from azure.data.tables import TableClient

TABLE = "cosell"
_VALUES = "value"


class TableLinks:
    """Implements Links."""

    def __init__(self, table: Table, crm: str) -> None:
        self._table = table
        self._crm = crm

    def of_referral(self, referral_id: str) -> Link | None:
        """Return the link of a referral: one point read."""
        found = self._table.get(self._crm, f"link:{referral_id}")
        return link_of(found) if found is not None else None

    def of_record(self, record: RecordKey) -> Link | None:
        """Return the link of a record: two point reads."""
        found = self._table.get(self._crm, f"record:{record.deal}")
        link = self.of_referral(found["ReferralId"]) if found is not None else None
        return link if link and link.record == record else None

    def of_engagement(self, engagement_id: str) -> Link | None:
        """Return the link of our referral in an engagement: two point reads, one where there is none."""
        key = engagement_of(engagement_id)
        found = self._table.get(self._crm, f"engagement:{key}") if key else None
        link = self.of_referral(found["ReferralId"]) if found is not None else None
        return link if link and link.engagement_id == engagement_id else None

    def all(self) -> Iterator[Link]:
        """Return every link, page by page."""
        for found in self._table.range(self._crm, "link:"):
            yield link_of(found)

    def commit(
        self,
        link: Link,
        entries: Sequence[AuditEntry],
        intent: Intent | None = None,
        dues: Sequence[Due] = (),
        met: Sequence[DueKind] = (),
    ) -> Link:
        """Store a link with all that belongs to it: one transaction. What stands there already is not stored again."""
        was, etag = parted(link.etag)
        others = [*steps(self._crm, link, was.standing), *ways(self._crm, link, was)]
        for entry in entries:
            others += audit_rows(self._crm, link.referral_id, entry, link.record)
        for due in dues:
            others += _due_rows(self._crm, due)
        if intent:
            others.append(delete(entity(self._crm, f"intent:{intent.record.deal}")))
        content, gone = link_row(self._crm, link), unlisted(self._crm, link, was.standing)
        gone += [delete(entity(self._crm, f"agenda:{kind}:{link.referral_id}")) for kind in met]
        try:
            stored = self._table.transact(content, etag, [*others, *gone])
        except StaleError:
            if not gone or self._etag(link) != etag:
                raise
            stored = self._table.transact(content, etag, others)  # One of the rows to be taken away is not there.
            for _, row in gone:
                self._table.delete(self._crm, row["RowKey"])
        return replace(link, etag=version(Stood.of(link), stored))

    def _etag(self, link: Link) -> str | None:
        found = self._table.get(self._crm, f"link:{link.referral_id}")
        return etag_of(found) if found is not None else None


class TableAudit:
    """Implements Audit."""

    def __init__(self, table: Table, crm: str) -> None:
        self._table = table
        self._crm = crm

    def of(self, key: str, limit: int = 50) -> Sequence[AuditEntry]:
        """Return the newest audit entries: one range read within the partition."""
        entries: list[AuditEntry] = []
        for found in self._table.range(self._crm, f"audit:{key}:"):
            entries.append(serialize.load_entry(from_chunks(found)))
            if len(entries) == limit:
                break
        return entries

    def add(self, key: str, entry: AuditEntry) -> None:
        """Store one audit row, and the pointer to it: one transaction."""
        self._table.submit(audit_rows(self._crm, key, entry, None))

    def all(self) -> Iterator[tuple[str, AuditEntry]]:
        """Return every entry, page by page."""
        for found in self._table.range(self._crm, "audit:"):
            key = str(found["RowKey"]).removeprefix("audit:").rpartition(":")[0]
            yield key, serialize.load_entry(from_chunks(found))

    def redact(self, key: str, entry: AuditEntry, record: RecordKey | None) -> None:
        """Replace one audit row and its pointer: one transaction."""
        self._table.submit(audit_rows(self._crm, key, entry, record))


class TableIntents:
    """Implements Intents."""

    def __init__(self, table: Table, crm: str) -> None:
        self._table = table
        self._crm = crm

    def begin(self, intent: Intent) -> Intent:
        """Store an intent unless the record has one."""
        try:
            return replace(intent, etag=self._table.replace(self._entity(intent), None))
        except StaleError:
            held = self.of(intent.record)
            if held is None:  # Dropped this moment by the commit of the worker that held it.
                raise
            return held

    def replace(self, held: Intent, intent: Intent) -> Intent:
        """Replace an intent, provided it is still the same."""
        return replace(intent, etag=self._table.replace(self._entity(intent), held.etag))

    def of(self, record: RecordKey) -> Intent | None:
        """Return the record's intent."""
        found = self._table.get(self._crm, f"intent:{record.deal}")
        return serialize.load_intent(from_chunks(found), etag_of(found)) if found is not None else None

    def _entity(self, intent: Intent) -> Entity:
        return entity(self._crm, f"intent:{intent.record.deal}", serialize.dump_intent(intent))


class TableAgenda:
    """Implements Agenda. A pointer by moment may be out of date; the entry says when it is due."""

    def __init__(self, table: Table, crm: str) -> None:
        self._table = table
        self._crm = crm

    def put(self, due: Due) -> None:
        """Store an entry and its pointer. A pointer to an earlier time is dropped when its time comes."""
        self._table.submit(_due_rows(self._crm, due))

    def of(self, kind: DueKind, key: str) -> Due | None:
        """Return the deal's entry of a kind."""
        found = self._table.get(self._crm, f"agenda:{kind}:{key}")
        return serialize.load_due(from_chunks(found), etag_of(found)) if found is not None else None

    def drop(self, kind: DueKind, key: str) -> None:
        """Forget the deal's entry; its pointer is dropped when its time comes."""
        self._table.delete(self._crm, f"agenda:{kind}:{key}")

    def due(self, now: datetime) -> Iterator[Due]:
        """Return what is due: a range of pointers, and a point read for each."""
        for pointer in self._table.range(self._crm, "due:", f"due:{_moment(now)}~"):
            entry = self.of(DueKind(pointer["Kind"]), pointer["Key"])
            if entry is not None and _pointer(entry) == pointer["RowKey"]:
                yield entry
            else:
                self._forget(pointer)

    def _forget(self, pointer: Entity) -> None:
        """Drop a pointer that is out of date, unless an entry was put at its moment just now."""
        try:
            self._table.delete_guarded(self._crm, pointer["RowKey"], etag_of(pointer))
        except StaleError:
            pass  # It is up to date again.

    def postpone(self, due: Due, until: datetime, mark: str | None = None) -> bool:
        """Move an entry and its pointer: one transaction.

        An entry that is as it was read has its pointer: both are stored at once, and only an older one is dropped.
        """
        moved = replace(due, at=until, mark=due.mark if mark is None else mark)
        pointers = [upsert(_to_pointer(self._crm, moved))]
        if _pointer(moved) != _pointer(due):
            pointers.append(delete(entity(self._crm, _pointer(due))))
        try:
            self._table.transact(_due_entity(self._crm, moved), due.etag, pointers)
        except StaleError:
            return False
        return True

    def all(self, kind: DueKind) -> Iterator[Due]:
        """Return every entry of a kind: one range read within the partition."""
        for found in self._table.range(self._crm, f"agenda:{kind}:"):
            yield serialize.load_due(from_chunks(found), etag_of(found))


class TableValues:
    """Implements Values."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, kind: str, name: str) -> tuple[str, str] | None:
        """Return a text and its version."""
        found = self._table.get(_VALUES, f"{kind}:{name}")
        return (from_chunks(found), etag_of(found)) if found is not None else None

    def put(self, kind: str, name: str, text: str, etag: str | None) -> str:
        """Store a text in place of a version."""
        return self._table.replace(entity(_VALUES, f"{kind}:{name}", text), etag)

    def remove(self, kind: str, name: str, etag: str) -> None:
        """Forget a text that still has a version."""
        self._table.delete_guarded(_VALUES, f"{kind}:{name}", etag)

    def all(self, kind: str) -> Iterator[tuple[str, str]]:
        """Return every text of a kind."""
        for found in self._table.range(_VALUES, f"{kind}:"):
            yield str(found["RowKey"]).removeprefix(f"{kind}:"), from_chunks(found)


class TableLedger:
    """Implements Ledger on one table, which it creates at first use."""

    def __init__(self, client: TableClient) -> None:
        self._table = Table(client)
        self.drawers = Drawers(TableValues(self._table))
        self.of = lru_cache(maxsize=None)(self._part)

    def _part(self, crm: str) -> DealLedger:
        table = self._table
        return DealLedger(
            TableLinks(table, crm),
            TableAudit(table, crm),
            TableIntents(table, crm),
            TableAgenda(table, crm),
            TableSurvey(table, crm),
        )


def _due_rows(crm: str, due: Due) -> list[Operation]:
    """Return what stores an entry of the agenda, and the pointer to it by its moment."""
    return [upsert(_due_entity(crm, due)), upsert(_to_pointer(crm, due))]


def _due_entity(crm: str, due: Due) -> Entity:
    return entity(crm, f"agenda:{due.kind}:{due.key}", serialize.dump_due(due))


def _to_pointer(crm: str, due: Due) -> Entity:
    return entity(crm, _pointer(due), Kind=str(due.kind), Key=due.key)


def _pointer(due: Due) -> str:
    return f"due:{_moment(due.at)}:{due.kind}:{due.key}"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%d%H%M%S%f}"
