"""Deals that are in agreement before a test begins, and what the two sides hold."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, Unpack

from tools.local.stage import Stage
from tools.simulators.sellers.desk import CrmDesk, Deal, DealFields

Row = Mapping[str, Any]

T = TypeVar("T")


def shared_deal(stage: Stage, crm: CrmDesk | None = None, **fields: Unpack[DealFields]) -> tuple[str, str]:
    """Share an opportunity, of the first CRM unless another is given; returns (referral id, record id)."""
    desk = crm or stage.crm
    record_id = desk.opportunity(**fields)
    stage.run("CrmPoller")
    deal = until(stage, lambda: identified(desk.deal(record_id)))
    stage.quiet()
    return deal.referral_identifier, record_id


def identified(deal: Deal) -> Deal | None:
    return deal if deal.referral_identifier else None


def received_deal(stage: Stage, **overrides: object) -> tuple[str, str]:
    """Receive a referral from Microsoft; returns (referral id, record id)."""
    referral_id = str(stage.partner_center.portal.create_referral(**overrides)["id"])  # type: ignore[arg-type]
    deal = until(stage, lambda: opportunity_of(stage, referral_id))
    stage.quiet()
    return referral_id, deal.id


def opportunity_of(stage: Stage, referral_id: str) -> Deal | None:
    found = stage.crm.find(referral_id)
    assert len(found) <= 1, "one referral has more than one opportunity"
    return found[0] if found else None


def until(stage: Stage, look: Callable[[], T | None]) -> T:
    return stage.eventually(look, "the other side following")


def until_record(stage: Stage, record_id: str, is_so: Callable[[Deal], object]) -> Deal:
    def look() -> Deal | None:
        deal = stage.crm.deal(record_id)
        return deal if is_so(deal) else None

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
