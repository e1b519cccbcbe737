"""The referrals of one partner tenant: rows, versions, clock-driven expiry, and who is told about a change."""

from __future__ import annotations

import copy
import random
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from tools.simulators.clock import SimulatorClock
from tools.simulators.partner_center.quirks import Quirks
from tools.simulators.partner_center.schema import REFERRAL, Document, conform
from tools.simulators.partner_center.vocabulary import MICROSOFT

ANSWER_WITHIN = timedelta(days=14)
"""An invitation nobody answers expires after that (Closed/Expired)."""

Actor = Literal["api", "portal", "microsoft", "partner", "service"]


@dataclass(frozen=True)
class Organization:
    """The partner whose tenant this is."""

    id: str = "e1d7c0a4-2b7c-4c0e-8c0a-7d4a3c1f9b20"
    name: str = "Fabrikam"
    mpn_id: str = "4000001"


@dataclass(frozen=True)
class Change:
    """One write to one row, as the event feed sees it."""

    referral_id: str
    engagement_id: str
    created: bool
    ours: bool
    actor: Actor
    at: datetime


class ReferralStore:
    """Rows by id; every write gives a new eTag and tells the listeners."""

    def __init__(self, clock: SimulatorClock, quirks: Quirks, organization: Organization) -> None:
        self.organization = organization
        self.listeners: list[Callable[[Change], None]] = []
        self._clock = clock
        self._quirks = quirks
        self._rows: dict[str, Document] = {}
        self._undecided: set[str] = set()
        self._lock = threading.RLock()
        self._counter = random.getrandbits(31)

    def get(self, referral_id: str) -> Document | None:
        """Return a copy of a row, after expiry was applied."""
        self.sweep()
        with self._lock:
            return copy.deepcopy(self._rows.get(referral_id.lower()))

    def all(self) -> list[Document]:
        """Return copies of all rows in order of creation."""
        self.sweep()
        with self._lock:
            return copy.deepcopy(list(self._rows.values()))

    def view(self) -> list[Document]:
        """Return the rows themselves, for reading only: copying a large tenant per query would dominate it."""
        self.sweep()
        with self._lock:
            return list(self._rows.values())

    def of_engagement(self, engagement_id: str, *, ours: bool) -> Document | None:
        """Return our own row of an engagement, or Microsoft's."""
        organization = self.organization.id if ours else MICROSOFT
        for row in self.view():
            if row["engagementId"] == engagement_id.lower() and row["organizationId"] == organization:
                return copy.deepcopy(row)
        return None

    def is_ours(self, row: Document) -> bool:
        """Tell whether the row belongs to this tenant's organization."""
        return bool(row["organizationId"] == self.organization.id)

    def insert(self, document: Document, actor: Actor, *, silent: bool = False, **server: Any) -> Document:
        """Add a row made of a canonical document and the server's own properties; returns a copy."""
        with self._lock:
            row = self._complete(document, server)
            self._rows[row["id"]] = row
            self._stamp(row)
            row["createdDateTime"] = row["updatedDateTime"]
            self._track(row)
            result = copy.deepcopy(row)
        if not silent:
            self._announce(result, actor, created=True)
        return result

    @contextmanager
    def update(self, referral_id: str, actor: Actor) -> Iterator[Document]:
        """Give a copy of the row to change; when the block ends without an error it replaces the row, atomically."""
        with self._lock:
            row = copy.deepcopy(self._rows[referral_id])
            yield row
            self._stamp(row)
            # Replaced, never changed in place: a reader of `view` sees the old row or the new one.
            self._rows[referral_id] = row
            self._track(row)
        self._announce(row, actor, created=False)

    def sweep(self) -> int:
        """Close invitations that nobody answered within 14 days; returns how many."""
        with self._lock:
            now = self._clock.now()
            due = [
                key
                for key in self._undecided
                if parse_moment(self._rows[key]["createdDateTime"]) + ANSWER_WITHIN <= now
            ]
            for key in due:
                with self.update(key, "service") as row:
                    row |= {"status": "Closed", "substatus": "Expired"}
        return len(due)

    def _complete(self, document: Document, server: Document) -> Document:
        row = copy.deepcopy(document)
        engagement = (row["engagementId"] or str(uuid.uuid4())).lower()
        row |= _server_properties(engagement, self.organization) | server
        row["mpnId"] = row["mpnId"] or self.organization.mpn_id
        row["customerProfile"]["isMatchingComplete"] = False
        invite = row["inviteContext"]
        invite["invitedMpnId"] = invite["invitedMpnId"] or self.organization.mpn_id
        return row

    def _stamp(self, row: Document) -> None:
        """Give the row a new version; the eTag's last group is the hex second of the write, as in captures."""
        now = self._clock.now()
        self._counter += 1
        row["updatedDateTime"] = self._timestamp(now)
        row["eTag"] = f'"{self._counter & 0xFFFFFFFF:08x}-0000-0100-0000-{int(now.timestamp()):08x}0000"'
        if row["status"] == "Active" and row["acceptedDateTime"] is None:
            row["acceptedDateTime"] = self._timestamp(now)
        if row["status"] == "Closed" and row["closedDateTime"] is None:
            row["closedDateTime"] = self._timestamp(now)

    def _timestamp(self, moment: datetime) -> str:
        digits = random.randint(1, 7) if self._quirks.short_fractions else 7
        fraction = f"{moment:%f}{random.randint(0, 9)}"[:digits].rstrip("0") or "0"
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction}Z"

    def _track(self, row: Document) -> None:
        (self._undecided.add if row["status"] == "New" else self._undecided.discard)(row["id"])

    def _announce(self, row: Document, actor: Actor, *, created: bool) -> None:
        at = parse_moment(row["updatedDateTime"]) + timedelta(seconds=self._quirks.event_lag_seconds)
        change = Change(row["id"], row["engagementId"], created, self.is_ours(row), actor, at)
        for listener in self.listeners:
            listener(change)


def parse_moment(text: str) -> datetime:
    """Read a timestamp of the service; the seventh fraction digit is beyond what Python keeps."""
    return datetime.fromisoformat(text).astimezone(UTC)


def empty_document() -> Document:
    """Return the full shape with nothing filled in."""
    document: Document = conform({}, REFERRAL, "")
    return document


def _server_properties(engagement_id: str, organization: Organization) -> Document:
    return {
        "id": str(uuid.uuid4()),
        "engagementId": engagement_id,
        "organizationId": organization.id,
        "organizationName": organization.name,
        "lastModifiedVia": None,
        "lastRunId": None,
        "createdDateTime": None,
        "updatedDateTime": None,
        "expirationDateTime": None,
        "acceptedDateTime": None,
        "closedDateTime": None,
        "referralSource": None,
        "callToAction": None,
        "eTag": None,
        "favorite": False,
        "quality": "Unknown",
        "isSpam": False,
        "dealSensitivity": "None",
        "createdVia": None,
        "tags": [],
        "registrationStatus": "None",
        "trackingInfo": {
            "microsoftMsxId": None,
            "microsoftUSFedOpportunityId": None,
            "microsoftUSFedLeadId": None,
            "migratedPSCDealId": None,
            "migratedPSCPartnerDealId": None,
        },
        "registrations": [],
    }
