"""`cosell.py test-alert`: send the chat a message on trial, or what the daily digest would say now."""

from __future__ import annotations

import argparse
import json
import uuid
from datetime import datetime, timedelta
from decimal import Decimal

from shared.bootstrap import App
from shared.card import Card
from shared.channel import Channel
from shared.deadline import Deadline, DeadlineKind
from shared.deal import CURRENCY, DEAL_VALUE, NAME, Fields
from shared.errors import CosellError, FatalError, RetriableError, SettingsError
from shared.feeds.digest import digest
from shared.link import Link
from shared.messages import Messages
from shared.sync.news import News
from shared.urls import status_page
from tools.admin.asked import CHAT, CRM, STORAGE, WEBHOOK
from tools.cli import local_settings
from tools.cli.configured import app_for, app_with_ledger
from tools.cli.terminal import say, warn

SENT, REFUSED, FAILED = 0, 1, 2


def main(args: list[str]) -> int:
    """Send it; 0 when the chat took it or the digest is empty, 1 when the chat refused it, 2 when there is no chat."""
    options = _parser().parse_args(args)
    try:
        local_settings.into_environment(options, needed=False)
        app = app_with_ledger([], CHAT, STORAGE, CRM) if options.digest else app_for([], CHAT, WEBHOOK)
        return run(app, app.channel, options)
    except CosellError as error:
        warn(f"✖ {error}")
        return FAILED


def run(app: App, channel: Channel, options: argparse.Namespace) -> int:
    """Make the message and send it; returns the exit code. Raises the families."""
    if channel.chat is None:
        raise SettingsError("ALERT_WEBHOOK_URL: is not set, so that nobody is told of anything.")
    card = _digest(app) if options.digest else _on_trial(app, channel)
    refusal = ""
    if card:
        try:
            channel.chat.notify(card)
        except (RetriableError, FatalError) as error:
            refusal = str(error)
    if options.json:
        print(json.dumps({"sent": bool(card and not refusal), "text": card.plain if card else "", "refusal": refusal}))
    elif refusal:
        say(f"✖ the chat did not take it: {refusal}. Look at the address, and at ALERT_FORMAT")
    else:
        say("✔ the chat took it: look there" if card else "✔ nobody is needed today: the digest would not be sent")
    return REFUSED if refusal else SENT


def _on_trial(app: App, channel: Channel) -> Card:
    """Return an invitation that nobody sent, as one would be told."""
    card = channel.newsroom.card(News.INVITATION, _invitation(app.clock.now()))
    said = Messages(app.settings.message_language).text("alert.on_trial", text=card.text)
    return Card(said, card.facts, card.links)


def _invitation(now: datetime) -> Link:
    until = now + timedelta(days=14)
    base: Fields = {NAME: "Data platform", DEAL_VALUE: Decimal(42000), CURRENCY: "EUR"}
    deadline = Deadline(DeadlineKind.DECIDE, until, until)
    return Link("dynamics365", str(uuid.UUID(int=0)), None, base=base, customer="Northwind Traders", deadline=deadline)


def _digest(app: App) -> Card | None:
    tasks = [app.tasks.of(name) for name in app.tasks.names]
    return digest(tasks, app.clock.now(), status_page(app.settings.webhook_public_url))


def _parser() -> argparse.ArgumentParser:
    about = "Send the chat of ALERT_WEBHOOK_URL a message on trial, in the form of an invitation that nobody sent."
    parser = argparse.ArgumentParser(prog="cosell.py test-alert", description=about)
    parser.add_argument("--digest", action="store_true", help="send what the daily digest would say now")
    parser.add_argument("--json", action="store_true", help="print what was sent, for a program")
    local_settings.add_arguments(parser)
    return parser
