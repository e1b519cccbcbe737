"""simple-salesforce on our own transport.

The library builds addresses and decodes answers; every request goes through Service, which owns authorization, the one
renewal of an expired session with all headers kept, timeouts, repetition and logging. The library's own versions of
these lose guard headers, recurse without end and never time out (crm-apis B.2, B.3). It is not thread-safe, so each
thread has its own.
"""

from __future__ import annotations

import functools
import random
import threading
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
Row = Mapping[str, object]


@dataclass(frozen=True)
class Page:
    """Rows of a query, and where the next ones are."""

    rows: tuple[Row, ...]
    next: str | None


class Reference(str):
    """What Salesforce fills in from an earlier part's answer: `Reference("account.id")`."""

    __slots__ = ()

    def __new__(cls, name: str) -> Self:
        """Return the reference as it is written."""
        return super().__new__(cls, f"@{{{name}}}")


@dataclass(frozen=True)
class Part:
    """One part of a composite request (api_rest: resources_composite_composite); `path` is below the version."""

    name: str
    method: str
    path: str
    body: Mapping[str, object] | None = None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Answer:
    """What one part answered."""

    status: int
    body: object

    @property
    def object(self) -> Row:
        """The body, which must be an object. Raises ServiceUnavailable."""
        return as_object(self.body)


class Wire:
    """Salesforce's REST API for one org, by thread. Raises the families of shared.errors."""

    def __init__(self, service: Service, url: str, version: str, allowance: Allowance, clock: Clock, key: str) -> None:
        """`key` is the external id's field."""
        self._service = service
        self._url = url
        self._version = version
        self._allowance = allowance
        self._clock = clock
        self._key = key
        self._local = threading.local()
        self._random = random.Random()  # noqa: S311 - jitter, not a secret
        self.newest: datetime | None = None
        """The latest time that Salesforce is known to have reached: by its own clock, in whole seconds."""

    # --- questions -------------------------------------------------------------------------------------------------

    def query(self, soql: str, *, deleted: bool = False) -> Page:
        """Return the first page of a query; `deleted` also finds what is in the recycle bin."""
        return _page(self.ask(lambda salesforce: salesforce.query(soql, include_deleted=deleted)))

    def more(self, address: str) -> Page:
        """Return the next page."""
        return _page(self.ask(lambda salesforce: salesforce.query_more(address, identifier_is_url=True)))

    def rows(self, soql: str) -> Iterator[Row]:
        """Yield every row of a query."""
        page = self.query(soql)
        yield from page.rows
        while page.next:
            page = self.more(page.next)
            yield from page.rows

    def get(self, path: str, **params: str) -> Row:
        """Return the object at a path below the version."""
        return as_object(self.ask(lambda salesforce: salesforce.restful(path, params=params)))

    def deleted(self, table: str, start: datetime, end: datetime) -> Row:
        """Return the log of deletions of a table in a stretch of time, in whole minutes."""
        return as_object(self.ask(lambda salesforce: getattr(salesforce, table).deleted(start, end)))

    def server_time(self) -> datetime:
        """Return Salesforce's clock at this thread's last answer. Raises ServiceUnavailable when it told none."""
        moment: datetime | None = self._adapter().told
        if moment is None:
            raise ServiceUnavailable("Salesforce answered without a Date header")
        return moment

    # --- several at once -------------------------------------------------------------------------------------------

    def composite(self, parts: Sequence[Part], *, together: bool = False, repeatable: bool = True) -> list[Answer]:
        """Send parts in one call, which are carried out in order; returns an answer for each.

        `together`: all or none. Repeats the whole when a row was locked: then the locked part did nothing. Salesforce
        would take `@{` in anybody's text for a reference and has no way to quote it, so such parts are sent one by one.
        """
        if any(_looks_like_reference(value) for part in parts for value in (part.body or {}).values()):
            return self._one_by_one(parts, repeatable=repeatable)
        for remaining in reversed(range(ATTEMPTS)):
            answers = self._composite(parts, together=together, repeatable=repeatable)
            if not remaining or not any(_is_locked(answer) for answer in answers):
                break
            self._clock.sleep(self._random.uniform(0.5, 2.0) * (ATTEMPTS - remaining))
        return answers

    def refusal(self, answers: Sequence[Answer]) -> CosellError | None:
        """Return what went wrong, if anything did: not the parts that were only rolled back."""
        failed = [answer for answer in answers if answer.status >= 300]
        blamed = next((each for each in failed if HALTED not in str(each.body)), failed[0] if failed else None)
        return classify(blamed.status, blamed.body, self._key) if blamed else None

    def _composite(self, parts: Sequence[Part], *, together: bool, repeatable: bool) -> list[Answer]:
        content = {"allOrNone": together, "compositeRequest": [self._part(part) for part in parts]}
        answered = self.ask(lambda each: each.restful("composite", method="POST", json=content), repeatable=repeatable)
        rows = as_object(answered).get("compositeResponse")
        entries = rows if isinstance(rows, list) else []
        by_name = {str(row.get("referenceId")): row for row in entries if isinstance(row, Mapping)}
        try:
            return [Answer(int(by_name[part.name]["httpStatusCode"]), by_name[part.name].get("body")) for part in parts]
        except (LookupError, TypeError, ValueError) as error:
            raise ServiceUnavailable(
                "Salesforce answered a composite request without an answer for each part"
            ) from error

    def _one_by_one(self, parts: Sequence[Part], *, repeatable: bool) -> list[Answer]:
        """Send parts as calls of their own; the first refusal is raised, and what was done before it stays."""
        known: dict[str, str] = {}
        answers = []
        for part in parts:
            body = {
                key: known[value] if isinstance(value, Reference) else value for key, value in (part.body or {}).items()
            }
            address = functools.reduce(lambda text, each: text.replace(each, known[each]), known, part.path)
            options: dict[str, Any] = {"headers": part.headers or {}, **({"json": body} if body else {})}
            content = self.ask(
                lambda each: each.restful(address, method=part.method, **options),  # noqa: B023 - called at once
                repeatable=repeatable or part.method == "GET",
            )
            answers.append(Answer(200, content))
            if isinstance(content, Mapping) and content.get("id"):
                known[Reference(f"{part.name}.id")] = str(content["id"])
        return answers

    def _part(self, part: Part) -> dict[str, object]:
        address = f"/services/data/v{self._version}/{part.path}"
        content: dict[str, object] = {"method": part.method, "url": address, "referenceId": part.name}
        if part.body is not None:
            content["body"] = part.body
        if part.headers:
            content["httpHeaders"] = part.headers
        return content

    # --- the library, by thread ------------------------------------------------------------------------------------

    def ask(self, act: Callable[[Salesforce], T], *, repeatable: bool = True) -> T:
        """Let this thread's library make one call. Raises the families of shared.errors."""
        self._allowance.admit()
        adapter = self._adapter()
        adapter.repeatable = repeatable
        try:
            return act(self._local.salesforce)
        except (ValueError, TypeError) as error:
            # The library decodes what should be JSON, and measures what should be a list or an object.
            raise ServiceUnavailable("Salesforce answered with something that is no JSON object") from error
        finally:
            if adapter.told:
                self.newest = max(adapter.told, self.newest or adapter.told)

    def _adapter(self) -> ServiceAdapter:
        adapter: ServiceAdapter | None = getattr(self._local, "adapter", None)
        if adapter is None:
            from simple_salesforce.api import Salesforce

            adapter = ServiceAdapter(self._service, self._url)
            session = requests.Session()
            session.trust_env = False
            session.mount("https://", adapter)
            # The token of the moment is the service's business; this one never leaves the adapter.
            self._local.salesforce = Salesforce(
                session_id="-", instance_url=self._url, version=self._version, session=session
            )
            self._local.adapter = adapter
        return adapter


def path(*parts: str, **query: str) -> str:
    """Return a path below the version, every part percent-encoded: an external id may hold anything."""
    encoded = "/".join(part if isinstance(part, Reference) else quote(part, safe="") for part in parts)
    return f"{encoded}?{urlencode(query, quote_via=quote, safe=',')}" if query else encoded


def as_object(content: object) -> Row:
    """Return content that must be an object. Raises ServiceUnavailable."""
    if not isinstance(content, Mapping):
        raise ServiceUnavailable("Salesforce answered without an object")
    return content


def rows_of(content: object) -> tuple[Row, ...]:
    """Return the rows of a query's answer, or of a child query's. Raises ServiceUnavailable."""
    rows = as_object(content).get("records")
    if not isinstance(rows, list):
        raise ServiceUnavailable("Salesforce answered a query without records")
    return tuple(rows)


def _page(content: object) -> Page:
    following = as_object(content).get("nextRecordsUrl")
    return Page(rows_of(content), str(following) if following else None)


def _looks_like_reference(value: object) -> bool:
    return isinstance(value, str) and "@{" in value and not isinstance(value, Reference)


def _is_locked(answer: Answer) -> bool:
    return answer.status >= 300 and LOCKED in str(answer.body)
