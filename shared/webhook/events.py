"""The webhook's use case: from the raw bytes of an authenticated event to a deal key on the queue."""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.partner_center.port import parse_moment
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.queue.port import DealQueue
from shared.webhook.recent_events import RecentEvents

log = logging.getLogger(__name__)

REFERRAL_EVENTS = frozenset(
    {"referral-created", "referral-updated", "related-referral-created", "related-referral-updated"}
)

FUTURE_TOLERANCE = timedelta(hours=1)
"""How far ahead of our clock an event's change may lie.

Only plausibility: both clouds keep their clocks within a second, and nobody wins or loses by it. When an event is
refused for it nothing is lost, since the sweep finds the change. Late events are welcome: ten attempts may take long.
"""


MAX_AGE = timedelta(days=3)
"""How old an event's change may be.

Ten delivery attempts take less, and the sweep finds every change anyway: what comes later is repeated by somebody.
"""


class MalformedEvent(ValueError):
    """The body is not an event; the text says why, without repeating the body."""


@dataclass(frozen=True)
class Event:
    """What an event says. It is a hint: the URI in it is never called, only its id is used."""

    name: str
    referral_id: str | None
    changed_at: datetime | None

    @property
    def observed(self) -> dict[str, object]:
        """What the message carries of it, so that the worker knows a change it has seen."""
        observed: dict[str, object] = {"related": self.name.startswith("related-")}
        return observed | ({"changed_at": self.changed_at.isoformat()} if self.changed_at else {})


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


@dataclass(frozen=True)
class Taken:
    """What became of an event: the correlation id of its message, or why there is none."""

    event: Event
    correlation_id: str | None = None
    too_old: bool = False


class Intake:
    """Takes authenticated events in: each change once, and of a flood about one referral no more than is useful."""

    def __init__(self, queue: DealQueue, clock: Clock) -> None:
        self._queue = queue
        self._clock = clock
        self._recent = RecentEvents(clock)

    def take(self, body: bytes) -> Taken:
        """Put the key of the event's referral on the queue; tells the message's correlation id.

        There is none when nothing had to be queued: an event about other things, one that is on the queue already, one
        that a message which waits will cover, or one that is too old. Raises MalformedEvent, and the retriable and
        fatal families when the queue does not take the message.
        """
        event = parse_event(body)
        referral_id = event.referral_id
        if referral_id is None:
            log.info("event %s needs nothing", _printable(event.name))
            return Taken(event)
        if self._is_too_old(event):
            return Taken(event, too_old=True)
        ids = {"event": event.name, "referral_id": referral_id}
        with self._recent.one_at_a_time(referral_id):
            # Without a moment, two changes look alike: then the worker has to look.
            if event.changed_at and self._recent.knows(body):
                log.info("event repeated", extra=ids)
                return Taken(event)
            arrival = self._recent.arrival(referral_id)
            if arrival.covered:
                log.info("event covered by the message that waits", extra=ids)
                return Taken(event)
            sent_id = str(uuid.uuid4())
            observed = None if arrival.delay else event.observed  # A message for many events stands for no single one.
            since = self._clock.now().isoformat()
            message = DealMessage(
                PARTNER_CENTER, event.name, sent_id, referral_id=referral_id, observed=observed, since=since
            )
            self._queue.send(message.dump(), delay=arrival.delay)
            self._recent.remember(referral_id, body, arrival)
            log.info("event queued", extra={**ids, "correlation_id": sent_id})
            return Taken(event, sent_id)

    def _is_too_old(self, event: Event) -> bool:
        """Whether an event is of no use any more. Raises MalformedEvent for one of the future."""
        now = self._clock.now()
        if event.changed_at and event.changed_at > now + FUTURE_TOLERANCE:
            raise MalformedEvent("ResourceChangeUtcDate lies more than an hour ahead")
        return bool(event.changed_at and event.changed_at < now - MAX_AGE)


def _referral_id(uri: object) -> str:
    if not isinstance(uri, str):
        raise MalformedEvent("ResourceUri is missing")
    try:
        return str(uuid.UUID(uri.split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1]))
    except ValueError as error:
        raise MalformedEvent("ResourceUri does not end in a GUID") from error


def _moment(members: dict[str, object]) -> datetime | None:
    text = members.get("resourcechangeutcdate")
    if not isinstance(text, str):
        return None
    try:
        return parse_moment(text)
    except (ValueError, OverflowError) as error:
        raise MalformedEvent("ResourceChangeUtcDate is not a timestamp") from error


def _printable(name: str) -> str:
    return name[:60] if name.isascii() and name.replace("-", "").isalnum() else "(unprintable)"
