"""RegisterWebhook's answers, as data: what the JSON API says, and what the page is rendered from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.clock import Clock
from shared.errors import (
    AccessDenied,
    AlreadyExists,
    CosellError,
    DataError,
    GoneError,
    OutcomeUnknown,
    SettingsError,
    SignInRequired,
    Throttled,
)
from shared.ledger.drawers import Drawers
from shared.partner_center.webhooks import Webhooks
from shared.webhook.register import NoTestEvent, RegistrationExists, register_webhook, result_of_test
from shared.webhook.registration_history import Registered, describe, history
from shared.webhook.registration_request import InvalidRegistration, check_request

_CORRELATION_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_POWER_AUTOMATE = (".logic.azure.com", ".api.powerplatform.com")

HERE, POWER_AUTOMATE, ELSEWHERE = "this function app", "a Power Automate flow", "another system"
"""Whom a registration belongs to, as far as its URL tells."""


@dataclass(frozen=True)
class Answer:
    """An HTTP status, and what is said with it."""

    status: int
    content: Mapping[str, object]


class RegistrationAnswers:
    """Answers requests to register, and shows the current registration. A failure becomes an answer with its remedy.

    `public_url` is the receiver's URL where it is configured.
    """

    def __init__(self, webhooks: Webhooks, drawers: Drawers, clock: Clock, public_url: str | None) -> None:
        self._webhooks = webhooks
        self._drawers = drawers
        self._clock = clock
        self._public_host = urlsplit(public_url).netloc if public_url else ""

    def submit(self, content: Mapping[str, object]) -> Answer:
        """Register: 200, 400 with every problem, 409 with the present registration, 502 with Partner Center's words."""
        try:
            return Answer(200, register_webhook(self._webhooks, self._drawers, self._clock, check_request(content)))
        except InvalidRegistration as error:
            return invalid(error)
        except RegistrationExists as error:
            remedy = "Partner Center keeps one registration per tenant. Send overwrite: true to replace this one."
            body = {"error": "registration_exists", "remedy": remedy, "current": describe(error.current)}
            return Answer(409, body)
        except NoTestEvent as refusal:
            return Answer(502, {**failed(refusal.error).content, "registration": _redacted(refusal.outcome)})
        except CosellError as error:
            return failed(error)

    def overview(self, host: str, test: str | None = None) -> Answer:
        """Show what is registered, for whom, and what was registered before; with `test`, how it fared.

        `host` is where this function app is being visited: a registration of the same host is its own.
        """
        if test is not None and not _CORRELATION_ID.fullmatch(test):
            return invalid(InvalidRegistration(["test: must be the correlation id of a test event."]))
        body: dict[str, object] = {"current": None, "history": [], "test_event": None}
        try:
            body["history"] = [_shown(entry) for entry in history(self._drawers)]
            current = self._webhooks.registration()
            if current:
                body["current"] = describe(current) | {"belongs_to": self._owner(current.url, host)}
            if test:
                body["test_event"] = result_of_test(self._webhooks, self._clock, test)
        except CosellError as error:
            failure = failed(error)
            return Answer(failure.status, {**body, **failure.content})
        return Answer(200, body)

    def _owner(self, url: str, host: str) -> str:
        try:
            parts = urlsplit(url)
        except ValueError:
            return ELSEWHERE  # Partner Center took it from somebody, whatever it is.
        ours = {each.casefold() for each in (host, self._public_host) if each}
        if parts.netloc.casefold() in ours and parts.path.rstrip("/").casefold().endswith("/webhookreceiver"):
            return HERE
        return POWER_AUTOMATE if is_power_automate(url) else ELSEWHERE


def is_power_automate(url: str) -> bool:
    """Whether a registered URL is a Power Automate flow's, as Microsoft's co-sell connector registers it."""
    try:
        return (urlsplit(url).hostname or "").endswith(_POWER_AUTOMATE)
    except ValueError:
        return False


def invalid(error: InvalidRegistration) -> Answer:
    """Return the answer to a request that cannot be taken."""
    return Answer(400, {"error": "invalid_request", "problems": error.problems})


def failed(error: CosellError) -> Answer:
    """Return the answer when Partner Center, or the app itself, could not do it: whose words, and what to do."""
    source = "settings" if isinstance(error, SettingsError) else "partner_center"
    body = {"code": error.code, "correlation_id": error.correlation_id, "message": str(error)}
    return Answer(502, {"error": source, **body, "remedy": remedy(error)})


def remedy(error: CosellError) -> str:
    """Return what a person can do about a failure."""
    if isinstance(error, Throttled):
        when = f"{max(1, round(error.retry_after))} seconds" if error.retry_after else "a minute"
        return f"Too many requests. Try again in {when}. Partner Center sends at most two test events a minute."
    return next((text for kind, text in _REMEDIES.items() if isinstance(error, kind)), "Try again in some minutes.")


_REMEDIES: dict[type[CosellError], str] = {
    SettingsError: "Correct the application settings of the function app; it restarts automatically.",
    SignInRequired: "Let the Partner Center service user sign in again, with MFA: `python3 cosell.py sign-in`."
    " If that was done just now, check that the user belongs to this partner tenant and has a Partner Center role.",
    AccessDenied: "Give the Partner Center service user the role Referrals admin. If that is not enough to register "
    "webhooks, Partner Center's page on webhooks names Admin agent, Sales agent, Helpdesk agent and Billing admin. A "
    "new role takes up to an hour; the app registration also needs admin consent.",
    AlreadyExists: "Somebody else registered at this very moment. Look at what is registered now, and decide again.",
    GoneError: "What was there a moment ago is gone. Look at what is registered now, and try again.",
    OutcomeUnknown: "It may have taken effect all the same. Look at what is registered now before trying again.",
    DataError: "Correct what Partner Center names, and try again.",
}


def _redacted(outcome: Mapping[str, object]) -> dict[str, object]:
    """Return what became of a registration; the URL is known to the caller and not repeated."""
    return {name: outcome[name] for name in ("status", "events", "previous")}


def _shown(entry: Registered) -> dict[str, object]:
    """Return an entry of the history as it may be shown: a fingerprint is nobody's business."""
    return {
        "at": entry.at.isoformat(),
        "by": entry.by,
        "status": entry.status,
        "webhook_url": entry.webhook_url,
        "events": list(entry.events),
        "previous": entry.previous,
    }
