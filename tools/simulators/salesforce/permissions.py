"""Permission sets: what makes a custom field visible, and what cannot be granted.

Sources: FieldPermissions and ObjectPermissions of the object reference. That the parts of a compound field describe
themselves as permissionable and are refused all the same is from salesforce.stackexchange.com/q/97912.
"""

from __future__ import annotations

from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.fields import Field, FieldType, SObjectType
from tools.simulators.salesforce.org import Org
from tools.simulators.salesforce.records import Values
from tools.simulators.salesforce.schema import OBJECT_PERMISSIONS

_SAME = {
    "PermissionSet": ("Name",),
    "PermissionSetAssignment": ("AssigneeId", "PermissionSetId"),
    "FieldPermissions": ("ParentId", "Field"),
    "ObjectPermissions": ("ParentId", "SobjectType"),
}
_ALWAYS_VISIBLE = frozenset({"OwnerId", "CurrencyIsoCode", "Name"})
_WITHOUT_FIELD_SECURITY = frozenset({"User", "OpportunityContactRole", "OpportunityTeamMember"})


def is_permissionable(sobject: SObjectType, item: Field) -> bool:
    """Tell whether a field describes itself as one for which FieldPermissions can be given."""
    if item.required or sobject.name in _WITHOUT_FIELD_SECURITY or item.name in _ALWAYS_VISIBLE:
        return False
    return item.custom or item.createable or item.updateable or item.type is FieldType.ADDRESS


def check_permission_row(org: Org, sobject: SObjectType, changes: Values) -> None:
    """Refuse a permission for what has none or takes none, one without the one it rests on, and one that is there."""
    if sobject.name == "FieldPermissions":
        _check_field_permission(org, changes)
    if sobject.name == "ObjectPermissions":
        _check_object_permission(org, changes)
    same = _SAME.get(sobject.name, ())
    for row in org.live(sobject.name) if same else ():
        if all(row.values.get(name) == changes.get(name) for name in same):
            raise RefusedError(Rule.DUPLICATE_VALUE, field=", ".join(same), id=row.id[:15], on=[])


def _check_field_permission(org: Org, changes: Values) -> None:
    name, owner = str(changes.get("Field", "")), str(changes.get("SobjectType", ""))
    sobject = org.sobject(owner)
    prefix, _, field = name.partition(".")
    if sobject is None or prefix != sobject.name or not _is_known(sobject, field):
        raise RefusedError(Rule.BAD_PICKLIST, label="Field Name", value=name, on=["Field"])
    item = sobject.find(field)
    if item is not None and not is_permissionable(sobject, item):
        raise RefusedError(Rule.INTEGRITY, detail=f"You cannot deploy to a required field: {name}", on=["Field"])
    if changes.get("PermissionsEdit") and not changes.get("PermissionsRead"):
        detail = "Field permissions that include Edit have to include Read"
        raise RefusedError(Rule.INTEGRITY, detail=detail, on=["PermissionsEdit"])


def _is_known(sobject: SObjectType, field: str) -> bool:
    """A compound field counts, its parts do not."""
    item = sobject.find(field)
    if item is None:
        return any(each.compound == field for each in sobject.fields.values())
    return item.compound is None


def _check_object_permission(org: Org, changes: Values) -> None:
    owner = str(changes.get("SobjectType", ""))
    if org.sobject(owner) is None:
        raise RefusedError(Rule.BAD_PICKLIST, label="Sobject Type Name", value=owner, on=["SobjectType"])
    given = [name for name in OBJECT_PERMISSIONS if changes.get(f"Permissions{name}")]
    if given and "Read" not in given:
        detail = f"Permission {given[0]} {owner} depends on permission(s): Read {owner}"
        raise RefusedError(Rule.INTEGRITY, detail=detail, on=[f"Permissions{given[0]}"])
