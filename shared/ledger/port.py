"""The promises of remembering, in parts; each CRM has its own links, audit, intents and agenda.

A link, its base and its audit rows are one atomic commit. Nothing here is the only copy of a deal: losing the ledger
loses history, not deals. Every method may raise the retriable and fatal families.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.deal import RecordKey
from shared.ledger.drawers import Drawers
from shared.ledger.model import AuditEntry, Due, DueKind, Intent
from shared.ledger.survey import Survey
from shared.link import Link


class Links(Protocol):
    """The pairs of referral and record."""

    def of_referral(self, referral_id: str) -> Link | None:
        """Return the link of a referral."""
        ...

    def of_record(self, record: RecordKey) -> Link | None:
        """Return the link of a record."""
        ...

    def of_engagement(self, engagement_id: str) -> Link | None:
        """Return the link of our referral in an engagement; of several, one of them."""
        ...

    def all(self) -> Iterator[Link]:
        """Return every link, in bounded memory."""
        ...

    def commit(
        self,
        link: Link,
        entries: Sequence[AuditEntry],
        intent: Intent | None = None,
        dues: Sequence[Due] = (),
        met: Sequence[DueKind] = (),
    ) -> Link:
        """Store a link with its audit rows and what is due of it now, and drop `intent`, all or nothing.

        `met` are kinds of entries that the link's deal has no more on the agenda. Returns the link as stored.

        Raises StaleError when the link was committed by somebody else since it was read, or exists although
        `link.etag` is None, or when the intent is gone; DataError when the storage cannot hold so large a deal.
        """
        ...


class Audit(Protocol):
    """Everything that happened to the deals."""

    def of(self, key: str, limit: int = 50) -> Sequence[AuditEntry]:
        """Return the newest audit entries of a deal's key, newest first."""
        ...

    def add(self, key: str, entry: AuditEntry) -> None:
        """Store one entry apart from a commit: nothing was agreed, or it must be safe before something is written."""
        ...

    def all(self) -> Iterator[tuple[str, AuditEntry]]:
        """Return every entry with its deal's key, in bounded memory: deal by deal, the newest entry first."""
        ...

    def redact(self, key: str, entry: AuditEntry, record: RecordKey | None) -> None:
        """Store an entry in place of the one with its id and moment, wherever that is shown: what it said is gone.

        For erasing a person's data, and nothing else. `record` is the deal's, where it has one.
        """
        ...


class Intents(Protocol):
    """Intentions to create referrals: at most one for each record."""

    def begin(self, intent: Intent) -> Intent:
        """Store an intent unless the record has one; returns the one that holds now, whoever's it is.

        Raises StaleError when the one that held was dropped at this moment.
        """
        ...

    def replace(self, held: Intent, intent: Intent) -> Intent:
        """Replace an intent by another. Raises StaleError when it changed since `held` was read."""
        ...

    def of(self, record: RecordKey) -> Intent | None:
        """Return the record's intent, if any."""
        ...


class Agenda(Protocol):
    """What is due, by time. A deal has at most one entry of each kind."""

    def put(self, due: Due) -> None:
        """Store an entry in place of the deal's earlier one of that kind."""
        ...

    def of(self, kind: DueKind, key: str) -> Due | None:
        """Return the deal's entry of a kind."""
        ...

    def drop(self, kind: DueKind, key: str) -> None:
        """Forget the deal's entry of a kind; silent when there is none."""
        ...

    def due(self, now: datetime) -> Iterator[Due]:
        """Return what is due at `now`, the earliest first; the cost grows with what is due, not with what waits."""
        ...

    def postpone(self, due: Due, until: datetime, mark: str | None = None) -> bool:
        """Move an entry, provided it is still as it was read; tells whether it was. So one of many takes it.

        `mark` is noted on it along with that.
        """
        ...

    def all(self, kind: DueKind) -> Iterator[Due]:
        """Return every entry of a kind."""
        ...


@dataclass(frozen=True)
class DealLedger:
    """One CRM's part of the ledger."""

    links: Links
    audit: Audit
    intents: Intents
    agenda: Agenda
    survey: Survey


class Ledger(Protocol):
    """Storage for all of it."""

    drawers: Drawers

    def of(self, crm: str) -> DealLedger:
        """Return the part of the ledger that belongs to a CRM (or to another keeper of an audit, such as security)."""
        ...
