"""The survey in Azure Table Storage, in the partition of its CRM.

Row keys: `stands:<standing>:<referral>` lists a link that does not agree; `step:<unique>` says that a link began to
stand otherwise, until `fold` adds it to the row `counts`; `told:<newest first>:<key>` points to an audit entry.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple

from shared.deal import RecordKey
from shared.errors import StaleError
from shared.ledger import serialize
from shared.ledger.model import AuditEntry
from shared.ledger.survey import LISTED, TEXT, Listed, Standing, Told, is_led_to, standing_of
from shared.ledger.table import Entity, Operation, Table, delete, entity, etag_of, from_chunks, upsert
from shared.link import Link
from shared.status import StatusKind

_NEWEST_FIRST = 10**20
_BATCH = 45
"""Pairs of rows a transaction, which may have a hundred."""


def link_row(crm: str, link: Link) -> Entity:
    """Return a link's row."""
    stood = {"Standing": str(standing_of(link)), "Engagement": engagement_of(link.engagement_id)}
    return entity(crm, f"link:{link.referral_id}", serialize.dump_link(link), **stood)


def engagement_of(engagement_id: str) -> str:
    """Return an engagement's id as the key of a row, which not every character may stand in. Empty for none."""
    return "".join(each for each in engagement_id if each.isalnum() or each == "-")[:100]


def ways(crm: str, link: Link, was: Stood) -> list[Operation]:
    """Return the operations by which a link is found by its record and its engagement; of those that stand, none."""
    operations, now = list[Operation](), Stood.of(link)
    if is_led_to(link, was.standing, was.record):
        operations.append(upsert(entity(crm, f"record:{now.record}", ReferralId=link.referral_id)))
    if now.engagement and now.engagement != was.engagement:
        operations.append(upsert(entity(crm, f"engagement:{now.engagement}", ReferralId=link.referral_id)))
    return operations


def link_of(row: Any) -> Link:
    """Return the link of a row; its version tells what else was stored with it."""
    link = serialize.load_link(from_chunks(row), None)
    stood = Stood(row.get("Standing") or "", link.record.deal if link.record else "", row.get("Engagement") or "")
    return replace(link, etag=version(stood, etag_of(row)))


class Stood(NamedTuple):
    """What was stored with a link: how it was counted, and what leads to it. Empty where there is none."""

    standing: str = ""
    record: str = ""
    engagement: str = ""

    @classmethod
    def of(cls, link: Link) -> Stood:
        """Return what is stored with a link."""
        record = link.record.deal if link.record else ""
        return cls(str(standing_of(link)), record, engagement_of(link.engagement_id))


def version(stood: Stood, etag: str) -> str:
    """Return the version of a link: that of its row, and what was stored with it then."""
    return "|".join((*stood, etag))


def parted(version: str | None) -> tuple[Stood, str | None]:
    """Return what was stored with a link, and the version of its row."""
    if version is None:
        return Stood(), None
    standing, record, engagement, etag = version.split("|", 3)
    return Stood(standing, record, engagement), etag


def audit_rows(crm: str, key: str, entry: AuditEntry, record: RecordKey | None) -> list[Operation]:
    """Return the operations that store an audit entry, and the pointer to it."""
    row = f"audit:{key}:{_newest_first(entry.at)}-{entry.id}"
    return [
        upsert(entity(crm, row, serialize.dump_entry(entry))),
        upsert(_pointer(crm, key, entry, row, record)),
    ]


def _pointer(crm: str, key: str, entry: AuditEntry, row: str, record: RecordKey | None) -> Entity:
    texts = {"Direction": entry.direction, "Text": entry.text[:TEXT], **_of_record(record)}
    name = f"told:{_newest_first(entry.at)}-{entry.id}:{key}"
    return entity(crm, name, Row=row, Key=key, Told=entry.at.isoformat(), **texts)


def steps(crm: str, link: Link, was: str) -> list[Operation]:
    """Return the operations by which a link that stood as `was` is counted and listed as it stands now.

    `was` is empty for a link that is in no count. A row in a list has the text of its last commit.
    """
    now, operations = standing_of(link), list[Operation]()
    if was != now:
        operations.append(("create", entity(crm, f"step:{uuid.uuid4().hex}", Was=was, Now=str(now))))
    if now in LISTED:
        text = link.status.text if link.status and link.status.kind is not StatusKind.SYNCHRONIZED else ""
        operations.append(upsert(entity(crm, _stands(now, link.referral_id), Text=text, **_of_record(link.record))))
    return operations


def unlisted(crm: str, link: Link, was: str) -> list[Operation]:
    """Return the operation that takes a link out of the list in which it stood."""
    listed = was in LISTED and was != standing_of(link)
    return [delete(entity(crm, _stands(was, link.referral_id)))] if listed else []


class TableSurvey:
    """Implements Survey."""

    def __init__(self, table: Table, crm: str) -> None:
        self._table = table
        self._crm = crm

    def counts(self) -> Mapping[Standing, int]:
        """Return the sum, and what changed since: a point read, and a range read within the partition."""
        total = _load_counts(self._table.get(self._crm, "counts"))
        for step in self._table.range(self._crm, "step:"):
            _take(total, step)
        return {standing: max(total[standing], 0) for standing in Standing}

    def listed(self, standing: Standing, limit: int, after: str = "") -> Sequence[Listed]:
        """Return a page of a list: one range read within the partition."""
        rows = self._page(f"stands:{standing}:", limit, after)
        return [Listed(_last(row), _record_of(row), standing, str(row.get("Text", ""))) for row in rows]

    def links(self, limit: int, after: str = "") -> Sequence[Link]:
        """Return a page of all links: one range read within the partition."""
        return [link_of(row) for row in self._page("link:", limit, after)]

    def newest(self, limit: int) -> Sequence[Told]:
        """Return the newest pointers: one range read within the partition."""
        return [
            Told(datetime.fromisoformat(row["Told"]), row["Key"], _record_of(row), row["Direction"], row["Text"])
            for row in self._page("told:", limit, "")
        ]

    def fold(self) -> None:
        """Add the steps to the sum, a transaction for every hundred; another instance that does the same ends it."""
        while found := self._page("step:", 2 * _BATCH, ""):
            row = self._table.get(self._crm, "counts")
            total = _load_counts(row)
            for step in found:
                _take(total, step)
            content = {**entity(self._crm, "counts"), **{str(name): count for name, count in total.items()}}
            done = [delete(entity(self._crm, step["RowKey"])) for step in found]
            try:
                self._table.transact(content, etag_of(row) if row is not None else None, done)
            except StaleError:
                return

    def forget(self, before: datetime, limit: int) -> int:
        """Drop old entries with their pointers: a range read, and a transaction for every 45."""
        first = f"told:{_newest_first(before)}~"
        expired = list(islice(self._table.range(self._crm, first, "told;", limit), limit))
        for start in range(0, len(expired), _BATCH):
            rows = [row[name] for row in expired[start : start + _BATCH] for name in ("Row", "RowKey")]
            try:
                self._table.submit([delete(entity(self._crm, row)) for row in rows])
            except StaleError:  # One of them is gone already.
                for row in rows:
                    self._table.delete(self._crm, row)
        return len(expired)

    def complete(self, after: str, limit: int) -> str:
        """Count and list links without a standing, then point to audit entries without a pointer."""
        place = after or "link:"
        prefix = f"{place.partition(':')[0]}:"
        rows = self._page(prefix, limit, place.removeprefix(prefix))
        for row in rows:
            if prefix == "link:":
                self._count_in(row)
            else:
                self._point_to(row)
        if len(rows) == limit:
            return str(rows[-1]["RowKey"])
        return "audit:" if prefix == "link:" else ""

    def _count_in(self, row: Any) -> None:
        if row.get("Standing") and "Engagement" in row:
            return
        link = link_of(row)
        was, etag = parted(link.etag)
        others = [*steps(self._crm, link, was.standing), *ways(self._crm, link, was)]
        try:
            self._table.transact(link_row(self._crm, link), etag, others)
        except StaleError:
            pass  # It was committed at this moment, and so counted.

    def _point_to(self, row: Any) -> None:
        name = str(row["RowKey"])
        key = name.removeprefix("audit:").rpartition(":")[0]
        try:
            self._table.replace(_pointer(self._crm, key, serialize.load_entry(from_chunks(row)), name, None), None)
        except StaleError:
            pass  # It is there.

    def _page(self, prefix: str, limit: int, after: str) -> list[Any]:
        last = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        first = f"{prefix}{after}\0" if after else prefix
        return list(islice(self._table.range(self._crm, first, last, limit), limit))


def _stands(standing: str, referral_id: str) -> str:
    return f"stands:{standing}:{referral_id}"


def _last(row: Any) -> str:
    return str(row["RowKey"]).split(":", 2)[2]


def _take(total: Counter[str], step: Any) -> None:
    total[str(step["Now"])] += 1
    if step["Was"]:
        total[str(step["Was"])] -= 1


def _load_counts(row: Any) -> Counter[str]:
    return Counter({str(each): int(row.get(str(each)) or 0) for each in Standing} if row is not None else {})


def _of_record(record: RecordKey | None) -> dict[str, str]:
    return {"Table": record.table, "Record": record.id} if record else {}


def _record_of(row: Any) -> RecordKey | None:
    return RecordKey(row["PartitionKey"], row["Table"], row["Record"]) if row.get("Record") else None


def _newest_first(moment: datetime) -> str:
    return f"{_NEWEST_FIRST - round(moment.astimezone(UTC).timestamp() * 1_000_000):020d}"
