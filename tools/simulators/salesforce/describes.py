"""describe: object types and fields as one caller sees them."""

from __future__ import annotations

from tools.simulators.salesforce.exchange import Call
from tools.simulators.salesforce.fields import Field, FieldType, SObjectType
from tools.simulators.salesforce.permissions import is_permissionable


def describe_global(call: Call) -> dict[str, object]:
    """Return the list of object types."""
    sobjects = [_summary(call, sobject) for sobject in call.org.objects.values()]
    return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": sobjects}


def describe_basic(call: Call, sobject: SObjectType) -> dict[str, object]:
    """Return what GET /sobjects/X answers."""
    return {"objectDescribe": _summary(call, sobject), "recentItems": []}


def describe(call: Call, sobject: SObjectType) -> dict[str, object]:
    """Return an object type with every field that field-level security shows to the caller."""
    fields = call.org.fields(call.caller, sobject)
    children = [
        {
            "childSObject": child.child,
            "field": child.field,
            "relationshipName": child.name,
            "cascadeDelete": child.cascades,
            "deprecatedAndHidden": False,
        }
        for child in sobject.children
    ]
    addresses = dict.fromkeys(item.compound for item in fields if item.compound and item.compound != "Name")
    shown = [_field(call, sobject, item) for item in [*fields, *map(_address, addresses)]]
    return _summary(call, sobject) | {"fields": shown, "childRelationships": children, "recordTypeInfos": []}


def _address(name: str | None) -> Field:
    """Return the field that stands for a whole address; only its parts are written."""
    return Field(str(name), FieldType.ADDRESS, str(name), createable=False, updateable=False)


def _summary(call: Call, sobject: SObjectType) -> dict[str, object]:
    writable = sobject.writable and (call.caller.customizer or not sobject.admin_only)
    may = {name: writable and call.org.may(call.caller, sobject, name) for name in ("Create", "Edit", "Delete")}
    url = f"{call.root}/sobjects/{sobject.name}"
    return {
        "name": sobject.name,
        "label": sobject.label,
        "keyPrefix": sobject.prefix,
        "custom": False,
        "createable": may["Create"],
        "updateable": may["Edit"],
        "deletable": may["Delete"],
        "undeletable": may["Delete"],
        "queryable": True,
        "retrieveable": True,
        "replicateable": sobject.replicateable,
        "urls": {"sobject": url, "describe": f"{url}/describe", "rowTemplate": f"{url}/{{ID}}"},
    }


def _field(call: Call, sobject: SObjectType, item: Field) -> dict[str, object]:
    editable = call.org.edits(call.caller, sobject, item)
    is_boolean = item.type is FieldType.BOOLEAN
    return {
        "name": item.name,
        "label": item.label,
        "type": item.type.value,
        "length": item.length,
        "byteLength": item.length * 3,
        "precision": item.precision,
        "scale": item.scale,
        "digits": item.precision if item.type is FieldType.INT else 0,
        "nillable": not item.required and not is_boolean and item.type is not FieldType.ID,
        "defaultedOnCreate": is_boolean or item.default is not None or item.name in {"Id", "OwnerId"},
        "defaultValue": item.default if is_boolean else None,
        "createable": item.createable and editable,
        "updateable": item.updateable and editable,
        "calculated": False,
        "custom": item.custom,
        "permissionable": is_permissionable(sobject, item),
        "compoundFieldName": item.compound,
        "externalId": item.external_id,
        "idLookup": item.is_key,
        "unique": item.unique,
        "caseSensitive": item.case_sensitive,
        "filterable": item.is_filterable,
        "sortable": item.is_filterable,
        "restrictedPicklist": item.restricted,
        "picklistValues": [
            {"value": value, "label": value, "active": True, "defaultValue": False} for value in item.picklist
        ],
        "referenceTo": [item.refers_to] if item.refers_to else [],
        "relationshipName": item.relationship,
    }
