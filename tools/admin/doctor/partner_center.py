"""The diagnosis of Partner Center: who signed in, tokens, roles, the registration, and whether events arrive."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit, urlunsplit

from shared.bootstrap import App
from shared.errors import OutcomeUnknown, ServiceUnavailable
from shared.http import Request
from shared.urls import redacted
from shared.webhook.events import REFERRAL_EVENTS
from shared.webhook.heartbeat import last_event
from tools.admin.doctor.report import Line, Mark, Owner, bad, clock, good, guarded, look, note

SIGN_IN = "`python3 cosell.py sign-in`, as the service user"
REGISTER = "`python3 cosell.py register --overwrite`"
NEARLY_OVER = timedelta(days=14)
"""How long before its end an unused refresh token is worth a word: a running app renews it daily."""


def diagnose_partner_center(app: App, *, stored: bool) -> Iterator[Line]:
    """Yield a line for each thing. `stored`: whether the storage works, which knows when the last event came."""
    admin = Owner.PARTNER_CENTER
    signed_in = list(guarded("sign-in", admin, lambda: _signed_in(app)))
    yield from signed_in
    if any(line.mark is Mark.BAD for line in signed_in):
        yield note("Partner Center", "skipped: needs a sign-in")
    else:
        yield from _both_apis(app)
    yield from guarded("receiver", Owner.AZURE, lambda: _receiver(app))
    if stored:
        yield from guarded("events", Owner.AZURE, lambda: _events(app))


def _both_apis(app: App) -> Iterator[Line]:
    settings, admin = app.settings, Owner.PARTNER_CENTER
    scopes = {"referrals": settings.partner_center_api_scope, "webhooks": settings.partner_center_webhooks_scope}
    tokens = [
        line
        for name, scope in scopes.items()
        for line in guarded(f"token: {name}", Owner.AZURE, partial(_token, app, name, scope))
    ]
    yield from tokens
    if any(line.mark is Mark.BAD for line in tokens):
        yield note("Partner Center", "skipped: needs tokens")
    else:
        yield from guarded("Partner Center", admin, lambda: _referrals(app))
        yield from guarded("webhook", admin, lambda: _registration(app))


def _signed_in(app: App) -> Iterator[Line]:
    """Yield who signed in, when, and when that ends."""
    kept = app.partner_center_connection.token_store.load()
    if not kept.token:
        yield bad("sign-in", "nobody has signed in to Partner Center", Owner.PARTNER_CENTER, SIGN_IN)
        return
    who = f"{kept.signed_in.user} on {kept.signed_in.at:%Y-%m-%d}" if kept.signed_in else "it is not noted who, or when"
    if kept.ends is None:
        yield note("sign-in", f"{who}; PARTNER_CENTER_REFRESH_TOKEN was set by hand")
        return
    text = f"{who}; the app renews the token daily, and if it stands still it ends on {kept.ends:%Y-%m-%d}"
    near = kept.ends - app.clock.now() < NEARLY_OVER
    remedy = f"let the app run, or {SIGN_IN}"
    yield look("sign-in", text, Owner.PARTNER_CENTER, remedy) if near else good("sign-in", text)


def _token(app: App, name: str, scope: str) -> Iterator[Line]:
    app.partner_center_connection.token(scope)
    yield good(f"token: {name}", f"Entra ID issued one for {scope.removesuffix('/.default')}")


def _referrals(app: App) -> Iterator[Line]:
    theirs = app.partner_center.now()
    yield good("Partner Center", "referrals can be listed")
    yield clock("Partner Center", theirs, app.clock)


def _registration(app: App) -> Iterator[Line]:
    """Yield where events are sent. Being without them costs time, not changes: the Reconciler sweeps."""
    found, wanted = app.webhooks.registration(), app.settings.webhook_public_url
    if found is None:
        text = "nothing is registered: changes come late, with the periodic check"
        yield look("webhook", text, Owner.AZURE, "`python3 cosell.py register --url <WebhookReceiver>`")
        return
    shown = redacted(found.url)
    if wanted is None:
        remedy = "set WEBHOOK_PUBLIC_URL, so that this is checked"
        yield look("webhook", f"events go to {shown}; whether that is this app is not known", Owner.AZURE, remedy)
    elif found.url.rstrip("/") != wanted:
        other = "with another key" if shown == redacted(wanted) else f"not to {redacted(wanted)}"
        yield bad("webhook", f"events go to {shown}, {other}", Owner.AZURE, REGISTER)
    else:
        yield good("webhook", f"events go to {shown}")
    missing = sorted(REFERRAL_EVENTS - set(found.events))
    if missing:
        yield look("webhook", f"not registered: {', '.join(missing)}", Owner.AZURE, REGISTER)


def _receiver(app: App) -> Iterator[Line]:
    """Yield whether the receiver can be reached, and its certificate is trusted: Partner Center delivers to no other.

    It is asked without its key, so that whatever answers it is a refusal.
    """
    url = app.settings.webhook_public_url
    if url is None:
        return
    address = urlunsplit((*urlsplit(url)[:3], "", ""))
    try:
        answer = app.transport.send(Request("GET", address, {}))
    except (ServiceUnavailable, OutcomeUnknown) as error:
        if "certificate is not trusted" in str(error):
            remedy = "give the host name a certificate of a public authority, with its intermediates"
            yield bad("receiver", str(error), Owner.AZURE, remedy)
            return
        remedy = "see that the function app runs; a private network must let Partner Center in"
        yield look("receiver", f"cannot be reached from here: {error}", Owner.AZURE, remedy)
        return
    if answer.status >= 500:
        remedy = "see the function app's log"
        yield bad("receiver", f"{urlsplit(address).netloc} answered {answer.status}", Owner.AZURE, remedy)
    else:
        yield good("receiver", f"{urlsplit(address).netloc} answers, and its certificate is trusted")


def _events(app: App) -> Iterator[Line]:
    last = last_event(app.ledger.drawers)
    if last is None:
        remedy = "`python3 cosell.py register --test-event` sends one"
        yield look("events", "no event has ever arrived", Owner.AZURE, remedy)
    else:
        yield good("events", f"the last one arrived on {last:%Y-%m-%d %H:%M} UTC")
