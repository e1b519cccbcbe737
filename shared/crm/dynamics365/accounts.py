"""The customer's account: found, or made under an id that follows from what identifies it."""

from __future__ import annotations

import uuid

from shared.crm.dynamics365.api import DataverseApi, literal
from shared.crm.port import AccountWanted, Columns
from shared.errors import AlreadyExists, VersionMismatch

_NAMESPACE = uuid.UUID("6a3f0f9e-2f0a-5c0e-9d53-5d1d7f3f6b1a")
"""Of the ids that we choose, so that two workers that make one account choose the same."""


def find_or_create(api: DataverseApi, wanted: AccountWanted) -> str:
    """Return the id of the oldest account that equals `match`, or of a new one."""
    return _find(api, wanted.match) or _create(api, wanted)


def _find(api: DataverseApi, match: Columns) -> str | None:
    condition = " and ".join(f"{column} eq {literal(value)}" for column, value in match.items())
    query = {"$select": "accountid", "$filter": condition, "$orderby": "createdon asc", "$top": "1"}
    found = api.rows("accounts", query)
    return str(found[0]["accountid"]) if found else None


def _create(api: DataverseApi, wanted: AccountWanted) -> str:
    identity = repr(sorted((key, str(value).casefold()) for key, value in wanted.match.items()))
    chosen = str(uuid.uuid5(_NAMESPACE, identity))
    filled = {name: value for name, value in wanted.columns.items() if value is not None}
    try:
        row = api.write("POST", "accounts", {**filled, "accountid": chosen}, select="accountid")
    except (AlreadyExists, VersionMismatch):
        return chosen  # Another worker was quicker.
    return str(row["accountid"])
