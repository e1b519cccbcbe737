"""Which rights the app and the sellers need in Salesforce, from the mapping file: two permission sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from shared.crm.salesforce.api import JsonObject, SalesforceApi, path
from shared.lifecycle import Stage
from shared.mapping.check.lint_rows import look_up_column
from shared.mapping.check.needs import Need, account_needs, contact_needs, owner_needs, record_needs
from shared.mapping.columns import behind
from shared.mapping.field_map import FieldMap

Fields = Mapping[str, Mapping[str, JsonObject]]
"""What Salesforce says about each field, by table and name."""

VIEW_ALL = "ViewAllRecords"


@dataclass(frozen=True)
class PermissionSet:
    """What a permission set must hold at least. `fields` says by `Table.Field` whether it may be edited."""

    name: str
    label: str
    description: str
    objects: Mapping[str, tuple[str, ...]]
    fields: Mapping[str, bool]


def described(api: SalesforceApi, tables: Iterable[str]) -> Fields:
    """Return what Salesforce says about the fields of these tables, as far as who is signed in may see them."""
    found = dict[str, Mapping[str, JsonObject]]()
    for table in tables:
        rows = api.get(path("sobjects", table, "describe")).get("fields")
        found[table] = {str(row["name"]): row for row in rows} if isinstance(rows, list) else {}
    return found


def tables_of(field_map: FieldMap) -> tuple[str, ...]:
    """Return the tables that the mapping file speaks of, parents first: rights on a record rest on its account's.

    A lead has no account, and names its people itself.
    """
    own = (field_map.table, *([field_map.in_rows_of.table] if field_map.in_rows_of else ()))
    return own if field_map.is_lead else ("Account", "Contact", "User", *own)


def for_app(field_map: FieldMap, fields: Fields) -> PermissionSet:
    """Return what the app's own user needs: every mapped field, and every record whoever owns it.

    For leads it is what their table needs besides: a permission set is widened, and nothing is taken away.
    """
    own: dict[str, tuple[str, ...]] = {field_map.table: ("Read", "Create", "Edit", VIEW_ALL)}
    own |= dict.fromkeys((table for table, _ in _in_rows(field_map, fields)), ("Read", VIEW_ALL))
    of_customer = {
        "Account": ("Read", "Create", VIEW_ALL),
        "Contact": ("Read", *(("Create",) if field_map.file.contact_in_crm else ()), VIEW_ALL),
    }
    return PermissionSet(
        "Cosell_Sync",
        "Co-sell sync",
        "What the synchronization with Microsoft Partner Center reads and writes. For the app's own user only.",
        own if field_map.is_lead else {**of_customer, **own},
        _grantable({**_of_app(field_map), **dict.fromkeys(_in_rows(field_map, fields), False)}, fields),
    )


_OF_SELLERS = ("columns.sync", "columns.notes_for_microsoft")


def for_sellers(field_map: FieldMap, fields: Fields) -> PermissionSet:
    """Return what people need who work with deals: the custom fields, those that only the app writes read-only."""
    sent = {row.column for row in field_map.file.fields if row.to_partner_center}
    form = {row.column for row in field_map.file.registration.form} if field_map.file.registration else set()
    wanted = {
        (field_map.table, need.column): need.field in _OF_SELLERS or need.column in sent or need.column in form
        for need in record_needs(field_map.file)
        if need.column.endswith("__c")
    }
    return PermissionSet(
        "Cosell_Seller",
        "Co-sell seller",
        "Lets people see the co-sell fields of a deal, and edit those that are theirs.",
        {},
        _grantable(wanted, fields),
    )


def objects_of(field_map: FieldMap) -> dict[str, tuple[str, ...]]:
    """Return the rights on objects that the app's own user needs, with those on leads where they are synchronized."""
    return {name: rights for each in _maps(field_map) for name, rights in for_app(each, {}).objects.items()}


def _maps(field_map: FieldMap) -> Iterator[FieldMap]:
    yield field_map
    if field_map.lead:
        yield field_map.lead


def _of_app(field_map: FieldMap) -> dict[tuple[str, str], bool]:
    """Return by table and field whether it is written."""
    file, table = field_map.file, field_map.table
    wanted = {(table, name): False for name in field_map.record_columns}
    wanted |= dict.fromkeys(((table, name) for name in _written_states(field_map)), True)
    needs: dict[str, list[Need]] = {table: record_needs(file)}
    if not field_map.is_lead:
        wanted[table, "AccountId"] = True
        wanted["Contact", "AccountId"] = file.contact_in_crm
        needs |= {"Account": account_needs(file), "Contact": contact_needs(file), "User": owner_needs(file)}
    for owner, each in needs.items():
        for need in each:
            wanted[owner, need.column] = wanted.get((owner, need.column), False) or need.create or need.update
    return wanted


def _in_rows(field_map: FieldMap, fields: Fields) -> list[tuple[str, str]]:
    """Return by table and field what is read of solutions in a table of their own, and of the rows it looks up."""
    rows = field_map.in_rows_of
    if rows is None:
        return []
    wanted = [(rows.table, rows.record)]
    for text in (rows.id, rows.name):
        look_up, column = behind(text or "")
        if not look_up:
            wanted += [(rows.table, column)] if column else []
            continue
        own = look_up_column(look_up, rows.table)
        targets = fields.get(rows.table, {}).get(own, {}).get("referenceTo")
        wanted += [(rows.table, own), *((str(each), column) for each in (targets if isinstance(targets, list) else ()))]
    return wanted


def _written_states(field_map: FieldMap) -> Iterator[str]:
    """Yield the fields of each stage's first entry, which is the one that is written; the app converts no lead."""
    seen = {Stage.WON} if field_map.is_lead else set[Stage]()
    for stage, entry in field_map.file.status.entries():
        yield from () if stage in seen else entry
        seen.add(stage)


def _grantable(wanted: Mapping[tuple[str, str], bool], fields: Fields) -> dict[str, bool]:
    """Return the fields whose visibility is a matter of permissions at all; others everybody sees.

    A part of an address is granted with the whole: it describes itself as permissionable, and is refused.
    """
    found = dict[str, bool]()
    for (table, name), edit in wanted.items():
        here = fields.get(table, {})
        row = here.get(name)
        whole = str(row.get("compoundFieldName") or name) if row else name
        subject = here.get(whole)
        if subject.get("permissionable") is True if subject else name.endswith("__c"):
            found[f"{table}.{whole}"] = found.get(f"{table}.{whole}", False) or edit
    return found
