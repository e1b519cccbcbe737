"""Checks the fields of a record that a call brings, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.fields import Field, FieldType, SObjectType
from tools.simulators.salesforce.org import Caller, Org
from tools.simulators.salesforce.records import Values
from tools.simulators.salesforce.values import to_stored

_PERMISSIONS = {"inserted": "Create", "updated": "Edit", "deleted": "Delete"}


@dataclass(frozen=True)
class Payload:
    """Reads record bodies for one caller and object type."""

    org: Org
    caller: Caller
    sobject: SObjectType

    def changes(self, body: Mapping[str, object], *, creating: bool, without: Field | None = None) -> Values:
        """Return the fields as they are stored. `without` is the key that the address already holds."""
        fields = {name: self._field(name) for name in body if name != "attributes"}
        for item in fields.values():
            if creating and item.type is FieldType.ID:
                raise RefusedError(Rule.ID_ON_INSERT, on=["Id"])
            if item.type is FieldType.ID or (without is not None and item.name == without.name):
                raise RefusedError(Rule.KEY_IN_BODY, field=item.name)
        changes = {item.name: to_stored(self.sobject, item, body[name]) for name, item in fields.items()}
        self._require_writable(list(fields.values()), creating=creating)
        return changes

    def _field(self, name: str) -> Field:
        found = self.org.field(self.caller, self.sobject, name)
        if found is None:
            raise RefusedError(Rule.NO_COLUMN_ON_WRITE, field=name, sobject=self.sobject.name)
        return found

    def _require_writable(self, fields: list[Field], *, creating: bool) -> None:
        refused = [item.name for item in fields if not self._is_writable(item, creating=creating)]
        if refused:
            raise RefusedError(Rule.NOT_WRITABLE, fields=", ".join(refused), on=refused)

    def _is_writable(self, item: Field, *, creating: bool) -> bool:
        allowed = item.createable if creating else item.updateable
        return allowed and self.org.edits(self.caller, self.sobject, item)


def require_writable_object(org: Org, caller: Caller, sobject: SObjectType, done: str) -> None:
    """Refuse to write objects that the API cannot write, or that the caller may not."""
    if not sobject.writable or not org.may(caller, sobject, _PERMISSIONS[done]):
        raise RefusedError(Rule.READ_ONLY_OBJECT, done=done, label=sobject.label, on=[])
    if sobject.admin_only and not caller.customizer:
        status = org.quirks.insufficient_access_status
        permission = "Manage Profiles and Permission Sets"
        raise RefusedError(Rule.INSUFFICIENT_ACCESS, as_status=status, permission=permission)
