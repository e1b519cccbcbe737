"""The ledger in Azure Table Storage: one table, one partition per CRM, so that a deal's commit is one transaction.

Row keys: `link:<referral>`, `record:<record>` (the way back from a record to its referral), `audit:<key>:<newest
first>`, `intent:<record>`, `parked:<key>`. Cursors, tokens and alerts are in the partition `value`.

The emulator does not enforce the service's limits, so they are enforced here: 32 Ki characters a property, 1 MiB an
entity (learn.microsoft.com/azure/storage/tables/scalability-targets).
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
    ServiceResponseError,
)
from azure.data.tables import TableTransactionError, UpdateMode

from shared.errors import AccessDenied, DataError, Problem, ServiceUnavailable, StaleError
from shared.ledger import rows
from shared.ledger.port import AuditEntry, Intent, Link, Parked, Stored

if TYPE_CHECKING:
    from azure.data.tables import TableClient

TABLE = "cosell"
VALUES = "value"

CHUNK = 15_000
"""Characters per property: at most 30 000 UTF-16 units."""
UNITS = 480_000
"""UTF-16 units per text: two bytes each, with room below the entity's 1 MiB for its other properties."""

_NEWEST_FIRST = 10**20

Entity = dict[str, Any]


def to_chunks(text: str) -> dict[str, str]:
    """Spread a text over properties. Raises DataError when it does not fit into an entity."""
    parts = [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)] or [""]
    if len(text.encode("utf-16-le", "surrogatepass")) // 2 > UNITS:
        raise DataError(Problem("deal", f"is larger than the {UNITS} characters kept", "Shorten its texts."))
    return {f"Data{index}": part for index, part in enumerate(parts)}


def from_chunks(entity: Mapping[str, Any]) -> str:
    """Return the text that `to_chunks` spread."""
    names = itertools.takewhile(lambda name: name in entity, (f"Data{index}" for index in itertools.count()))
    return "".join(entity[name] for name in names)


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
        if error.status_code in (404, 409, 412):
            raise StaleError("the stored row changed, or is gone") from error
        raise ServiceUnavailable(f"Table Storage answered {error.status_code}") from error
    except AzureError as error:
        raise ServiceUnavailable(f"Table Storage does not answer ({type(error).__name__})") from error


class TableLedger:
    """Implements Ledger on one table, which it creates at first use."""

    def __init__(self, table: TableClient) -> None:
        self._client = table
        self._ready = False
        self._lock = threading.Lock()

    @property
    def _table(self) -> TableClient:
        with self._lock:
            if not self._ready:
                with translated():
                    self._create()
                self._ready = True
        return self._client

    def _create(self) -> None:
        try:
            self._client.create_table()
        except ResourceExistsError:
            pass  # Made by an earlier start, or by another instance.

    # --- links -----------------------------------------------------------------------------------------------------

    def link(self, crm: str, referral_id: str) -> Link | None:
        """Return the link of a referral: one point read."""
        entity = self._get(crm, f"link:{referral_id}")
        return rows.load_link(from_chunks(entity), entity.metadata["etag"]) if entity is not None else None

    def link_of_record(self, crm: str, record_id: str) -> Link | None:
        """Return the link of a record: two point reads."""
        entity = self._get(crm, f"record:{record_id}")
        link = self.link(crm, entity["ReferralId"]) if entity is not None else None
        return link if link and link.record_id == record_id else None

    def links(self, crm: str) -> Iterator[Link]:
        """Return every link, page by page."""
        with translated():
            for entity in self._range(crm, "link:"):
                yield rows.load_link(from_chunks(entity), entity.metadata["etag"])

    def commit(self, link: Link, entries: Sequence[AuditEntry], intent: Intent | None = None) -> Link:
        """Store a link, its way back, its audit rows, and drop the intent: one transaction."""
        operation = uuid.uuid4().hex
        entity = {
            "PartitionKey": link.crm,
            "RowKey": f"link:{link.referral_id}",
            "Operation": operation,
            **to_chunks(rows.dump_link(link)),
        }
        operations: list[Any] = [self._link_operation(entity, link.etag)]
        if link.record_id:
            way_back = _entity(link.crm, f"record:{link.record_id}", ReferralId=link.referral_id)
            operations.append(("upsert", way_back, {"mode": UpdateMode.REPLACE}))
        operations += [
            ("upsert", _audit(link.crm, link.referral_id, entry), {"mode": UpdateMode.REPLACE}) for entry in entries
        ]
        if intent:
            operations.append(("delete", _entity(intent.crm, f"intent:{intent.record_id}")))
        with translated():
            return replace(link, etag=self._submit(operations, entity))

    def _link_operation(self, entity: Entity, etag: str | None) -> tuple[Any, ...]:
        if etag is None:
            return ("create", entity)
        guard = {"mode": UpdateMode.REPLACE, "etag": etag, "match_condition": MatchConditions.IfNotModified}
        return ("update", entity, guard)

    def _submit(self, operations: list[Any], entity: Entity) -> str:
        try:
            return str(self._table.submit_transaction(operations)[0]["etag"])
        except (TableTransactionError, ServiceResponseError):
            # The answer may be lost, or the SDK repeated the transaction and met its own first try.
            held = self._get(entity["PartitionKey"], entity["RowKey"])
            if held is not None and held.get("Operation") == entity["Operation"]:
                return str(held.metadata["etag"])
            raise

    # --- audit -----------------------------------------------------------------------------------------------------

    def history(self, crm: str, key: str, limit: int = 50) -> Sequence[AuditEntry]:
        """Return the newest audit entries: one range read within the partition."""
        found: list[AuditEntry] = []
        with translated():
            for entity in self._range(crm, f"audit:{key}:"):
                found.append(rows.load_entry(from_chunks(entity)))
                if len(found) == limit:
                    break
        return found

    def note(self, crm: str, key: str, entry: AuditEntry) -> None:
        """Store one audit row."""
        with translated():
            self._table.upsert_entity(_audit(crm, key, entry), mode=UpdateMode.REPLACE)

    # --- intents ---------------------------------------------------------------------------------------------------

    def begin_intent(self, intent: Intent) -> Intent:
        """Store an intent unless the record has one."""
        try:
            return replace(intent, etag=self._replace(_intent(intent), None))
        except StaleError:
            held = self.intent(intent.crm, intent.record_id)
            if held is None:  # Dropped this moment by the commit of the worker that held it.
                raise
            return held

    def replace_intent(self, held: Intent, intent: Intent) -> Intent:
        """Replace an intent, provided it is still the same."""
        return replace(intent, etag=self._replace(_intent(intent), held.etag))

    def intent(self, crm: str, record_id: str) -> Intent | None:
        """Return the record's intent."""
        entity = self._get(crm, f"intent:{record_id}")
        return rows.load_intent(from_chunks(entity), entity.metadata["etag"]) if entity is not None else None

    # --- parked deals ----------------------------------------------------------------------------------------------

    def park(self, parked: Parked) -> None:
        """Set a deal aside."""
        entity = _entity(parked.crm, f"parked:{parked.key}", **to_chunks(rows.dump_parked(parked)))
        with translated():
            self._table.upsert_entity(entity, mode=UpdateMode.REPLACE)

    def parked(self, crm: str, key: str) -> Parked | None:
        """Return what is parked under a key."""
        entity = self._get(crm, f"parked:{key}")
        return rows.load_parked(from_chunks(entity)) if entity is not None else None

    def unpark(self, crm: str, key: str) -> None:
        """Forget what was parked; the SDK is silent about a row that is not there."""
        with translated():
            self._table.delete_entity(partition_key=crm, row_key=f"parked:{key}")

    def all_parked(self, crm: str) -> Iterator[Parked]:
        """Return every parked deal of a CRM: one range read within the partition."""
        with translated():
            for entity in self._range(crm, "parked:"):
                yield rows.load_parked(from_chunks(entity))

    # --- small values ----------------------------------------------------------------------------------------------

    def value(self, kind: str, name: str) -> Stored:
        """Return a small value."""
        entity = self._get(VALUES, f"{kind}:{name}")
        return Stored(from_chunks(entity), entity.metadata["etag"]) if entity is not None else Stored("", None)

    def replace_value(self, kind: str, name: str, value: str, held: Stored) -> Stored:
        """Replace a small value, or store the first one."""
        return Stored(value, self._replace(_entity(VALUES, f"{kind}:{name}", **to_chunks(value)), held.etag))

    # --- the table -------------------------------------------------------------------------------------------------

    def _get(self, partition: str, row: str) -> Any:
        with translated():
            try:
                return self._table.get_entity(partition, row)
            except ResourceNotFoundError:
                return None

    def _range(self, partition: str, prefix: str) -> Iterator[Any]:
        last = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        condition = "PartitionKey eq @partition and RowKey ge @first and RowKey lt @last"
        values: dict[str, Any] = {"partition": partition, "first": prefix, "last": last}
        return iter(self._table.query_entities(condition, parameters=values))

    def _replace(self, entity: Entity, etag: str | None) -> str:
        """Store an entity that must still have `etag`, or must not exist; returns its new etag."""
        entity = {**entity, "Operation": uuid.uuid4().hex}
        with translated():
            try:
                if etag is None:
                    return str(self._table.create_entity(entity)["etag"])
                guard: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
                return str(self._table.update_entity(entity, mode=UpdateMode.REPLACE, **guard)["etag"])
            except (ResourceModifiedError, ResourceExistsError, ServiceResponseError):
                held = self._get(entity["PartitionKey"], entity["RowKey"])
                if held is not None and held.get("Operation") == entity["Operation"]:
                    return str(held.metadata["etag"])
                raise


def _entity(partition: str, row: str, **properties: object) -> Entity:
    return {"PartitionKey": partition, "RowKey": row, **properties}


def _intent(intent: Intent) -> Entity:
    return _entity(intent.crm, f"intent:{intent.record_id}", **to_chunks(rows.dump_intent(intent)))


def _audit(crm: str, key: str, entry: AuditEntry) -> Entity:
    newest_first = _NEWEST_FIRST - int(entry.at.timestamp() * 1_000_000)
    return _entity(crm, f"audit:{key}:{newest_first:020d}-{entry.id}", **to_chunks(rows.dump_entry(entry)))
