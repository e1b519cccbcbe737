"""The watchdog of the webhook: whether Partner Center still sends events here, and whether they arrive.

It looks and tells. It registers again only where that was asked for, and then seldom: two systems that take the one
registration of a tenant from each other would do so for ever.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.alerts import Alerts
from shared.checkup import Finding
from shared.choices import OnLoss
from shared.clock import Clock
from shared.errors import CosellError, StaleError
from shared.ledger.drawers import Drawers, document
from shared.messages import Messages
from shared.partner_center.webhooks import Registration, Webhooks
from shared.urls import redacted
from shared.webhook.events import REFERRAL_EVENTS
from shared.webhook.heartbeat import last_event
from shared.webhook.register import WATCHDOG, register_webhook
from shared.webhook.registration_history import fingerprint, history
from shared.webhook.registration_request import DEFAULT_EVENTS, RegistrationRequest
from shared.webhook.whose import Expected, Whose, findings, missing, unlooked, whose

log = logging.getLogger(__name__)

REGISTRATION, EVENTS, HEARTBEAT = "webhook registration", "webhook events", "webhook heartbeat"
"""The alerts, by key."""

KEEP_PAUSE = timedelta(hours=6)
"""How long the watchdog only alerts after it registered again."""

YIELD = timedelta(days=7)
"""For how long the watchdog leaves the registration to a system that took it back after it had registered again."""

GRACE = timedelta(hours=1)
"""How long an event may take before a change that the sweep found counts as one without an event."""


@dataclass(frozen=True)
class _Watch:
    """When the heartbeat was looked at last, and since when a change waits for its event."""

    looked_at: datetime | None = None
    since: datetime | None = None


def _dump_watch(watch: _Watch) -> object:
    return [moment.isoformat() if moment else None for moment in (watch.looked_at, watch.since)]


def _load_watch(stored: object) -> _Watch:
    assert isinstance(stored, list)  # noqa: S101 - written by `_dump_watch`
    return _Watch(*(datetime.fromisoformat(each) if each else None for each in stored))


_WATCH = document("webhook", "watch", _Watch(), _dump_watch, _load_watch)


@dataclass(frozen=True)
class _Kept:
    """When the registration was last made again, the error that this ended with, if it failed, and who had taken it."""

    at: datetime | None = None
    failure: str = ""
    taker: str = ""
    """The fingerprint of the URL that was registered then."""


def _dump_kept(kept: _Kept) -> object:
    return [kept.at.isoformat() if kept.at else None, kept.failure, kept.taker]


def _load_kept(stored: object) -> _Kept:
    assert isinstance(stored, list)  # noqa: S101 - written by `_dump_kept`
    at, failure, *taker = stored  # A row of an earlier version does not tell the taker.
    return _Kept(datetime.fromisoformat(at) if at else None, failure, *taker)


_KEPT = document("registration", "kept", _Kept(), _dump_kept, _load_kept)


@dataclass(frozen=True)
class Watchdog:
    """Checks the registration and the heartbeat. `public_url` is the receiver's whole URL, where it is configured.

    `silence` is how long no event may come while referrals change; None looks for none.
    """

    webhooks: Webhooks
    drawers: Drawers
    alerts: Alerts
    clock: Clock
    public_url: str | None = None
    on_loss: OnLoss = OnLoss.ALERT
    silence: timedelta | None = timedelta(hours=24)
    messages: Messages = field(default_factory=Messages)

    # --- the registration ------------------------------------------------------------------------------------------

    def check_registration(self) -> Sequence[Finding]:
        """Read the registration back, one call, and alert when it is lost or lacks events; returns what was found.

        What should be there is the setting, or else what this app registered last; without either nothing is asked.
        Raises the families.
        """
        expected = self.expected()
        if expected is None:
            return [unlooked()]
        found = self.webhooks.registration()
        lost, absent = self._lost(found, expected), self._missing(found, expected)
        if lost or absent:
            url = self.public_url if self.on_loss is OnLoss.KEEP else None
            remedy = self._keep(url, expected.events, found) if url else self._say("webhook.remedy", "webhook.late")
            self.alerts.alert(REGISTRATION if lost else EVENTS, f"{lost or absent} {remedy}")
        if not lost:
            self.alerts.clear(REGISTRATION)
            if not absent:
                self.alerts.clear(EVENTS)
        return list(findings(found, expected))

    def expected(self) -> Expected | None:
        """Return what should be registered; None where nothing tells. Raises the retriable and fatal families."""
        last = next(iter(history(self.drawers)), None)
        if self.public_url is None:
            return Expected(last.webhook_url, last.fingerprint, _wanted(last.events)) if last else None
        mark = fingerprint(self.public_url)
        chosen = last.events if last and last.fingerprint == mark else DEFAULT_EVENTS
        return Expected(redacted(self.public_url), mark, _wanted(chosen))

    def _keep(self, url: str, events: frozenset[str], found: Registration | None) -> str:
        """Register again, unless that was tried a short while ago; returns what to tell.

        Two apps that both keep would take it from each other in turns: who is taken from twice by the same one yields.
        """
        held, now = self.drawers.read(_KEPT), self.clock.now()
        last = held.value
        if last.at and now < last.at + KEEP_PAUSE:
            return self._not_again(last.at, last.failure)
        taker = fingerprint(found.url) if found else ""
        if last.at and taker and taker == last.taker and not last.failure and now < last.at + YIELD:
            return self._say("webhook.yielded", "webhook.late")
        # First, so that a write that fails is not repeated every few minutes, nor made by two instances.
        mine = self.drawers.replace(_KEPT, _Kept(now, taker=taker), held)
        try:
            request = RegistrationRequest(url, tuple(sorted(events)), overwrite=True)
            register_webhook(self.webhooks, self.drawers, self.clock, request, WATCHDOG)
        except CosellError as error:
            log.warning("the webhook could not be registered again: %s", error)
            failure = type(error).__name__
            self.drawers.replace(_KEPT, _Kept(now, failure, taker), mine)
            return self._not_again(now, failure)
        return self._say("webhook.registered_again")

    def _not_again(self, at: datetime, failure: str) -> str:
        """Return what stays true until the next attempt: another text would be sent again."""
        if failure:
            failed = self.messages.text("webhook.not_registered", error=failure)
            return f"{failed} {self._say('webhook.remedy', 'webhook.late')}"
        hours = int(KEEP_PAUSE.total_seconds() // 3600)
        before = self.messages.text("webhook.registered_before", at=f"{at:%H:%M}", hours=hours)
        return f"{before} {self._say('webhook.late')}"

    def _lost(self, found: Registration | None, expected: Expected) -> str:
        """Return in words how the registration is no longer ours, or an empty text."""
        owner = whose(found, expected)
        if found is None or owner is Whose.OURS:
            return "" if owner is Whose.OURS else self._say("webhook.none")
        shown = redacted(found.url)
        if owner is Whose.OTHER_KEY:
            return self.messages.text("webhook.other_key", shown=shown)
        return self.messages.text("webhook.taken", shown=shown, expected=expected.shown)

    def _missing(self, found: Registration | None, expected: Expected) -> str:
        absent = missing(found, expected)
        return self.messages.text("webhook.events_missing", events=", ".join(absent)) if absent else ""

    def _say(self, *keys: str) -> str:
        return " ".join(self.messages.text(key) for key in keys)

    # --- the heartbeat ---------------------------------------------------------------------------------------------

    def check_heartbeat(self, unannounced: int) -> None:
        """Alert when no event has come for too long although the sweep found changes. Raises the families.

        `unannounced` is how many changes the sweep has just found for the first time. All moments are of our clock.
        """
        if self.silence is None:
            return
        now, last = self.clock.now(), last_event(self.drawers)
        held = self.drawers.read(_WATCH)
        watch = held.value
        since = watch.since
        if since and last and last >= since:
            self.alerts.clear(HEARTBEAT)
            since = None
        # The changes were made after the last look, so an event since then, or a little before, may be theirs.
        announced = last is not None and last >= (watch.looked_at or now) - GRACE
        if since is None and unannounced and not announced:
            since = now
        try:
            self.drawers.replace(_WATCH, _Watch(now, since), held)
        except StaleError:
            return  # Another instance looks at the same time.
        if since and now - (last or since) >= self.silence and now - since >= GRACE:
            self.alerts.alert(HEARTBEAT, self._silent(last, since))

    def _silent(self, last: datetime | None, since: datetime) -> str:
        """Return a text that stays the same while the silence lasts: another one would be sent again."""
        key = "webhook.silent" if last else "webhook.silent_ever"
        silent = self.messages.text(key, since=f"{last or since:%Y-%m-%d %H:%M}")
        return f"{silent} {self._say('webhook.silent_remedy')}"


def _wanted(events: tuple[str, ...]) -> frozenset[str]:
    """Return the events that must not be dropped; those of other consumers are theirs to watch."""
    return REFERRAL_EVENTS & frozenset(events)
