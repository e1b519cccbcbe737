"""Microsoft's half as facts: its status in words, and which row of an engagement is Microsoft's."""

from __future__ import annotations

import pytest

from shared.lifecycle import Stage
from shared.microsoft import MicrosoftsHalf, Seller
from shared.partner_center.port import Engagement, Referral


@pytest.mark.parametrize(
    ("stage", "reason", "shown"),
    [
        (Stage.ON_HOLD, "", "Invited"),
        (Stage.ACTIVE, "left over", "Accepted"),
        (Stage.DECLINED, "No seller for the account", "Declined (No seller for the account)"),
        (Stage.DECLINED, "", "Declined"),
        (Stage.EXPIRED, "", "Expired"),
        (Stage.WON, "", "Won"),
        (Stage.LOST, "No budget", "Lost (No budget)"),
        (Stage.ERROR, "", "Closed"),
    ],
)
def test_its_status_in_words(stage: Stage, reason: str, shown: str) -> None:
    assert MicrosoftsHalf("r", stage, reason).status == shown


def test_a_seller_is_told_by_what_is_known() -> None:
    assert str(Seller("Ines Field", "ines@microsoft.example", "+1425")) == "Ines Field, ines@microsoft.example, +1425"
    assert str(Seller("Ines Field")) == "Ines Field"


def _row(number: int, status: str, organization: str = "msft") -> Referral:
    moment = f"2027-01-0{number}T00:00:00Z"
    return Referral({"id": str(number), "organizationId": organization, "status": status, "updatedDateTime": moment})


def test_of_several_rows_of_microsoft_the_open_one_counts_then_the_newest() -> None:
    ours, old, declined, invited = _row(1, "Active", "us"), _row(2, "Closed"), _row(4, "Closed"), _row(3, "New")
    assert Engagement((ours,)).microsoft is None
    assert Engagement((ours, declined, old)).microsoft is declined
    assert Engagement((declined, ours, invited, old)).microsoft is invited
