"""A lead of Microsoft's on the genuine runtime, by the mapping that ships: it arrives, and a seller decides on it."""

from __future__ import annotations

from datetime import date

from tests.e2e.deals import until, until_record, until_referral
from tools.local.stack import Stack
from tools.simulators.partner_center.control import Kind
from tools.simulators.sellers.seller import Lead


def received_lead(stack: Stack, kind: Kind = "marketplace-lead") -> tuple[str, Lead]:
    """A lead that Microsoft sent; returns its referral's id, and the lead as it arrived."""
    referral_id = str(stack.partner_center.portal.create_referral(kind)["id"])
    lead = until(stack, lambda: next(iter(stack.crm.leads(referral_id)), None))
    stack.quiet()
    assert stack.crm.find(referral_id) == []
    return referral_id, next(iter(stack.crm.leads(referral_id)), lead)


def test_a_lead_is_qualified_and_goes_on_as_an_opportunity(stack: Stack) -> None:
    referral_id, lead = received_lead(stack)
    assert lead.sync_status.startswith("✔")
    assert isinstance(lead.decide_by, date)
    opportunity = stack.crm.qualify(lead.id)
    stack.run("CrmPoller")
    deal = until_record(stack, opportunity, lambda deal: deal.sync_status.startswith("✔"))
    assert deal.sync
    assert deal.referral_identifier == referral_id
    row = until_referral(stack, referral_id, lambda row: row["status"] == "Active")
    assert row["externalReferenceId"] == opportunity


def test_a_lead_is_disqualified_and_microsoft_is_told_why(stack: Stack) -> None:
    referral_id, lead = received_lead(stack, "qualified-lead")
    stack.crm.disqualify(lead.id, "Timeline too short")
    stack.run("CrmPoller")
    row = until_referral(stack, referral_id, lambda row: row["status"] == "Closed")
    assert (row["substatus"], row["statusReason"]) == ("Declined", "Timeline too short")
    stack.quiet()
    (held,) = stack.crm.leads(referral_id)
    assert held.sync_status.startswith("✔")


def test_a_lead_that_is_declined_in_partner_center_is_disqualified(stack: Stack) -> None:
    referral_id, lead = received_lead(stack)
    assert lead.open
    stack.partner_center.portal.decline(referral_id)
    until(stack, lambda: not stack.crm.leads(referral_id)[0].open)
