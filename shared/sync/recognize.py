"""Recognizes messages that tell nothing new: our own echo, and duplicates. Pure; they cost no call."""

from __future__ import annotations

from shared.decide.decisions import Known
from shared.link import RESTING, Link, LinkState
from shared.queue.message import PARTNER_CENTER, DealMessage


def recognize(message: DealMessage, link: Link | None) -> Known | None:
    """Return why nothing needs to be read, or None when the deal must be looked at."""
    if link is None or message.order:
        return None
    if link.state in RESTING:
        return Known(f"{link.state} by a person")
    if message.source == PARTNER_CENTER:
        return _known_event(message, link)
    return _known_version(message, link)


def _known_event(message: DealMessage, link: Link) -> Known | None:
    moment = message.changed_at
    if moment is not None:
        known = link.related_changed_at if message.is_related else link.referral_changed_at
        if moment == link.event_at or (known is not None and moment <= known):
            return Known("already seen")
    return None


def _known_version(message: DealMessage, link: Link) -> Known | None:
    version = (message.observed or {}).get("version")
    if version and link.record_version == version and link.state is not LinkState.IGNORED:
        return Known("our own write")
    return None
