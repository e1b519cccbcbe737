"""The webhooks client: https://api.partnercenter.microsoft.com/webhooks/v1 (developer/partner-center-webhooks)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from shared.clock import Clock
from shared.errors import (
    AccessDenied,
    AlreadyExists,
    CosellError,
    DataError,
    GoneError,
    ServiceUnavailable,
)
from shared.http import Response, Service, retry_after
from shared.problems import problem
from shared.urls import redacted_within


@dataclass(frozen=True)
class Registration:
    """Where Partner Center sends events, and which. There is one per tenant, for everything."""

    url: str
    events: tuple[str, ...]


@dataclass(frozen=True)
class Validation:
    """How the delivery of a test event went: its status, and one response code per attempt."""

    status: str
    results: tuple[Mapping[str, object], ...]


class Webhooks(Protocol):
    """The tenant's webhook registration. Every method may raise the retriable and fatal families."""

    def registration(self) -> Registration | None:
        """Return the present registration, or None."""
        ...

    def register(self, registration: Registration) -> None:
        """Make the first registration. Raises AlreadyExists when there is one."""
        ...

    def replace(self, registration: Registration) -> None:
        """Replace the registration. Raises GoneError when there is none."""
        ...

    def send_test_event(self) -> str:
        """Ask for a test event; returns its correlation id. Raises DataError when test-created is not registered."""
        ...

    def validation(self, correlation_id: str) -> Validation:
        """Return how the test event fared so far."""
        ...


class WebhooksClient:
    """Implements Webhooks over HTTP. Answers are read in any casing; requests are sent as Microsoft's samples are."""

    def __init__(self, service: Service, base_url: str) -> None:
        self._service = service
        self._url = f"{base_url.rstrip('/')}/registration"

    def registration(self) -> Registration | None:
        """Return the present registration; 404 and an empty body both mean none."""
        try:
            content = _members(self._service.call("GET", self._url).json())
        except GoneError:
            return None
        url = content.get("webhookurl")
        events = content.get("webhookevents")
        if not url:
            return None
        return Registration(str(url), tuple(str(name) for name in events) if isinstance(events, list) else ())

    def register(self, registration: Registration) -> None:
        """POST the first registration."""
        self._service.call("POST", self._url, content=_wire(registration), repeatable=False)

    def replace(self, registration: Registration) -> None:
        """PUT the registration."""
        self._service.call("PUT", self._url, content=_wire(registration))

    def send_test_event(self) -> str:
        """POST validationEvents; the correlation id comes in an object or, by the swagger, as a bare string."""
        # Test events have a limit of their own (two a minute): that it is reached stops no registration.
        url = f"{self._url}/validationEvents"
        answer = self._service.call("POST", url, repeatable=False, operation="test event").json()
        correlation_id = answer if isinstance(answer, str) else _members(answer).get("correlationid")
        if not correlation_id:
            raise ServiceUnavailable("Partner Center gave the test event no correlation id")
        return str(correlation_id)

    def validation(self, correlation_id: str) -> Validation:
        """GET validationEvents/{correlationId}."""
        content = _members(
            self._service.call("GET", f"{self._url}/validationEvents/{quote(correlation_id, safe='')}").json()
        )
        results = content.get("results")
        rows = [_members(row) for row in results] if isinstance(results, list) else []
        return Validation(str(content.get("status") or "unknown"), tuple(rows))


def _wire(registration: Registration) -> dict[str, object]:
    return {
        "WebhookUrl": registration.url,
        "WebhookEvents": list(registration.events),
        # Signed in x-ms-signature: what stands in front of a function app may consume an Authorization header.
        "SignatureTokenToMsSignatureHeader": True,
    }


def _members(content: object) -> dict[str, object]:
    return {str(key).casefold(): value for key, value in content.items()} if isinstance(content, dict) else {}


def classifier(clock: Clock) -> Callable[[Response], CosellError]:
    """Return the reading of the webhooks API's error answers."""

    def classify(response: Response) -> CosellError:
        content = _members(response.json())
        inner = _members(content.get("error")) or content
        code = str(inner.get("code") or response.status)
        message = redacted_within(str(inner.get("message") or inner.get("description") or code))[:300]
        correlation_id = response.headers.get("ms-correlationid") or response.headers.get("request-id", "")
        return _classify(response, message, clock).with_remote(code, correlation_id)

    return classify


def _classify(response: Response, message: str, clock: Clock) -> CosellError:
    if response.status == 403:
        return AccessDenied(f"Partner Center refuses the webhook registration: {message}")
    if response.status == 404:
        return GoneError("there is no webhook registration")
    if response.status == 409:
        return AlreadyExists("a webhook registration exists already")
    if response.status < 500:
        return DataError(problem("webhook.refused", "registration", message=message))
    reason = f"Partner Center webhooks answered {response.status}"
    return ServiceUnavailable(reason, retry_after=retry_after(response, clock))
