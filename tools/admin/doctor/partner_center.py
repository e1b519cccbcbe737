"""The diagnosis of Partner Center: who signed in, tokens, roles, the registration, and whether it can be reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit, urlunsplit

from shared.bootstrap import App
from shared.errors import OutcomeUnknown, ServiceUnavailable
from shared.http import Request
from shared.ledger.memory import MemoryLedger
from shared.partner_center.findings import sign_in
from shared.webhook.whose import findings
from tools.admin.doctor.report import Line, Mark, Owner, bad, clock, good, guarded, line_of, look, note


def diagnose_partner_center(app: App, *, stored: bool) -> Iterator[Line]:
    """Yield a line for each thing. `stored`: whether the storage works, which knows what was registered."""
    admin = Owner.PARTNER_CENTER
    signed_in = list(guarded("sign-in", admin, lambda: _signed_in(app)))
    yield from signed_in
    if any(line.mark is Mark.BAD for line in signed_in):
        yield note("Partner Center", "skipped: needs a sign-in")
    else:
        yield from _both_apis(app, stored=stored)
    yield from guarded("receiver", Owner.AZURE, lambda: _receiver(app))


def _both_apis(app: App, *, stored: bool) -> Iterator[Line]:
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
        yield from guarded("webhook", admin, lambda: _registration(app, stored=stored))


def _signed_in(app: App) -> Iterator[Line]:
    """Yield who signed in, when, and when that ends."""
    yield line_of(sign_in(app.partner_center_connection.token_store.load(), app.clock.now()))


def _token(app: App, name: str, scope: str) -> Iterator[Line]:
    app.partner_center_connection.token(scope)
    yield good(f"token: {name}", f"Entra ID issued one for {scope.removesuffix('/.default')}")


def _referrals(app: App) -> Iterator[Line]:
    theirs = app.partner_center.now()
    yield good("Partner Center", "referrals can be listed")
    yield clock("Partner Center", theirs, app.clock)


def _registration(app: App, *, stored: bool) -> Iterator[Line]:
    """Yield where events are sent, as the app's own watchdog sees it; only the storage knows what was registered."""
    found = app.webhooks.registration()
    watchdog = app.watchdog if stored else replace(app.watchdog, drawers=MemoryLedger().drawers)
    yield from map(line_of, findings(found, watchdog.expected()))


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
