"""The one transport under every client, and the manners of calling a remote service.

Every call has a timeout and a correlation id, carries no cookies, follows no redirect, and is logged without query,
headers or body. Failures become the families of shared.errors; `Retry-After` holds for the whole service.
"""

from __future__ import annotations

import json
import logging
import random
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol
from urllib.parse import urlsplit

import requests
import tenacity

from shared.clock import Clock
from shared.errors import CosellError, OutcomeUnknown, RetriableError, ServiceUnavailable, SignInRequired, Throttled
from shared.pauses import Pauses
from shared.session import Session
from shared.telemetry import correlation

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 30.0
ATTEMPTS = 3
MAX_ANSWER = 64 << 20
"""The largest answer that is read, in bytes; the largest honest one, a table's description, is below 20 MiB."""

PATIENCE = 10.0
"""The longest a call waits before it tries again; longer waits are left to the queue."""


@dataclass(frozen=True)
class Request:
    """One HTTP request. `repeatable`: sending it twice does no more than sending it once.

    `operation` names what the service limits separately: a pause that is asked for then is not the whole service's.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None
    repeatable: bool = True
    operation: str = ""


@dataclass(frozen=True)
class Response:
    """One HTTP response; header names are looked up in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """Return the decoded body, or None when it is not JSON, or nested beyond reason."""
        try:
            return json.loads(self.body) if self.body else None
        except (ValueError, RecursionError):
            return None


class Transport(Protocol):
    """Request in, response out."""

    def send(self, request: Request) -> Response:
        """Send one request. Raises ServiceUnavailable when nothing was sent, OutcomeUnknown when it may have been."""
        ...


class RequestsTransport:
    """The network, by requests: connections are pooled, and each thread has its own."""

    def __init__(self) -> None:
        self._local = threading.local()

    def send(self, request: Request) -> Response:
        """Send one request over the network."""
        try:
            with self._session().request(
                request.method,
                request.url,
                headers=dict(request.headers),
                data=request.body,
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                allow_redirects=False,
                stream=True,
            ) as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Response(answer.status_code, headers, _content(request, answer))
        except requests.ConnectTimeout:
            raise ServiceUnavailable(f"{_host(request.url)} did not accept a connection") from None
        except requests.exceptions.SSLError:
            raise ServiceUnavailable(untrusted(_host(request.url))) from None
        except requests.RequestException as error:
            # Its text holds path and query, which for Salesforce is the question, customer's name and all.
            raise _broken(request, error) from None

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = Session()
        return session


def _content(request: Request, answer: requests.Response) -> bytes:
    """Return the whole body, unpacked. Raises OutcomeUnknown for one that is larger than any honest one."""
    content = bytearray()
    for piece in answer.iter_content(1 << 16):
        content += piece
        if len(content) > MAX_ANSWER:
            raise OutcomeUnknown(f"{_host(request.url)} answered with more than {MAX_ANSWER >> 20} MiB")
    return bytes(content)


def _host(url: str) -> str:
    return urlsplit(url).hostname or "?"


def untrusted(host: str) -> str:
    """Return the text about a host whose certificate is not trusted; mostly, somebody in between shows another."""
    return (
        f"no trusted TLS connection to {host}: its certificate is not trusted. Where a proxy inspects TLS, set "
        "REQUESTS_CA_BUNDLE to a PEM file with the proxy's root certificate"
    )


def _broken(request: Request, error: requests.RequestException) -> RetriableError:
    reason = f"the connection to {_host(request.url)} broke ({type(error).__name__})"
    never_sent = "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error)
    return ServiceUnavailable(reason) if never_sent else OutcomeUnknown(reason)


@dataclass(frozen=True)
class Terms:
    """How one service is spoken to.

    `authorize(fresh)` returns an access token, a new one when `fresh`. `classify` turns a refusing response (status
    400 and above) into the error to raise; of a 401 and a 429 only the service's own code and correlation id count.
    `observe` sees every response, for what its headers tell.
    """

    name: str
    authorize: Callable[[bool], str]
    classify: Callable[[Response], CosellError]
    identity_headers: Callable[[], Mapping[str, str]] = dict
    observe: Callable[[Response], None] | None = None


class Service:
    """One remote service under one identity: authorization, retries, and the pause it asked for."""

    def __init__(self, terms: Terms, transport: Transport, clock: Clock, rng: random.Random | None = None) -> None:
        self.name = terms.name
        self._terms = terms
        self._transport = transport
        self._clock = clock
        self._random = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._pauses = Pauses(clock)

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: object = None,
        repeatable: bool = True,
        operation: str = "",
    ) -> Response:
        """Send a request and return its successful answer; `content` is sent as JSON. Raises as `send` does."""
        body = None if content is None else json.dumps(content).encode()
        kind = {"Content-Type": "application/json; charset=utf-8"} if body is not None else {}
        sent = {"Accept": "application/json", **kind, **(headers or {})}
        return self.send(Request(method, url, sent, body, repeatable, operation))

    def send(self, request: Request) -> Response:
        """Send a request that is ready but for its authorization, and return its successful answer.

        Raises the families of shared.errors. A request that is not `repeatable` is sent again only when the service
        said that it did nothing (429).
        """
        retrying = tenacity.Retrying(
            sleep=self._clock.sleep,
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=self._wait,
            retry=tenacity.retry_if_exception(lambda error: self._worth_repeating(request, error)),
            reraise=True,
        )
        return retrying(self._once, request)

    def _once(self, request: Request) -> Response:
        remaining = self._pauses.remaining(request.operation)
        if remaining:
            raise Throttled(f"too many requests to {self.name}", retry_after=remaining)
        response = self._send(request, fresh=False)
        if response.status == 401:
            response = self._send(request, fresh=True)
        if response.status < 300:
            return response
        error = self._failure(request, response)
        if isinstance(error, RetriableError) and error.retry_after is not None:
            self._pauses.ask(request.operation, error.retry_after)
        raise error

    def _send(self, request: Request, *, fresh: bool) -> Response:
        token = self._terms.authorize(fresh)
        call_id = str(uuid.uuid4())
        headers = {
            **request.headers,
            **self._terms.identity_headers(),
            "Authorization": f"Bearer {token}",
            "client-request-id": call_id,
            "x-ms-client-request-id": call_id,
            "MS-CorrelationId": correlation.get() or call_id,
            "x-ms-correlation-id": correlation.get() or call_id,
        }
        response = self._transport.send(replace(request, headers=headers))
        if self._terms.observe:
            self._terms.observe(response)
        path = urlsplit(request.url).path
        log.info("%s %s %s -> %s", self.name, request.method, path, response.status, extra={"call_id": call_id})
        return response

    def _failure(self, request: Request, response: Response) -> CosellError:
        if response.status < 400:
            return ServiceUnavailable(f"{self.name} answered with a redirect ({response.status}); check its URL")
        error = self._terms.classify(response)
        if response.status == 401:
            refused = SignInRequired(f"{self.name} refused a token that was just issued; check the identity's roles")
            return refused.with_remote(error.code, error.correlation_id)
        if response.status == 429:
            slow = Throttled(f"{self.name}: too many requests", retry_after=retry_after(response, self._clock))
            return slow.with_remote(error.code, error.correlation_id)
        if isinstance(error, ServiceUnavailable) and not request.repeatable:
            unknown = OutcomeUnknown(str(error), retry_after=error.retry_after)
            return unknown.with_remote(error.code, error.correlation_id)
        return error

    def _worth_repeating(self, request: Request, error: BaseException) -> bool:
        if not isinstance(error, RetriableError) or (error.retry_after or 0) > PATIENCE:
            return False
        return request.repeatable or isinstance(error, (Throttled, ServiceUnavailable))

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, RetriableError) else None
        if asked is not None:
            return asked + self._random.uniform(0, 0.5)
        return self._random.uniform(0.1, 0.4 * 2.0**state.attempt_number)


def retry_after(response: Response, clock: Clock) -> float | None:
    """Return the seconds that a `Retry-After` header asks for, from either of its two forms, or None."""
    text = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return min(float(text), _LONGEST_PAUSE)
    until = http_date(text)
    if until is None:
        return None
    # The date is the service's clock, so it is measured against the service's own Date header when there is one.
    now = http_date(response.headers.get("date", "")) or clock.now()
    return min(max(0.0, (until - now).total_seconds()), _LONGEST_PAUSE)


_LONGEST_PAUSE = 24 * 3600.0
"""What a `Retry-After` is believed at most, in seconds."""


def http_date(text: str) -> datetime | None:
    """Read an HTTP date; one without a zone is UTC. None for anything else."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
