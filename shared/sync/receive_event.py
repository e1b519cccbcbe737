"""The webhook's use case: from the raw bytes of an event to a deal key on the queue."""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import dataclass

from shared.partner_center.port import parse_moment
from shared.queue.port import DealQueue
from shared.sync.messages import PARTNER_CENTER, DealMessage

log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
"""The largest event that is looked at, in bytes; Partner Center's are below 1 KiB."""

REFERRAL_EVENTS = frozenset(
    {"referral-created", "referral-updated", "related-referral-created", "related-referral-updated"}
)


class MalformedEvent(ValueError):
    """The body is not an event; the text says why, without repeating the body."""


@dataclass(frozen=True)
class Event:
    """What an event says. It is a hint: the URI in it is never called, only its id is used."""

    name: str
    referral_id: str | None
    changed_at: str | None


def parse_event(body: bytes) -> Event:
    """Read an event; property names in any case, unknown ones ignored. Raises MalformedEvent."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedEvent("the body is not JSON") from error
    if not isinstance(content, dict):
        raise MalformedEvent("the body is not a JSON object")
    members = {str(key).casefold(): value for key, value in content.items()}
    name = members.get("eventname")
    if not isinstance(name, str) or not name:
        raise MalformedEvent("EventName is missing")
    if name.casefold() not in REFERRAL_EVENTS:
        return Event(name, None, None)
    return Event(name.casefold(), _referral_id(members.get("resourceuri")), _moment(members))


def receive_event(body: bytes, queue: DealQueue) -> str | None:
    """Put the key of an authenticated event's referral on the queue; returns its correlation id.

    Returns None for known events that need nothing. Raises MalformedEvent, and the retriable and fatal families when
    the queue does not take the message.
    """
    event = parse_event(body)
    if event.referral_id is None:
        log.info("event %s needs nothing", _printable(event.name))
        return None
    correlation_id = str(uuid.uuid4())
    observed: dict[str, object] = {"related": event.name.startswith("related-")}
    if event.changed_at:
        observed["changed_at"] = event.changed_at
    message = DealMessage(PARTNER_CENTER, event.name, correlation_id, referral_id=event.referral_id, observed=observed)
    queue.send(message.dump())
    log.info(
        "event queued", extra={"event": event.name, "referral_id": event.referral_id, "correlation_id": correlation_id}
    )
    return correlation_id


def _referral_id(uri: object) -> str:
    if not isinstance(uri, str):
        raise MalformedEvent("ResourceUri is missing")
    try:
        return str(uuid.UUID(uri.split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1]))
    except ValueError as error:
        raise MalformedEvent("ResourceUri does not end in a GUID") from error


def _moment(members: dict[str, object]) -> str | None:
    text = members.get("resourcechangeutcdate")
    if not isinstance(text, str):
        return None
    try:
        return parse_moment(text).isoformat()
    except (ValueError, OverflowError) as error:
        raise MalformedEvent("ResourceChangeUtcDate is not a timestamp") from error


def _printable(name: str) -> str:
    return name[:60] if name.isascii() and name.replace("-", "").isalnum() else "(unprintable)"
