"""The webhooks API: `/webhooks/v1/registration` (partner-center-webhooks page, Webhooks.json)."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from werkzeug import Request, Response

from tools.simulators.claims import TokenVerifier
from tools.simulators.clock import SimulatorClock
from tools.simulators.partner_center import vocabulary as words
from tools.simulators.partner_center.delivery import Deliverer
from tools.simulators.partner_center.delivery_model import Delivery
from tools.simulators.partner_center.errors import ApiError, invalid, not_found
from tools.simulators.partner_center.quirks import Quirks
from tools.simulators.partner_center.registration import Registration, RegistrationStore
from tools.simulators.partner_center.wire import (
    authorize,
    error_response,
    json_response,
    method_not_allowed,
    read_json,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

AUDIENCE = "https://api.partnercenter.microsoft.com"
BASE_PATH = "/webhooks/v1"

_TESTS_PER_MINUTE = 2
_STATUS_KEPT = timedelta(days=7)


@dataclass
class _Test:
    """A validation event that was asked for."""

    delivery: Delivery
    asked: datetime


@dataclass
class _Tests:
    by_id: dict[str, _Test] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class WebhooksApi:
    """A WSGI app over the one registration of the tenant."""

    def __init__(
        self,
        registrations: RegistrationStore,
        deliverer: Deliverer,
        quirks: Quirks,
        verifier: TokenVerifier,
        clock: SimulatorClock,
        *,
        partner_id: str,
    ) -> None:
        self._registrations = registrations
        self._deliverer = deliverer
        self._quirks = quirks
        self._verifier = verifier
        self._clock = clock
        self._partner_id = partner_id
        self._tests = _Tests()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (WSGI)."""
        request = Request(environ)
        try:
            response = self._route(request)
        except ApiError as error:
            response = error_response(error)
        for name in ("MS-CorrelationId", "MS-RequestId"):
            response.headers[name] = request.headers.get(name) or str(uuid.uuid4())
        response.headers["X-Locale"] = "en-US"
        return response(environ, start_response)

    def _route(self, request: Request) -> Response:
        authorize(request, self._verifier, AUDIENCE)
        match request.path.removeprefix(f"{BASE_PATH}/registration").rstrip("/").split("/"):
            case [""] if request.path.startswith(BASE_PATH):
                return self._registration(request)
            case ["", "events"]:
                _only(request, "GET")
                return json_response(list(words.EVENTS))
            case ["", "validationEvents"]:
                _only(request, "POST")
                return self._send_test()
            case ["", "validationEvents", correlation_id]:
                _only(request, "GET")
                return json_response(self._test_status(correlation_id))
        raise not_found("The resource")

    # -- registration ---------------------------------------------------------------------------------------------

    def _registration(self, request: Request) -> Response:
        current = self._registrations.current
        match request.method:
            case "GET":
                if current is None:
                    raise not_found("A registration")
                # The documented sample of GET has no SubscriberId.
                return json_response(self._show(current, with_subscriber=False))
            case "POST":
                if current is not None:
                    raise ApiError(409, "invalidRequest", "A registration exists; use PUT to replace it.")
                return self._register(request, str(uuid.uuid4()))
            case "PUT":
                if current is None:
                    raise not_found("A registration")
                return self._register(request, current.subscriber_id)
        raise method_not_allowed(request, "GET", "POST", "PUT")

    def _register(self, request: Request, subscriber_id: str) -> Response:
        registration = self._read(read_json(request), subscriber_id)
        self._registrations.current = registration
        return json_response(self._show(registration, with_subscriber=True))

    def _read(self, body: object, subscriber_id: str) -> Registration:
        if not isinstance(body, Mapping):
            raise invalid("registration", "the body must be a JSON object.")
        given = {str(key).casefold(): value for key, value in body.items()}
        in_header = given.get("signaturetokentomssignatureheader") or False
        if not isinstance(in_header, bool):
            raise invalid("SignatureTokenToMsSignatureHeader", "must be true or false.")
        return Registration(
            subscriber_id,
            _read_url(given.get("webhookurl")),
            self._read_events(given.get("webhookevents")),
            signature_in_own_header=in_header,
            modified=self._clock.now(),
        )

    def _read_events(self, events: object) -> tuple[str, ...]:
        if not isinstance(events, list) or not (events or self._quirks.empty_events_accepted):
            raise invalid("WebhookEvents", "must be a non-empty array.")
        for name in events:
            if name not in words.EVENTS:
                raise invalid("WebhookEvents", f"'{name}' is not an event.")
        return tuple(events)

    def _show(self, registration: Registration, *, with_subscriber: bool) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "WebhookUrl": registration.url,
            "WebhookEvents": list(registration.events),
            "SignatureTokenToMsSignatureHeader": registration.signature_in_own_header,
            "LastModifiedTimestamp": f"{registration.modified:%Y-%m-%dT%H:%M:%S.%f}Z",
        }
        if with_subscriber:
            shown = {"SubscriberId": registration.subscriber_id} | shown
        if self._quirks.registration_casing == "camel":
            return {name[0].lower() + name[1:]: value for name, value in shown.items()}
        return shown

    # -- test events ----------------------------------------------------------------------------------------------

    def _send_test(self) -> Response:
        registration = self._registrations.current
        if registration is None or "test-created" not in registration.events:
            raise invalid("WebhookEvents", "test-created must be registered.")
        correlation_id = str(uuid.uuid4())
        now = self._clock.now()
        with self._tests.lock:
            recent = [test for test in self._tests.by_id.values() if now - test.asked < timedelta(minutes=1)]
            if len(recent) >= _TESTS_PER_MINUTE:
                raise ApiError(
                    429, "tooManyRequests", "Two test events per minute are allowed.", headers={"Retry-After": "60"}
                )
            delivery = self._deliverer.raise_test(registration, correlation_id)
            self._tests.by_id[correlation_id] = _Test(delivery, now)
        answer = {"correlationId": correlation_id} if self._quirks.correlation_id_as_object else correlation_id
        return json_response(answer)

    def _test_status(self, correlation_id: str) -> dict[str, Any]:
        with self._tests.lock:
            test = self._tests.by_id.get(correlation_id)
        if test is None or self._clock.now() - test.asked > _STATUS_KEPT:
            raise not_found("The validation event")
        return {
            "correlationId": correlation_id,
            "partnerId": self._partner_id,
            "status": "pending" if test.delivery.pending else "completed",
            "callbackUrl": test.delivery.url,
            "results": [attempt.as_result() for attempt in list(test.delivery.attempts)],
        }


def _only(request: Request, method: str) -> None:
    if request.method != method:
        raise method_not_allowed(request, method)


def _read_url(url: object) -> str:
    """Require an absolute https URL; http is let through for loopback, where the simulators run."""
    parts = urlsplit(url) if isinstance(url, str) else None
    if (
        parts
        and parts.hostname
        and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname)))
    ):
        return str(url)
    raise invalid("WebhookUrl", "must be an absolute https URL.")


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine's loopback."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
