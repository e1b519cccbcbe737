"""What a person looks at: how many deals stand how, those that do not agree, and what was done last.

The ledger keeps it in the same transaction as the deal's commit, so that looking costs the same with a thousand links
and with a million: counts and lists are never made by reading the links.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from shared.deal import RecordKey
from shared.link import UNTIED, Link, LinkState
from shared.status import StatusKind

TEXT = 600
"""How many characters of an audit entry the list of the newest ones shows; the deal's own audit has all."""


class Standing(StrEnum):
    """How a link stands, for counts and lists: its state, and while it is linked, its status."""

    SYNCHRONIZED = "synchronized"
    DIFFERS = "differs"
    PENDING = "pending"
    ATTENTION = "attention"
    PAUSED = "paused"
    ORPHANED = "orphaned"
    IGNORED = "ignored"
    UNLINKED = "unlinked"


LINKED = frozenset({Standing.SYNCHRONIZED, Standing.DIFFERS, Standing.PENDING, Standing.ATTENTION})
"""How a link may stand whose sides are kept in agreement."""

LISTED = frozenset(Standing) - {Standing.SYNCHRONIZED, Standing.IGNORED, Standing.UNLINKED}
"""What is listed besides being counted: the rest is in order, and found by its ids."""

_STATES = {
    LinkState.PAUSED: Standing.PAUSED,
    LinkState.STOPPED: Standing.PAUSED,
    LinkState.UNLINKED: Standing.UNLINKED,
    LinkState.ORPHANED: Standing.ORPHANED,
    LinkState.IGNORED: Standing.IGNORED,
}
_KINDS = {
    StatusKind.DIFFERS: Standing.DIFFERS,
    StatusKind.PENDING: Standing.PENDING,
    StatusKind.ATTENTION: Standing.ATTENTION,
}


def standing_of(link: Link) -> Standing:
    """Return how a link stands."""
    if link.state in _STATES:
        return _STATES[link.state]
    return _KINDS.get(link.status.kind, Standing.SYNCHRONIZED) if link.status else Standing.SYNCHRONIZED


def is_led_to(link: Link, was: str, before: str) -> bool:
    """Whether the link's record leads to it from this commit on: it names the record anew, or ties it otherwise.

    `was` and `before` are its standing and record at the last commit, empty for none. A link that only says what
    became of its referral goes on naming a record that another link tied meanwhile, and leaves it to that one.
    """
    record = link.record.deal if link.record else ""
    return bool(record) and (record != before or (standing_of(link) != was and link.state not in UNTIED))


@dataclass(frozen=True)
class Listed:
    """A link in a list: its two sides, how it stands, and its status."""

    referral_id: str
    record: RecordKey | None
    standing: Standing
    text: str


@dataclass(frozen=True)
class Told:
    """An audit entry in the list of the newest ones, with the key of its deal; `text` may be cut."""

    at: datetime
    key: str
    record: RecordKey | None
    direction: str
    text: str


class Survey(Protocol):
    """One CRM's part of what a person looks at. Every method may raise the retriable and fatal families."""

    def counts(self) -> Mapping[Standing, int]:
        """Return how many links stand how; the cost grows with what changed since `fold`."""
        ...

    def listed(self, standing: Standing, limit: int, after: str = "") -> Sequence[Listed]:
        """Return links that stand so, by referral id, of those behind the referral id `after`."""
        ...

    def links(self, limit: int, after: str = "") -> Sequence[Link]:
        """Return links, whatever they stand like, by referral id, of those behind the referral id `after`."""
        ...

    def newest(self, limit: int) -> Sequence[Told]:
        """Return the newest audit entries of all deals, newest first."""
        ...

    def fold(self) -> None:
        """Sum up what changed since the last time, so that counting stays cheap."""
        ...

    def forget(self, before: datetime, limit: int) -> int:
        """Drop audit entries that are older than `before`, at most `limit`; returns how many were dropped."""
        ...

    def complete(self, after: str, limit: int) -> str:
        """Bring links and audit entries that were stored before there was a survey into it, `limit` rows at a time.

        Links are found by their engagement from then on, too.

        `after` is what the last call returned; empty to begin, and returned when nothing is left.
        """
        ...
