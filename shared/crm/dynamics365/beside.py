"""What lies beside opportunities: account, contact and owner of several, in one call (webapi/query/join-tables)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from shared.crm.beside import mark
from shared.crm.dynamics365.api import DataverseApi, Json, as_object, rows_of, text_at
from shared.crm.dynamics365.columns import column_names
from shared.mapping.field_map import FieldMap

_CUSTOMERS = ("parentaccountid", "customerid_account")
_CONTACTS = ("parentcontactid", "customerid_contact")
_OWNER = "owninguser"
_PRIMARY = "primarycontactid"
"""Navigation properties of an opportunity, and the one of an account that leads to its contact."""


def edited(api: DataverseApi, field_map: FieldMap, since: datetime) -> list[str]:
    """Return the open opportunities with a referral whose account or contact was written since (query/filter-rows)."""
    moment = f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    either = " or ".join(f"{each}/modifiedon ge {moment}" for each in (_CUSTOMERS[0], _CONTACTS[0]))
    tied = f"{field_map.columns.referral_identifier} ne null and statecode eq 0"
    page = api.get("opportunities", {"$select": "opportunityid", "$filter": f"{tied} and ({either})"})
    found = list(rows_of(page))
    while (following := page.get("@odata.nextLink")) and api.contains(str(following)):
        page = as_object(api.send("GET", str(following)))
        found += rows_of(page)
    return [text_at(each, "opportunityid").lower() for each in found]


def marks(api: DataverseApi, field_map: FieldMap, record_ids: Sequence[str]) -> Mapping[str, str]:
    """Return a mark of each opportunity by its id: of what is mapped of the rows around it."""
    if not record_ids:
        return {}
    account, contact, owner = (
        tuple(dict.fromkeys(column_names(rows))) for rows in (field_map.account, field_map.contact, field_map.owner)
    )
    primary = f"{_PRIMARY}($select={','.join(contact)})"
    expanded = [f"{each}($select={','.join(account)};$expand={primary})" for each in _CUSTOMERS]
    expanded += [f"{each}($select={','.join(contact)})" for each in _CONTACTS]
    expanded.append(f"{_OWNER}($select={','.join(owner)})")
    query = {
        "$select": "opportunityid",
        "$filter": " or ".join(f"opportunityid eq {each}" for each in record_ids),
        "$expand": ",".join(expanded),
    }
    found = {}
    for row in api.rows("opportunities", query):
        customers = [_at(row, each) for each in _CUSTOMERS]
        people = [*(_at(row, each) for each in _CONTACTS), *(_at(each, _PRIMARY) for each in customers)]
        values = [_values(each, account) for each in customers] + [_values(each, contact) for each in people]
        found[str(row["opportunityid"]).lower()] = mark([*values, _values(_at(row, _OWNER), owner)])
    return found


def _at(row: Json, name: str) -> Json:
    held = row.get(name)
    return held if isinstance(held, Mapping) else {}


def _values(row: Json, names: Sequence[str]) -> list[object]:
    return [row.get(each) for each in names]
