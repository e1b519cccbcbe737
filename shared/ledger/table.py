"""One table of Azure Table Storage: entities with long texts, guarded writes, ranges, and our error families.

The emulator does not enforce the service's limits, so they are enforced here: 32 Ki characters a property, 1 MiB an
entity (learn.microsoft.com/azure/storage/tables/scalability-targets).
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    IncompleteReadError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
    ServiceResponseError,
)
from azure.data.tables import TableTransactionError, UpdateMode

from shared.errors import AccessDenied, DataError, ServiceUnavailable, StaleError
from shared.problems import problem

if TYPE_CHECKING:
    from azure.data.tables import TableClient

CHUNK = 15_000
"""Characters per property: at most 30 000 UTF-16 units."""
UNITS = 480_000
"""UTF-16 units per text: two bytes each, with room below the entity's 1 MiB for its other properties."""

_TOO_LARGE = 413
_TOO_LARGE_CODES = ("ContentLengthExceeded", "EntityTooLarge", "PropertyValueTooLarge", "RequestBodyTooLarge")
"""How the service refuses what fits into its entities one by one, but not into one transaction of 4 MiB."""

_MAYBE_DONE = (
    *(ResourceModifiedError, ResourceExistsError, TableTransactionError),
    *(ServiceResponseError, IncompleteReadError),
)
"""What may be said of a write that was done: by a second try of it, or because its answer was lost."""

Entity = dict[str, Any]
Operation = tuple[Any, ...]


def to_chunks(text: str) -> dict[str, str]:
    """Spread a text over properties. Raises DataError when it does not fit into an entity."""
    parts = [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)] or [""]
    if len(text.encode("utf-16-le", "surrogatepass")) // 2 > UNITS:
        raise DataError(problem("deal.too_large", "deal", limit=UNITS))
    return {f"Data{index}": part for index, part in enumerate(parts)}


def from_chunks(entity: Mapping[str, Any]) -> str:
    """Return the text that `to_chunks` spread."""
    names = itertools.takewhile(lambda name: name in entity, (f"Data{index}" for index in itertools.count()))
    return "".join(entity[name] for name in names)


def entity(partition: str, row: str, text: str | None = None, **properties: object) -> Entity:
    """Return an entity, with a text spread over its properties."""
    return {"PartitionKey": partition, "RowKey": row, **(to_chunks(text) if text is not None else {}), **properties}


def etag_of(found: Any) -> str:
    """Return an entity's version."""
    return str(found.metadata["etag"])


@contextmanager
def translated() -> Iterator[None]:
    """Turn the SDK's errors into our families."""
    try:
        yield
    except (ResourceModifiedError, ResourceExistsError) as error:
        raise StaleError("the stored row changed") from error
    except ClientAuthenticationError as error:
        raise AccessDenied("the storage account refused the app's identity") from error
    except HttpResponseError as error:
        if error.status_code in (401, 403):
            raise AccessDenied("the storage account refused the app's identity") from error
        if error.status_code == _TOO_LARGE or getattr(error, "error_code", None) in _TOO_LARGE_CODES:
            raise DataError(problem("deal.too_large", "deal", limit=UNITS)) from error
        if error.status_code in (404, 409, 412):
            raise StaleError("the stored row changed, or is gone") from error
        raise ServiceUnavailable(f"Table Storage answered {error.status_code}") from error
    except AzureError as error:
        raise ServiceUnavailable(f"Table Storage does not answer ({type(error).__name__})") from error


class Table:
    """A table, created at first use. A write that is guarded by `etag` None is a first insert."""

    def __init__(self, client: TableClient) -> None:
        self._unready = client
        self._ready = False
        self._lock = threading.Lock()

    @property
    def _client(self) -> TableClient:
        with self._lock:
            if not self._ready:
                with translated():
                    self._create()
                self._ready = True
        return self._unready

    def _create(self) -> None:
        try:
            self._unready.create_table()
        except ResourceExistsError:
            pass  # Made by an earlier start, or by another instance.

    def get(self, partition: str, row: str) -> Any:
        """Return an entity, or None."""
        with translated():
            try:
                return self._client.get_entity(partition, row)
            except ResourceNotFoundError:
                return None

    def range(self, partition: str, prefix: str, below: str | None = None, page: int | None = None) -> Iterator[Any]:
        """Return the entities whose row keys begin with `prefix`, or lie between it and `below`, in order.

        They are read by pages of a thousand, or of `page`.
        """
        last = below or prefix[:-1] + chr(ord(prefix[-1]) + 1)
        condition = "PartitionKey eq @partition and RowKey ge @first and RowKey lt @last"
        values: dict[str, Any] = {"partition": partition, "first": prefix, "last": last}
        with translated():
            yield from self._client.query_entities(condition, parameters=values, results_per_page=page)

    def upsert(self, content: Entity) -> None:
        """Store an entity, whatever was there."""
        with translated():
            self._client.upsert_entity(content, mode=UpdateMode.REPLACE)

    def delete(self, partition: str, row: str) -> None:
        """Forget an entity; the SDK is silent about one that is not there."""
        with translated():
            self._client.delete_entity(partition_key=partition, row_key=row)

    def delete_guarded(self, partition: str, row: str, etag: str) -> None:
        """Forget an entity that still has a version; silent when it is gone. Raises StaleError."""
        guard: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        with translated():
            self._client.delete_entity(partition_key=partition, row_key=row, **guard)

    def replace(self, content: Entity, etag: str | None) -> str:
        """Store an entity in place of a version; returns its new one. Raises StaleError."""
        return self._surely(content, lambda marked: self._replace(marked, etag))

    def transact(self, first: Entity, etag: str | None, others: list[Operation]) -> str:
        """Store an entity in place of a version, and do other operations of its partition: all or nothing.

        Returns the entity's new version. Raises StaleError.
        """
        return self._surely(first, lambda marked: self._transact([_guarded(marked, etag), *others]))

    def submit(self, operations: list[Operation]) -> None:
        """Do operations of one partition: all or nothing. They may be done twice without harm."""
        with translated():
            self._client.submit_transaction(operations)

    def _replace(self, content: Entity, etag: str | None) -> str:
        if etag is None:
            return str(self._client.create_entity(content)["etag"])
        guard: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        return str(self._client.update_entity(content, mode=UpdateMode.REPLACE, **guard)["etag"])

    def _transact(self, operations: list[Operation]) -> str:
        return str(self._client.submit_transaction(operations)[0]["etag"])

    def _surely(self, content: Entity, write: Any) -> str:
        """Write an entity under a mark, which tells our own write apart when its answer was lost.

        The answer may be lost, or the SDK repeated the write and met its own first try.
        """
        marked = {**content, "Operation": uuid.uuid4().hex}
        with translated():
            try:
                return str(write(marked))
            except _MAYBE_DONE:
                held = self.get(marked["PartitionKey"], marked["RowKey"])
                if held is not None and held.get("Operation") == marked["Operation"]:
                    return etag_of(held)
                raise


def upsert(content: Entity) -> Operation:
    """Return the operation of a transaction that stores an entity, whatever was there."""
    return ("upsert", content, {"mode": UpdateMode.REPLACE})


def delete(content: Entity) -> Operation:
    """Return the operation of a transaction that forgets an entity, which must be there."""
    return ("delete", content)


def _guarded(content: Entity, etag: str | None) -> Operation:
    if etag is None:
        return ("create", content)
    guard = {"mode": UpdateMode.REPLACE, "etag": etag, "match_condition": MatchConditions.IfNotModified}
    return ("update", content, guard)
