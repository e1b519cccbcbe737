"""Creates, updates, deletes and undeletes records: defaults, required and derived fields, uniqueness, triggers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import partial

from tools.simulators.salesforce.duplicates import DuplicateCheck, DuplicateOptions
from tools.simulators.salesforce.errors import RefusedError, Rule, TriggerError
from tools.simulators.salesforce.fields import Field, FieldType, SObjectType
from tools.simulators.salesforce.locks import require_free
from tools.simulators.salesforce.org import Caller, Hook, Org
from tools.simulators.salesforce.records import Deletion, Record, Values
from tools.simulators.salesforce.values import to_stored


@dataclass(frozen=True)
class Writer:
    """Applies checked changes as one caller. `duplicates` are the options of the request's duplicate rule header."""

    org: Org
    caller: Caller
    duplicates: DuplicateOptions = field(default_factory=DuplicateOptions)
    run_hooks: bool = True

    def create(self, sobject: SObjectType, changes: Mapping[str, object]) -> Record:
        """Insert a record."""
        stamp = self.org.stamp()
        values: Values = {"Id": self.org.new_id(sobject.prefix), "IsDeleted": False}
        values |= {"CreatedDate": stamp, "CreatedById": self.caller.user_id}
        values |= self._defaults(sobject) | {name: value for name, value in changes.items() if value is not None}
        settle(self.org, sobject, values, changes)
        self._check(sobject, values, changes)
        return self._put_and_run(sobject, values, stamp, "AfterInsert")

    def update(self, record: Record, changes: Mapping[str, object], *, stamp: datetime | None = None) -> Record:
        """Change a record. A change that equals what is there still moves SystemModstamp."""
        sobject = self.org.objects[record.sobject.lower()]
        if record.values.get("IsConverted"):
            raise RefusedError(Rule.CONVERTED, on=[])
        wanted = dict(changes)
        if record.values.get("HasOpportunityLineItem"):
            wanted.pop("Amount", None)  # ignored without a word while product lines make up the amount
        values: Values = {**record.values, **wanted}
        settle(self.org, sobject, values, wanted)
        self._check(sobject, values, wanted)
        return self._put_and_run(sobject, values, stamp or self.org.stamp(), "AfterUpdate")

    def delete(self, record: Record) -> None:
        """Move a record, and the children that go with it, to the recycle bin."""
        self._require_free(record.values)
        self._bin(record, deleted=True)

    def undelete(self, record: Record) -> None:
        """Take a record, and the children that went with it, out of the recycle bin."""
        self._bin(record, deleted=False)

    def _bin(self, record: Record, *, deleted: bool) -> None:
        sobject, stamp = self.org.objects[record.sobject.lower()], self.org.stamp()
        self._put(sobject, {**record.values, "IsDeleted": deleted}, stamp)
        if deleted and sobject.replicateable:
            self.org.store.deletions.append(Deletion(sobject.name, record.id, stamp))
        for relationship in sobject.children:
            if not relationship.cascades:
                continue
            for child in self.org.store.all(relationship.child, self.org.now()):
                if child.values.get(relationship.field) == record.id and child.is_deleted is not deleted:
                    self._bin(child, deleted=deleted)

    def merge_away(self, record: Record, winner_id: str) -> None:
        """Delete a record that lives on in another one, whose id it keeps."""
        sobject = self.org.objects[record.sobject.lower()]
        merged = self._put(sobject, {**record.values, "MasterRecordId": winner_id}, self.org.stamp())
        self._bin(merged, deleted=True)

    # --- checks ----------------------------------------------------------------------------------------------------

    def _check(self, sobject: SObjectType, values: Values, changes: Mapping[str, object]) -> None:
        missing = [item.name for item in sobject.fields.values() if item.required and values.get(item.name) is None]
        if missing:
            raise RefusedError(Rule.REQUIRED, fields=", ".join(missing), on=missing)
        self._check_references(sobject, changes)
        self._require_free(values)
        self._check_unique(sobject, values)
        for rule in self.org.validations:
            text = rule(sobject.name, dict(values))
            if text is not None:
                raise RefusedError(Rule.VALIDATION, message=text, on=[])
        if not self.caller.person:
            DuplicateCheck(self.org, self.duplicates).require_none(sobject, values, changes)

    def _check_references(self, sobject: SObjectType, changes: Mapping[str, object]) -> None:
        for name, value in changes.items():
            item = sobject.fields[name]
            if item.refers_to is None or value is None:
                continue
            target = self.org.objects[item.refers_to.lower()]
            if name == "OwnerId" and sobject.name == "Lead" and self._is_queue(value):
                continue
            if str(value)[:3] != target.prefix:
                raise RefusedError(Rule.MALFORMED_ID, label=item.label, value=value, on=[name])
            found = self.org.store.newest(str(value))
            if found is None or found.is_deleted:
                raise RefusedError(Rule.CROSS_REFERENCE, on=[name])
            if name == "OwnerId" and not found.values.get("IsActive") and not self.caller.person:
                raise RefusedError(Rule.INACTIVE_OWNER, on=[])

    def _is_queue(self, value: object) -> bool:
        """Whether it is the id of a queue that is made for leads."""
        made = [row.values["QueueId"] for row in self.org.live("QueueSobject") if row.values["SobjectType"] == "Lead"]
        return value in made

    def _check_unique(self, sobject: SObjectType, values: Values) -> None:
        """A unique field counts deleted records out and case too; rows of open transactions count in."""
        for item in sobject.fields.values():
            given = values.get(item.name)
            if not item.unique or given is None:
                continue
            for other in self.org.store.all_newest(sobject.name):
                same = _equal(item, other.values.get(item.name), given)
                if same and not other.is_deleted and other.id != values["Id"]:
                    raise RefusedError(Rule.DUPLICATE_VALUE, field=item.name, id=other.id[:15], on=[])

    def _require_free(self, values: Mapping[str, object]) -> None:
        if not self.caller.person:
            require_free(self.org, values)

    # --- storing ---------------------------------------------------------------------------------------------------

    def _defaults(self, sobject: SObjectType) -> Values:
        defaults = {item.name: item.default for item in sobject.fields.values() if item.default is not None}
        return defaults | ({"OwnerId": self.caller.user_id} if "OwnerId" in sobject.fields else {})

    def _put(self, sobject: SObjectType, values: Values, stamp: datetime) -> Record:
        values |= {"LastModifiedDate": stamp, "LastModifiedById": self.caller.user_id, "SystemModstamp": stamp}
        kept = {name: value for name, value in values.items() if value is not None}
        committed = stamp + self.org.quirks.commit_delay if self.caller.person else stamp
        record = Record(sobject.name, str(values["Id"]), kept, committed)
        self.org.store.put(record, self.org.now())
        if sobject.name == "OpportunityContactRole" and values.get("IsPrimary"):
            self._demote_others(record)
        return record

    def _demote_others(self, primary: Record) -> None:
        """One contact role per opportunity is primary: the newest that says so."""
        for other in self.org.live(primary.sobject):
            same = other.values.get("OpportunityId") == primary.values.get("OpportunityId")
            if same and other.id != primary.id and other.values.get("IsPrimary"):
                self._put(self.org.objects[other.sobject.lower()], {**other.values, "IsPrimary": False}, primary.stamp)

    def _put_and_run(self, sobject: SObjectType, values: Values, stamp: datetime, event: str) -> Record:
        """Store a record and run the triggers and flows of the org; a trigger that refuses undoes it all."""
        hooks = self.org.hooks if self.run_hooks else []
        before = self.org.savepoint() if hooks else None
        record = self._put(sobject, values, stamp)
        for hook in hooks:
            if hook.asynchronous:
                self.org.after_reply.append(partial(self._run_hook, hook, record.id))
                continue
            try:
                self._run_hook(hook, record.id)
            except TriggerError as error:
                assert before is not None  # noqa: S101 - there are hooks
                self.org.roll_back(before)
                raise RefusedError(Rule.TRIGGER, name="CustomerTrigger", event=event, message=error, on=[]) from None
        return self.org.store.newest(record.id) or record

    def _run_hook(self, hook: Hook, record_id: str) -> None:
        record = self.org.store.newest(record_id)
        if record is None:
            return
        given = hook.run(record.sobject, record.id, dict(record.values))
        if given:
            sobject = self.org.objects[record.sobject.lower()]
            wanted = {name: to_stored(sobject, sobject.fields[name], value) for name, value in given.items()}
            author = Caller(hook.user_id) if hook.user_id else self.caller
            Writer(self.org, author, run_hooks=False).update(record, wanted)


def settle(org: Org, sobject: SObjectType, values: Values, changes: Mapping[str, object]) -> None:
    """Set the fields that the platform derives from others."""
    if sobject.name in ("Contact", "Lead"):
        parts = (values.get(name) for name in ("FirstName", "LastName"))
        values["Name"] = " ".join(str(part) for part in parts if part)
    if sobject.name != "Opportunity":
        return
    stage = org.stage(values.get("StageName"))
    if stage is not None:
        values |= {name: stage.values[name] for name in ("IsClosed", "IsWon", "ForecastCategory")}
        if "StageName" in changes:
            derived = {"Probability": "DefaultProbability", "ForecastCategoryName": "ForecastCategoryName"}
            values |= {name: stage.values[source] for name, source in derived.items() if changes.get(name) is None}
    closing = values.get("CloseDate")
    if isinstance(closing, str):
        day = date.fromisoformat(closing)
        values |= {"FiscalYear": Decimal(day.year), "FiscalQuarter": Decimal((day.month + 2) // 3)}


def _equal(item: Field, left: object, right: object) -> bool:
    if isinstance(left, str) and isinstance(right, str) and not item.case_sensitive and item.type is FieldType.STRING:
        return left.casefold() == right.casefold()
    return left == right
