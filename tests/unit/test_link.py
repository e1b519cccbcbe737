"""The link between a referral and a record."""

from __future__ import annotations

from shared.deal import RecordKey
from shared.link import Link


def test_a_referral_without_a_record_has_an_empty_record_id() -> None:
    assert Link("dynamics365", "referral", None).record_id == ""
    assert Link("dynamics365", "referral", RecordKey("dynamics365", "opportunity", "7")).record_id == "7"
