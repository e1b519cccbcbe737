"""What kind of referral it is. Pure (Partner Center: referrals-api-introduction, classification).

The type, the qualification and who invited us tell it together, and none of them alone: a deal of our own is as
Independent and SalesQualified as a lead of Microsoft's is, and referralSource and callToAction are no reliable signs.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

MICROSOFT = "msft"
"""The organization id of Microsoft's own rows."""


class ReferralKind(StrEnum):
    """What a referral of ours is."""

    MARKETPLACE_LEAD = "marketplace lead"
    """A customer asked for us in Microsoft's marketplace."""
    QUALIFIED_LEAD = "qualified lead"
    """Microsoft qualified a customer for us."""
    DEAL = "deal"
    """A co-sell deal, or one of our own pipeline."""

    @property
    def is_lead(self) -> bool:
        """Whether a person has to qualify it before it is an opportunity."""
        return self is not ReferralKind.DEAL


def kind_of(body: Mapping[str, object]) -> ReferralKind:
    """Return the kind of a referral's JSON. What Partner Center does not document is a deal."""
    inviter, qualification = invited_by(body), _word(body.get("qualification"))
    if _word(body.get("type")) != "independent":
        return ReferralKind.DEAL
    if qualification == "direct" and (not inviter or inviter.casefold() == MICROSOFT):
        return ReferralKind.MARKETPLACE_LEAD
    if qualification in ("salesqualified", "marketingqualified") and inviter.casefold() == MICROSOFT:
        return ReferralKind.QUALIFIED_LEAD
    return ReferralKind.DEAL


def invited_by(body: Mapping[str, object]) -> str:
    """Return the organization that invited us; empty when none did."""
    context = body.get("inviteContext")
    inviter = context.get("invitedBy") if isinstance(context, dict) else None
    found = inviter.get("organizationId") if isinstance(inviter, dict) else None
    return str(found) if found else ""


def _word(value: object) -> str:
    return value.casefold() if isinstance(value, str) else ""
