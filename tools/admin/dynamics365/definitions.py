"""The few requests that only an administrator makes of the Dataverse Web API."""

from __future__ import annotations

from collections.abc import Mapping

from shared.crm.dynamics365.api import DataverseApi
from shared.errors import DataError

_EXISTS = {"0x80047013", "0x80060304", "0x80060893", "0x80060894"}
"""A column or key of that name is there already."""


def make(api: DataverseApi, path: str, content: object, headers: Mapping[str, str]) -> None:
    """POST a definition. One that exists already is left as it is, so that repeating is harmless."""
    try:
        api.send("POST", api.address(path), headers=headers, content=content)
    except DataError as error:
        if error.code not in _EXISTS:
            raise


def organization(api: DataverseApi, column: str) -> int | None:
    """Return a number that holds for the whole environment, if it is set."""
    rows = api.rows("organizations", {"$select": column})
    value = rows[0].get(column) if rows else None
    return value if isinstance(value, int) else None
