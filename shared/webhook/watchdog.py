"""The watchdog of the webhook: whether Partner Center still sends events here, and whether they arrive.

It looks and tells. It registers again only where that was asked for, and then seldom: two systems that take the one
registration of a tenant from each other would do so for ever.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.alerts import Alerts
from shared.choices import OnLoss
from shared.clock import Clock
from shared.errors import CosellError, StaleError
from shared.ledger.port import Ledger
from shared.partner_center.webhooks import Registration, Webhooks
from shared.urls import redacted
from shared.webhook.events import REFERRAL_EVENTS
from shared.webhook.heartbeat import last_event
from shared.webhook.register import WATCHDOG, register_webhook
from shared.webhook.registration_history import fingerprint, history
from shared.webhook.registration_request import DEFAULT_EVENTS, RegistrationRequest

log = logging.getLogger(__name__)

REGISTRATION, EVENTS, HEARTBEAT = "webhook registration", "webhook events", "webhook heartbeat"
"""The alerts, by key."""

KEEP_PAUSE = timedelta(hours=6)
"""How long after registering again by itself the watchdog only alerts."""

GRACE = timedelta(hours=1)
"""How long an event may take before a change that the sweep found counts as one without an event."""

_REMEDY = "Open RegisterWebhook to see it and, if this app is to have the events, to register with overwrite."
_LATE = "Until then changes are found by the sweep alone, some minutes late."


@dataclass(frozen=True)
class Expected:
    """The registration that should be there. The URL itself is known only where a setting holds it."""

    shown: str
    fingerprint: str
    events: frozenset[str]


@dataclass(frozen=True)
class Watchdog:
    """Checks the registration and the heartbeat. `public_url` is the receiver's whole URL, where it is configured.

    `silence` is how long no event may come while referrals change; None looks for none.
    """

    webhooks: Webhooks
    ledger: Ledger
    alerts: Alerts
    clock: Clock
    public_url: str | None = None
    on_loss: OnLoss = OnLoss.ALERT
    silence: timedelta | None = timedelta(hours=24)

    # --- the registration ------------------------------------------------------------------------------------------

    def check_registration(self) -> None:
        """Read the registration back, one call, and alert when it is lost or lacks events. Raises the families.

        What should be there is the setting, or else what this app registered last; without either nothing is asked.
        """
        expected = self._expected()
        if expected is None:
            return
        found = self.webhooks.registration()
        lost, missing = _lost(found, expected), _missing(found, expected)
        if lost or missing:
            url = self.public_url if self.on_loss is OnLoss.KEEP else None
            remedy = self._keep(url, expected.events) if url else f"{_REMEDY} {_LATE}"
            self.alerts.alert(REGISTRATION if lost else EVENTS, f"{lost or missing} {remedy}")
        if not lost:
            self.alerts.clear(REGISTRATION)
            if not missing:
                self.alerts.clear(EVENTS)

    def _expected(self) -> Expected | None:
        last = next(iter(history(self.ledger)), None)
        if self.public_url is None:
            return Expected(last.webhook_url, last.fingerprint, _wanted(last.events)) if last else None
        mark = fingerprint(self.public_url)
        chosen = last.events if last and last.fingerprint == mark else DEFAULT_EVENTS
        return Expected(redacted(self.public_url), mark, _wanted(chosen))

    def _keep(self, url: str, events: frozenset[str]) -> str:
        """Register again, unless that was tried a short while ago; returns what to tell."""
        held, now = self.ledger.value("registration", "kept"), self.clock.now()
        last = datetime.fromisoformat(held.value) if held.value else None
        if last and now < last + KEEP_PAUSE:
            often = f"which happens at most every {_hours(KEEP_PAUSE)}"
            return f"It was registered again at {last:%H:%M} UTC, {often}: decide who is to have the events. {_LATE}"
        try:
            # First, so that a write that fails is not repeated every few minutes, nor made by two instances.
            self.ledger.replace_value("registration", "kept", now.isoformat(), held)
            request = RegistrationRequest(url, tuple(sorted(events)), overwrite=True)
            register_webhook(self.webhooks, self.ledger, self.clock, request, WATCHDOG)
        except CosellError as error:
            log.warning("the webhook could not be registered again: %s", error)
            return f"It could not be registered again ({type(error).__name__}). {_REMEDY} {_LATE}"
        return "This app has registered itself again, as WEBHOOK_REGISTRATION=keep asks."

    # --- the heartbeat ---------------------------------------------------------------------------------------------

    def check_heartbeat(self, unannounced: int) -> None:
        """Alert when no event has come for too long although the sweep found changes. Raises the families.

        `unannounced` is how many changes the sweep has just found for the first time. All moments are of our clock.
        """
        if self.silence is None:
            return
        now, last = self.clock.now(), last_event(self.ledger)
        held = self.ledger.value("webhook", "watch")
        watch = _Watch.load(held.value)
        since = watch.since
        if since and last and last >= since:
            self.alerts.clear(HEARTBEAT)
            since = None
        # The changes were made after the last look, so an event since then, or a little before, may be theirs.
        announced = last is not None and last >= (watch.looked_at or now) - GRACE
        if since is None and unannounced and not announced:
            since = now
        try:
            self.ledger.replace_value("webhook", "watch", _Watch(now, since).dump(), held)
        except StaleError:
            return  # Another instance looks at the same time.
        if since and now - (last or since) >= self.silence and now - since >= GRACE:
            self.alerts.alert(HEARTBEAT, _silent(now, last, since))


@dataclass(frozen=True)
class _Watch:
    """When the heartbeat was looked at last, and since when a change waits for its event."""

    looked_at: datetime | None
    since: datetime | None

    def dump(self) -> str:
        return json.dumps([moment.isoformat() if moment else None for moment in (self.looked_at, self.since)])

    @classmethod
    def load(cls, text: str) -> _Watch:
        moments = json.loads(text) if text else (None, None)
        return cls(*(datetime.fromisoformat(moment) if moment else None for moment in moments))


def _silent(now: datetime, last: datetime | None, since: datetime) -> str:
    heard = f"The last one came on {last:%d %B %Y at %H:%M} UTC." if last else "None has ever come."
    silent = _hours(now - (last or since))
    return (
        f"referrals change in Partner Center, but no event has come for {silent}. {heard} The sweep alone finds them, "
        "some minutes late. Open RegisterWebhook and send a test event; if it is refused, the log of WebhookReceiver "
        "says why."
    )


def _wanted(events: tuple[str, ...]) -> frozenset[str]:
    """Return the events that must not be dropped; those of other consumers are theirs to watch."""
    return REFERRAL_EVENTS & frozenset(events)


def _lost(found: Registration | None, expected: Expected) -> str:
    """Return in words how the registration is no longer ours, or an empty text."""
    if found is None:
        return "Partner Center has no webhook registration any more."
    if fingerprint(found.url.rstrip("/")) == expected.fingerprint or fingerprint(found.url) == expected.fingerprint:
        return ""
    shown = redacted(found.url)
    if shown == expected.shown:
        return f"Partner Center sends events to {shown} with another key than the one that is expected here."
    return f"another system took over the webhook registration: events go to {shown}, not to {expected.shown}."


def _missing(found: Registration | None, expected: Expected) -> str:
    missing = sorted(expected.events - set(found.events)) if found else []
    return f"Partner Center no longer sends {', '.join(missing)}: they are not registered any more." if missing else ""


def _hours(time: timedelta) -> str:
    hours = int(time.total_seconds() // 3600)
    return "an hour" if hours == 1 else f"{hours} hours"
