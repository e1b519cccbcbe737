"""The people around a deal: a Partner Center user, Microsoft's sellers, and another partner's."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Literal

from tools.simulators.clock import SimulatorClock
from tools.simulators.partner_center.deal_registration import review
from tools.simulators.partner_center.patching import pointer_parts, put_value
from tools.simulators.partner_center.quirks import Quirks
from tools.simulators.partner_center.samples import sample_document
from tools.simulators.partner_center.schema import MEMBER, REFERRAL, Document, conform
from tools.simulators.partner_center.store import ANSWER_WITHIN, Actor, ReferralStore
from tools.simulators.partner_center.vocabulary import MICROSOFT

Kind = Literal["cosell-inbound", "own", "marketplace-lead", "qualified-lead"]

_MICROSOFT_INVITER = {"organizationId": MICROSOFT, "organizationName": "Microsoft"}
_OTHER_ID = "c0a7b3d2-5e11-4f0a-9a41-2d6f7c1b8e33"
_KINDS: dict[Kind, dict[str, Any]] = {
    "cosell-inbound": {
        "type": "Shared",
        "qualification": "SalesQualified",
        "consent": {"consentToShareReferralWithMicrosoftSellers": True},
    },
    "own": {"type": "Independent", "qualification": "SalesQualified"},
    "marketplace-lead": {"type": "Independent", "qualification": "Direct"},
    "qualified-lead": {"type": "Independent", "qualification": "MarketingQualified"},
}
"""The classification table of the referrals-api-introduction page."""


def invited_microsoft(clock: SimulatorClock) -> dict[str, Any]:
    """Return what the server sets on Microsoft's row of an engagement into which it is invited."""
    return {
        "organizationId": MICROSOFT,
        "organizationName": "Microsoft",
        "direction": "Incoming",
        "expirationDateTime": f"{clock.now() + ANSWER_WITHIN:%Y-%m-%dT%H:%M:%S}Z",
    }


class Portal:
    """A Partner Center user at the web page: may do more than the API lets us do."""

    def __init__(self, store: ReferralStore, quirks: Quirks, clock: SimulatorClock) -> None:
        self._store = store
        self._quirks = quirks
        self._clock = clock

    def create_referral(self, kind: Kind = "cosell-inbound", **overrides: Any) -> Document:
        """Create a referral and return it; `overrides` are merged into a complete sample document.

        Every kind but `own` comes from Microsoft and waits as New/Pending; an inbound co-sell has Microsoft's active
        row in the same engagement. `own` is a partner's deal, Active/Accepted at once.
        """
        document = conform(_merge(_merge(sample_document(), _KINDS[kind]), overrides), REFERRAL, "")
        if kind == "own":
            return self._create_own(document)
        if kind == "cosell-inbound":
            document["engagementId"] = self._microsoft_row(document)["engagementId"]
        document |= {"status": "New", "substatus": "Pending"}
        document["inviteContext"]["invitedBy"] = dict(_MICROSOFT_INVITER)
        lead: dict[str, Any] = (
            {"referralSource": "MicrosoftAppSource", "callToAction": "ContactMe"} if "lead" in kind else {}
        )
        return self._store.insert(
            document,
            "microsoft",
            direction="Incoming",
            expirationDateTime=f"{self._clock.now() + ANSWER_WITHIN:%Y-%m-%dT%H:%M:%S}Z",
            **lead,
        )

    def edit(self, referral_id: str, changes: Mapping[str, Any]) -> Document:
        """Change properties by JSON pointer, the name included; a closed referral cannot be edited."""
        return _edit(self._store, referral_id, changes, "portal")

    def accept(self, referral_id: str) -> Document:
        """Accept an invitation."""
        return self.edit(referral_id, {"/status": "Active", "/substatus": "Accepted"})

    def decline(self, referral_id: str, reason: str = "Others") -> Document:
        """Decline an invitation."""
        return self._close(referral_id, "Declined", reason)

    def win(self, referral_id: str) -> Document:
        """Close as won."""
        return self._close(referral_id, "Won", None)

    def lose(self, referral_id: str, reason: str = "Customer had no budget") -> Document:
        """Close as lost."""
        return self._close(referral_id, "Lost", reason)

    def ask_microsoft(self, referral_id: str, code: str = "GeneralOrOther", notes: str | None = None) -> Document:
        """Ask Microsoft for help on a deal without: it becomes visible and shared, and Microsoft's row appears."""
        row = self._store.get(referral_id)
        if row is None:
            raise LookupError(f"no referral {referral_id}")
        if self._store.of_engagement(row["engagementId"], ours=False) is not None:
            raise ValueError("Microsoft is invited already")
        shared = {"/type": "Shared", "/consent/consentToShareReferralWithMicrosoftSellers": True}
        own = self.edit(referral_id, shared)
        document = conform(own | {"status": "New", "substatus": "Pending", "externalReferenceId": None}, REFERRAL, "")
        document["inviteContext"] |= {"assistanceRequestCode": code, "notes": notes}
        return self._store.insert(document, "portal", **invited_microsoft(self._clock))

    def _close(self, referral_id: str, substatus: str, reason: str | None) -> Document:
        return self.edit(referral_id, {"/status": "Closed", "/substatus": substatus, "/statusReason": reason})

    def _create_own(self, document: Document) -> Document:
        document |= {"status": "Active", "substatus": "Accepted"}
        organization = self._store.organization
        document["inviteContext"]["invitedBy"] = {
            "organizationId": organization.id,
            "organizationName": organization.name,
        }
        return self._store.insert(document, "portal", direction=self._quirks.own_direction)

    def _microsoft_row(self, document: Document) -> Document:
        """Microsoft's side exists before it invites us, hence no event."""
        row = copy.deepcopy(document) | {"status": "Active", "substatus": "Accepted", "externalReferenceId": None}
        return self._store.insert(
            row,
            "microsoft",
            silent=True,
            organizationId=MICROSOFT,
            organizationName="Microsoft",
            direction="Outgoing",
        )


class Microsoft:
    """Microsoft's sellers, acting on the `msft` row of an engagement."""

    def __init__(self, store: ReferralStore, clock: SimulatorClock) -> None:
        self._store = store
        self._clock = clock

    def review(self, referral_id: str, status: str, reason: str | None = None) -> Document:
        """Decide about the registration of our won deal, or ask for something. LookupError when there is none."""
        if self._store.get(referral_id) is None:
            raise LookupError(f"no referral {referral_id}")
        with self._store.update(referral_id, "microsoft") as row:
            review(row, status, reason, self._clock.now())
        return copy.deepcopy(row)

    def accept(self, engagement_id: str, *, msx_id: str = "7-2ABCDEF0GH") -> Document:
        """Accept the invitation; the MSX id appears on our own row too."""
        row = self._edit(
            engagement_id,
            {"/status": "Active", "/substatus": "Accepted", "/trackingInfo/microsoftMsxId": msx_id},
        )
        own = self._store.of_engagement(row["engagementId"], ours=True)
        if own and own["status"] != "Closed":
            _edit(self._store, own["id"], {"/trackingInfo/microsoftMsxId": msx_id}, "microsoft")
        return row

    def decline(self, engagement_id: str, reason: str = "No seller for the account") -> Document:
        """Decline the invitation; our own row stays active."""
        return self._edit(engagement_id, {"/status": "Closed", "/substatus": "Declined", "/statusReason": reason})

    def win(self, engagement_id: str) -> Document:
        """Close Microsoft's own half as won; ours is not touched."""
        return self._edit(engagement_id, {"/status": "Closed", "/substatus": "Won"})

    def lose(self, engagement_id: str, reason: str = "Customer had no budget") -> Document:
        """Close Microsoft's own half as lost."""
        return self._edit(engagement_id, {"/status": "Closed", "/substatus": "Lost", "/statusReason": reason})

    def let_expire(self, engagement_id: str) -> Document:
        """Let 14 days pass over the invitation without an answer, whatever the clock says."""
        row = self._row(engagement_id)
        if row["status"] != "New":
            raise ValueError("Microsoft has answered already")
        return _edit(self._store, row["id"], {"/status": "Closed", "/substatus": "Expired"}, "service")

    def note(self, engagement_id: str, notes: str) -> Document:
        """Write Microsoft's own notes."""
        return self._edit(engagement_id, {"/details/notes": notes})

    def add_seller(self, engagement_id: str, *, first_name: str = "Ines", last_name: str = "Field") -> Document:
        """Put a Microsoft seller on Microsoft's team."""
        seller = {
            "firstName": first_name,
            "lastName": last_name,
            "phoneNumber": "+14255550100",
            "email": f"{first_name}.{last_name}@microsoft.example".lower(),
            "title": "Account Executive",
        }
        row = self._row(engagement_id)
        return self._edit(engagement_id, {"/team": [*row["team"], conform(seller, MEMBER, "team")]})

    def _edit(self, engagement_id: str, changes: Mapping[str, Any]) -> Document:
        return _edit(self._store, self._row(engagement_id)["id"], changes, "microsoft")

    def _row(self, engagement_id: str) -> Document:
        row = self._store.of_engagement(engagement_id, ours=False)
        if row is None:
            raise LookupError(f"Microsoft has no referral in engagement {engagement_id}")
        return row


class OtherPartner:
    """Another partner's people, acting on their own row of an engagement."""

    def __init__(self, store: ReferralStore) -> None:
        self._store = store

    def join(self, engagement_id: str) -> Document:
        """Be invited into an engagement, and accept; LookupError when we have no referral in it."""
        own = self._store.of_engagement(engagement_id, ours=True)
        if own is None:
            raise LookupError(f"we have no referral in engagement {engagement_id}")
        row = own | {"status": "Active", "substatus": "Accepted", "externalReferenceId": None}
        document = conform(row, REFERRAL, "")
        return self._store.insert(
            document,
            "partner",
            direction="Outgoing",
            organizationId=_OTHER_ID,
            organizationName="Adatum",
            mpnId="4000002",
        )

    def edit(self, referral_id: str, changes: Mapping[str, Any]) -> Document:
        """Change properties by JSON pointer."""
        return _edit(self._store, referral_id, changes, "partner")


def _edit(store: ReferralStore, referral_id: str, changes: Mapping[str, Any], actor: Actor) -> Document:
    if store.get(referral_id) is None:
        raise LookupError(f"no referral {referral_id}")
    with store.update(referral_id, actor) as row:
        if row["status"] == "Closed":
            raise ValueError(f"referral {referral_id} is closed")
        for pointer, value in changes.items():
            put_value(row, "/".join(pointer_parts(pointer)), copy.deepcopy(value))
    return copy.deepcopy(row)


def _merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in change.items():
        old = merged.get(name)
        merged[name] = _merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged
