"""Microsoft's connector's own objects of solutions. What they are called is not published: the names are ours."""

from __future__ import annotations

from dataclasses import replace

from tools.simulators.salesforce.fields import Field, object_type
from tools.simulators.salesforce.org import Org
from tools.simulators.salesforce.schema import reference, system_fields, text

SOLUTION = "Microsoft_Solution__c"
DETAIL = "Microsoft_Solution_Detail__c"


def add_objects(org: Org, user_id: str) -> None:
    """Install both objects, the catalogue and the deal's rows that look it up, and let a user see them."""
    details = [text("Solution_Identifier__c", 100), text("Solution_Name__c", 200)]
    rows = [
        reference("Opportunity__c", "Opportunity", "Opportunity__r"),
        reference("Solution_Detail__c", DETAIL, "Solution_Detail__r"),
    ]
    _add(org, DETAIL, "a01", details)
    _add(org, SOLUTION, "a02", rows)
    parent = org.seed("PermissionSet", Name="Microsoft_Solutions", Label="Microsoft Solutions")
    for name, fields in ((DETAIL, details), (SOLUTION, rows)):
        for each in fields:
            granted = {"Field": f"{name}.{each.name}", "PermissionsRead": True, "PermissionsEdit": False}
            org.seed("FieldPermissions", ParentId=parent, SobjectType=name, **granted)
    org.seed("PermissionSetAssignment", AssigneeId=user_id, PermissionSetId=parent)


def _add(org: Org, name: str, prefix: str, fields: list[Field]) -> None:
    own = [replace(each, custom=True) for each in fields]
    org.objects[name.lower()] = object_type(name, prefix, [*system_fields(), text("Name", 80), *own])


def add_row(org: Org, record_id: str, solution: str, name: str) -> str:
    """Let a seller add a solution to a deal; returns the row's id."""
    detail = org.seed(DETAIL, Name=name, Solution_Identifier__c=solution, Solution_Name__c=name)
    return org.seed(SOLUTION, Name="2021-12-02-01150", Opportunity__c=record_id, Solution_Detail__c=detail)
