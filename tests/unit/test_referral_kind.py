"""What kind of referral it is (reference: partner-center-api, section 2.3)."""

from __future__ import annotations

import pytest

from shared.lifecycle import Stage
from shared.mapping.stages import stage_of
from shared.partner_center.port import Referral
from shared.referral_kind import ReferralKind, kind_of

OURS = "0c1d2e3f-0000-4000-8000-0000000000ff"


def body(kind: object, qualification: object, inviter: str | None, status: str = "New") -> dict[str, object]:
    context = None if inviter is None else {"invitedBy": {"organizationId": inviter}}
    return {
        "type": kind,
        "qualification": qualification,
        "inviteContext": context,
        "status": status,
        "organizationId": OURS,
    }


@pytest.mark.parametrize(
    ("kind", "qualification", "inviter", "expected"),
    [
        ("Independent", "Direct", None, ReferralKind.MARKETPLACE_LEAD),
        ("Independent", "Direct", "", ReferralKind.MARKETPLACE_LEAD),
        ("Independent", "Direct", "msft", ReferralKind.MARKETPLACE_LEAD),
        ("independent", "direct", "MSFT", ReferralKind.MARKETPLACE_LEAD),
        ("Independent", "SalesQualified", "msft", ReferralKind.QUALIFIED_LEAD),
        ("Independent", "MarketingQualified", "msft", ReferralKind.QUALIFIED_LEAD),
        # Each of the three alone, or two of them, say nothing.
        ("Independent", "SalesQualified", OURS, ReferralKind.DEAL),
        ("Independent", "SalesQualified", None, ReferralKind.DEAL),
        ("Independent", "MarketingQualified", None, ReferralKind.DEAL),
        ("Independent", "None", "msft", ReferralKind.DEAL),
        ("Independent", "Direct", OURS, ReferralKind.DEAL),
        ("Shared", "Direct", "msft", ReferralKind.DEAL),
        ("Shared", "SalesQualified", "msft", ReferralKind.DEAL),
        ("Shared", "None", OURS, ReferralKind.DEAL),
        (None, "Direct", None, ReferralKind.DEAL),
        ("Independent", None, "msft", ReferralKind.DEAL),
        (7, ["Direct"], None, ReferralKind.DEAL),
    ],
)
def test_type_qualification_and_inviter_tell_it_together(
    kind: object, qualification: object, inviter: str | None, expected: ReferralKind
) -> None:
    assert kind_of(body(kind, qualification, inviter)) is expected
    assert Referral(body(kind, qualification, inviter)).kind is expected


def test_a_context_of_another_shape_names_nobody() -> None:
    for context in (None, "msft", {}, {"invitedBy": "msft"}, {"invitedBy": {"organizationId": None}}):
        found = {"type": "Independent", "qualification": "Direct", "inviteContext": context}
        assert kind_of(found) is ReferralKind.MARKETPLACE_LEAD


@pytest.mark.parametrize(
    ("inviter", "qualification", "status", "stage"),
    [
        (None, "Direct", "New", Stage.ON_HOLD),
        ("msft", "SalesQualified", "New", Stage.ON_HOLD),
        (None, "Direct", "Active", Stage.ACTIVE),
        (None, "SalesQualified", "New", Stage.ACTIVE),
    ],
)
def test_a_new_lead_is_undecided_also_when_nobody_invited_us(
    inviter: str | None, qualification: str, status: str, stage: Stage
) -> None:
    assert stage_of(body("Independent", qualification, inviter, status)) is stage
