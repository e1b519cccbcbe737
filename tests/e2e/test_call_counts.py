"""Remote calls per change, counted by the simulators, audit write included; Microsoft's half costs once more."""

import time
from datetime import date
from decimal import Decimal

import pytest

from shared.sync.believed import CLOCK_MARGIN
from tests.e2e.deals import opportunity_of, received_deal, shared_deal, until, until_record, until_referral
from tools.local.stack import Calls, Stack

Deal = tuple[str, str]


@pytest.fixture(scope="module")
def deal(stack: Stack) -> Deal:
    """A deal without Microsoft in agreement, long enough for its record's version not to be in doubt."""
    made = shared_deal(stack, help="")
    received_deal(stack)  # so that tokens, currencies and the customer's account are known
    stack.run("CrmPoller")
    stack.quiet()
    time.sleep(CLOCK_MARGIN.total_seconds())
    return made


@pytest.fixture
def before(stack: Stack, deal: Deal) -> Calls:  # noqa: ARG001 - the deal is there before counting
    return stack.calls()


def test_an_outbound_update_costs_two_calls(stack: Stack, deal: Deal, before: Calls) -> None:
    referral_id, record_id = deal
    stack.crm.edit(record_id, deal_value=Decimal(43000))
    stack.run("CrmPoller")
    until_referral(stack, referral_id, lambda row: row["details"]["dealValue"] == 43000)
    stack.quiet()
    assert stack.calls() - before == Calls(partner_center=1, crm=1, polls=1)
    # The echo of both writes: Partner Center's event came and cost nothing; the CRM's comes with the next poll.
    echoes = stack.calls()
    stack.run("CrmPoller")
    until(stack, lambda: (stack.calls() - echoes).polls == 1)
    stack.quiet()
    assert stack.calls() - echoes == Calls(partner_center=0, crm=0, polls=1)


def test_an_inbound_update_costs_two_calls(stack: Stack, deal: Deal, before: Calls) -> None:
    referral_id, record_id = deal
    stack.partner_center.portal.edit(referral_id, {"/details/notes": "Pilot in two stores."})
    until_record(stack, record_id, lambda deal: deal.notes == "Pilot in two stores.")
    stack.quiet()
    assert stack.calls() - before == Calls(partner_center=1, crm=1, polls=0)


def test_a_duplicate_event_costs_no_call(stack: Stack, deal: Deal, before: Calls) -> None:
    event = next(each for each in reversed(stack.partner_center.deliveries) if deal[0] in each.body.decode())
    again = stack.partner_center.replay(event)
    stack.partner_center.wait_idle()
    assert again.statuses == [200]
    stack.quiet()
    assert stack.calls() == before


def test_an_inbound_create_costs_at_most_four_calls(stack: Stack, before: Calls) -> None:
    referral_id = stack.partner_center.portal.create_referral("own")["id"]
    until(stack, lambda: opportunity_of(stack, referral_id))
    stack.quiet()
    assert stack.calls() - before == Calls(partner_center=2, crm=2, polls=0)


def test_microsofts_half_costs_one_call_more_on_a_cosell_deal(stack: Stack, before: Calls) -> None:
    referral_id = str(stack.partner_center.portal.create_referral()["id"])
    deal = until(stack, lambda: opportunity_of(stack, referral_id))
    stack.quiet()
    assert stack.calls() - before == Calls(partner_center=3, crm=2, polls=0)
    time.sleep(CLOCK_MARGIN.total_seconds())
    before = stack.calls()
    stack.partner_center.portal.edit(referral_id, {"/details/notes": "Pilot in a store."})
    until_record(stack, deal.id, lambda deal: deal.notes == "Pilot in a store.")
    stack.quiet()
    assert stack.calls() - before == Calls(partner_center=2, crm=1, polls=0)


def test_another_partners_row_costs_one_read_each_time_that_it_changes(stack: Stack, deal: Deal, before: Calls) -> None:
    engagement = stack.partner_center.referral(deal[0])["engagementId"]
    row = stack.partner_center.other_partner.join(engagement)
    stack.partner_center.wait_idle()
    stack.quiet()
    assert stack.calls() - before == Calls(partner_center=1, crm=0, polls=0)
    stack.partner_center.other_partner.edit(row["id"], {"/details/notes": "Theirs."})
    stack.partner_center.wait_idle()
    stack.quiet()
    assert stack.calls() - before == Calls(partner_center=2, crm=0, polls=0)


def test_a_stale_version_costs_two_calls_more(stack: Stack, deal: Deal, before: Calls) -> None:
    referral_id, record_id = deal
    stack.crm.edit(record_id, closing_date=date(2027, 11, 30))  # the feed has not told yet
    stack.partner_center.portal.edit(referral_id, {"/details/notes": "Pilot in three stores."})
    until_record(stack, record_id, lambda deal: deal.notes == "Pilot in three stores.")
    until_referral(stack, referral_id, lambda row: row["details"]["closingDateTime"].startswith("2027-11-30"))
    stack.quiet()
    # The update's two, the refused write, its two reads again, and the seller's date that goes the other way.
    assert stack.calls() - before == Calls(partner_center=3, crm=3, polls=0)


def test_an_idle_poll_of_opportunities_and_leads_costs_one_call(stack: Stack, deal: Deal) -> None:  # noqa: ARG001
    stack.run("CrmPoller")
    time.sleep(0.5)
    stack.quiet()
    before = stack.calls()
    stack.run("CrmPoller")
    stack.eventually(lambda: (stack.calls() - before).polls == 1, "one poll")
    time.sleep(0.5)
    stack.quiet()
    assert stack.calls() - before == Calls(partner_center=0, crm=0, polls=1)


def test_without_the_crm_audit_an_outbound_update_costs_one_call(crm: str, storage: str) -> None:
    with Stack(crms=(crm,), storage=storage, settings={"CRM_AUDIT": "off"}) as stack:
        stack.register()
        referral_id, record_id = shared_deal(stack)
        time.sleep(CLOCK_MARGIN.total_seconds())
        before = stack.calls()
        stack.crm.edit(record_id, deal_value=Decimal(43000))
        stack.run("CrmPoller")
        until_referral(stack, referral_id, lambda held: held["details"]["dealValue"] == 43000)
        stack.quiet()
        assert stack.calls() - before == Calls(partner_center=1, crm=0, polls=1)
