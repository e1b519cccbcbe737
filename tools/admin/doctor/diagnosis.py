"""The diagnosis: everything that must be right for deals to travel, from the inside out. Changes nothing.

What it writes it removes again: a row in the ledger, and a message that nobody can see. The refresh token is swapped,
and its successor is not stored.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from functools import partial

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from shared.bootstrap import App
from shared.errors import AccessDenied, ServiceUnavailable, SettingsError
from shared.ledger import drawers
from shared.ledger.memory import MemoryLedger
from shared.partner_center.findings import trust
from tools.admin.crms import ADMINS
from tools.admin.doctor.crm_diagnosis import diagnose_crm
from tools.admin.doctor.partner_center import diagnose_partner_center
from tools.admin.doctor.report import CORRECT, Line, Mark, Owner, bad, good, guarded, line_of, look, note
from tools.admin.doctor.waiting import diagnose_schedules, diagnose_waiting
from tools.admin.storage import NO_EMULATOR, emulator_runs, is_emulator


def diagnose(app: App) -> Iterator[Line]:
    """Yield a line for each thing that was checked, as it is found."""
    if is_emulator(app) and not emulator_runs():
        yield note("storage", f"skipped: {NO_EMULATOR}")
        app.ledger, stored = MemoryLedger(), False
    else:
        storage = list(guarded("storage", Owner.AZURE, lambda: _storage(app)))
        yield from storage
        stored = all(line.mark is not Mark.BAD for line in storage)
    yield from guarded("trust bundle", Owner.AZURE, lambda: _trust(app))
    if stored or app.settings.key_vault_url or is_emulator(app):
        yield from diagnose_partner_center(app, stored=stored)
    else:
        yield note("Partner Center", "skipped: needs working storage, which keeps its refresh token")
    for name in app.settings.crms:
        title = ADMINS[name].title if name in ADMINS else name
        yield from guarded(title, Owner.CRM, partial(diagnose_crm, app, name, stored=stored))
    if stored:
        yield from guarded("schedules", Owner.AZURE, lambda: diagnose_schedules(app))
        yield from guarded("deals", Owner.AZURE, lambda: diagnose_waiting(app))
    yield _alert_channel(app)


def _alert_channel(app: App) -> Line:
    if app.settings.alert_webhook_url:
        return good("alert channel", "ALERT_WEBHOOK_URL is set")
    text = "ALERT_WEBHOOK_URL is not set: alerts are in the log only, and nobody is told"
    return look("alert channel", text, Owner.AZURE, "set it to an incoming webhook of a Teams or Slack channel")


# --- our own house ---------------------------------------------------------------------------------------------------

_HIDDEN = 60
"""Seconds for which a message on trial is invisible; one that could not be deleted dies a second later.

Storage wants the time to live to be the longer one (rest/api/storageservices/put-message).
"""


def _storage(app: App) -> Iterator[Line]:
    """Yield whether rows can be written, read and deleted, and messages be sent and deleted."""
    try:
        ledger, queue = app.ledger, app.queue
    except SettingsError as error:
        yield bad("storage", str(error), Owner.AZURE, CORRECT)
        return
    probe, text = drawers.text("doctor", str(uuid.uuid4())), "a row to be deleted at once"
    ledger.drawers.replace(probe, text, ledger.drawers.read(probe))
    found = ledger.drawers.read(probe)
    ledger.drawers.clear(probe, found)
    if found.value != text or ledger.drawers.read(probe).value:
        what = "a row that was written could not be read and deleted"
        yield bad("storage: table", what, Owner.AZURE, "use a general-purpose v2 storage account of its own")
    else:
        yield good("storage: table", "a row was written, read and deleted")
    queue.waiting()  # makes the queue
    _try_queue(app)
    yield good("storage: queue", f"{app.settings.queue} takes messages")


def _try_queue(app: App) -> None:
    """Send a message that nobody can see, and delete it. Raises AccessDenied, ServiceUnavailable."""
    name = app.settings.queue
    try:
        with app.queue_client(name) as client:
            sent = client.send_message("doctor", visibility_timeout=_HIDDEN, time_to_live=_HIDDEN + 1)
            client.delete_message(sent)
    except (ClientAuthenticationError, HttpResponseError) as error:
        if error.status_code in (401, 403):
            raise AccessDenied(
                f"messages may not be sent to the queue {name}: Queue Data Contributor is needed"
            ) from error
        raise ServiceUnavailable(f"the queue {name} does not take messages ({type(error).__name__})") from error
    except AzureError as error:
        raise ServiceUnavailable(f"the queue {name} does not answer ({type(error).__name__})") from error


def _trust(app: App) -> Iterator[Line]:
    """Yield whether the bundle can vouch for the certificate that signs events."""
    fetched = bool(app.settings.webhook_issuer_hosts)
    yield from map(line_of, trust(app.partner_center_connection.trust.bundle, app.clock.now(), fetched=fetched))
