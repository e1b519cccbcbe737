"""Remote calls per change (design section 6), counted by the simulators, audit write included."""

import time
from datetime import date
from decimal import Decimal

import pytest

from shared.sync.begin import CLOCK_MARGIN
from tests.e2e.deals import opportunity_of, received_deal, shared_deal, until, until_record, until_referral
from tools.local.stage import Calls, Stage

Deal = tuple[str, str]


@pytest.fixture(scope="module")
def deal(stage: Stage) -> Deal:
    """A deal in agreement, long enough for its record's version not to be in doubt."""
    made = shared_deal(stage)
    received_deal(stage)  # so that tokens, currencies and the customer's account are known
    stage.run("CrmPoller")
    stage.quiet()
    time.sleep(CLOCK_MARGIN.total_seconds())
    return made


@pytest.fixture
def before(stage: Stage, deal: Deal) -> Calls:  # noqa: ARG001 - the deal is there before counting
    return stage.calls()


def test_an_outbound_update_costs_two_calls(stage: Stage, deal: Deal, before: Calls) -> None:
    referral_id, record_id = deal
    stage.crm.edit(record_id, deal_value=Decimal(43000))
    stage.run("CrmPoller")
    until_referral(stage, referral_id, lambda row: row["details"]["dealValue"] == 43000)
    stage.quiet()
    assert stage.calls() - before == Calls(partner_center=1, crm=1, polls=1)
    # The echo of both writes: Partner Center's event came and cost nothing; the CRM's comes with the next poll.
    echoes = stage.calls()
    stage.run("CrmPoller")
    until(stage, lambda: (stage.calls() - echoes).polls == 1)
    stage.quiet()
    assert stage.calls() - echoes == Calls(partner_center=0, crm=0, polls=1)


def test_an_inbound_update_costs_two_calls(stage: Stage, deal: Deal, before: Calls) -> None:
    referral_id, record_id = deal
    stage.partner_center.portal.edit(referral_id, {"/details/notes": "Pilot in two stores."})
    until_record(stage, record_id, lambda deal: deal.notes == "Pilot in two stores.")
    stage.quiet()
    assert stage.calls() - before == Calls(partner_center=1, crm=1, polls=0)


def test_a_duplicate_event_costs_no_call(stage: Stage, deal: Deal, before: Calls) -> None:
    event = next(each for each in reversed(stage.partner_center.deliveries) if deal[0] in each.body.decode())
    again = stage.partner_center.replay(event)
    stage.partner_center.wait_idle()
    assert again.statuses == [200]
    stage.quiet()
    assert stage.calls() == before


def test_an_inbound_create_costs_at_most_four_calls(stage: Stage, before: Calls) -> None:
    referral_id = stage.partner_center.portal.create_referral()["id"]
    until(stage, lambda: opportunity_of(stage, referral_id))
    stage.quiet()
    assert stage.calls() - before == Calls(partner_center=2, crm=2, polls=0)


def test_a_stale_version_costs_two_calls_more(stage: Stage, deal: Deal, before: Calls) -> None:
    referral_id, record_id = deal
    stage.crm.edit(record_id, closing_date=date(2027, 11, 30))  # the feed has not told yet
    stage.partner_center.portal.edit(referral_id, {"/details/notes": "Pilot in three stores."})
    until_record(stage, record_id, lambda deal: deal.notes == "Pilot in three stores.")
    until_referral(stage, referral_id, lambda row: row["details"]["closingDateTime"].startswith("2027-11-30"))
    stage.quiet()
    # The update's two, the refused write, its two reads again, and the seller's date that goes the other way.
    assert stage.calls() - before == Calls(partner_center=3, crm=3, polls=0)


def test_an_idle_poll_costs_one_call(stage: Stage, deal: Deal) -> None:  # noqa: ARG001
    stage.run("CrmPoller")
    time.sleep(0.5)
    stage.quiet()
    before = stage.calls()
    stage.run("CrmPoller")
    stage.eventually(lambda: (stage.calls() - before).polls == 1, "one poll")
    time.sleep(0.5)
    stage.quiet()
    assert stage.calls() - before == Calls(partner_center=0, crm=0, polls=1)


def test_without_the_crm_audit_an_outbound_update_costs_one_call(crm: str) -> None:
    with Stage(crms=(crm,), settings={"CRM_AUDIT": "off"}) as stage:
        stage.register()
        referral_id, record_id = shared_deal(stage)
        time.sleep(CLOCK_MARGIN.total_seconds())
        before = stage.calls()
        stage.crm.edit(record_id, deal_value=Decimal(43000))
        stage.run("CrmPoller")
        until_referral(stage, referral_id, lambda held: held["details"]["dealValue"] == 43000)
        stage.quiet()
        assert stage.calls() - before == Calls(partner_center=1, crm=0, polls=1)
