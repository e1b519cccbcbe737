"""sObject collections: up to 200 records in one call, each with its own result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.exchange import Answer, Call
from tools.simulators.salesforce.fields import SObjectType
from tools.simulators.salesforce.ids import long_id
from tools.simulators.salesforce.records import Record
from tools.simulators.salesforce.sobjects import SeveralFound, SObjectRows
from tools.simulators.salesforce.values import to_stored

MAX_RECORDS, MAX_CHUNKS, MAX_READ = 200, 10, 2000
# Errors of reading the request, which the platform reports for the request as a whole.
_REQUEST_RULES = frozenset({Rule.NO_COLUMN_ON_WRITE, Rule.WRONG_TYPE})

Body = Mapping[str, object]
Result = dict[str, object]


@dataclass(frozen=True)
class Collections:
    """The collection resources, for one call."""

    call: Call

    def create(self) -> Answer:
        """POST /composite/sobjects."""
        return self._each(self._insert)

    def update(self) -> Answer:
        """PATCH /composite/sobjects: each record has its id."""
        return self._each(self._change)

    def upsert(self, name: str, key_name: str) -> Answer:
        """PATCH /composite/sobjects/X/Key: each record has the key among its fields."""
        rows = SObjectRows(self.call, self.call.sobject(name))
        key = rows.key(key_name)

        def put(body: Body) -> Result:
            if self._type(body) is not rows.sobject:
                raise RefusedError(Rule.BAD_COMPOSITE, detail=f"All records must be of type {rows.sobject.name}")
            given = {field.lower(): field for field in body}
            own = given.get(key.name.lower())
            value = to_stored(rows.sobject, key, body[own]) if own else None
            if value is None:
                raise RefusedError(Rule.REQUIRED, fields=key.name, on=[key.name])
            outcome = rows.put(key, value, {field: body[field] for field in body if field != own})
            return {"id": outcome.record.id, "success": True, "errors": [], "created": outcome.created}

        return self._each(put)

    def delete(self) -> Answer:
        """DELETE /composite/sobjects?ids=..."""
        ids = [part.strip() for part in self.call.args.get("ids", "").split(",") if part.strip()]
        if not ids:
            raise RefusedError(Rule.BAD_COMPOSITE, detail="The ids parameter is missing")
        return self._results(ids, self._remove, all_or_none=self.call.flag("allOrNone"))

    def read(self, name: str) -> Answer:
        """GET ?ids=&fields=, or POST the same as a body; a record that is not there is null."""
        rows = SObjectRows(self.call, self.call.sobject(name))
        if self.call.method == "POST":
            body = self.call.json_object()
            ids, fields = _texts(body.get("ids")), _texts(body.get("fields"))
        else:
            ids, fields = (self.call.args.get(option, "").split(",") for option in ("ids", "fields"))
        if len(ids) > MAX_READ:
            raise RefusedError(Rule.TOO_MANY_RECORDS, limit=MAX_READ)
        found = [self._find(rows.sobject, record_id) for record_id in ids]
        return Answer(200, [record and rows.shown(record, ",".join(fields)) for record in found])

    def _find(self, sobject: SObjectType, given_id: str) -> Record | None:
        try:
            return self.call.org.record(sobject, given_id)
        except RefusedError:
            return None

    # --- one record ------------------------------------------------------------------------------------------------

    def _insert(self, body: Body) -> Result:
        record = SObjectRows(self.call, self._type(body)).insert(body)
        return {"id": record.id, "success": True, "errors": []}

    def _change(self, body: Body) -> Result:
        rows = SObjectRows(self.call, self._type(body))
        given = next((field for field in body if field.lower() == "id"), None)
        if given is None:
            raise RefusedError(Rule.REQUIRED, fields="Id", on=["Id"])
        record = self.call.org.record(rows.sobject, str(body[given]))
        rows.change(record, {field: body[field] for field in body if field != given})
        return {"id": record.id, "success": True, "errors": []}

    def _remove(self, record_id: str) -> Result:
        prefix = (long_id(record_id) or "")[:3]
        sobject = next((item for item in self.call.org.objects.values() if item.prefix == prefix), None)
        if sobject is None:
            raise RefusedError(Rule.MALFORMED_ID, label="Record ID", value=record_id, on=["Id"])
        rows = SObjectRows(self.call, sobject)
        rows.remove(self.call.org.record(sobject, record_id))
        return {"id": long_id(record_id), "success": True, "errors": []}

    def _type(self, body: Body) -> SObjectType:
        attributes = body.get("attributes")
        name = attributes.get("type") if isinstance(attributes, dict) else None
        sobject = self.call.org.sobject(name) if isinstance(name, str) else None
        if sobject is None:
            raise RefusedError(Rule.NO_OBJECT, name=name)
        return sobject

    # --- all of them -----------------------------------------------------------------------------------------------

    def _each(self, work: Callable[[Body], Result]) -> Answer:
        document = self.call.json_object()
        records = document.get("records")
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise RefusedError(Rule.JSON_PARSER, detail="'records' has to be an array of objects")
        types = [self._type(record).name for record in records]
        if 1 + sum(left != right for left, right in pairwise(types)) > MAX_CHUNKS:
            raise RefusedError(Rule.TOO_MANY_CHUNKS)
        return self._results(records, work, all_or_none=document.get("allOrNone") is True)

    def _results(self, items: Sequence[object], work: Callable[..., Result], *, all_or_none: bool) -> Answer:
        if len(items) > MAX_RECORDS:
            raise RefusedError(Rule.TOO_MANY_RECORDS, limit=MAX_RECORDS)
        before = self.call.org.savepoint()
        try:
            results = [self._result(item, work) for item in items]
        except RefusedError:
            self.call.org.roll_back(before)
            raise
        if all_or_none and not all(result["success"] for result in results):
            self.call.org.roll_back(before)
            error = RefusedError(Rule.ROLLED_BACK).record_entry()
            results = [{"success": False, "errors": [error]} if result["success"] else result for result in results]
        return Answer(200, results)

    def _result(self, item: object, work: Callable[..., Result]) -> Result:
        try:
            return work(item)
        except RefusedError as error:
            as_request = self.call.org.quirks.collection_field_errors == "request"
            if error.rule in _REQUEST_RULES and as_request:
                raise
            return {"success": False, "errors": [error.record_entry()]}
        except SeveralFound as several:
            refusal = RefusedError(Rule.BAD_COMPOSITE, detail=f"Multiple records found: {len(several.addresses)}")
            return {"success": False, "errors": [refusal.record_entry()]}


def _texts(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise RefusedError(Rule.JSON_PARSER, detail="'ids' and 'fields' have to be arrays of strings")
    return value
