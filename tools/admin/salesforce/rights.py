"""Brings permission sets to what they must hold at least. Takes nothing away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from simple_salesforce.format import format_soql

from shared.crm.salesforce.api import JsonObject
from shared.errors import SchemaMismatch
from tools.admin.provision.plan import Action, Item
from tools.admin.salesforce.access import PermissionSet
from tools.admin.salesforce.org import SalesforceOrg

_OBJECT_RIGHTS = {"Read": "read", "Create": "create", "Edit": "edit", "ViewAllRecords": "view all"}


@dataclass(frozen=True)
class Held:
    """What a permission set holds now: rows by object and by field. `id` is empty when there is no such set."""

    id: str = ""
    objects: Mapping[str, JsonObject] = field(default_factory=dict)
    fields: Mapping[str, JsonObject] = field(default_factory=dict)


def held(org: SalesforceOrg, name: str) -> Held:
    """Read a permission set."""
    found = org.query(f"SELECT Id FROM PermissionSet WHERE Name = '{name}'")  # noqa: S608 - a name of our own
    if not found:
        return Held()
    parent = str(found[0]["Id"])
    of_parent = f"WHERE ParentId = '{parent}'"
    flags = ", ".join(f"Permissions{each}" for each in _OBJECT_RIGHTS)
    objects = org.query(f"SELECT Id, SobjectType, {flags} FROM ObjectPermissions {of_parent}")  # noqa: S608
    fields = org.query(f"SELECT Id, Field, PermissionsRead, PermissionsEdit FROM FieldPermissions {of_parent}")  # noqa: S608
    return Held(
        parent,
        {str(row["SobjectType"]): row for row in objects},
        {str(row["Field"]): row for row in fields},
    )


def is_assigned(org: SalesforceOrg, now: Held, user_id: str) -> bool:
    """Whether a user has a permission set."""
    whose = format_soql("AssigneeId = {} AND PermissionSetId = {}", user_id, now.id)
    return bool(now.id and org.query(f"SELECT Id FROM PermissionSetAssignment WHERE {whose}"))  # noqa: S608 - quoted


def missing_objects(wanted: PermissionSet, now: Held) -> dict[str, tuple[str, ...]]:
    """Return the rights on objects that are not all there."""
    return {
        table: rights
        for table, rights in wanted.objects.items()
        if not all(now.objects.get(table, {}).get(f"Permissions{each}") is True for each in rights)
    }


def missing_fields(wanted: PermissionSet, now: Held) -> dict[str, bool]:
    """Return the fields that cannot be read yet, or not edited though they must be."""
    return {
        name: edit
        for name, edit in wanted.fields.items()
        if now.fields.get(name, {}).get(f"Permissions{'Edit' if edit else 'Read'}") is not True
    }


def plan(wanted: PermissionSet, now: Held) -> Iterator[Item]:
    """Yield a line for the set, each object, and the fields of each table by what is granted."""
    objects, fields = missing_objects(wanted, now), missing_fields(wanted, now)
    if not now.id:
        yield Item(Action.CREATE, wanted.name, "permission set", wanted.label)
    elif not objects and not fields:
        yield Item(Action.KEEP, wanted.name, "permission set", f"fields: {len(wanted.fields)}")
    for table, rights in objects.items():
        yield Item(Action.GRANT, wanted.name, f"rights on {table}", ", ".join(_OBJECT_RIGHTS[each] for each in rights))
    by_kind = dict[tuple[str, bool], list[str]]()
    for name, edit in fields.items():
        table, _, column = name.partition(".")
        by_kind.setdefault((table, edit), []).append(column)
    for (table, edit), columns in by_kind.items():
        kind = f"{'edit' if edit else 'read'} fields of {table}"
        yield Item(Action.GRANT, wanted.name, kind, ", ".join(columns))


def bring_about(org: SalesforceOrg, wanted: PermissionSet, tell: Callable[[str], None]) -> str:
    """Make the set and grant what it lacks; returns its id. Raises SchemaMismatch when a custom field is refused."""
    now = held(org, wanted.name)
    if not now.id:
        tell(f"creating the permission set {wanted.name}")
        content = {"Name": wanted.name, "Label": wanted.label, "Description": wanted.description}
        org.make(("sobjects", "PermissionSet"), content)
        now = held(org, wanted.name)
    objects, fields = missing_objects(wanted, now), missing_fields(wanted, now)
    rows = [
        _row("ObjectPermissions", now.objects.get(table), now.id, _object(table, objects[table])) for table in objects
    ]
    rows += [_row("FieldPermissions", now.fields.get(name), now.id, _field(name, edit=fields[name])) for name in fields]
    if rows:
        tell(f"granting {len(objects)} objects and {len(fields)} fields to {wanted.name}")
    names = [*objects, *fields]
    refused = [(name, why) for name, why in zip(names, org.write(rows), strict=True) if why]
    fatal = [f"{name}: {why}" for name, why in refused if name in objects or name.endswith("__c")]
    if fatal:
        raise SchemaMismatch(f"{wanted.name}: {'; '.join(fatal)}. Run this again when that is settled")
    for name, why in refused:
        tell(f"not granted, so see to it that the user's profile shows it: {name}: {why}")
    return now.id


def _object(table: str, rights: tuple[str, ...]) -> Mapping[str, object]:
    return {"SobjectType": table, **{f"Permissions{each}": True for each in rights}}


def _field(name: str, *, edit: bool) -> Mapping[str, object]:
    rights = {"PermissionsRead": True, **({"PermissionsEdit": True} if edit else {})}
    return {"SobjectType": name.partition(".")[0], "Field": name, **rights}


def _row(kind: str, there: JsonObject | None, parent: str, content: Mapping[str, object]) -> Mapping[str, object]:
    """Return the record that makes or widens a permission; what it is about cannot be changed afterwards."""
    attributes = {"attributes": {"type": kind}}
    if there is None:
        return {**attributes, "ParentId": parent, **content}
    return {**attributes, "id": there["Id"], **{name: value for name, value in content.items() if value is True}}
