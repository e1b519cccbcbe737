"""What the app remembers, and the promises of remembering it.

A link, its base and its audit rows are one atomic commit. Nothing here is the only copy of a deal: losing the ledger
loses history, not deals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from shared.deal import Fields


class LinkState(StrEnum):
    """How a link stands."""

    LINKED = "linked"
    PAUSED = "paused"
    """The seller switched Sync with Partner Center off; nothing travels until it is on again."""
    IGNORED = "ignored"
    """The referral is known and deliberately has no record; the reason is in the audit."""
    ORPHANED = "orphaned"
    """One side was deleted; nothing is recreated or deleted."""


@dataclass(frozen=True)
class Link:
    """A pair (referral, record) and what was last agreed between them.

    `settled` says that both sides held exactly the base at the recorded versions, so that they need not be read
    again to be known. Moments: `referral_changed_at` and `related_changed_at` are what Partner Center's
    rows report, `record_seen_at` is of our clock; they are only ever compared with moments of the same clock.
    """

    crm: str
    referral_id: str
    record_id: str
    state: LinkState = LinkState.LINKED
    engagement_id: str = ""
    base: Fields = field(default_factory=dict)
    rows: Mapping[str, str] = field(default_factory=dict)
    """By field of the base, the fingerprint of the mapping file's row through which the sides agreed on it."""
    settled: bool = False
    referral_version: str | None = None
    referral_changed_at: datetime | None = None
    related_changed_at: datetime | None = None
    event_at: datetime | None = None
    """The moment that the last event handled told of; known again by being equal, since nobody vouches for it."""
    record_version: str | None = None
    record_seen_at: datetime | None = None
    differences: Mapping[str, str] = field(default_factory=dict)
    """Fields that stay different, with a text that changes when the difference does."""
    status_shown: str = ""
    audit_tail: tuple[str, ...] = ()
    """The newest audit lines, newest first: what the record's Audit column shows."""
    mapping_version: str = ""
    etag: str | None = None
    """The ledger's own version; None for a link that was never committed."""


@dataclass(frozen=True)
class AuditEntry:
    """One thing that happened to one deal.

    `id` is derived from the deal and the plan, so that a repeated commit is the same row. `changes` holds field,
    old and new value as text.
    """

    id: str
    at: datetime
    direction: str
    text: str
    changes: tuple[tuple[str, str, str], ...] = ()
    correlation_id: str = ""
    mapping_version: str = ""


@dataclass(frozen=True)
class Intent:
    """The intention to create a referral for a record, written down before the first POST.

    `since` is when it was first intended; `started_at` when the worker that holds it began. `referral_id` is our own
    half of the deal, once it is known to exist.
    """

    crm: str
    record_id: str
    since: datetime
    started_at: datetime
    owner: str
    referral_id: str | None = None
    etag: str | None = None


@dataclass(frozen=True)
class Parked:
    """A deal set aside: why, until when, and the message that resumes it."""

    crm: str
    key: str
    """The referral id, or the record id while there is none."""
    family: str
    reason: str
    due: datetime
    attempts: int
    message: str
    record_version: str | None = None
    """The record's version after the failure was written on it: that change is our own echo."""


@dataclass(frozen=True)
class Stored:
    """A small value with the version that a guarded replacement needs."""

    value: str
    etag: str | None


class Ledger(Protocol):
    """Storage for all of it. Methods raise the retriable and fatal families."""

    def link(self, crm: str, referral_id: str) -> Link | None:
        """Return the link of a referral."""
        ...

    def link_of_record(self, crm: str, record_id: str) -> Link | None:
        """Return the link of a record."""
        ...

    def links(self, crm: str) -> Iterator[Link]:
        """Return every link, in bounded memory."""
        ...

    def commit(self, link: Link, entries: Sequence[AuditEntry], intent: Intent | None = None) -> Link:
        """Store a link with its audit rows, and drop `intent`, all or nothing. Returns the link as stored.

        Raises StaleError when the link was committed by somebody else since it was read, or exists although
        `link.etag` is None.
        """
        ...

    def history(self, crm: str, key: str, limit: int = 50) -> Sequence[AuditEntry]:
        """Return the newest audit entries of a deal, newest first."""
        ...

    def note(self, crm: str, key: str, entry: AuditEntry) -> None:
        """Store one audit row for a deal that has no link."""
        ...

    def begin_intent(self, intent: Intent) -> Intent:
        """Store an intent unless the record has one; returns the one that holds now, whoever's it is."""
        ...

    def replace_intent(self, held: Intent, intent: Intent) -> Intent:
        """Replace an intent by another. Raises StaleError when it changed since `held` was read."""
        ...

    def intent(self, crm: str, record_id: str) -> Intent | None:
        """Return the record's intent, if any."""
        ...

    def park(self, parked: Parked) -> None:
        """Set a deal aside, replacing what was parked under the same key."""
        ...

    def parked(self, crm: str, key: str) -> Parked | None:
        """Return what is parked under a key."""
        ...

    def unpark(self, crm: str, key: str) -> None:
        """Forget what was parked under a key; silent when nothing was."""
        ...

    def all_parked(self, crm: str) -> Iterator[Parked]:
        """Return every parked deal of a CRM."""
        ...

    def value(self, kind: str, name: str) -> Stored:
        """Return a small value (a cursor, a token, an alert) or an empty text with etag None."""
        ...

    def replace_value(self, kind: str, name: str, value: str, held: Stored) -> Stored:
        """Replace a small value. Raises StaleError when it changed since `held` was read."""
        ...
