"""The Dataverse Web API v9.2 of one environment (power-apps/developer/data-platform/webapi)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from shared.crm.dynamics365 import batch
from shared.errors import ServiceUnavailable
from shared.http import Request, Response, Service

ROOT = "/api/data/v9.2/"

RETURN_ROW = {"Prefer": "return=representation"}
"""Makes a write answer with the row as it is afterwards, under its new version."""

Json = Mapping[str, object]
Query = tuple[str, Mapping[str, str]]
"""A collection's path, and the query options."""

_ODATA = {"OData-MaxVersion": "4.0", "OData-Version": "4.0"}


class DataverseApi:
    """Requests and JSON answers. Every method raises the families of shared.errors."""

    def __init__(self, service: Service, url: str) -> None:
        self._service = service
        self._root = url.rstrip("/") + ROOT

    def address(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """Return the absolute address of a path below the service root."""
        return f"{self._root}{path}" + (f"?{urlencode(query, quote_via=quote, safe='$,')}" if query else "")

    def contains(self, address: str) -> bool:
        """Whether an absolute address lies in this environment."""
        return address.startswith(self._root)

    def send(
        self, method: str, address: str, *, headers: Mapping[str, str] | None = None, content: object = None
    ) -> Response:
        """Send one request to an absolute address; `content` travels as JSON."""
        return self._service.call(method, address, headers={**_ODATA, **(headers or {})}, content=content)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        """Return the JSON object at a path. Raises ServiceUnavailable for anything else."""
        return as_object(self.send("GET", self.address(path, query)))

    def rows(self, path: str, query: Mapping[str, str]) -> list[Json]:
        """Return the rows of a collection's first page. Raises ServiceUnavailable when there are none to be seen."""
        return rows_of(self.get(path, query))

    def rows_of_each(self, queries: Sequence[Query]) -> list[list[Json]]:
        """Return the first page's rows of each query, in one call: several travel as a batch. Raises the families.

        What fails within a batch is asked for by itself, for its error, or because it goes well then.
        """
        addresses = [self.address(path, query) for path, query in queries]
        answers = self.read_each(addresses) if len(queries) > 1 else [None] * len(queries)
        fine = (held or self.send("GET", address) for held, address in zip(answers, addresses, strict=True))
        return [rows_of(as_object(each)) for each in fine]

    def read_each(self, addresses: Sequence[str]) -> Sequence[Response | None]:
        """Read absolute addresses as one batch; None for each that failed within it. Raises the families."""
        boundary = f"batch_{uuid.uuid4()}"
        headers = {**_ODATA, **batch.headers(boundary)}
        request = Request("POST", self.address("$batch"), headers, batch.content(boundary, addresses))
        answers = batch.answers(self._service.send(request), len(addresses))
        return [each if each and each.status < 300 else None for each in answers]

    def write(
        self, method: str, path: str, content: object, *, select: str, headers: Mapping[str, str] | None = None
    ) -> Json:
        """Write a row and return its selected columns, as they are after the write."""
        address = self.address(path, {"$select": select})
        return as_object(self.send(method, address, headers={**RETURN_ROW, **(headers or {})}, content=content))


def as_object(answer: Response) -> Json:
    """Return the JSON object of an answer. Raises ServiceUnavailable when it is something else."""
    content = answer.json()
    if not isinstance(content, dict):
        raise ServiceUnavailable(f"Dynamics 365 answered {answer.status} without an object")
    return content


def rows_of(content: Json) -> list[Json]:
    """Return the rows of a collection. Raises ServiceUnavailable when the answer has none."""
    rows = content.get("value")
    if not isinstance(rows, list):
        raise ServiceUnavailable("Dynamics 365 answered a collection without rows")
    return rows


def text_at(row: Json, name: str) -> str:
    """Return a text that a row must have. Raises ServiceUnavailable when it is absent."""
    value = row.get(name)
    if not isinstance(value, str):
        raise ServiceUnavailable(f"Dynamics 365 answered a row without {name}")
    return value


def version_at(row: Json) -> str | None:
    """Return the version that a row was answered with."""
    etag = row.get("@odata.etag")
    return str(etag) if etag else None


def literal(value: object) -> str:
    """Return a value as `$filter` and alternate keys have it."""
    if value is None:
        return "null"
    if isinstance(value, (bool, int, float)):
        return str(value).lower()
    doubled = str(value).replace("'", "''")
    return f"'{doubled}'"
