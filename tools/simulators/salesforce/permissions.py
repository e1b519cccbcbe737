"""Permission sets: what makes a custom field visible, and what cannot be granted."""

from __future__ import annotations

from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.fields import Field, SObjectType
from tools.simulators.salesforce.org import Org
from tools.simulators.salesforce.records import Values


def check_permission_row(org: Org, sobject: SObjectType, changes: Values) -> None:
    """Refuse a FieldPermissions row about an unknown or required field, or one that edits without reading."""
    if sobject.name == "FieldPermissions":
        _check_field_permission(org, changes)
    keys = {"PermissionSetAssignment": ("AssigneeId", "PermissionSetId"), "FieldPermissions": ("ParentId", "Field")}
    same = keys.get(sobject.name, ())
    for row in org.live(sobject.name) if same else ():
        if all(row.values.get(name) == changes.get(name) for name in same):
            raise RefusedError(Rule.DUPLICATE_VALUE, field=", ".join(same), id=row.id[:15], on=[])


def _check_field_permission(org: Org, changes: Values) -> None:
    name, owner = str(changes.get("Field", "")), str(changes.get("SobjectType", ""))
    field = _field(org, owner, name)
    if field is None:
        detail = f"Field: bad value for restricted picklist field: {name}"
        raise RefusedError(Rule.INTEGRITY, detail=detail, on=["Field"])
    if field.required or not field.custom:
        raise RefusedError(Rule.INTEGRITY, detail=f"You cannot deploy to a required field: {name}", on=["Field"])
    if changes.get("PermissionsEdit") and not changes.get("PermissionsRead"):
        detail = "Field permissions that include Edit have to include Read"
        raise RefusedError(Rule.INTEGRITY, detail=detail, on=["PermissionsEdit"])


def _field(org: Org, owner: str, name: str) -> Field | None:
    prefix, _, field = name.partition(".")
    sobject = org.sobject(owner)
    return sobject.find(field) if sobject and prefix == sobject.name else None
