"""The registration use case: tell Partner Center where to send events, without taking them from anybody unasked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from shared.clock import Clock
from shared.errors import GoneError
from shared.partner_center.webhooks import Registration, Webhooks
from shared.sync.receive_event import REFERRAL_EVENTS
from shared.urls import is_loopback

TEST_EVENT = "test-created"
DEFAULT_EVENTS = tuple(sorted(REFERRAL_EVENTS))

KNOWN_EVENTS = REFERRAL_EVENTS | {TEST_EVENT}
"""The events that this app understands; others that are registered already are kept for whoever wanted them."""

_RESULT_WAIT = 10
"""How often, a second apart, the fate of a test event is asked for."""


class InvalidRegistration(ValueError):
    """The request cannot be taken; `problems` names every field, its rule and the remedy."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


class RegistrationExists(Exception):
    """Another registration is there and may only be replaced when the caller says so."""

    def __init__(self, current: Registration) -> None:
        super().__init__("a different registration exists")
        self.current = current


@dataclass(frozen=True)
class RegistrationRequest:
    """What the caller asks for."""

    url: str
    events: tuple[str, ...] = DEFAULT_EVENTS
    overwrite: bool = False
    send_test_event: bool = False


def parse_request(body: bytes) -> RegistrationRequest:
    """Read the JSON request. Raises InvalidRegistration with everything that is wrong."""
    try:
        content = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise InvalidRegistration(["the body must be a JSON object"]) from None
    if not isinstance(content, dict):
        raise InvalidRegistration(["the body must be a JSON object"])
    problems = [*_url_problems(content.get("webhook_url")), *_event_problems(content.get("events"))]
    switches = ("overwrite", "send_test_event")
    problems += [
        f"{name}: must be true or false." for name in switches if not isinstance(content.get(name, False), bool)
    ]
    unknown = sorted(set(content) - {"webhook_url", "events", "overwrite", "send_test_event"})
    if unknown:
        problems.append(f"{', '.join(unknown)}: not known here; see webhook_url, events, overwrite, send_test_event.")
    if problems:
        raise InvalidRegistration(problems)
    events = content.get("events")
    return RegistrationRequest(
        content["webhook_url"].strip(),
        tuple(dict.fromkeys(events)) if events else DEFAULT_EVENTS,
        overwrite=content.get("overwrite", False),
        send_test_event=content.get("send_test_event", False),
    )


def _url_problems(url: object) -> list[str]:
    if not isinstance(url, str) or not url.strip():
        return ["webhook_url: is missing. Paste the WebhookReceiver's function URL."]
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return ["webhook_url: is not a URL. Paste the WebhookReceiver's function URL."]
    problems = []
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        problems.append("webhook_url: must begin with https://.")
    if not host or "@" in parts.netloc or parts.fragment:
        problems.append("webhook_url: must be an absolute URL without user name or fragment.")
    if not parts.path.rstrip("/").casefold().endswith("/webhookreceiver"):
        problems.append("webhook_url: must be the URL of WebhookReceiver, which ends in /api/WebhookReceiver?code=...")
    if not parse_qs(parts.query).get("code"):
        problems.append("webhook_url: lacks the function key. Copy the URL with its ?code=... part.")
    return problems


def _event_problems(events: object) -> list[str]:
    if events is None:
        return []
    if not isinstance(events, list) or not events or not all(isinstance(name, str) for name in events):
        return ["events: must be a list of event names; leave it out for the four referral events."]
    unknown = [name for name in events if name not in KNOWN_EVENTS]
    if unknown:
        return [f"events: {', '.join(unknown)} is not one of {', '.join(sorted(KNOWN_EVENTS))}."]
    return []


def register_webhook(webhooks: Webhooks, clock: Clock, request: RegistrationRequest) -> dict[str, object]:
    """Register, or replace when told to; returns the answer of the contract.

    Event names that other consumers had registered are kept. Raises RegistrationExists, and the families of
    shared.errors.
    """
    current = webhooks.registration()
    wanted = request.events + ((TEST_EVENT,) if request.send_test_event and TEST_EVENT not in request.events else ())
    if current is None:
        status, registration = "registered", Registration(request.url, wanted)
        webhooks.register(registration)
    elif current.url == request.url and set(wanted) <= set(current.events):
        status, registration = "unchanged", current
    elif not request.overwrite:
        raise RegistrationExists(current)
    else:
        status, registration = "updated", Registration(request.url, tuple(dict.fromkeys(wanted + current.events)))
        webhooks.replace(registration)
    return {
        "status": status,
        "webhook_url": request.url,
        "events": list(registration.events),
        "previous": describe(current) if current else None,
        "test_event": _test_event(webhooks, clock) if request.send_test_event else None,
    }


def describe(registration: Registration) -> dict[str, object]:
    """Return a registration as the API shows it: the key in its URL is a secret and stays out."""
    return {"webhook_url": redacted(registration.url), "events": list(registration.events)}


def redacted(url: str) -> str:
    """Return a URL with every query value and user name replaced."""
    parts = urlsplit(url)
    query = "&".join(
        f"{part.split('=', 1)[0]}=***" if "=" in part else "***" for part in parts.query.split("&") if part
    )
    host = parts.netloc.rsplit("@", 1)[-1]
    return parts._replace(netloc=host, query=query, fragment="").geturl()


def _test_event(webhooks: Webhooks, clock: Clock) -> Mapping[str, object]:
    correlation_id = webhooks.send_test_event()
    answer: dict[str, object] = {"correlation_id": correlation_id, "status": "pending", "results": []}
    for _ in range(_RESULT_WAIT):
        try:
            validation = webhooks.validation(correlation_id)
        except GoneError:  # The status may appear a moment after the event.
            clock.sleep(1)
            continue
        answer |= {"status": validation.status, "results": [_result(row) for row in validation.results]}
        if validation.status == "completed" or validation.results:
            break
        clock.sleep(1)
    return answer


def _result(row: Mapping[str, object]) -> dict[str, object]:
    return {
        "response_code": row.get("responsecode"),
        "response_message": row.get("responsemessage"),
        "at": row.get("datetimeutc"),
    }
