"""simple-salesforce on our own transport.

The library builds addresses and decodes answers; every request goes through Service, which owns authorization, the one
renewal of an expired session with all headers kept, timeouts, repetition and logging. The library's own versions of
these lose guard headers, recurse without end and never time out (crm-apis B.2, B.3). It is not thread-safe, so each
call makes a new object (30 microseconds), which also knows what holds for this call alone.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote, urlencode

import requests

from shared.clock import Clock
from shared.crm.salesforce.allowance import Allowance
from shared.crm.salesforce.errors import HALTED, LOCKED, classify
from shared.crm.salesforce.library import ServiceAdapter
from shared.errors import CosellError, ServiceUnavailable
from shared.http import ATTEMPTS, Service

if TYPE_CHECKING:
    from simple_salesforce.api import Salesforce

T = TypeVar("T")
JsonObject = Mapping[str, object]


@dataclass(frozen=True)
class Page:
    """Rows of a query, where the next ones are, and Salesforce's clock at the answer, if it came along."""

    rows: tuple[JsonObject, ...]
    next: str | None
    server_date: datetime | None = None

    def server_time(self) -> datetime:
        """Return Salesforce's clock at this answer. Raises ServiceUnavailable when the answer has none."""
        if self.server_date is None:
            raise ServiceUnavailable("Salesforce answered without a Date header")
        return self.server_date


class Reference(str):
    """What Salesforce fills in from an earlier subrequest's answer: `Reference("account.id")`."""

    __slots__ = ()

    def __new__(cls, name: str) -> Self:
        """Return the reference as it is written."""
        return super().__new__(cls, f"@{{{name}}}")


@dataclass(frozen=True)
class Subrequest:
    """One request of a composite one (api_rest: resources_composite_composite); `path` is below the version."""

    name: str
    method: str
    path: str
    body: Mapping[str, object] | None = None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Subresponse:
    """The answer to one subrequest."""

    status: int
    body: object

    @property
    def object(self) -> JsonObject:
        """The body, which must be an object. Raises ServiceUnavailable."""
        return as_object(self.body)


class SalesforceApi:
    """Salesforce's REST API for one org. Every method raises the families of shared.errors."""

    def __init__(self, service: Service, url: str, version: str, allowance: Allowance, clock: Clock, key: str) -> None:
        """`key` is the external id's field."""
        self._service = service
        self._url = url
        self._version = version
        self._allowance = allowance
        self._clock = clock
        self._key = key
        self._random = random.Random()  # noqa: S311 - jitter, not a secret
        self.latest_server_time: datetime | None = None
        """The latest time that Salesforce is known to have reached: by its own clock, in whole seconds."""

    # --- reading ---------------------------------------------------------------------------------------------------

    def query(self, soql: str, *, deleted: bool = False) -> Page:
        """Return the first page of a query; `deleted` also finds what is in the recycle bin."""
        return _page(*self._exchange(lambda salesforce: salesforce.query(soql, include_deleted=deleted)))

    def query_each(self, soqls: Sequence[str]) -> list[Page | None]:
        """Return the first page of each query in one call, with what is in the recycle bin; None for what failed."""
        asked = [Subrequest(f"q{number}", "GET", path("queryAll", q=soql)) for number, soql in enumerate(soqls)]
        answers, server_date = self._composite_dated(asked, together=False, repeatable=True)
        return [_page(each.body, server_date) if each.status < 300 else None for each in answers]

    def more(self, address: str) -> Page:
        """Return the next page."""
        return _page(*self._exchange(lambda salesforce: salesforce.query_more(address, identifier_is_url=True)))

    def rows(self, soql: str) -> Iterator[JsonObject]:
        """Yield every row of a query."""
        page = self.query(soql)
        yield from page.rows
        while page.next:
            page = self.more(page.next)
            yield from page.rows

    def get(self, path: str, **params: str) -> JsonObject:
        """Return the object at a path below the version."""
        return as_object(self.call(lambda salesforce: salesforce.restful(path, params=params)))

    def deleted(self, table: str, start: datetime, end: datetime) -> JsonObject:
        """Return the log of deletions of a table in a stretch of time, in whole minutes."""
        return as_object(self.call(lambda salesforce: getattr(salesforce, table).deleted(start, end)))

    # --- several at once -------------------------------------------------------------------------------------------

    def composite(
        self, subrequests: Sequence[Subrequest], *, together: bool = False, repeatable: bool = True
    ) -> list[Subresponse]:
        """Send subrequests in one call, which are carried out in order; returns a subresponse for each.

        `together`: all or none. Repeats the whole when a row was locked: then the locked one did nothing. Salesforce
        would take `@{` in anybody's text for a reference and has no way to quote it, so those are sent one by one.
        """
        if any(_looks_like_reference(value) for each in subrequests for value in (each.body or {}).values()):
            return self._one_by_one(subrequests, repeatable=repeatable)
        answers = self._composite(subrequests, together=together, repeatable=repeatable)
        for attempt in range(1, ATTEMPTS):
            if not any(_is_locked(answer) for answer in answers):
                break
            self._clock.sleep(self._random.uniform(0.5, 2.0) * attempt)
            answers = self._composite(subrequests, together=together, repeatable=repeatable)
        return answers

    def first_error(self, answers: Sequence[Subresponse]) -> CosellError | None:
        """Return what went wrong, if anything did: not what was only rolled back because of it."""
        blamed = blamed_of(answers)
        return classify(blamed.status, blamed.body, self._key) if blamed else None

    def _composite(self, subrequests: Sequence[Subrequest], *, together: bool, repeatable: bool) -> list[Subresponse]:
        return self._composite_dated(subrequests, together=together, repeatable=repeatable)[0]

    def _composite_dated(
        self, subrequests: Sequence[Subrequest], *, together: bool, repeatable: bool
    ) -> tuple[list[Subresponse], datetime | None]:
        content = {"allOrNone": together, "compositeRequest": [self._written(each) for each in subrequests]}
        answered, server_date = self._exchange(
            lambda each: each.restful("composite", method="POST", json=content), repeatable=repeatable
        )
        rows = as_object(answered).get("compositeResponse")
        entries = rows if isinstance(rows, list) else []
        by_name = {str(row.get("referenceId")): row for row in entries if isinstance(row, Mapping)}
        try:
            found = [by_name[each.name] for each in subrequests]
            return [Subresponse(int(each["httpStatusCode"]), each.get("body")) for each in found], server_date
        except (LookupError, TypeError, ValueError) as error:
            what = "Salesforce answered a composite request without an answer for each subrequest"
            raise ServiceUnavailable(what) from error

    def _one_by_one(self, subrequests: Sequence[Subrequest], *, repeatable: bool) -> list[Subresponse]:
        """Send subrequests as calls of their own; the first refusal is raised, and what was done before it stays."""
        known: dict[str, str] = {}
        answers = []
        for subrequest in subrequests:
            body = {
                key: known[value] if isinstance(value, Reference) else value
                for key, value in (subrequest.body or {}).items()
            }
            address = functools.reduce(lambda text, each: text.replace(each, known[each]), known, subrequest.path)
            options: dict[str, Any] = {"headers": subrequest.headers or {}, **({"json": body} if body else {})}
            content = self.call(
                lambda each: each.restful(address, method=subrequest.method, **options),  # noqa: B023 - called at once
                repeatable=repeatable or subrequest.method == "GET",
            )
            answers.append(Subresponse(200, content))
            if isinstance(content, Mapping) and content.get("id"):
                known[Reference(f"{subrequest.name}.id")] = str(content["id"])
        return answers

    def _written(self, subrequest: Subrequest) -> dict[str, object]:
        address = f"/services/data/v{self._version}/{subrequest.path}"
        content: dict[str, object] = {"method": subrequest.method, "url": address, "referenceId": subrequest.name}
        if subrequest.body is not None:
            content["body"] = subrequest.body
        if subrequest.headers:
            content["httpHeaders"] = subrequest.headers
        return content

    # --- one call --------------------------------------------------------------------------------------------------

    def call(self, act: Callable[[Salesforce], T], *, repeatable: bool = True) -> T:
        """Let the library make one call; one that is not `repeatable` is sent again only when it did nothing."""
        return self._exchange(act, repeatable=repeatable)[0]

    def _exchange(self, act: Callable[[Salesforce], T], *, repeatable: bool = True) -> tuple[T, datetime | None]:
        """Return what the library made of the answer, and the server's time in it."""
        from simple_salesforce.api import Salesforce

        self._allowance.admit(self._look_at_usage)
        adapter = ServiceAdapter(self._service, self._url, repeatable=repeatable)
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", adapter)
        # The token of the moment is the service's business; this one never leaves the adapter.
        library = Salesforce(session_id="-", instance_url=self._url, version=self._version, session=session)
        try:
            return act(library), adapter.server_date
        except (ValueError, TypeError) as error:
            # The library decodes what should be JSON, and measures what should be a list or an object.
            raise ServiceUnavailable("Salesforce answered with something that is no JSON object") from error
        finally:
            if adapter.server_date:
                self.latest_server_time = max(adapter.server_date, self.latest_server_time or adapter.server_date)

    def _look_at_usage(self) -> None:
        """Make the smallest of calls; every answer tells how much of the allowance is used."""
        self._service.call("GET", f"{self._url}/services/data/v{self._version}/")


def path(*parts: str, **query: str) -> str:
    """Return a path below the version, every part percent-encoded: an external id may hold anything."""
    encoded = "/".join(part if isinstance(part, Reference) else quote(part, safe="") for part in parts)
    return f"{encoded}?{urlencode(query, quote_via=quote, safe=',')}" if query else encoded


def as_object(content: object) -> JsonObject:
    """Return content that must be an object. Raises ServiceUnavailable."""
    if not isinstance(content, Mapping):
        raise ServiceUnavailable("Salesforce answered without an object")
    return content


def text_at(row: JsonObject, name: str) -> str:
    """Return a text that a row must have. Raises ServiceUnavailable when it is absent."""
    value = row.get(name)
    if not isinstance(value, str):
        raise ServiceUnavailable(f"Salesforce answered a record without {name}")
    return value


def rows_of(content: object) -> tuple[JsonObject, ...]:
    """Return the rows of a query's answer, or of a child query's. Raises ServiceUnavailable."""
    rows = as_object(content).get("records")
    if not isinstance(rows, list):
        raise ServiceUnavailable("Salesforce answered a query without records")
    return tuple(rows)


def _page(content: object, server_date: datetime | None) -> Page:
    following = as_object(content).get("nextRecordsUrl")
    return Page(rows_of(content), str(following) if following else None, server_date)


def _looks_like_reference(value: object) -> bool:
    return isinstance(value, str) and "@{" in value and not isinstance(value, Reference)


def _is_locked(answer: Subresponse) -> bool:
    return answer.status >= 300 and LOCKED in str(answer.body)


def blamed_of(answers: Sequence[Subresponse]) -> Subresponse | None:
    """Return the answer of the subrequest that failed, if one did: not of one that was only rolled back with it."""
    failed = [answer for answer in answers if answer.status >= 300]
    return next((each for each in failed if HALTED not in str(each.body)), failed[0] if failed else None)
