"""What every part of the simulator works on: clock, switches, definitions, records, permissions, rules of the org."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from tools.simulators.clock import SimulatorClock
from tools.simulators.salesforce.cosell import COSELL_OBJECTS, cosell_columns
from tools.simulators.salesforce.cursors import Cursors
from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.fields import Field, FieldType, SObjectType
from tools.simulators.salesforce.ids import IdFactory, long_id
from tools.simulators.salesforce.quirks import Quirks
from tools.simulators.salesforce.records import Record, RecordStore, Values
from tools.simulators.salesforce.schema import OBJECT_PERMISSIONS as RIGHTS
from tools.simulators.salesforce.schema import standard_objects
from tools.simulators.salesforce.usage import Usage

BIN_LIFETIME = timedelta(days=15)

WriteHook = Callable[[str, str, dict[str, object]], Mapping[str, object] | None]
"""A trigger or flow: takes object type, record id and values; returns columns to change."""
ValidationRule = Callable[[str, dict[str, object]], str | None]
"""Takes object type and values; returns the customer's text when the record is refused."""


@dataclass(frozen=True)
class Caller:
    """The user a request runs as.

    `customizer` has Customize Application and Manage Profiles and Permission Sets; `person` works in the org's own
    pages, where field-level security is taken for granted and transactions may stay open. `session` tells one
    session of the user from another.
    """

    user_id: str
    customizer: bool = False
    person: bool = False
    session: str = ""


class Hook(NamedTuple):
    """A simulated trigger (in the transaction) or asynchronous flow (after the reply was composed)."""

    run: WriteHook
    asynchronous: bool
    user_id: str | None


@dataclass(frozen=True)
class DuplicateRule:
    """Two records are duplicates when all these fields are equal. An `alert` rule can be overridden."""

    name: str
    sobject: str
    fields: tuple[str, ...]
    action: Literal["block", "alert"]


class Savepoint(NamedTuple):
    """The state before a transaction."""

    records: tuple[object, ...]
    after_reply: tuple[Callable[[], None], ...]


@dataclass
class Lock:
    """A record that somebody else holds, for so many more requests."""

    record_id: str
    requests: int


@dataclass
class Org:
    """One simulated Salesforce org."""

    clock: SimulatorClock
    quirks: Quirks
    multi_currency: bool = False
    objects: dict[str, SObjectType] = field(default_factory=dict)
    store: RecordStore = field(default_factory=RecordStore)
    hidden_fields: set[tuple[str, str]] = field(default_factory=set)
    withheld: set[tuple[str, str]] = field(default_factory=set)
    hooks: list[Hook] = field(default_factory=list)
    validations: list[ValidationRule] = field(default_factory=list)
    duplicate_rules: list[DuplicateRule] = field(default_factory=list)
    locks: list[Lock] = field(default_factory=list)
    lost_races: int = 0
    field_ids: dict[str, str] = field(default_factory=dict)
    after_reply: deque[Callable[[], None]] = field(default_factory=deque)
    new_id: Callable[[str], str] = field(default_factory=lambda: IdFactory().new)

    def __post_init__(self) -> None:
        self.cursors = Cursors(self.new_id)
        self.usage = Usage(self.quirks)
        if not self.objects:
            self.objects = standard_objects(
                multi_currency=self.multi_currency, restricted_stage=self.quirks.restricted_stage
            )

    def now(self) -> datetime:
        """Return the org's time."""
        return self.clock.now()

    def stamp(self) -> datetime:
        """Return the time as stored: whole seconds."""
        return self.now().replace(microsecond=0)

    # --- definitions and who may see them --------------------------------------------------------------------------

    def sobject(self, name: str) -> SObjectType | None:
        """Return an object type by its name, which is case-insensitive."""
        return self.objects.get(name.lower())

    def fields(self, caller: Caller, sobject: SObjectType) -> list[Field]:
        """Return the fields that the caller may see."""
        return [item for item in sobject.fields.values() if self.sees(caller, sobject, item)]

    def field(self, caller: Caller, sobject: SObjectType, name: str) -> Field | None:
        """Return a field by name; None when it is missing or invisible, which the platform does not tell apart."""
        found = sobject.find(name)
        return found if found and self.sees(caller, sobject, found) else None

    def sees(self, caller: Caller, sobject: SObjectType, item: Field) -> bool:
        """Tell whether field-level security lets the caller read the field."""
        return self._granted(caller, sobject, item, "PermissionsRead")

    def edits(self, caller: Caller, sobject: SObjectType, item: Field) -> bool:
        """Tell whether field-level security lets the caller write the field."""
        return self._granted(caller, sobject, item, "PermissionsEdit")

    def may(self, caller: Caller, sobject: SObjectType, permission: str) -> bool:
        """Tell whether profile or permission sets let the caller Read, Create, Edit or Delete such records."""
        if caller.person or (sobject.name, permission) not in self.withheld:
            return True
        rows = self._permissions_of(caller, "ObjectPermissions")
        return any(row.values["SobjectType"] == sobject.name and row.values[f"Permissions{permission}"] for row in rows)

    def _granted(self, caller: Caller, sobject: SObjectType, item: Field, permission: str) -> bool:
        by_profile = (not item.custom or item.required) and (sobject.name, item.name) not in self.hidden_fields
        if caller.person or by_profile:
            return True
        name = f"{sobject.name}.{item.compound or item.name}"
        rows = self._permissions_of(caller, "FieldPermissions")
        return any(row.values.get("Field") == name and row.values.get(permission) for row in rows)

    def _permissions_of(self, caller: Caller, kind: str) -> Iterator[Record]:
        sets = {
            row.values["PermissionSetId"]
            for row in self.live("PermissionSetAssignment")
            if row.values["AssigneeId"] == caller.user_id
        }
        return (row for row in self.live(kind) if row.values["ParentId"] in sets)

    def field_id(self, sobject: SObjectType, item: Field) -> str:
        """Return the id of a custom field's definition."""
        name = f"{sobject.name}.{item.name}"
        if name not in self.field_ids:
            self.field_ids[name] = self.new_id("00N")
        return self.field_ids[name]

    # --- records ---------------------------------------------------------------------------------------------------

    def live(self, sobject: str) -> Iterator[Record]:
        """Yield the records of a type that readers see and that are not deleted."""
        return (record for record in self.store.all(sobject, self.now()) if not record.is_deleted)

    def record(self, sobject: SObjectType, given_id: str) -> Record:
        """Return a record by its id, or refuse: malformed, unknown, deleted."""
        if len(given_id) not in {15, 18}:
            raise RefusedError(Rule.NO_RECORD, name=given_id)
        record_id = long_id(given_id)
        if record_id is None or record_id[:3] != sobject.prefix:
            raise RefusedError(Rule.MALFORMED_ADDRESS, id=given_id, on=[])
        record = self.store.find(record_id, self.now())
        if record is None or self.is_purged(record):
            raise RefusedError(Rule.NO_RESOURCE)
        if record.is_deleted:
            raise RefusedError(Rule.ENTITY_IS_DELETED, on=[])
        return record

    def is_purged(self, record: Record) -> bool:
        """Tell whether a record has left the recycle bin, where it lies for 15 days."""
        return record.is_deleted and self.now() - record.stamp > BIN_LIFETIME

    def matching(self, sobject: SObjectType, item: Field, value: object) -> list[Record]:
        """Return the live records whose key field holds the value."""
        wanted = fold(item, value)
        return [record for record in self.live(sobject.name) if fold(item, record.values.get(item.name)) == wanted]

    def seed(self, name: str, **values: object) -> str:
        """Insert a record as it is, without checks; returns its id."""
        sobject = self.objects[name.lower()]
        stamp = self.stamp()
        record_id = str(values.get("Id") or self.new_id(sobject.prefix))
        system: Values = {"Id": record_id, "IsDeleted": False, "CreatedDate": stamp}
        system |= {"LastModifiedDate": stamp, "SystemModstamp": stamp}
        self.store.put(Record(sobject.name, record_id, system | values, stamp), self.now())
        return record_id

    def stage(self, name: object) -> Record | None:
        """Return the definition of an opportunity stage."""
        return next((row for row in self.live("OpportunityStage") if row.values["ApiName"] == name), None)

    def savepoint(self) -> Savepoint:
        """Return what `roll_back` needs to undo everything that follows."""
        return Savepoint(self.store.snapshot(), tuple(self.after_reply))

    def roll_back(self, to: Savepoint) -> None:
        """Undo every write since the savepoint, and what would have followed from it."""
        self.store.restore(to.records)
        self.after_reply = deque(to.after_reply)

    # --- the product's columns -------------------------------------------------------------------------------------

    def provision_cosell_columns(self, user_id: str) -> None:
        """Create the product's columns and grant them to a user, as its set-up command would have left them."""
        parent = self.seed("PermissionSet", Name="Cosell_Sync", Label="Co-sell synchronization")
        for name in (*COSELL_OBJECTS, "Account", "Contact"):
            rights = {f"Permissions{each}": each in ("Read", "Create", "Edit", "ViewAllRecords") for each in RIGHTS}
            self.seed("ObjectPermissions", ParentId=parent, SobjectType=name, **rights)
        for name in COSELL_OBJECTS:
            for column in cosell_columns(name):
                self.objects[name.lower()].add(column)
                granted = {"PermissionsRead": True, "PermissionsEdit": True}
                self.seed(
                    "FieldPermissions", ParentId=parent, SobjectType=name, Field=f"{name}.{column.name}", **granted
                )
        self.seed("PermissionSetAssignment", AssigneeId=user_id, PermissionSetId=parent)


def fold(item: Field, value: object) -> object:
    """Return a value as the platform compares it: text without regard to case, unless the field insists."""
    if not isinstance(value, str) or item.case_sensitive or item.type in {FieldType.ID, FieldType.REFERENCE}:
        return value
    return value.casefold()
