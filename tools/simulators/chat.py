"""A chat's incoming webhook, as strict as the vendors' pages: Teams Workflows (Adaptive Cards 1.4) and Slack (blocks).

Teams: adaptivecards.io/explorer; a message of at most 28 KB. Slack: docs.slack.dev/reference/block-kit; it answers 400
with a word for what is wrong. `POST /teams` and `POST /slack`; what was taken is in `messages`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

TEAMS_BYTES = 28 * 1024
_RUN = {"type", "text", "weight", "size", "color", "isSubtle", "italic", "underline", "strikethrough", "highlight"}
_CARD = {"type", "version", "body", "actions", "$schema", "fallbackText", "lang", "msteams"}


class ChatSimulator:
    """Implements WSGI. `limit` is how many messages are taken before 429 is answered; None takes all."""

    def __init__(self, limit: int | None = None, retry_after: str = "30") -> None:
        self.messages: list[dict[str, Any]] = []
        self.limit = limit
        self.retry_after = retry_after

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer one request."""
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        checks = {"/teams": teams_errors, "/slack": slack_errors}
        if request.method != "POST" or request.path not in checks:
            return Response("no such webhook", 404)
        if self.limit is not None and len(self.messages) >= self.limit:
            return Response("rate limited", 429, {"Retry-After": self.retry_after})
        body = request.get_data()
        errors = list(checks[request.path](body))
        if request.mimetype != "application/json":
            errors.append("Content-Type is not application/json")
        if errors:
            return Response("; ".join(errors), 400)
        self.messages.append(json.loads(body))
        return Response("", 202) if request.path == "/teams" else Response("ok", 200)


def teams_errors(body: bytes) -> Iterator[str]:
    """Yield what a Teams workflow would not show."""
    if len(body) > TEAMS_BYTES:
        yield "larger than 28 KB"
    message = _object(body)
    if message.get("type") != "message":
        yield "type is not message"
    attachments = message.get("attachments")
    if not isinstance(attachments, list) or len(attachments) != 1:
        yield "attachments must be one"
        return
    if attachments[0].get("contentType") != "application/vnd.microsoft.card.adaptive":
        yield "contentType is no Adaptive Card"
    yield from _card_errors(attachments[0].get("content"))


def _card_errors(card: object) -> Iterator[str]:
    if not isinstance(card, Mapping):
        yield "content is no card"
        return
    if card.get("type") != "AdaptiveCard" or card.get("version") != "1.4":
        yield "not an AdaptiveCard of version 1.4"
    yield from (f"unknown property {name}" for name in card.keys() - _CARD)
    if not card.get("body"):
        yield "an empty body"
    for element in card.get("body", ()):
        if element.get("type") != "RichTextBlock" or not element.get("inlines"):
            yield f"{element.get('type')} may read markup, or holds nothing"
        for run in element.get("inlines", ()):
            if run.get("type") != "TextRun" or not isinstance(run.get("text"), str) or not run["text"]:
                yield "a run without text"
            yield from (f"unknown property {name}" for name in run.keys() - _RUN)
    yield from _action_errors(card.get("actions", []))


def _action_errors(actions: list[Mapping[str, Any]]) -> Iterator[str]:
    if len(actions) > 6:
        yield "more than six actions"
    for action in actions:
        if action.get("type") != "Action.OpenUrl" or not str(action.get("url")).startswith("https://"):
            yield "an action that opens no https address"
        if not action.get("title"):
            yield "an action without title"


def slack_errors(body: bytes) -> Iterator[str]:
    """Yield Slack's words for what it would refuse."""
    message = _object(body)
    yield from (f"unknown property {name}" for name in message.keys() - {"text", "blocks", "mrkdwn"})
    if not message.get("text"):
        yield "no_text"
    if set("<>") & set(str(message.get("text"))):
        yield "the text holds control characters unescaped"
    blocks = message.get("blocks")
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= 50:
        yield "invalid_blocks: one to fifty"
        return
    for block in blocks:
        yield from _block_errors(block)


def _block_errors(block: Mapping[str, Any]) -> Iterator[str]:
    if block.get("type") == "section":
        texts = [block["text"]] if "text" in block else []
        fields = block.get("fields", [])
        if not (texts or fields) or len(fields) > 10:
            yield "invalid_blocks: a section has a text, or one to ten fields"
        for each, most in [*((text, 3000) for text in texts), *((field, 2000) for field in fields)]:
            yield from _text_errors(each, most)
    elif block.get("type") == "actions":
        elements = block.get("elements", [])
        if not 1 <= len(elements) <= 25:
            yield "invalid_blocks: actions hold one to 25 elements"
        for element in elements:
            if element.get("type") != "button" or not str(element.get("url")).startswith("https://"):
                yield "invalid_blocks: not a button with an https address"
            if len(str(element.get("url"))) > 3000:
                yield "invalid_blocks: an address of more than 3000 characters"
            yield from _text_errors(element.get("text", {}), 75)
    else:
        yield f"invalid_blocks: {block.get('type')}"


def _text_errors(text: Mapping[str, Any], most: int) -> Iterator[str]:
    if text.get("type") != "plain_text":
        yield "invalid_blocks: markup could make links and mentions of a value"
    if not 1 <= len(str(text.get("text", ""))) <= most:
        yield f"invalid_blocks: a text of one to {most} characters"


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
