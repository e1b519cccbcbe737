"""`cosell.py register`: tell Partner Center where to send events, without the page."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys

from shared.errors import CosellError, SettingsError
from shared.ledger.memory import MemoryLedger
from shared.webhook.registration_answers import Answer
from tools.admin.asked import KEEPING, PARTNER_CENTER, STORAGE, WEBHOOK, settings_for
from tools.admin.operator import OperatorApp
from tools.admin.registering import lines, overview_lines, receiver_url, shown, undelivered
from tools.admin.storage import NO_EMULATOR, emulator_runs, is_emulator
from tools.cli import local_settings

DONE, REFUSED, WRONG_USE = 0, 1, 2

KEY = "WEBHOOK_RECEIVER_KEY"
"""The environment variable that may hold the receiver's function key."""


def main(args: list[str]) -> int:
    """Register; 1 when it is refused or the test event was, 2 when the request cannot be made."""
    options = _parser().parse_args(args)
    try:
        local_settings.into_environment(options)
        app = _app()
        request = {} if options.show else _request(app, options)
    except CosellError as error:
        return _say(Answer(400, {"error": "invalid_request", "problems": [str(error)]}), options)
    if options.show:
        return _say(app.registration_answers.overview("", options.test), options)
    return _say(app.registration_answers.submit(request), options)


def _app() -> OperatorApp:
    given = any(name.startswith("AzureWebJobsStorage") for name in os.environ)
    app = OperatorApp(settings_for(os.environ, PARTNER_CENTER, KEEPING, WEBHOOK, *([STORAGE] if given else [])))
    if is_emulator(app) and not emulator_runs():
        app.ledger = MemoryLedger()
        print(f"⚠ {NO_EMULATOR}: the history of registrations is not kept.", file=sys.stderr)
    return app


def _request(app: OperatorApp, options: argparse.Namespace) -> dict[str, object]:
    """Return the request of the contract. Raises SettingsError."""
    if app.settings.dry_run and not options.even_in_dry_run:
        raise SettingsError(
            "DRY_RUN is on: the tenant's one registration belongs to the installation that writes. To give it to this "
            "one all the same, add --even-in-dry-run."
        )
    url = receiver_url(options.url, _key(options)) if options.url else app.settings.webhook_public_url
    if url is None:
        raise SettingsError(
            "--url: is missing, and WEBHOOK_PUBLIC_URL is not set. It is https://<app>/api/WebhookReceiver"
        )
    events = {"events": options.event} if options.event else {}
    return {"webhook_url": url, **events, "overwrite": options.overwrite, "send_test_event": options.test_event}


def _key(options: argparse.Namespace) -> str:
    """Return the receiver's function key, which is never an argument. Raises SettingsError."""
    if options.key_stdin:
        key = sys.stdin.readline().strip()
    elif os.environ.get(KEY):
        key = os.environ[KEY].strip()
    elif sys.stdin.isatty():
        key = getpass.getpass("Key of the function WebhookReceiver (it is not shown): ").strip()
    else:
        key = ""
    if not key:
        raise SettingsError(f"the function key is missing: set {KEY}, or hand it over with --key-stdin.")
    return key


def _say(answer: Answer, options: argparse.Namespace) -> int:
    if options.json:
        print(json.dumps(shown(answer), indent=2))
    else:
        told = overview_lines(answer) if options.show else lines(answer)
        print("\n".join(told), file=sys.stdout if answer.status == 200 else sys.stderr)
    if answer.status == 400:
        return WRONG_USE
    return DONE if answer.status == 200 and not undelivered(answer) else REFUSED


def _parser() -> argparse.ArgumentParser:
    about = "Register WebhookReceiver with Partner Center, which keeps one registration per tenant."
    parser = argparse.ArgumentParser(prog="cosell.py register", description=about)
    parser.add_argument("--url", metavar="URL", help="WebhookReceiver's, without its key; default: WEBHOOK_PUBLIC_URL")
    parser.add_argument(
        "--key-stdin", action="store_true", help=f"read the function key from standard input, not {KEY}"
    )
    parser.add_argument(
        "--event", action="append", metavar="NAME", help="repeatable; default: the four referral events"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace another registration; its events are kept")
    parser.add_argument("--test-event", action="store_true", help="let Partner Center send a test event")
    parser.add_argument("--even-in-dry-run", action="store_true", help="register although DRY_RUN is on")
    parser.add_argument("--show", action="store_true", help="only tell what is registered, and what was")
    parser.add_argument("--test", metavar="ID", help="with --show: how the test event with this correlation id fared")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON, as RegisterWebhook gives it")
    local_settings.add_arguments(parser)
    return parser
