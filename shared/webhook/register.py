"""The registration use case: tell Partner Center where to send events, without taking them from anybody unasked."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from shared.clock import Clock
from shared.errors import CosellError, GoneError
from shared.ledger.drawers import Drawers
from shared.partner_center.webhooks import Registration, Webhooks
from shared.urls import redacted, redacted_within
from shared.webhook.registration_history import Registered, describe, fingerprint, remember
from shared.webhook.registration_request import TEST_EVENT, RegistrationRequest

log = logging.getLogger(__name__)

PERSON, WATCHDOG = "RegisterWebhook", "Reconciler"
"""Who registers: a person at the function of this name, or the watchdog."""

_DELIVERED = ("OK", "200", "Accepted", "202", "NoContent", "204")

_RESULT_WAIT = 10
"""How often, a second apart, the fate of a test event is asked for."""


class RegistrationExists(Exception):
    """Another registration is there and may only be replaced when the caller says so."""

    def __init__(self, current: Registration) -> None:
        super().__init__("a different registration exists")
        self.current = current


class NoTestEvent(Exception):
    """The registration stands as `outcome` tells, but Partner Center did not send the test event."""

    def __init__(self, outcome: Mapping[str, object], error: CosellError) -> None:
        super().__init__(str(error))
        self.outcome = outcome
        self.error = error


def register_webhook(
    webhooks: Webhooks, drawers: Drawers, clock: Clock, request: RegistrationRequest, by: str = PERSON
) -> dict[str, object]:
    """Register, or replace with `overwrite`, and remember it; returns the answer of the contract.

    Event names that other consumers had registered are kept. Raises RegistrationExists, NoTestEvent, and the families
    of shared.errors.
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
    outcome: dict[str, object] = {
        "status": status,
        "webhook_url": request.url,
        "events": list(registration.events),
        "previous": describe(current) if current else None,
        "test_event": None,
    }
    _remember(drawers, clock, registration, outcome, by)
    if request.send_test_event:
        outcome["test_event"] = _test_event(webhooks, clock, outcome)
    return outcome


def _remember(
    drawers: Drawers, clock: Clock, registration: Registration, outcome: Mapping[str, object], by: str
) -> None:
    """Store the registration in the history: events go there from now on, whether or not that can be written down."""
    previous, shown = outcome["previous"], redacted(registration.url)
    entry = Registered(
        clock.now(),
        by,
        str(outcome["status"]),
        shown,
        registration.events,
        previous if isinstance(previous, Mapping) else None,
        fingerprint(registration.url),
    )
    log.info("webhook %s: %s, by %s", entry.status, shown, by)
    try:
        remember(drawers, entry)
    except CosellError as error:
        log.error("the registration is made, but missing from the history: %s", error)


def _test_event(webhooks: Webhooks, clock: Clock, outcome: Mapping[str, object]) -> Mapping[str, object]:
    try:
        correlation_id = webhooks.send_test_event()
    except CosellError as error:
        raise NoTestEvent(outcome, error) from error
    try:
        return result_of_test(webhooks, clock, correlation_id)
    except CosellError as error:
        # The event is on its way; its result can be asked for again.
        log.warning("the result of the test event is not known yet: %s", type(error).__name__)
        return {"correlation_id": correlation_id, "status": "pending", "results": []}


def result_of_test(webhooks: Webhooks, clock: Clock, correlation_id: str) -> Mapping[str, object]:
    """Return how a test event fared, waiting some seconds for its first delivery. Raises the families of errors.

    A status of `pending` without results is also what an event that nobody knows looks like: Partner Center tells of
    an event only after a moment, and for seven days.
    """
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


def delivered(result: Mapping[str, object]) -> bool:
    """Whether the receiver took a test event. Partner Center names the status as .NET does ("OK"), not as a number."""
    return str(result.get("response_code")) in _DELIVERED


def _result(row: Mapping[str, object]) -> dict[str, object]:
    return {
        "response_code": row.get("responsecode"),
        "response_message": redacted_within(str(row.get("responsemessage") or "")),
        "at": row.get("datetimeutc"),
    }
