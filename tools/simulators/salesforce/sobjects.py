"""The resources of single records: create, read, update, delete, by id or by an external id."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from tools.simulators.salesforce.conditions import require_unmodified
from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.exchange import Answer, Call
from tools.simulators.salesforce.fields import Field, FieldType, SObjectType
from tools.simulators.salesforce.payload import Payload, require_writable_object
from tools.simulators.salesforce.permissions import check_permission_row
from tools.simulators.salesforce.records import Record, Values
from tools.simulators.salesforce.values import to_stored, to_wire

_CREATED_FLAG_SINCE = 46.0


@dataclass(frozen=True)
class Outcome:
    """What an upsert did."""

    record: Record
    created: bool


@dataclass(frozen=True)
class SObjectRows:
    """The records of one object type, for one call."""

    call: Call
    sobject: SObjectType

    # --- what single calls and collections share -------------------------------------------------------------------

    def insert(self, body: Mapping[str, object]) -> Record:
        """Create a record from a body."""
        require_writable_object(self.call.org, self.call.caller, self.sobject, "inserted")
        changes = self._payload().changes(body, creating=True)
        check_permission_row(self.call.org, self.sobject, changes)
        return self.call.writer().create(self.sobject, changes)

    def change(self, record: Record, body: Mapping[str, object], *, without: Field | None = None) -> Record:
        """Update a record from a body."""
        require_writable_object(self.call.org, self.call.caller, self.sobject, "updated")
        changes = self._payload().changes(body, creating=False, without=without)
        return self.call.writer().update(record, changes)

    def remove(self, record: Record) -> None:
        """Delete a record."""
        require_writable_object(self.call.org, self.call.caller, self.sobject, "deleted")
        self.call.writer().delete(record)

    def put(self, key: Field, value: object, body: Mapping[str, object]) -> Outcome:
        """Update the record that the key names, or create it; refuses when several have the value."""
        found = self.by_key(key, value)
        if found is not None:
            return Outcome(self.change(found, body, without=key), created=False)
        if self.call.flag("updateOnly") or key.type is FieldType.ID:
            raise RefusedError(Rule.NO_RESOURCE)
        require_writable_object(self.call.org, self.call.caller, self.sobject, "inserted")
        changes = self._payload().changes(body, creating=True, without=key) | {key.name: value}
        self._lose_race(changes)
        return Outcome(self.call.writer().create(self.sobject, changes), created=True)

    def _lose_race(self, changes: Values) -> None:
        """Somebody else's first upsert of the same key commits between our look-up and our insert."""
        if self.call.org.lost_races > 0:
            self.call.org.lost_races -= 1
            self.call.writer().create(self.sobject, changes)

    def by_key(self, key: Field, value: object) -> Record | None:
        """Return the record with this key value; refuses when there are several."""
        if key.type is FieldType.ID:
            return self.call.org.record(self.sobject, str(value))
        found = self.call.org.matching(self.sobject, key, value)
        if len(found) > 1:
            raise SeveralFound([f"{self.call.root}/sobjects/{self.sobject.name}/{record.id}" for record in found])
        return found[0] if found else None

    def key(self, name: str) -> Field:
        """Return the key field that the path names, or refuse with 404."""
        found = self.call.org.field(self.call.caller, self.sobject, name)
        if found is None or not found.is_key:
            raise RefusedError(Rule.NO_RECORD, name=name)
        return found

    def _payload(self) -> Payload:
        return Payload(self.call.org, self.call.caller, self.sobject)

    # --- single calls ----------------------------------------------------------------------------------------------

    def create(self) -> Answer:
        """POST /sobjects/X."""
        return self._created(self.insert(self.call.json_object()))

    def read(self, record: Record) -> Answer:
        """GET a record, all visible fields or those of `fields`."""
        document = self.shown(record, self.call.args.get("fields"))
        headers = {"Last-Modified": f"{record.stamp:%a, %d %b %Y %H:%M:%S GMT}"}
        if self.sobject.name == "Account":
            headers["ETag"] = etag(record)
        return Answer(200, document, headers)

    def shown(self, record: Record, names: str | None) -> dict[str, object]:
        """Return a record as JSON shows it."""
        org, caller = self.call.org, self.call.caller
        fields = org.fields(caller, self.sobject)
        if names is not None:
            fields = [self._named(name.strip()) for name in names.split(",")]
        url = f"{self.call.root}/sobjects/{self.sobject.name}/{record.id}"
        head: dict[str, object] = {"attributes": {"type": self.sobject.name, "url": url}}
        id_field = self.sobject.fields["Id"]
        return head | {item.name: to_wire(record.values.get(item.name)) for item in [*fields, id_field]}

    def _named(self, name: str) -> Field:
        found = self.call.org.field(self.call.caller, self.sobject, name)
        if found is None:
            raise RefusedError(Rule.NO_COLUMN, field=name, sobject=self.sobject.name)
        return found

    def update(self, record: Record) -> Answer:
        """PATCH a record by its id, under the conditions of the headers."""
        require_unmodified(self.call, record, etag(record) if self.sobject.name == "Account" else None)
        self.change(record, self.call.json_object())
        return Answer(204)

    def upsert(self, key: Field, value: object) -> Answer:
        """PATCH a record by an external id."""
        found = self.by_key(key, value)
        if found is not None:
            require_unmodified(self.call, found, etag(found) if self.sobject.name == "Account" else None)
        outcome = self.put(key, value, self.call.json_object())
        if outcome.created:
            return self._created(outcome.record, created=True)
        if float(self.call.version) < _CREATED_FLAG_SINCE:
            return Answer(204)
        return Answer(200, {"id": outcome.record.id, "success": True, "errors": [], "created": False})

    def delete(self, record: Record) -> Answer:
        """DELETE a record; a date condition is not looked at."""
        self.remove(record)
        return Answer(204)

    def _created(self, record: Record, **more: object) -> Answer:
        document = {"id": record.id, "success": True, "errors": [], **more}
        location = f"{self.call.root}/sobjects/{self.sobject.name}/{record.id}"
        return Answer(201, document, {"Location": location})


class SeveralFound(Exception):
    """An external id that several records hold: 300, with their addresses."""

    def __init__(self, addresses: list[str]) -> None:
        self.addresses = addresses
        super().__init__(f"{len(addresses)} records")


def key_value(sobject: SObjectType, key: Field, text: str) -> object:
    """Return the text of a path segment as the key field stores it."""
    if key.type is FieldType.ID:
        return text
    value = to_stored(sobject, key, text)
    if value is None:
        raise RefusedError(Rule.NO_RESOURCE)
    return value


def etag(record: Record) -> str:
    """Return a record's entity tag, which accounts have and other objects have not."""
    digest = zlib.crc32(repr(sorted(record.values.items(), key=str)).encode())
    return f'"{int(record.stamp.timestamp()):x}{digest:08x}"'
