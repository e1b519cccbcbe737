"""The few requests that only an administrator makes of Dataverse, over the app's own client."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from shared.crm.dynamics365.records import API
from shared.errors import DataError, ServiceUnavailable
from shared.http import Response, Service

_ODATA = {"OData-MaxVersion": "4.0", "OData-Version": "4.0"}

_EXISTS = {"0x80047013", "0x80060304", "0x80060893", "0x80060894"}
"""A column or key of that name is there already."""


class Dataverse:
    """One environment. Methods raise the families of shared.errors."""

    def __init__(self, service: Service, url: str) -> None:
        self._service = service
        self._base = url.rstrip("/") + API

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Mapping[str, object]:
        """Return the JSON object at a path below the service root."""
        content = self.answer(path, query).json()
        if not isinstance(content, dict):
            raise ServiceUnavailable(f"Dynamics 365 answered {path.partition('(')[0]} without an object")
        return content

    def answer(self, path: str, query: Mapping[str, str] | None = None) -> Response:
        """Return the whole answer, for its headers."""
        tail = f"?{urlencode(query, quote_via=quote, safe='$,')}" if query else ""
        return self._service.call("GET", f"{self._base}{path}{tail}", headers=_ODATA)

    def make(self, path: str, content: object, headers: Mapping[str, str]) -> None:
        """POST a definition. One that exists already is left as it is, so that repeating is harmless."""
        try:
            self._service.call("POST", self._base + path, headers={**_ODATA, **headers}, content=content)
        except DataError as error:
            if error.code not in _EXISTS:
                raise

    def organization(self, column: str) -> int | None:
        """Return a number that holds for the whole environment, if it is set."""
        rows = self.get("organizations", {"$select": column}).get("value")
        value = rows[0].get(column) if isinstance(rows, list) and rows else None
        return value if isinstance(value, int) else None
