"""Alerts to a chat: Teams Workflows or a Slack incoming webhook."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from shared.errors import ServiceUnavailable
from shared.http import Request, Transport


class ChatWebhook:
    """Posts one line. Teams Workflows take an Adaptive Card, Slack takes text."""

    def __init__(self, transport: Transport, url: str) -> None:
        self._transport = transport
        self._url = url

    def notify(self, text: str) -> None:
        """Post the text. Raises ServiceUnavailable when it was not taken."""
        slack = f".{urlsplit(self._url).hostname}".endswith(".slack.com")
        content = {"text": text} if slack else _card(text)
        headers = {"Content-Type": "application/json"}
        answer = self._transport.send(Request("POST", self._url, headers, json.dumps(content).encode()))
        if answer.status >= 300:
            raise ServiceUnavailable(f"the chat webhook answered {answer.status}")


def _card(text: str) -> dict[str, object]:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "TextBlock", "text": text, "wrap": True}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}
