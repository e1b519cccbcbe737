"""The records of the simulated org: versions that surface when their transaction commits, a bin, a delete log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

Values = dict[str, object]


@dataclass(frozen=True)
class Record:
    """One version of a record. `values` hold Decimal numbers, ISO text dates and aware datetimes; null is absent.

    `committed`: when the transaction that wrote this version ends; before, no reader sees it.
    """

    sobject: str
    id: str
    values: Mapping[str, object]
    committed: datetime

    @property
    def is_deleted(self) -> bool:
        """Whether it lies in the recycle bin."""
        return bool(self.values.get("IsDeleted"))

    @property
    def stamp(self) -> datetime:
        """Its SystemModstamp."""
        value = self.values["SystemModstamp"]
        assert isinstance(value, datetime)  # noqa: S101 - stored so
        return value


@dataclass(frozen=True)
class Deletion:
    """An entry of the delete log."""

    sobject: str
    id: str
    at: datetime


class RecordStore:
    """Keeps the versions of every record. Records are immutable, so that a snapshot is a shallow copy."""

    def __init__(self) -> None:
        self._versions: dict[str, tuple[Record, ...]] = {}
        self._ids: dict[str, dict[str, None]] = {}
        self.deletions: list[Deletion] = []
        self.deletions_since: datetime | None = None

    def find(self, record_id: str, now: datetime) -> Record | None:
        """Return the newest version that is committed, or None."""
        versions = self._versions.get(record_id, ())
        return next((record for record in reversed(versions) if record.committed <= now), None)

    def newest(self, record_id: str) -> Record | None:
        """Return the newest version, committed or not: what its writer sees."""
        versions = self._versions.get(record_id, ())
        return versions[-1] if versions else None

    def is_open(self, record_id: str, now: datetime) -> bool:
        """Tell whether a transaction that has not ended holds the record."""
        newest = self.newest(record_id)
        return newest is not None and newest.committed > now

    def all(self, sobject: str, now: datetime) -> Iterator[Record]:
        """Yield the committed version of every record of a type, in the order of creation, deleted ones as well."""
        for record_id in list(self._ids.get(sobject, ())):
            record = self.find(record_id, now)
            if record is not None:
                yield record

    def all_newest(self, sobject: str) -> Iterator[Record]:
        """Yield the newest version of every record of a type, committed or not."""
        for record_id in list(self._ids.get(sobject, ())):
            yield self._versions[record_id][-1]

    def put(self, record: Record, now: datetime) -> None:
        """Add a version; of those that were committed before, the newest is kept."""
        earlier = self._versions.get(record.id, ())
        visible = self.find(record.id, now)
        kept = tuple(old for old in earlier if old is visible or old.committed > now)
        self._versions[record.id] = (*kept, record) if record.committed > now else (record,)
        self._ids.setdefault(record.sobject, {})[record.id] = None

    def purge(self, record: Record) -> None:
        """Forget a record for good."""
        del self._versions[record.id]
        del self._ids[record.sobject][record.id]

    def snapshot(self) -> tuple[object, ...]:
        """Return what `restore` needs to undo everything that follows."""
        ids = {sobject: dict(ids) for sobject, ids in self._ids.items()}
        return dict(self._versions), ids, list(self.deletions)

    def restore(self, snapshot: tuple[object, ...]) -> None:
        """Go back to a snapshot."""
        self._versions, self._ids, self.deletions = snapshot  # type: ignore[assignment]
