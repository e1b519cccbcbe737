"""Deals that are in agreement before a test begins, and what the two sides hold."""

from collections.abc import Callable, Mapping
from typing import Any

from tools.stage import Stage, opportunity

Row = Mapping[str, Any]


def shared_deal(stage: Stage, **columns: object) -> tuple[str, str]:
    """Share an opportunity; returns (referral id, record id)."""
    record_id = opportunity(stage, **columns)
    stage.run("CrmPoller")
    row = until_record(stage, record_id, lambda row: row["cosell_referralidentifier"])
    stage.quiet()
    return str(row["cosell_referralidentifier"]), record_id


def received_deal(stage: Stage, **overrides: object) -> tuple[str, str]:
    """Receive a referral from Microsoft; returns (referral id, record id)."""
    referral_id = str(stage.partner_center.portal.create_referral(**overrides)["id"])  # type: ignore[arg-type]
    row = until(stage, lambda: opportunity_of(stage, referral_id))
    stage.quiet()
    return referral_id, str(row["opportunityid"])


def opportunity_of(stage: Stage, referral_id: str) -> Row | None:
    found = [
        row for row in stage.dataverse.seller.rows("opportunity") if row["cosell_referralidentifier"] == referral_id
    ]
    assert len(found) <= 1, "one referral has more than one opportunity"
    return found[0] if found else None


def until(stage: Stage, look: Callable[[], Row | None]) -> Row:
    return stage.eventually(look, "the other side following")


def until_record(stage: Stage, record_id: str, is_so: Callable[[Row], object]) -> Row:
    def look() -> Row | None:
        row = stage.dataverse.seller.row("opportunity", record_id)
        return row if is_so(row) else None

    return until(stage, look)


def until_referral(stage: Stage, referral_id: str, is_so: Callable[[Row], object]) -> Row:
    def look() -> Row | None:
        row = stage.partner_center.referral(referral_id)
        return row if is_so(row) else None

    return until(stage, look)


def own_referrals(stage: Stage, record_id: str) -> list[Row]:
    """Our own referrals that carry the record's id."""
    return [
        row
        for row in stage.partner_center.referrals()
        if row["externalReferenceId"] == record_id and row["organizationId"] != "msft"
    ]
