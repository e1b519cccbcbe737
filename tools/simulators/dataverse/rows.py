"""The rows of the simulated environment: one global row version, unique indexes, a change log, tombstones."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tools.simulators.dataverse.columns import Key, Table

Values = dict[str, object]


@dataclass(frozen=True)
class Reference:
    """The value of a lookup: which table, which row."""

    table: str
    id: str


@dataclass
class Row:
    """One row. `values` hold Decimal money, ISO text dates, References; columns that are null are absent."""

    table: str
    id: str
    values: Values
    version: int

    @property
    def etag(self) -> str:
        """Return the row's version as the platform shows it."""
        return f'W/"{self.version}"'


@dataclass(frozen=True)
class Tombstone:
    """What remains of a deleted row."""

    id: str
    version: int


class RowStore:
    """Keeps rows by table and id. Versions increase over all tables, as SQL row versions do.

    Reading changes costs as much as there are changes: the log is sorted by version, and only its newest entry per row
    counts.
    """

    def __init__(self, first_version: int = 1_000_000) -> None:
        self.version = first_version
        self._rows: dict[str, dict[str, Row]] = defaultdict(dict)
        self._log: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self._deleted: dict[str, list[Tombstone]] = defaultdict(list)
        self._unique: dict[tuple[str, str], dict[tuple[object, ...], str]] = defaultdict(dict)

    def find(self, table: str, row_id: str) -> Row | None:
        """Return the row, or None."""
        return self._rows[table].get(row_id)

    def all(self, table: str) -> Iterator[Row]:
        """Yield every row of the table in the order of creation."""
        return iter(list(self._rows[table].values()))

    def find_by_key(self, table: Table, key: Key, values: Mapping[str, object]) -> Row | None:
        """Return the row with these key values, or None."""
        entry = _key_entry(key, values)
        row_id = self._unique[table.name, key.name].get(entry) if entry else None
        return self.find(table.name, row_id) if row_id else None

    def key_conflict(self, table: Table, values: Mapping[str, object], row_id: str) -> Key | None:
        """Return the alternate key that another row already holds with these values; null parts are not unique."""
        for key in table.keys.values():
            if key.failed:
                continue
            holder = self.find_by_key(table, key, values)
            if holder and holder.id != row_id:
                return key
        return None

    def insert(self, table: Table, row_id: str, values: Values) -> Row:
        """Add a row under the next version."""
        row = Row(table.name, row_id, values, self._next_version())
        self._rows[table.name][row_id] = row
        self._log[table.name].append((row.version, row_id))
        self._index(table, row)
        return row

    def update(self, table: Table, row: Row, values: Values) -> None:
        """Replace a row's values under the next version."""
        self._unindex(table, row)
        row.values = values
        row.version = self._next_version()
        self._log[table.name].append((row.version, row.id))
        self._index(table, row)

    def delete(self, table: Table, row: Row) -> None:
        """Remove a row and remember that it was there."""
        self._unindex(table, row)
        del self._rows[table.name][row.id]
        self._deleted[table.name].append(Tombstone(row.id, self._next_version()))

    def forget(self, table: Table, row: Row) -> None:
        """Remove a row that was inserted within a transaction that failed: nobody saw it."""
        self._unindex(table, row)
        del self._rows[table.name][row.id]

    def build_index(self, table: Table, key: Key) -> bool:
        """Index the existing rows by a new key; False when two of them hold the same values."""
        index = self._unique[table.name, key.name]
        for row in self.all(table.name):
            entry = _key_entry(key, row.values)
            if entry and index.setdefault(entry, row.id) != row.id:
                return False
        return True

    def changed_since(self, table: str, version: int) -> list[Row]:
        """Return each row changed after `version` once, in its newest state, by version ascending."""
        log = self._log[table]
        entries = log[bisect_right(log, version, key=lambda entry: entry[0]) :]
        rows = ((self.find(table, row_id), stamp) for stamp, row_id in entries)
        return [row for row, stamp in rows if row and row.version == stamp]

    def deleted_since(self, table: str, version: int) -> list[str]:
        """Return the ids deleted after `version` that do not exist again."""
        graves = self._deleted[table]
        newest = graves[bisect_right(graves, version, key=lambda grave: grave.version) :]
        return [row_id for row_id in dict.fromkeys(grave.id for grave in newest) if row_id not in self._rows[table]]

    def _next_version(self) -> int:
        self.version += 1
        return self.version

    def _index(self, table: Table, row: Row) -> None:
        for key in table.keys.values():
            entry = _key_entry(key, row.values)
            if entry:
                self._unique[table.name, key.name][entry] = row.id

    def _unindex(self, table: Table, row: Row) -> None:
        for key in table.keys.values():
            entry = _key_entry(key, row.values)
            index = self._unique[table.name, key.name]
            if entry and index.get(entry) == row.id:
                del index[entry]


def _key_entry(key: Key, values: Mapping[str, object]) -> tuple[object, ...] | None:
    """Return the values as the unique index compares them (case-insensitive), or None when one is null."""
    parts = [values.get(column) for column in key.columns]
    if any(part is None for part in parts):
        return None
    return tuple(part.casefold() if isinstance(part, str) else part for part in parts)
