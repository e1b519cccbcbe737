"""The Sync status of a record: a kind, and one complete sentence that its column of 100 characters holds.

What to do comes first. A sentence is never cut: of several that say the same, the longest that fits is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from shared.messages import Messages
from shared.messages.plain import plain, units
from shared.problems import Problem

LONGEST = 100
"""Length of the Sync status column, in UTF-16 units as both CRMs count."""


class StatusKind(StrEnum):
    """How a deal stands, for filters and counts."""

    SYNCHRONIZED = "synchronized"
    """Every mapped field agrees on both sides, but for differences that the mapping intends."""
    DIFFERS = "differs"
    """Something is not on the other side, and stays away until a person acts."""
    PENDING = "pending"
    """Work is under way, or waits for a service, an administrator, or the end of the undo window."""
    PAUSED = "paused"
    """Sync is off, or a person paused the deal."""
    ATTENTION = "attention"
    """A person must act."""


GLYPHS = {
    StatusKind.SYNCHRONIZED: "✔",
    StatusKind.DIFFERS: "◐",
    StatusKind.PENDING: "⏳",
    StatusKind.PAUSED: "⏸",
    StatusKind.ATTENTION: "✖",
}


def kind_shown(text: object) -> StatusKind | None:
    """Return the kind of status that a status column shows; None for what is none of our texts."""
    return next((kind for kind, glyph in GLYPHS.items() if str(text or "").startswith(glyph)), None)


@dataclass(frozen=True)
class Status:
    """A deal's status as the record shows it; `text` begins with the kind's glyph."""

    kind: StatusKind
    text: str


def synchronized(
    messages: Messages, at: datetime, kept: Sequence[str] = (), decide_by: str = "", check: Sequence[str] = ()
) -> Status:
    """Both sides agree since `at`; `kept` are the fields that the mapping's rules let differ, `check` the odd ones.

    `decide_by` is the day until which an invitation can be answered.
    """
    moment = show_moment(at)
    if decide_by:
        return _status(StatusKind.SYNCHRONIZED, [messages.text("status.decide_by", at=moment, until=decide_by)])
    if check and not kept:
        return _status(StatusKind.SYNCHRONIZED, [messages.text("status.check", at=moment, fields=", ".join(check))])
    if not kept:
        return _status(StatusKind.SYNCHRONIZED, [messages.text("status.synchronized", at=moment)])
    named = messages.text("status.kept", at=moment, fields=", ".join(kept))
    counted = messages.text("status.kept_many", at=moment, count=len(kept))
    odd = (
        [messages.text("status.kept_check", at=moment, kept=", ".join(kept), fields=", ".join(check))] if check else []
    )
    return _status(StatusKind.SYNCHRONIZED, [*odd, named, counted])  # What differs is said before what is odd.


def differs(messages: Messages, reason_key: str, fields: Sequence[str], **values: object) -> Status:
    """`fields` stay different for the reason `reason_key`, whose `values` are given as for `Messages.reason`."""
    named = ", ".join(fields)
    own = f"differs.{reason_key}"
    first = (
        messages.text(own, fields=named)
        if messages.knows(own)
        else messages.text("status.because", fields=named, reason=messages.reason(reason_key, **values))
    )
    differ = messages.text("status.differ", fields=named)
    many = messages.text("status.differ_many", count=len(fields))
    return _status(StatusKind.DIFFERS, [first, differ, many])


def pending(messages: Messages, key: str, **values: object) -> Status:
    """The deal waits; `key` is one of shared.messages.waiting.Waiting, and says for what."""
    said = messages.text(f"pending.{key}", **{name: plain(value, _VALUE) for name, value in values.items()})
    return _status(StatusKind.PENDING, [said, messages.text("status.wait")])


def restless(messages: Messages, fields: Sequence[str]) -> Status:
    """`fields` keep changing, and travel once they rest."""
    named = messages.text("status.restless", fields=", ".join(fields))
    return _status(StatusKind.PENDING, [named, messages.text("status.restless_many", count=len(fields))])


def paused(messages: Messages, reason_key: str = "") -> Status:
    """The deal is not synchronized until somebody switches it on again, or for the reason `reason_key`."""
    own = f"paused.{reason_key}"
    return _status(StatusKind.PAUSED, [messages.text(own if messages.knows(own) else "status.paused")])


def stopped(messages: Messages) -> Status:
    """A person paused the deal: the record's Sync does not resume it."""
    return _status(StatusKind.PAUSED, [messages.text("status.stopped")])


def unlinked(messages: Messages) -> Status:
    """A person took the deal apart: the record has no referral any more."""
    return _status(StatusKind.PAUSED, [messages.text("status.unlinked")])


def attention(messages: Messages, problems: Sequence[Problem]) -> Status:
    """A person must act: what to do about the first problem, and how many more there are."""
    if not problems:
        return _status(StatusKind.ATTENTION, [messages.text("status.attention")])
    remedies = [messages.remedy(problems[0]), messages.short_remedy(problems[0])]
    sentences = remedies
    if more := len(problems) - 1:
        sentences = [messages.text("status.more", remedy=remedy, count=more) for remedy in remedies] + remedies
    return _status(StatusKind.ATTENTION, [*sentences, messages.text("status.attention")])


_VALUE = 40
"""Characters of a value that a pending deal names."""


def show_moment(at: datetime) -> str:
    """Return a moment as a status names it, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def _status(kind: StatusKind, sentences: Iterable[str]) -> Status:
    """Return the first sentence that fits; the last of the catalogue's always does, which a test proves."""
    texts = [f"{GLYPHS[kind]} {sentence}" for sentence in sentences]
    return Status(kind, next((text for text in texts if units(text) <= LONGEST), texts[-1]))
