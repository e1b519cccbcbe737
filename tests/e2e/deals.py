"""Deals that are in agreement before a test begins, and what the two sides hold."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar, Unpack

import requests

from tools.local.stack import Stack
from tools.simulators.sellers.seller import Deal, DealFields, Seller

Row = Mapping[str, Any]

T = TypeVar("T")

IDENTIFIER = {"dynamics365": "cosell_referralidentifier", "salesforce": "Referral_Identifier__c"}


def shared_deal(stack: Stack, crm: Seller | None = None, **fields: Unpack[DealFields]) -> tuple[str, str]:
    """Share an opportunity, of the first CRM unless another is given; returns (referral id, record id)."""
    seller = crm or stack.crm
    record_id = seller.opportunity(**fields)
    stack.run("CrmPoller")
    deal = until(stack, lambda: identified(seller.deal(record_id)))
    stack.quiet()
    return deal.referral_identifier, record_id


def identified(deal: Deal) -> Deal | None:
    return deal if deal.referral_identifier else None


def received_deal(stack: Stack, **overrides: object) -> tuple[str, str]:
    """Receive a referral from Microsoft; returns (referral id, record id)."""
    referral_id = str(stack.partner_center.portal.create_referral(**overrides)["id"])  # type: ignore[arg-type]
    deal = until(stack, lambda: opportunity_of(stack, referral_id))
    stack.quiet()
    return referral_id, deal.id


def opportunity_of(stack: Stack, referral_id: str) -> Deal | None:
    found = stack.crm.find(referral_id)
    assert len(found) <= 1, "one referral has more than one opportunity"
    return found[0] if found else None


def until(stack: Stack, look: Callable[[], T | None]) -> T:
    return stack.eventually(look, "the other side following")


def until_record(stack: Stack, record_id: str, is_so: Callable[[Deal], object]) -> Deal:
    def look() -> Deal | None:
        deal = stack.crm.deal(record_id)
        return deal if is_so(deal) else None

    return until(stack, look)


def until_referral(stack: Stack, referral_id: str, is_so: Callable[[Row], object]) -> Row:
    def look() -> Row | None:
        row = stack.partner_center.referral(referral_id)
        return row if is_so(row) else None

    return until(stack, look)


def own_referrals(stack: Stack, record_id: str) -> list[Row]:
    """Our own referrals that carry the record's id."""
    return [
        row
        for row in stack.partner_center.referrals()
        if row["externalReferenceId"] == record_id and row["organizationId"] != "msft"
    ]


def type_identifier(stack: Stack, record_id: str, referral_id: str) -> None:
    """Type a Referral Identifier in, as an administrator may who edits the column."""
    column = IDENTIFIER[stack.crm.name]
    stack.crm.simulator.seller.edit(record_id, **{column: referral_id})  # type: ignore[attr-defined]


def polled(stack: Stack) -> None:
    """Poll twice, and wait until what both found is handled."""
    for _ in range(2):
        before = stack.calls().polls
        stack.eventually(lambda before=before: _polls(stack, before), "a poll")  # type: ignore[misc]
    stack.quiet()


def _polls(stack: Stack, before: int) -> bool:
    """Run the poller, which asks nothing within the CRM's interval; tells whether it has asked since."""
    stack.run("CrmPoller")
    time.sleep(0.2)
    return stack.calls().polls > before


@contextmanager
def rule(stack: Stack, name: str, **body: object) -> Iterator[None]:
    """Switch a rule of the CRM's own on, as its administrator would, and all of them off at the end."""
    url = f"{stack.vendors.servers['control'].url}/{stack.crm.name}/crm/rules"
    requests.post(url, json={"rule": name, **body}, timeout=30).raise_for_status()
    try:
        yield
    finally:
        requests.delete(url, timeout=30).raise_for_status()


def until_looked_at(stack: Stack, outcome: str, times: int = 1) -> Callable[[], None]:
    """Return what waits until the app has come to an outcome so many times more: for what nobody is shown."""
    words = f"deal handled: {outcome}"
    wanted = stack.host.log_text().count(words) + times

    def wait() -> None:
        stack.eventually(lambda: stack.host.log_text().count(words) >= wanted, words)

    return wait
