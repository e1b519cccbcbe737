"""How an account of the CRM is told to be a referral's customer, though it is spelled otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from shared.crm.around import Alike, Columns
from shared.deal import Fields
from shared.errors import DataError
from shared.mapping.field_map import FieldMap
from shared.mapping.likeness import Customer, beginning, score
from shared.mapping.rows import get_path

_DUNS = "duns"


def alike(field_map: FieldMap, body: Mapping[str, object], values: Fields) -> Alike | None:
    """Return how accounts are compared with a referral's customer; None where the mapping wants equal ones only.

    `values` are the customer's fields.
    """
    account = field_map.file.account
    begins = beginning(str(values.get("customer_name") or ""))
    rows = {row.name: row for row in field_map.account}
    if account.alike == "never" or not begins:
        return None
    wanted = _customer(values, _number(body), _domain(body))

    def compare(columns: Columns) -> int:
        held = {}
        for name in ("customer_name", "postal_code", "country"):
            try:
                held[name] = rows[name].read_record(dict(columns)) if name in rows else None
            except DataError:
                held[name] = None  # A country of another spelling says nothing.
        duns, website = (str(columns.get(name) or "") if name else "" for name in (account.duns, account.website))
        return score(wanted, _customer(held, duns, website))

    more = (account.duns, account.website)
    read = [rows[name].pair.column for name in ("postal_code", "country") if name in rows]
    name_column = rows["customer_name"].pair.column
    return Alike(name_column, begins, (*read, *(each for each in more if each)), compare, account.alike)


def _customer(values: Fields, duns: str, domain: str) -> Customer:
    name, code, country = (str(values.get(each) or "") for each in ("customer_name", "postal_code", "country"))
    return Customer(name, code, country, duns, domain)


def _number(body: Mapping[str, object]) -> str:
    ids = get_path(dict(body), ("customerProfile", "ids"))
    rows = [each for each in ids if isinstance(each, Mapping)] if isinstance(ids, list) else []
    found = (str(each.get("id") or "") for each in rows if str(each.get("profileType")).casefold() == _DUNS)
    return next(found, "")


def _domain(body: Mapping[str, object]) -> str:
    team = get_path(dict(body), ("customerProfile", "team"))
    members = [each for each in team if isinstance(each, Mapping)] if isinstance(team, list) else []
    return next((str(each["email"]) for each in members if each.get("email")), "")
