"""The link: a referral and a record, and what was last agreed between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.deadline import Deadline
from shared.deal import Fields, RecordKey
from shared.deal_registration import DealRegistration
from shared.lifecycle import Stage
from shared.microsoft import MicrosoftsHalf
from shared.status import Status


class LinkState(StrEnum):
    """How a link stands."""

    LINKED = "linked"
    PAUSED = "paused"
    """The seller switched Sync with Partner Center off; nothing travels until it is on again."""
    IGNORED = "ignored"
    """The referral is known and deliberately has no record; the reason is in the audit."""
    STOPPED = "stopped"
    """A person paused it; nothing travels until a person resumes it, whatever Sync says."""
    UNLINKED = "unlinked"
    """A person took the two sides apart, or shared the record again; what was is kept as history."""
    ORPHANED = "orphaned"
    """One side was deleted; nothing is recreated or deleted."""


UNTIED = frozenset({LinkState.IGNORED, LinkState.UNLINKED})
"""States in which a link ties no record: it only says why its referral was ignored, or what once was."""

RESTING = frozenset({LinkState.STOPPED, LinkState.UNLINKED})
"""States that a person ordered, and that only a person's order ends."""


@dataclass(frozen=True)
class Closing:
    """A close of the referral that may still be taken back: the stage it would get, and since when it is wanted."""

    stage: Stage
    since: datetime


@dataclass(frozen=True)
class Repeat:
    """A write that may be made again: its digest, how often it was made, and when last (our clock).

    `row` is how many writes of the field, whatever their values, followed one another without a rest.
    """

    digest: str
    count: int
    at: datetime
    row: int = 1


@dataclass(frozen=True)
class Restless:
    """A field that has to rest before it is written again: a mark of what its sides held when last seen, since when."""

    mark: str
    since: datetime


@dataclass(frozen=True)
class Apart:
    """A field that differs: what the two sides held when last seen, as text, the reason and what it means, and since.

    `reason` is a key of shared.messages.reasons, `stays` one of shared.merge.Stays.
    """

    referral: str
    record: str
    reason: str
    stays: str
    since: datetime


@dataclass(frozen=True)
class Link:
    """A pair (referral, record) and what was last agreed between them.

    `settled` says that both sides held exactly the base at the recorded versions, so that they need not be read
    again to be known. Moments: `referral_changed_at` and `related_changed_at` are what Partner Center's
    rows report, `record_seen_at` is of our clock; they are only ever compared with moments of the same clock.
    """

    crm: str
    referral_id: str
    record: RecordKey | None
    """None for a referral that has no record."""
    state: LinkState = LinkState.LINKED
    engagement_id: str = ""
    base: Fields = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    """By field of the base, the fingerprint of the mapping file's row through which the sides agreed on it."""
    settled: bool = False
    referral_version: str | None = None
    referral_changed_at: datetime | None = None
    related_changed_at: datetime | None = None
    event_at: datetime | None = None
    """The moment of the last handled event's change; compared for equality only, since nobody vouches for it."""
    record_version: str | None = None
    record_seen_at: datetime | None = None
    differences: Mapping[str, str] = field(default_factory=dict)
    """Fields that stay different, with a text that changes when the difference does."""
    apart: Mapping[str, Apart] = field(default_factory=dict)
    """The same fields, with both values and since when."""
    status: Status | None = None
    """How the deal stands, as its record shows it; None before it was ever written."""
    unshown: bool = False
    """Whether the record shows something else: it is locked, or refused the write. Then alert and page say it."""
    recent_audit: tuple[str, ...] = ()
    """The newest audit lines, newest first: what the record's Audit column shows."""
    mapping_version: str = ""
    closing: Closing | None = None
    """A close that waits in its undo window."""
    created_at: datetime | None = None
    """When the referral was created, by Partner Center's clock."""
    customer: str = ""
    """The customer's name when the referral was last read, for people who look for the deal."""
    deadline: Deadline | None = None
    """Until when a person has to do something about it."""
    repeats: Mapping[str, Repeat] = field(default_factory=dict)
    """By field and direction, the last write, and how often it was made because the other side had taken it back."""
    restless: Mapping[str, Restless] = field(default_factory=dict)
    """The fields that were written again and again, and wait until they rest."""
    earlier_audit: str = ""
    """What the record's Audit column held before we wrote it: another connector's lines, kept below ours."""
    owner: str = ""
    """The id of the record's owner when our team on the referral was last brought in line; empty when it never was."""
    owner_mark: str = ""
    """A mark of the mail address of the member that we put on the team for that owner; empty for none."""
    beside: str = ""
    """A mark of the record's account and contact as they were when last compared with the referral; empty for never."""
    customer_apart: tuple[str, ...] = ()
    """What of the customer the two sides hold otherwise, since Partner Center does not take it any more."""
    microsoft: MicrosoftsHalf | None = None
    """What Microsoft's row of the engagement told; None while nothing is known of one."""
    registration: DealRegistration | None = None
    """What became of the win's registration; None while nothing is known of one, or the mapping does not ask."""
    etag: str | None = None
    """The ledger's own version; None for a link that was never committed."""

    @property
    def record_id(self) -> str:
        """The record's id in its table; empty when there is no record."""
        return self.record.id if self.record else ""
