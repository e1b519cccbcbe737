"""What the sync needs from Partner Center."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from shared.referral_kind import MICROSOFT, ReferralKind, invited_by, kind_of

Operation = Mapping[str, object]
"""One JSON-Patch operation: op (replace or add), path, value."""


@dataclass(frozen=True)
class Referral:
    """One row of Partner Center as it was read, with the version (eTag, inner quotes included) it had then."""

    body: Mapping[str, object]

    @property
    def id(self) -> str:
        """The referral's GUID."""
        return str(self.body["id"]).lower()

    @property
    def version(self) -> str:
        """The eTag, quotes included."""
        return str(self.body["eTag"])

    @property
    def changed_at(self) -> datetime:
        """When Partner Center last changed the row, by Partner Center's clock."""
        return parse_moment(str(self.body["updatedDateTime"]))

    @property
    def engagement_id(self) -> str:
        """What our row and Microsoft's row of the same deal share."""
        return str(self.body["engagementId"])

    @property
    def organization_id(self) -> str:
        """Whose row this is; Microsoft's is `msft`."""
        return str(self.body["organizationId"])

    @property
    def external_reference_id(self) -> str | None:
        """The CRM record's id, when one was written."""
        value = self.body.get("externalReferenceId")
        return str(value) if value else None

    @property
    def customer(self) -> str:
        """The customer's name; empty where the row has none."""
        profile = self.body.get("customerProfile")
        name = profile.get("name") if isinstance(profile, Mapping) else None
        return name if isinstance(name, str) else ""

    @property
    def is_microsofts(self) -> bool:
        """Whether this is Microsoft's half of a deal."""
        return self.organization_id.lower() == MICROSOFT

    @property
    def is_shared(self) -> bool:
        """Whether others take part in the deal, Microsoft perhaps: its type is Shared (create-a-referral)."""
        return self.body.get("type") == "Shared"

    @property
    def invited_by(self) -> str | None:
        """The organization that invited us, if one did."""
        return invited_by(self.body) or None

    @property
    def kind(self) -> ReferralKind:
        """Whether it is a lead, and of which kind, or a deal."""
        return kind_of(self.body)

    @property
    def is_undecided(self) -> bool:
        """Whether nobody has accepted or declined it yet."""
        return str(self.body.get("status")).casefold() == "new"

    @property
    def microsoft_crm_id(self) -> str | None:
        """The deal's id in Microsoft's CRM, when the row tells it."""
        tracking = self.body.get("trackingInfo")
        found = tracking.get("microsoftMsxId") if isinstance(tracking, dict) else None
        return str(found) if found else None

    @property
    def closed(self) -> bool:
        """Whether Partner Center accepts no more changes."""
        return str(self.body.get("status")).casefold() == "closed"


@dataclass(frozen=True)
class Engagement:
    """Every row of one deal that we may see: ours, Microsoft's, and other partners'."""

    rows: tuple[Referral, ...]

    def row(self, referral_id: str) -> Referral | None:
        """Return the row of that id."""
        return next((each for each in self.rows if each.id == referral_id), None)

    @property
    def microsoft(self) -> Referral | None:
        """Microsoft's row; of several the one that is open, and of those the one that changed last."""
        rows = [each for each in self.rows if each.is_microsofts]
        return max(rows, key=lambda each: (not each.closed, each.changed_at), default=None)


def parse_moment(text: str) -> datetime:
    """Read Partner Center's UTC timestamps: one to seven fraction digits, `Z`, an offset, or neither."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class PartnerCenter(Protocol):
    """Our organization's referrals.

    Every method may raise the retriable and fatal families; writes raise DataError when Partner Center refuses the
    content, and OutcomeUnknown when the connection broke after a create was sent.
    """

    def read(self, referral_id: str) -> Referral:
        """Return a referral. Raises GoneError when there is none, or we may not see it."""
        ...

    def changed_since(self, moment: datetime) -> Iterator[Referral]:
        """Return our referrals changed at or after `moment`, oldest change first."""
        ...

    def now(self) -> datetime:
        """Return the time by Partner Center's clock, to the second."""
        ...

    def newest(self) -> Referral | None:
        """Return the referral that changed last, if there is any."""
        ...

    def undecided(self) -> Iterator[Referral]:
        """Return our referrals with status New."""
        ...

    def engagement(self, engagement_id: str) -> Engagement:
        """Return every row of one engagement that we may see. A list, so it may lag behind a row just created."""
        ...

    def create(self, body: Mapping[str, object]) -> Referral:
        """Create a referral and return it. Not idempotent."""
        ...

    def update(self, referral_id: str, operations: Iterable[Operation], version: str) -> Referral:
        """Patch a referral that still has `version`, and return it as it is now.

        Raises VersionMismatch when it has changed since, GoneError when it does not exist.
        """
        ...
