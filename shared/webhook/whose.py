"""Whose the webhook registration is: compared with what should be there, by the hash of its URL. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from shared.checkup import Degree, Finding
from shared.partner_center.webhooks import Registration
from shared.urls import redacted
from shared.webhook.registration_history import fingerprint

WEBHOOK = "webhook"
"""The subject of these findings."""


@dataclass(frozen=True)
class Expected:
    """The registration that should be there. The URL itself is known only where a setting holds it."""

    shown: str
    fingerprint: str
    events: frozenset[str]


class Whose(StrEnum):
    """Who gets the events of the tenant."""

    OURS = "ours"
    NONE = "none"
    OTHER_KEY = "other_key"
    """Our receiver, with a key that is not the expected one."""
    TAKEN = "taken"


def whose(found: Registration | None, expected: Expected) -> Whose:
    """Return whose a registration is."""
    if found is None:
        return Whose.NONE
    if expected.fingerprint in (fingerprint(found.url.rstrip("/")), fingerprint(found.url)):
        return Whose.OURS
    return Whose.OTHER_KEY if redacted(found.url) == expected.shown else Whose.TAKEN


def missing(found: Registration | None, expected: Expected) -> list[str]:
    """Return the events that should be registered, and are not."""
    return sorted(expected.events - set(found.events)) if found else []


def findings(found: Registration | None, expected: Expected | None) -> Iterator[Finding]:
    """Yield how the registration stands. Being without it costs time, not changes: the Reconciler sweeps."""
    if found is None:
        yield Finding(WEBHOOK, Degree.LOOK, "webhook_none")
        return
    shown = {"shown": redacted(found.url)}
    if expected is None:
        yield Finding(WEBHOOK, Degree.LOOK, "webhook_unknown", shown)
        return
    owner = whose(found, expected)
    degree = Degree.OK if owner is Whose.OURS else Degree.WRONG
    values = shown | ({"expected": expected.shown} if owner is Whose.TAKEN else {})
    yield Finding(WEBHOOK, degree, f"webhook_{owner}", values)
    if absent := missing(found, expected):
        yield Finding(WEBHOOK, Degree.LOOK, "webhook_events", {"events": ", ".join(absent)})


def unlooked() -> Finding:
    """Return that nothing was asked, since nothing says what should be there."""
    return Finding(WEBHOOK, Degree.LOOK, "webhook_unlooked")
