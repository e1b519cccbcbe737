"""What a row of Partner Center says of itself, however much of it is missing."""

from __future__ import annotations

import pytest

from shared.partner_center.port import Referral

ODD: tuple[object, ...] = (None, {}, "text", [])


@pytest.mark.parametrize("context", [*ODD, {"invitedBy": None}, {"invitedBy": {"organizationId": None}}])
def test_a_row_without_an_inviter_has_none(context: object) -> None:
    assert Referral({"inviteContext": context}).invited_by is None
    assert Referral({}).invited_by is None


@pytest.mark.parametrize("tracking", [*ODD, {"microsoftMsxId": None}, {"microsoftMsxId": ""}])
def test_a_row_without_microsofts_crm_id_has_none(tracking: object) -> None:
    assert Referral({"trackingInfo": tracking}).microsoft_crm_id is None
    assert Referral({}).microsoft_crm_id is None


def test_microsofts_rows_are_told_by_their_organization() -> None:
    named = ("msft", "MSFT", "msft2", "")
    assert [Referral({"organizationId": each}).is_microsofts for each in named] == [True, True, False, False]
