"""Which organization's referrals are ours."""

from __future__ import annotations

from shared.ledger.drawers import Drawers, text
from shared.partner_center.port import PartnerCenter, Referral
from shared.referral_kind import MICROSOFT

_ID = text("partner_center", "organization")


class Organization:
    """Knows our organization's id: the setting's, or the one learned from our own referrals and kept.

    It is learned from a referral that this app created, or else from the newest one of our list. Whether that list
    may show another organization's rows is not documented, so PARTNER_CENTER_ORGANIZATION_ID overrules it.
    """

    def __init__(self, partner_center: PartnerCenter, drawers: Drawers, configured: str | None = None) -> None:
        self._partner_center = partner_center
        self._drawers = drawers
        self._id = (configured or "").lower()

    def owns(self, referral: Referral) -> bool:
        """Whether a row is ours: never "not Microsoft's", since other partners have rows in our engagements.

        The first question costs a read of the ledger, and the first of all a call. Raises the families.
        """
        own = self.id()
        return bool(own) and own == referral.organization_id.lower()

    def id(self) -> str:
        """Return our organization's id; empty while we have no referral to learn it from. Raises the families."""
        if not self._id:
            self._id = self._drawers.read(_ID).value
        if not self._id:
            newest = self._partner_center.newest()
            if newest:
                self.learn(newest)
        return self._id

    def learn(self, own: Referral) -> None:
        """Keep the id from a row that is certainly ours. Raises the families."""
        found = own.organization_id.lower()
        if not self._id and found not in ("", MICROSOFT):
            self._id = self._drawers.change(_ID, lambda held: held or found)
