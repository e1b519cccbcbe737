"""The diagnosis: everything that must be right for deals to travel, from the inside out. Changes nothing.

What it writes it removes again: one row in the ledger. Redeeming the refresh token stores the rotated one, as every
use of it does.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from cryptography import x509
from cryptography.x509.oid import NameOID

from shared.bootstrap import App
from shared.ledger.port import Parked
from shared.urls import redacted
from shared.webhook.events import REFERRAL_EVENTS
from tools.admin.crms import ADMINS
from tools.admin.doctor.crm_diagnosis import diagnose_crm
from tools.admin.doctor.report import Line, Mark, Owner, bad, clock, good, guarded, look

SOON = timedelta(days=30)


def diagnose(app: App) -> Iterator[Line]:
    """Yield a line for each thing that was checked, as it is found."""
    storage = list(guarded("storage", Owner.AZURE, lambda: _storage(app)))
    yield from storage
    stored = all(line.mark is not Mark.BAD for line in storage)
    yield from guarded("trust bundle", Owner.AZURE, lambda: _trust(app))
    if stored:
        yield from _partner_center(app)
    else:
        yield look("Partner Center", "not looked at: its refresh token is kept in the storage that does not work")
    for name in app.settings.crms:
        title = ADMINS[name].title if name in ADMINS else name
        yield from guarded(title, Owner.CRM, partial(diagnose_crm, app, name, stored=stored))


# --- our own house ---------------------------------------------------------------------------------------------------


def _storage(app: App) -> Iterator[Line]:
    """Yield whether rows can be written, read and deleted, and messages be sent."""
    try:
        ledger, queue = app.ledger, app.queue
    except ValueError:
        yield bad("storage", "AzureWebJobsStorage is no connection string", Owner.AZURE)
        return
    probe = Parked("doctor", str(uuid.uuid4()), "doctor", "a row to be deleted at once", app.clock.now(), 0, "")
    ledger.park(probe)
    found = ledger.parked(probe.crm, probe.key)
    ledger.unpark(probe.crm, probe.key)
    if found is None or ledger.parked(probe.crm, probe.key) is not None:
        yield bad("storage: table", "a row that was written could not be read and deleted", Owner.AZURE)
    else:
        yield good("storage: table", "a row was written, read and deleted")
    yield good("storage: queue", f"{app.settings.queue} answers; about {queue.waiting()} messages wait")


def _trust(app: App) -> Iterator[Line]:
    """Yield whether the bundle can vouch for the certificate that signs events."""
    now, bundle = app.clock.now(), app.trust.bundle
    roots = [each for each in bundle if each.subject == each.issuer]
    current = [each for each in bundle if each not in roots and each.not_valid_after_utc > now]
    expired = [each for each in bundle if each.not_valid_after_utc <= now]
    if not roots:
        yield bad("trust bundle", "holds no root certificate: every event is refused", Owner.AZURE)
    elif not current:
        what = "holds no unexpired intermediate certificate: events are refused with 401, and changes come late"
        yield bad("trust bundle", f"{what}; see README, WEBHOOK_TRUST_BUNDLE", Owner.AZURE)
    else:
        yield from _expiry(roots, current, now)
    if expired:
        yield look("trust bundle", f"expired: {', '.join(map(_name, expired))}", Owner.AZURE)


def _expiry(roots: list[x509.Certificate], current: list[x509.Certificate], now: datetime) -> Iterator[Line]:
    first = min([*roots, *current], key=lambda each: each.not_valid_after_utc)
    until = f"the first to expire is {_name(first)}, on {first.not_valid_after_utc:%Y-%m-%d}"
    text = f"roots: {len(roots)}, intermediates: {len(current)}; {until}"
    yield (
        look("trust bundle", text, Owner.AZURE)
        if first.not_valid_after_utc < now + SOON
        else good("trust bundle", text)
    )


def _name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


# --- Partner Center --------------------------------------------------------------------------------------------------


def _partner_center(app: App) -> Iterator[Line]:
    settings, admin = app.settings, Owner.PARTNER_CENTER
    scopes = {"referrals": settings.partner_center_api_scope, "webhooks": settings.partner_center_webhooks_scope}
    tokens = [
        line
        for name, scope in scopes.items()
        for line in guarded(f"token: {name}", Owner.AZURE, partial(_token, app, name, scope))
    ]
    yield from tokens
    if any(line.mark is Mark.BAD for line in tokens):
        yield look("Partner Center", "not looked at without a token")
        return
    yield from guarded("Partner Center", admin, lambda: _referrals(app))
    yield from guarded("webhook", admin, lambda: _registration(app))


def _token(app: App, name: str, scope: str) -> Iterator[Line]:
    app.partner_center_token(scope)
    yield good(f"token: {name}", f"Entra ID issued one for {scope.removesuffix('/.default')}")


def _referrals(app: App) -> Iterator[Line]:
    theirs = app.partner_center.now()
    yield good("Partner Center", "referrals can be listed")
    yield clock("Partner Center", theirs, app.clock)


def _registration(app: App) -> Iterator[Line]:
    """Yield where events are sent. Being without them costs time, not changes: the Reconciler sweeps."""
    found, wanted = app.webhooks.registration(), app.settings.webhook_public_url
    if found is None:
        yield look(
            "webhook", "nothing is registered: changes come late, with the sweep; use RegisterWebhook", Owner.AZURE
        )
        return
    shown = redacted(found.url)
    if wanted is None:
        yield look("webhook", f"events go to {shown}; set WEBHOOK_PUBLIC_URL to have that checked", Owner.AZURE)
    elif found.url.rstrip("/") != wanted:
        other = "with another key" if shown == redacted(wanted) else f"not to {redacted(wanted)}"
        yield bad("webhook", f"events go to {shown}, {other}; use RegisterWebhook with overwrite", Owner.AZURE)
    else:
        yield good("webhook", f"events go to {shown}")
    missing = sorted(REFERRAL_EVENTS - set(found.events))
    if missing:
        yield look("webhook", f"not registered: {', '.join(missing)}; use RegisterWebhook with overwrite", Owner.AZURE)
