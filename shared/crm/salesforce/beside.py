"""What lies beside an opportunity: account, owner and primary contact, which one query reads along (relationships)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from simple_salesforce.format import format_soql

from shared.crm.around import Columns
from shared.crm.beside import mark
from shared.crm.port import Involved
from shared.crm.salesforce.api import JsonObject, SalesforceApi, Subrequest, path, rows_of, text_at
from shared.mapping.field_map import FieldMap
from shared.mapping.rows import CompiledRow

_ROLES, _TEAM = "OpportunityContactRoles", "OpportunityTeamMembers"
MOST_INVOLVED = 50
"""People of each kind that are read; Partner Center takes no more."""


def columns_of(rows: Iterable[CompiledRow]) -> tuple[str, ...]:
    """Return every column that the rows read."""
    names = (name for row in rows for name in (row.pair.column, row.pair.fallback_column) if name)
    return tuple(dict.fromkeys(names))


def selected(field_map: FieldMap) -> list[str]:
    """Return what a query of opportunities selects for the sake of the rows around them."""
    of_contact = ", ".join(f"Contact.{name}" for name in columns_of(field_map.contact))
    return [
        *(f"Account.{name}" for name in columns_of(field_map.account)),
        *(f"Owner.{name}" for name in columns_of(field_map.owner)),
        f"(SELECT {of_contact} FROM {_ROLES} WHERE IsPrimary = true)",  # noqa: S608 - names of the mapping file
    ]


def rows_around(row: JsonObject) -> tuple[Columns | None, Columns | None, Columns | None]:
    """Return account, contact and owner out of a row that was read with `selected`."""
    roles = rows_of(row[_ROLES]) if row.get(_ROLES) else ()
    return _object(row, "Account"), _object(roles[0], "Contact") if roles else None, _object(row, "Owner")


def edited(api: SalesforceApi, field_map: FieldMap, since: datetime) -> list[str]:
    """Return the open opportunities with a referral whose account or primary contact was written since.

    OR and a semi-join do not go together in one query, so it is three in one call.
    """
    moment = format_soql("{}", since)
    tied = f"{field_map.columns.referral_identifier} != null AND IsClosed = false"
    roles = "SELECT OpportunityId FROM OpportunityContactRole WHERE IsPrimary = true AND"
    conditions = {
        "account": f"Account.LastModifiedDate >= {moment}",
        "role": f"Id IN ({roles} LastModifiedDate >= {moment})",
        "contact": f"Id IN ({roles} Contact.LastModifiedDate >= {moment})",
    }
    asked = [
        Subrequest(name, "GET", path("query", q=f"SELECT Id FROM {field_map.table} WHERE {tied} AND {each}"))  # noqa: S608 - as above
        for name, each in conditions.items()
    ]
    answers = api.composite(asked)
    if error := api.first_error(answers):
        raise error
    return list(dict.fromkeys(text_at(row, "Id") for answer in answers for row in rows_of(answer.body)))


def involved(api: SalesforceApi, field_map: FieldMap, record_id: str, *, colleagues: bool, contacts: bool) -> Involved:
    """Query the opportunity team, and the people with a role in the opportunity, the primary one first.

    Where opportunity teams are not switched on, Salesforce does not know the relationship.
    """
    of_user = ", ".join(f"User.{name}" for name in columns_of(field_map.owner))
    of_contact = ", ".join(f"Contact.{name}" for name in columns_of(field_map.contact))
    wanted, most = ["Id"], f"LIMIT {MOST_INVOLVED}"
    if colleagues:
        wanted.append(f"(SELECT {of_user} FROM {_TEAM} ORDER BY CreatedDate, Id {most})")  # noqa: S608 - as above
    if contacts:
        ordered = f"ORDER BY IsPrimary DESC, CreatedDate, Id {most}"
        wanted.append(f"(SELECT {of_contact} FROM {_ROLES} {ordered})")  # noqa: S608 - as above
    soql = f"SELECT {', '.join(wanted)} FROM {field_map.table}"  # noqa: S608 - as above
    rows = api.query(soql + format_soql(" WHERE Id = {}", record_id)).rows
    return Involved(_ends(rows, _TEAM, "User"), _ends(rows, _ROLES, "Contact"))


def _ends(rows: Sequence[JsonObject], relationship: str, end: str) -> tuple[Columns, ...]:
    held = [each for row in rows if row.get(relationship) for each in rows_of(row[relationship])]
    return tuple(found for each in held if (found := _object(each, end)))


def marks(api: SalesforceApi, field_map: FieldMap, record_ids: Sequence[str]) -> Mapping[str, str]:
    """Return a mark of each opportunity by its id: of what is mapped of the rows around it."""
    if not record_ids:
        return {}
    soql = f"SELECT Id, {', '.join(selected(field_map))} FROM {field_map.table}"  # noqa: S608 - as above
    found = api.query(soql + format_soql(" WHERE Id IN {}", list(record_ids))).rows
    names = [columns_of(rows) for rows in (field_map.account, field_map.contact, field_map.owner)]
    return {text_at(row, "Id"): mark(_values(rows_around(row), names)) for row in found}


def _values(rows: Iterable[Columns | None], names: Iterable[Sequence[str]]) -> list[list[object]]:
    return [[(row or {}).get(each) for each in wanted] for row, wanted in zip(rows, names, strict=True)]


def _object(row: JsonObject, name: str) -> Columns | None:
    held = row.get(name)
    return held if isinstance(held, Mapping) else None
