"""Messages to a chat: Teams Workflows take an Adaptive Card, a Slack incoming webhook takes blocks.

Sources: adaptivecards.io/explorer (schema 1.4); learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors (a
message of at most 28 KB); docs.slack.dev/reference/block-kit (blocks and their limits), docs.slack.dev/apis/web-api/
rate-limits (one message a second for each webhook, 429 with Retry-After).

Everything that a deal holds stands in elements that read no markup: no link and no mention can be made by a value.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from shared.card import Card
from shared.choices import ChatFormat
from shared.clock import Clock
from shared.errors import ServiceUnavailable, Throttled
from shared.http import Request, Response, Transport
from shared.printable import printable

_SLACK_HOSTS = (".slack.com", ".slack-gov.com")

_FACTS = 10
"""How many facts and links a message has at most: Slack takes ten fields in a section, Teams six buttons."""
_LINKS = 4
_LABEL = 75
"""Characters of a button's text in Slack."""
_SECTION = 2900
"""Characters of a text: Slack's section takes 3,000, and with all facts it stays below the 28 KB of Teams."""
_VALUE = 250

_PAUSE = 60.0
"""Seconds to leave a chat alone that asks for a pause and does not say for how long."""
_LONGEST_PAUSE = 3600.0


class ChatWebhook:
    """Posts messages. While the chat has asked for a pause nothing is sent."""

    def __init__(self, transport: Transport, url: str, clock: Clock, form: ChatFormat = ChatFormat.AUTO) -> None:
        self._transport = transport
        self._url = url
        self._clock = clock
        host = f".{urlsplit(url).hostname}"
        self._slack = host.endswith(_SLACK_HOSTS) if form is ChatFormat.AUTO else form is ChatFormat.SLACK
        self._paused_until: datetime | None = None

    def notify(self, card: Card) -> None:
        """Post a message. Raises Throttled while the chat wants no more, ServiceUnavailable when it was not taken."""
        now = self._clock.now()
        if self._paused_until and now < self._paused_until:
            raise Throttled("the chat asked for a pause", retry_after=(self._paused_until - now).total_seconds())
        content = _slack(card) if self._slack else _teams(card)
        headers = {"Content-Type": "application/json"}
        answer = self._transport.send(
            Request("POST", self._url, headers, json.dumps(content, ensure_ascii=False).encode())
        )
        if answer.status == 429:
            seconds = _retry_after(answer)
            self._paused_until = now + timedelta(seconds=seconds)
            raise Throttled("the chat asked for a pause", retry_after=seconds)
        if answer.status >= 300:
            raise ServiceUnavailable(f"the chat webhook answered {answer.status}")


def _retry_after(answer: Response) -> float:
    """Return the seconds that a chat asks for; both vendors give a whole number."""
    given = {name.casefold(): value for name, value in answer.headers.items()}.get("retry-after", "")
    return min(float(given), _LONGEST_PAUSE) if given.isascii() and given.isdigit() else _PAUSE


def _shown(text: str, limit: int) -> str:
    """Return a text without anything that turns or hides what stands around it, cut where a chat would refuse it."""
    shown = "\n".join(printable(line) for line in text.split("\n"))
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


# --- Slack -----------------------------------------------------------------------------------------------------------


def _slack(card: Card) -> dict[str, object]:
    """Return blocks of plain text; `text` is what a notification shows, and is read as mrkdwn all the same."""
    blocks: list[dict[str, object]] = [{"type": "section", "text": _plain(_shown(card.text, _SECTION))}]
    if card.facts:
        fields = [_plain(f"{_shown(label, _LABEL)}\n{_shown(value, _VALUE)}") for label, value in card.facts[:_FACTS]]
        blocks.append({"type": "section", "fields": fields})
    if card.links:
        buttons = [
            {"type": "button", "text": _plain(_shown(label, _LABEL)), "url": url} for label, url in card.links[:_LINKS]
        ]
        blocks.append({"type": "actions", "elements": buttons})
    return {"text": _escaped(_shown(card.text, _SECTION)) or " ", "mrkdwn": False, "blocks": blocks}


def _plain(text: str) -> dict[str, object]:
    return {"type": "plain_text", "text": text or " ", "emoji": False}


def _escaped(text: str) -> str:
    """Return a text in which Slack finds no link and no mention (docs.slack.dev, formatting message text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# --- Teams -----------------------------------------------------------------------------------------------------------


def _teams(card: Card) -> dict[str, object]:
    body = [_runs((_shown(card.text, _SECTION), False))]
    for label, value in card.facts[:_FACTS]:
        body.append(_runs((f"{_shown(label, _LABEL)}: ", True), (_shown(value, _VALUE), False)))
    content: dict[str, object] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    if card.links:
        content["actions"] = [
            {"type": "Action.OpenUrl", "title": _shown(label, _LABEL), "url": url} for label, url in card.links[:_LINKS]
        ]
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": content,
    }
    return {"type": "message", "attachments": [attachment]}


def _runs(*runs: tuple[str, bool]) -> dict[str, object]:
    """Return a line. A TextBlock, and a FactSet, would read Markdown in it, links among it; a run of text does not."""
    inlines = [
        {"type": "TextRun", "text": text or " ", **({"weight": "Bolder"} if bold else {})} for text, bold in runs
    ]
    return {"type": "RichTextBlock", "inlines": inlines}
