"""Alerts to a chat: Teams Workflows or a Slack incoming webhook."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from shared.errors import LONGEST_TEXT, ServiceUnavailable
from shared.http import Request, Transport
from shared.printable import printable


class ChatWebhook:
    """Posts one line. Teams Workflows take an Adaptive Card, Slack takes text."""

    def __init__(self, transport: Transport, url: str) -> None:
        self._transport = transport
        self._url = url

    def notify(self, text: str) -> None:
        """Post the text. Raises ServiceUnavailable when it was not taken."""
        slack = f".{urlsplit(self._url).hostname}".endswith(".slack.com")
        shown = "\n".join(printable(line) for line in text[:LONGEST_TEXT].split("\n"))
        content = {"text": _escaped(shown), "mrkdwn": False} if slack else _card(shown)
        headers = {"Content-Type": "application/json"}
        answer = self._transport.send(Request("POST", self._url, headers, json.dumps(content).encode()))
        if answer.status >= 300:
            raise ServiceUnavailable(f"the chat webhook answered {answer.status}")


def _escaped(text: str) -> str:
    """Return a text in which Slack finds no link and no mention (api.slack.com, formatting text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _card(text: str) -> dict[str, object]:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        # A TextBlock would read Markdown in it, links among it; a run of text is what it is.
        "body": [{"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text}]}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}
