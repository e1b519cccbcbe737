"""Brings Salesforce to what the mapping file needs: missing fields, and two permission sets. Removes nothing.

A new field is invisible, to administrators too, until a permission set shows it (simple-salesforce, issue 621).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace

from simple_salesforce.format import format_soql

from shared.clock import Clock
from shared.crm.salesforce.api import JsonObject, SalesforceApi
from shared.crm.salesforce.currency import COLUMN as CURRENCY
from shared.crm.salesforce.metadata import LONGEST_TEXT, describe_table
from shared.mapping.check.findings import nearest
from shared.mapping.check.needs import Need, record_needs
from shared.mapping.check.tables import Table
from shared.mapping.field_map import FieldMap
from shared.mapping.model import MappingFile
from tools.admin.provision.duplicates import shared_values
from tools.admin.provision.plan import Action, Item, existing
from tools.admin.salesforce.access import described, for_app, for_sellers, tables_of
from tools.admin.salesforce.fields import as_column, as_key, can_make, field_body, type_of
from tools.admin.salesforce.org import SalesforceOrg
from tools.admin.salesforce.rights import bring_about, held, is_assigned, missing_fields
from tools.admin.salesforce.rights import plan as plan_rights
from tools.admin.waiting import until

KEY = "columns.referral_identifier"
_NOT_UNIQUE = "a deal could be doubled: tick External ID and Unique in its definition, or name another field"


def plan_fields(file: MappingFile, table: Table) -> list[Item]:
    """Return what must be done so that the table has every field the mapping file names."""
    return [_field(need, table) for need in record_needs(file, LONGEST_TEXT)]


def _field(need: Need, table: Table) -> Item:
    column = table.columns.get(need.column)
    if column is not None:
        item = existing(need, column)
        key = table.key(need.column)
        if need.field == KEY and item.action is Action.KEEP and not (key and key.active):
            return replace(item, action=Action.REFUSE, note=_NOT_UNIQUE)
        return item
    if need.column == CURRENCY:
        return Item(Action.KEEP, need.column, "Currency", "the org has one currency, so no record has a field for it")
    if can_make(need):
        return Item(Action.CREATE, need.column, type_of(need), need=need)
    similar = nearest(need.column, table.columns)
    hint = f"; did you mean {similar}?" if similar else ""
    note = "there is no such field, or it is hidden from who is signed in; only names like Name__c can be created"
    return Item(Action.REFUSE, need.column, " or ".join(need.kinds), f"{note}{hint}")


class Provisioner:
    """Reads and extends one org. `user` is the app's own user, by name; empty for the one who is signed in."""

    def __init__(
        self,
        org: SalesforceOrg,
        api: SalesforceApi,
        field_map: FieldMap,
        clock: Clock,
        tell: Callable[[str], None],
        user: str = "",
    ) -> None:
        self._org = org
        self._api = api
        self._field_map = field_map
        self._clock = clock
        self._tell = tell
        self._user = user

    def plan(self) -> list[Item]:
        """Return what is to be done now."""
        table, hidden = self._table()
        user = self._org.user(self._user)
        fields = described(self._api, tables_of(self._field_map))
        app, sellers = for_app(self._field_map, fields), for_sellers(self._field_map, fields)
        now = held(self._org, app.name)
        has = is_assigned(self._org, now, str(user["Id"]))
        waits = has and not missing_fields(app, now) and self._org.is_signed_in(user)
        return [
            *(
                item if item.name in hidden else self._with_duplicates(item)
                for item in plan_fields(self._field_map.file, table)
            ),
            *(Item(Action.WAIT, name, "field", "granted, but not visible yet") for name in (hidden if waits else ())),
            *plan_rights(app, now),
            Item(Action.KEEP if has else Action.GRANT, app.name, "assignment", f"to {user['Username']}"),
            *plan_rights(sellers, held(self._org, sellers.name)),
        ]

    def _with_duplicates(self, item: Item) -> Item:
        """Name the records that keep the identifier's field from being unique."""
        if item.action is not Action.REFUSE or item.note != _NOT_UNIQUE:
            return item
        soql = f"SELECT Id, {item.name} FROM {self._field_map.table} WHERE {item.name} != null"  # noqa: S608 - names
        found = shared_values((str(row[item.name]), str(row["Id"])) for row in self._org.query(soql))
        told = f"; before that, clear all but one of each that share a value: {found}" if found else ""
        return replace(item, note=f"{item.note}{told}")

    def apply(self, items: Sequence[Item]) -> None:
        """Carry out a plan that refuses nothing; returns when every field is there and granted, and seen by the user.

        Raises SchemaMismatch when Salesforce refuses a permission, ServiceUnavailable when it takes too long; running
        it again goes on where it stopped.
        """
        for need in [item.need for item in items if item.action is Action.CREATE and item.need]:
            self._tell(f"creating {need.column} ({type_of(need)})")
            self._org.make(("tooling", "sobjects", "CustomField"), field_body(self._field_map.table, need))
        fields = described(self._api, tables_of(self._field_map))
        app = for_app(self._field_map, fields)
        parent = bring_about(self._org, app, self._tell)
        user = self._org.user(self._user)
        self._tell(f"assigning {app.name} to {user['Username']}")
        assignment = {"AssigneeId": user["Id"], "PermissionSetId": parent}
        self._org.make(("sobjects", "PermissionSetAssignment"), assignment)
        bring_about(self._org, for_sellers(self._field_map, fields), self._tell)
        until(_is_usable, "the new fields", self.plan, self._clock, self._tell)

    def _table(self) -> tuple[Table, list[str]]:
        """Return the table with every field that exists, and which of them are hidden from who is signed in."""
        seen = describe_table(self._api, self._field_map.table)
        unseen = {
            need.column: need
            for need in record_needs(self._field_map.file, LONGEST_TEXT)
            if need.column not in seen.columns
        }
        definitions = dict(self._definitions(unseen))
        columns = {name: as_column(name, each, unseen[name]) for name, each in definitions.items()}
        keys = (as_key(name, each) for name, each in definitions.items() if each.get("unique") is True)
        return replace(seen, columns={**seen.columns, **columns}, keys=(*seen.keys, *keys)), list(definitions)

    def _definitions(self, names: Container[str]) -> Iterator[tuple[str, JsonObject]]:
        """Yield the definitions of those of these custom fields that exist: one request for each, none for others."""
        of_table = format_soql("TableEnumOrId = {}", self._field_map.table)
        soql = f"SELECT Id, DeveloperName, NamespacePrefix FROM CustomField WHERE {of_table}"  # noqa: S608 - quoted
        for row in self._org.query(soql, tooling=True):
            prefix = f"{row['NamespacePrefix']}__" if row.get("NamespacePrefix") else ""
            name = f"{prefix}{row['DeveloperName']}__c"
            if name in names:
                definition = self._org.get("tooling", "sobjects", "CustomField", str(row["Id"])).get("Metadata")
                yield name, definition if isinstance(definition, Mapping) else {}


def _is_usable(items: Sequence[Item]) -> bool:
    """A permission on a standard field that Salesforce refuses is a person's business, and nothing to wait for."""
    return not any(each.action in (Action.CREATE, Action.WAIT) for each in items)
