"""Table Storage as Azure has it: rows in the order of their keys, so that a range costs what lies in it.

The emulator has no such index and reads through the whole partition for each range; what a look costs with many links
cannot be seen there. This stands in for `azure.data.tables.TableClient`, in memory, and counts what Azure would bill.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError

PAGE = 1000
"""Entities of an answer at most (rest/api/storageservices/query-timeout-and-pagination)."""

Key = tuple[str, str]


class Found(dict[str, Any]):
    """An entity with its version."""

    metadata: Mapping[str, str]


class IndexedTable:
    """Answers as TableClient does, as far as the ledger asks."""

    def __init__(self) -> None:
        self._rows: dict[Key, tuple[Mapping[str, Any], str]] = {}
        self._order: dict[Key, list[str]] = defaultdict(list)
        """The row keys in order, by partition and by what stands before their first colon: ranges lie within one."""
        self._versions = map(str, itertools.count(1))
        self.requests = self.entities = 0
        """What was asked, and how many rows were read."""

    def copy(self) -> IndexedTable:
        """Return a table of its own with the same rows; nothing was asked of it yet."""
        other = IndexedTable()
        other._rows = dict(self._rows)
        other._order.update((shelf, list(keys)) for shelf, keys in self._order.items())
        other._versions = map(str, itertools.count(1 + len(self._rows) * 100))
        return other

    def create_table(self) -> None:
        """Do nothing: it is there."""

    def get_entity(self, partition: str, row: str) -> Found:
        """Return an entity."""
        self.requests += 1
        if (partition, row) not in self._rows:
            raise ResourceNotFoundError
        return self._found((partition, row))

    def query_entities(
        self, _condition: str, *, parameters: Mapping[str, str], results_per_page: int | None = None
    ) -> Iterator[Found]:
        """Yield the entities of a range of row keys, a request for each page."""
        partition, size = parameters["partition"], results_per_page or PAGE
        first, last = parameters["first"], parameters["last"]
        order = self._order[_shelf((partition, first))]
        for number, place in enumerate(itertools.count(bisect_left(order, first))):
            self.requests += number % size == 0
            if place >= len(order) or order[place] >= last:
                return
            yield self._found((partition, order[place]))

    def upsert_entity(self, entity: Mapping[str, Any], **_options: object) -> dict[str, str]:
        """Store an entity."""
        self.requests += 1
        return self._store(entity)

    def create_entity(self, entity: Mapping[str, Any]) -> dict[str, str]:
        """Store an entity that is not there."""
        self.requests += 1
        if _key(entity) in self._rows:
            raise ResourceExistsError
        return self._store(entity)

    def update_entity(self, entity: Mapping[str, Any], *, etag: str, **_options: object) -> dict[str, str]:
        """Store an entity in place of a version."""
        self.requests += 1
        if self._rows.get(_key(entity), ({}, ""))[1] != etag:
            raise ResourceModifiedError
        return self._store(entity)

    def submit_transaction(self, operations: list[tuple[Any, ...]]) -> list[dict[str, str]]:
        """Do several; what the ledger does here is never refused."""
        self.requests += 1
        answers = []
        for kind, entity, *_ in operations:
            if kind == "delete":
                self._remove(_key(entity))
            answers.append({} if kind == "delete" else self._store(entity))
        return answers

    def _remove(self, key: Key) -> None:
        del self._rows[key]
        order = self._order[_shelf(key)]
        del order[bisect_left(order, key[1])]

    def _store(self, entity: Mapping[str, Any]) -> dict[str, str]:
        key, version = _key(entity), next(self._versions)
        if key not in self._rows:
            insort(self._order[_shelf(key)], key[1])
        self._rows[key] = (dict(entity), version)
        return {"etag": version}

    def _found(self, key: Key) -> Found:
        self.entities += 1
        content, version = self._rows[key]
        found = Found(content)
        found.metadata = {"etag": version}
        return found


def _key(entity: Mapping[str, Any]) -> Key:
    return entity["PartitionKey"], entity["RowKey"]


def _shelf(key: Key) -> Key:
    return key[0], key[1].partition(":")[0]
