"""Rows that were merged: the row that is left over names the one that it lives on in (merge, masterid)."""

from __future__ import annotations

from shared.crm.dynamics365.api import DataverseApi
from shared.errors import GoneError

_ROUNDS = 5
"""How many mergers are followed, one after another."""


def survivor(api: DataverseApi, entity_set: str, row_id: str) -> str | None:
    """Return the id of the row that a merged row lives on in; None when it was not merged, or does not exist."""
    current = row_id
    for _ in range(_ROUNDS):
        try:
            master = api.get(f"{entity_set}({current})", {"$select": "_masterid_value"}).get("_masterid_value")
        except GoneError:
            return None
        if not master:
            return current if current != row_id else None
        current = str(master).lower()
    return None
