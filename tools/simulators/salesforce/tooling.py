"""The Tooling API as far as it makes custom fields and tells about them. It takes Customize Application."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tools.simulators.salesforce.customize import read_definition, shown_definition
from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.exchange import Answer, Call
from tools.simulators.salesforce.fields import Field, SObjectType, object_type
from tools.simulators.salesforce.org import Org
from tools.simulators.salesforce.queries import QueryResource
from tools.simulators.salesforce.records import Record, Values
from tools.simulators.salesforce.schema import checkbox, number, read_only, reference, text


def tooling_objects() -> dict[str, SObjectType]:
    """Return the object types of the Tooling API, by lower-case name."""
    own_id = read_only(text("Id", 18))
    named = [text(name, 255) for name in ("DeveloperName", "TableEnumOrId", "NamespacePrefix", "FullName")]
    described = [text(name, 255) for name in ("DurableId", "QualifiedApiName", "DeveloperName", "Label", "DataType")]
    types = [
        object_type("CustomField", "00N", [own_id, *named]),
        object_type(
            "FieldDefinition",
            "000",
            [
                *described,
                number("Length", 9),
                checkbox("IsNillable"),
                reference("EntityDefinitionId", "EntityDefinition"),
            ],
        ),
        object_type("EntityDefinition", "000", [own_id, text("QualifiedApiName", 255), text("DurableId", 255)]),
    ]
    return {sobject.name.lower(): sobject for sobject in types}


@dataclass(frozen=True)
class ToolingSource:
    """Metadata as rows: custom fields, and the definitions of all fields."""

    org: Org
    objects: dict[str, SObjectType]

    def sobject(self, name: str) -> SObjectType | None:
        """Return an object type by name, or None."""
        return self.objects.get(name.lower())

    def rows(self, sobject: SObjectType, *, deleted: bool) -> Iterator[Record]:  # noqa: ARG002 - there is no bin
        """Yield the rows of an object type."""
        for owner in self.org.objects.values():
            if sobject.name == "EntityDefinition":
                yield self._entity(owner)
                continue
            for item in owner.fields.values():
                if sobject.name == "FieldDefinition":
                    yield self._definition(owner, item)
                elif item.custom:
                    yield self.custom_field(owner, item)

    def row(self, record_id: str) -> Record | None:
        """Return the object type that a field definition points at."""
        owner = self.org.sobject(record_id)
        return self._entity(owner) if owner else None

    def _entity(self, owner: SObjectType) -> Record:
        return self._record(
            "EntityDefinition", {"Id": owner.name, "QualifiedApiName": owner.name, "DurableId": owner.name}
        )

    def _definition(self, owner: SObjectType, item: Field) -> Record:
        values: Values = {"Id": f"{owner.name}.{item.name}", "DurableId": f"{owner.name}.{item.name}"}
        values |= {"QualifiedApiName": item.name, "DeveloperName": item.name.removesuffix("__c")}
        values |= {"Label": item.label, "DataType": item.type.value, "Length": item.length}
        values |= {"IsNillable": not item.required, "EntityDefinitionId": owner.name}
        return self._record("FieldDefinition", values)

    def custom_field(self, owner: SObjectType, item: Field) -> Record:
        """Return a custom field as a row."""
        values: Values = {"Id": self.org.field_id(owner, item), "DeveloperName": item.name.removesuffix("__c")}
        values |= {"TableEnumOrId": owner.name, "FullName": f"{owner.name}.{item.name}"}
        return self._record("CustomField", values)

    def _record(self, sobject: str, values: Values) -> Record:
        return Record(sobject, str(values["Id"]), values, self.org.now())


@dataclass(frozen=True)
class Tooling:
    """The Tooling API's resources, for one call."""

    call: Call

    def create(self) -> Answer:
        """POST /tooling/sobjects/CustomField. The new field is invisible until a permission set grants it."""
        self._require_permission()
        body = self.call.json_object()
        full_name, metadata = body.get("FullName"), body.get("Metadata")
        for name in body:
            if name not in {"FullName", "Metadata"}:
                raise RefusedError(Rule.NO_COLUMN_ON_WRITE, field=name, sobject="CustomField")
        if not isinstance(full_name, str) or not isinstance(metadata, dict):
            missing = [name for name in ("FullName", "Metadata") if not body.get(name)]
            raise RefusedError(Rule.REQUIRED, fields=", ".join(missing), on=missing)
        owner_name, _, name = full_name.partition(".")
        owner = self.call.org.sobject(owner_name)
        if owner is None:
            detail = f"Entity Enumeration Or ID: bad value for restricted picklist field: {owner_name}"
            raise RefusedError(Rule.INTEGRITY, detail=detail, on=["FullName"])
        if owner.find(name) is not None:
            developer_name = name.removesuffix("__c")
            raise RefusedError(Rule.DUPLICATE_DEVELOPER_NAME, name=developer_name, sobject=owner.name, on=["FullName"])
        item = read_definition(name, metadata)
        owner.add(item)
        created = {"id": self.call.org.field_id(owner, item), "success": True, "errors": [], "warnings": []}
        return Answer(201, created | {"infos": []})

    def read(self, field_id: str) -> Answer:
        """GET /tooling/sobjects/CustomField/<id>."""
        self._require_permission()
        source = self._source()
        for owner in self.call.org.objects.values():
            for item in owner.fields.values():
                if item.custom and self.call.org.field_id(owner, item) == field_id:
                    values = {**source.custom_field(owner, item).values, "Metadata": shown_definition(item)}
                    return Answer(200, {"attributes": {"type": "CustomField"}, **values})
        raise RefusedError(Rule.NO_RESOURCE)

    def query(self, locator: str | None = None) -> Answer:
        """GET /tooling/query?q=..., or the page that a locator names."""
        self._require_permission()
        resource = QueryResource(self.call, self._source(), "tooling/query")
        return resource.run() if locator is None else resource.follow(locator)

    def _source(self) -> ToolingSource:
        return ToolingSource(self.call.org, tooling_objects())

    def _require_permission(self) -> None:
        if not self.call.caller.customizer:
            status = self.call.org.quirks.insufficient_access_status
            raise RefusedError(Rule.INSUFFICIENT_ACCESS, as_status=status, permission="Customize Application")
