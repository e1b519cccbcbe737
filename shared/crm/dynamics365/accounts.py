"""The customer's account: one in use, or a new one under an id that follows from what identifies it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from shared.crm.around import MOST_ALIKE, AccountWanted, Alike, Columns, ContactWanted, Found, most_alike
from shared.crm.dynamics365 import contacts
from shared.crm.dynamics365.api import DataverseApi, Json, literal, text_at
from shared.crm.dynamics365.errors import TITLE, DuplicateKey
from shared.errors import DataError, GoneError, VersionMismatch
from shared.problems import problem

_NAMESPACE = uuid.UUID("6a3f0f9e-2f0a-5c0e-9d53-5d1d7f3f6b1a")
"""Of the ids that we choose, so that two workers that make one account choose the same."""

_ACTIVE = 0
_SELECT = "accountid,statecode,_masterid_value"
_ROUNDS = 5
"""How many mergers are followed, and how many ids are tried: each was taken out of use by a person."""


def find(api: DataverseApi, wanted: AccountWanted, contact: ContactWanted | None, looked_at: datetime) -> Found:
    """Return the oldest account in use that equals `match`, else the one most alike, with its contact.

    Where only an account that was merged away is equal, the one that it lives on in is taken. One call, two when no
    account equals.
    """
    condition = " and ".join(f"{column} eq {literal(value)}" for column, value in wanted.match.items())
    expanded = {"$expand": contacts.expansion(contact)} if contact else {}
    query = {
        "$select": _SELECT,
        "$filter": f"{condition} and (statecode eq {_ACTIVE} or merged eq true)",
        "$orderby": "statecode asc,createdon asc",
        "$top": "1",
        **expanded,
    }
    found = api.rows("accounts", query)
    if account_id := _in_use(api, found[0]) if found else None:
        return Found(looked_at, account_id, contacts.among(contact, found[0]) if contact else None)
    rows = _alike(api, wanted.alike, expanded) if wanted.alike else []
    best = most_alike(wanted.alike, rows, "accountid") if wanted.alike else None
    if best is None or wanted.alike is None or best.score < wanted.alike.enough:
        return Found(looked_at, candidate=best)
    row = next(each for each in rows if each["accountid"] == best.id)
    return Found(looked_at, best.id, contacts.among(contact, row) if contact else None, best)


def _alike(api: DataverseApi, alike: Alike, expanded: Mapping[str, str]) -> list[Json]:
    query = {
        "$select": ",".join(dict.fromkeys(("accountid", alike.name_column, *alike.columns))),
        "$filter": f"statecode eq {_ACTIVE} and startswith({alike.name_column},{literal(alike.beginning)})",
        "$orderby": "createdon asc",
        "$top": str(MOST_ALIKE),
        **expanded,
    }
    return api.rows("accounts", query)


def create(api: DataverseApi, wanted: AccountWanted, contact: ContactWanted | None = None) -> tuple[str, str | None]:
    """Return the id of a new account and of the contact made with it, or of the account that another worker made.

    Raises DataError when another key of the customer's own does not let the account be made.
    """
    filled = {name: value for name, value in wanted.columns.items() if value is not None}
    for number in range(_ROUNDS):
        chosen = _chosen_id(wanted.match, number)
        with_contact = contacts.deep(chosen, contact) if contact else {}
        try:
            api.write("POST", "accounts", {**filled, **with_contact, "accountid": chosen}, select="accountid")
        except (DuplicateKey, VersionMismatch) as error:
            held = _read(api, chosen)
            if held is None:
                raise _kept_out(error) from error
            if found := _in_use(api, held):
                return found, None  # Another worker was quicker.
        else:
            return chosen, contacts.chosen_id(chosen, contact) if contact else None
    raise DataError(problem("customer.accounts_inactive", "customer_name"))


def _in_use(api: DataverseApi, row: Json) -> str | None:
    """Return the id of this account, or of the one that it was merged into; None when that is inactive."""
    for _ in range(_ROUNDS):
        if row.get("statecode") == _ACTIVE:
            return text_at(row, "accountid")
        master = row.get("_masterid_value")
        following = _read(api, str(master)) if master else None
        if following is None:
            return None
        row = following
    return None


def _read(api: DataverseApi, account_id: str) -> Json | None:
    try:
        return api.get(f"accounts({account_id})", {"$select": _SELECT})
    except GoneError:
        return None


def _chosen_id(match: Columns, number: int) -> str:
    identity = repr(sorted((key, str(value).casefold()) for key, value in match.items()))
    return str(uuid.uuid5(_NAMESPACE, f"{identity} {number}" if number else identity))


def _kept_out(error: DuplicateKey | VersionMismatch) -> DataError:
    """Return the problem of an account that is unique in other columns than those the mapping file matches by."""
    words = dict(error.problems[0].values)["message"] if isinstance(error, DuplicateKey) else str(error)
    kept_out = problem("customer.key_taken", "customer_name", crm=TITLE, message=words)
    return DataError(kept_out).with_remote(error.code, error.correlation_id)
