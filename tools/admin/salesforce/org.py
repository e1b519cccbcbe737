"""The few requests that only an administrator makes of Salesforce, over the app's own sign-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from simple_salesforce.format import format_soql

from shared.crm.salesforce.api import JsonObject, as_object, path, rows_of
from shared.crm.salesforce.connect import SalesforceConnection
from shared.errors import AccessDenied, AlreadyExists, CosellError, DataError, SchemaMismatch, ServiceUnavailable
from shared.http import Response

BATCH = 200
"""Records that one collection request takes (api_rest: resources_composite_sobjects_collections)."""

_EXISTS = {"DUPLICATE_DEVELOPER_NAME", "DUPLICATE_VALUE"}
_DENIED = {"INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"}


class SalesforceOrg:
    """One org. Methods raise the families of shared.errors; AccessDenied when it takes an administrator."""

    def __init__(self, connection: SalesforceConnection) -> None:
        self._service = connection.service()
        self._tokens = connection.tokens
        self._url = connection.url
        self._version = connection.version

    def versions(self) -> list[str]:
        """Return the versions of the REST API that the org offers, the oldest first."""
        rows = self._service.call("GET", f"{self._url}/services/data").json()
        return [str(row["version"]) for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []

    def answer(self, soql: str) -> Response:
        """Return the whole answer of a query, for its headers."""
        return self._call("GET", path("query", q=soql))

    def query(self, soql: str, *, tooling: bool = False) -> list[JsonObject]:
        """Return every row of a query."""
        content = as_object(self._call("GET", path(*(("tooling",) if tooling else ()), "query", q=soql)).json())
        rows = list(rows_of(content))
        while content.get("nextRecordsUrl"):
            content = as_object(self._service.call("GET", f"{self._url}{content['nextRecordsUrl']}").json())
            rows += rows_of(content)
        return rows

    def get(self, *parts: str) -> JsonObject:
        """Return the object at a path below the version."""
        return as_object(self._call("GET", path(*parts)).json())

    def make(self, parts: Sequence[str], content: object) -> None:
        """POST one record or definition. One that exists already is left as it is, so that repeating is harmless."""
        try:
            self._call("POST", path(*parts), content)
        except AlreadyExists:
            return
        except DataError as error:
            if error.code not in _EXISTS:
                raise

    def write(self, records: Sequence[Mapping[str, object]]) -> list[str]:
        """Create records, those with an `id` update; returns why each was refused, an empty text when it was not.

        Each has its type in `attributes`. One that exists already counts as created.
        """
        refusals = dict[int, str]()
        for method in ("POST", "PATCH"):
            chosen = [number for number, each in enumerate(records) if ("id" in each) == (method == "PATCH")]
            for start in range(0, len(chosen), BATCH):
                part = chosen[start : start + BATCH]
                content = {"allOrNone": False, "records": [records[number] for number in part]}
                results = self._call(method, path("composite", "sobjects"), content).json()
                if not isinstance(results, list) or len(results) != len(part):
                    raise ServiceUnavailable("Salesforce answered a collection without a result for each record")
                refusals |= zip(part, map(_refusal, results), strict=True)
        return [refusals[number] for number in range(len(records))]

    def user(self, username: str) -> JsonObject:
        """Return a user by name, else the one who is signed in. Raises SchemaMismatch when there is none."""
        who = format_soql("Username = {}", username) if username else format_soql("Id = {}", self._signed_in())
        rows = self.query(f"SELECT Id, Username FROM User WHERE {who}")  # noqa: S608 - quoted
        if not rows:
            raise SchemaMismatch(f"Salesforce has no user {username}: name one with --user")
        return rows[0]

    def my_domain(self) -> tuple[str, str]:
        """Return the host that is configured, and the one that the org calls its own; the same before a sign-in."""
        configured = urlsplit(self._url).netloc
        return configured, self._tokens.identity.host if self._tokens.identity else configured

    def is_signed_in(self, user: JsonObject) -> bool:
        """Whether a user is the one who is signed in."""
        return self._tokens.identity is not None and user["Id"] == self._tokens.identity.user_id

    def _signed_in(self) -> str:
        if self._tokens.identity is None:
            self._tokens(fresh=False)
        if self._tokens.identity is None:
            raise SchemaMismatch("Salesforce does not tell who is signed in: name the app's user with --user")
        return self._tokens.identity.user_id

    def _call(self, method: str, below: str, content: object = None) -> Response:
        with _understood():
            return self._service.call(
                method, f"{self._url}/services/data/v{self._version}/{below}", content=content, repeatable=True
            )


@contextmanager
def _understood() -> Iterator[None]:
    """Say AccessDenied for each way in which Salesforce hides what only an administrator may see or change."""
    try:
        yield
    except (DataError, SchemaMismatch) as error:
        if error.code in _DENIED or error.code == "INVALID_TYPE":
            raise _denied(error) from error
        raise


def _denied(error: CosellError) -> AccessDenied:
    return AccessDenied(str(error)).with_remote(error.code, error.correlation_id)


def _refusal(result: object) -> str:
    row = as_object(result)
    errors = [each for each in _list(row.get("errors")) if each.get("statusCode") not in _EXISTS]
    return "; ".join(f"{each.get('message')} ({each.get('statusCode')})" for each in errors)


def _list(value: object) -> list[JsonObject]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
