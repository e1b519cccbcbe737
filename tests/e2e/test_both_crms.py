"""One deal in both CRMs at once: docs/SYNC.md, "Both CRMs at once". The simulation tries the rest of it, and faster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal

import pytest

from shared.lifecycle import Stage
from shared.sync.believed import CLOCK_MARGIN
from tests.e2e.deals import Row, shared_deal, until, until_referral
from tools.local.stack import Stack
from tools.simulators.faults import Fault
from tools.simulators.sellers import SELLERS
from tools.simulators.sellers.seller import Deal, Seller

NAMES = pytest.mark.parametrize("name", SELLERS)


@pytest.fixture(scope="module")
def stack(account: Callable[[], str]) -> Iterator[Stack]:
    with Stack(crms=("dynamics365", "salesforce"), storage=account()) as running:
        assert running.register().status_code == 200
        yield running


@pytest.fixture(scope="module")
def referral_id(stack: Stack) -> str:
    """A deal that Salesforce shared, known to both, and long enough for no version to be in doubt."""
    referral_id, _ = shared_deal(stack, stack.sellers["salesforce"])
    until_everywhere(stack, referral_id, lambda deal: deal.referral_identifier)
    stack.run("CrmPoller")
    stack.quiet()
    time.sleep(CLOCK_MARGIN.total_seconds())
    return referral_id


def only(seller: Seller, referral_id: str) -> Deal | None:
    found = seller.find(referral_id)
    assert len(found) <= 1, f"one referral has more than one opportunity in {seller.title}"
    return found[0] if found else None


def held(seller: Seller, referral_id: str) -> Deal:
    deal = only(seller, referral_id)
    assert deal is not None
    return deal


def until_everywhere(stack: Stack, referral_id: str, is_so: Callable[[Deal], object]) -> None:
    for seller in stack.sellers.values():
        until(stack, lambda seller=seller: (deal := only(seller, referral_id)) and is_so(deal))  # type: ignore[misc]


def other_than(stack: Stack, name: str) -> Seller:
    (other,) = (seller for seller in stack.sellers.values() if seller.name != name)
    return other


def test_a_deal_that_one_shares_arrives_in_the_other_and_names_the_sharers_record(
    stack: Stack, referral_id: str
) -> None:
    shared, received = (held(stack.sellers[name], referral_id) for name in ("salesforce", "dynamics365"))
    assert stack.partner_center.referral(referral_id)["externalReferenceId"] == shared.id
    assert (received.name, received.deal_value, received.currency) == (shared.name, shared.deal_value, "GBP")
    assert (received.solutions, received.stage) == (shared.solutions, Stage.ACTIVE)


def test_an_invitation_becomes_a_record_in_each_and_names_that_of_the_first(stack: Stack) -> None:
    invited = str(stack.partner_center.portal.create_referral()["id"])
    until_everywhere(stack, invited, lambda deal: deal.stage is Stage.ON_HOLD)
    stack.quiet()
    first = held(stack.sellers["dynamics365"], invited)
    assert stack.partner_center.referral(invited)["externalReferenceId"] == first.id
    # Accepting it in one CRM takes it off hold in the other.
    salesforce = stack.sellers["salesforce"]
    salesforce.accept(held(salesforce, invited).id)
    stack.run("CrmPoller")
    until_everywhere(stack, invited, lambda deal: deal.stage is Stage.ACTIVE)
    assert stack.partner_center.referral(invited)["substatus"] == "Accepted"
    stack.quiet()


@NAMES
def test_an_edit_in_one_reaches_the_other_and_nothing_follows(stack: Stack, referral_id: str, name: str) -> None:
    day = date(2027, 11, 1 + list(SELLERS).index(name))
    seller, writes = stack.sellers[name], stack.vendors.servers["referrals"].log
    before = writes.count("PATCH")
    seller.edit(held(seller, referral_id).id, closing_date=day)
    stack.run("CrmPoller")
    until_everywhere(stack, referral_id, lambda deal: deal.closing_date == day and "closing_date" in deal.audit)
    stack.quiet()
    versions = [held(each, referral_id).version for each in stack.sellers.values()]
    for function in ("CrmPoller", "Reconciler", "CrmPoller"):
        stack.run(function)
        stack.quiet()
    assert [held(each, referral_id).version for each in stack.sellers.values()] == versions
    # Polls that overlap hand an edit over twice; the second write is then refused, and does nothing.
    statuses = [entry.status for entry in writes.matching("PATCH")[before:]]
    assert [status for status in statuses if status != 412] == [200]


def test_a_conflict_between_the_two_is_decided_by_policy_with_both_values_in_the_audit(
    stack: Stack, referral_id: str
) -> None:
    for name, value in (("dynamics365", 50_000), ("salesforce", 60_000)):
        seller = stack.sellers[name]
        seller.edit(held(seller, referral_id).id, deal_value=Decimal(value))
    stack.run("CrmPoller")

    def is_settled() -> Row | None:
        deals = [held(seller, referral_id) for seller in stack.sellers.values()]
        row = stack.partner_center.referral(referral_id)
        agreed = {deal.deal_value for deal in deals} == {Decimal(str(row["details"]["dealValue"]))}
        return row if agreed and any("both sides changed; the CRM wins" in deal.audit for deal in deals) else None

    won = int(until(stack, is_settled)["details"]["dealValue"])
    stack.quiet()
    lost = {50_000: 60_000, 60_000: 50_000}[won]
    told = "\n".join(held(seller, referral_id).audit for seller in stack.sellers.values())
    assert f"deal_value: {lost} → {won} (both sides changed; the CRM wins)" in told


@NAMES
def test_one_that_is_down_does_not_hold_up_the_other(stack: Stack, referral_id: str, name: str) -> None:
    notes = f"While {name} was down"
    down = stack.sellers[name].server.faults.inject(
        Fault("status", status=503, headers={"Retry-After": "3"}, times=None)
    )
    try:
        stack.partner_center.portal.edit(referral_id, {"/details/notes": notes})
        until(stack, lambda: held(other_than(stack, name), referral_id).notes == notes)
        stack.eventually(lambda: down.fired, "the outage to be met")
    finally:
        stack.sellers[name].server.faults.clear()
    until_everywhere(stack, referral_id, lambda deal: deal.notes == notes)
    stack.quiet()


def test_closing_in_one_closes_all(stack: Stack, referral_id: str) -> None:
    seller = stack.sellers["dynamics365"]
    seller.win(held(seller, referral_id).id)
    stack.run("CrmPoller")
    until_referral(stack, referral_id, lambda row: row["substatus"] == "Won")
    until_everywhere(stack, referral_id, lambda deal: deal.stage is Stage.WON)
    stack.quiet()


def test_a_record_deleted_in_one_stays_deleted_and_the_other_goes_on(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack, stack.sellers["dynamics365"])
    kept = stack.sellers["salesforce"]
    until(stack, lambda: only(kept, referral_id))
    stack.quiet()
    stack.sellers["dynamics365"].delete(record_id)
    stack.run("CrmPoller")
    stack.quiet()
    kept.edit(held(kept, referral_id).id, notes="Only here")
    stack.run("CrmPoller")
    until_referral(stack, referral_id, lambda row: row["details"]["notes"] == "Only here")
    stack.quiet()
    assert stack.sellers["dynamics365"].find(referral_id) == []
