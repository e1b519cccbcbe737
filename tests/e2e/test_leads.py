"""A lead of Microsoft's on the genuine runtime: it arrives, a seller qualifies it, and it goes on as an opportunity."""

from __future__ import annotations

from typing import Any

from tests.e2e.deals import until
from tools.local.stack import Stack


def test_a_lead_is_qualified_and_goes_on_as_an_opportunity(crm: str) -> None:
    with Stack(crms=(crm,)) as stack:
        stack.register()
        portal, simulator = stack.partner_center.portal, stack.crm.simulator  # type: ignore[attr-defined]
        referral_id = str(portal.create_referral("marketplace-lead")["id"])
        table = "lead" if crm == "dynamics365" else "Lead"
        (lead,) = until(stack, lambda: simulator.rows(table))
        assert lead[_identifier(crm)] == referral_id
        assert stack.crm.find(referral_id) == []
        stack.quiet()
        lead_id = str(lead["leadid" if crm == "dynamics365" else "Id"])
        opportunity = _qualify(simulator.seller, crm, lead_id)
        stack.run("CrmPoller")
        deal = until(stack, lambda: _tied(stack, referral_id))
        assert deal.id == opportunity
        assert deal.sync
        until(stack, lambda: stack.partner_center.referral(referral_id)["status"] == "Active")
        assert stack.partner_center.referral(referral_id)["externalReferenceId"] == opportunity


def _identifier(crm: str) -> str:
    return "cosell_referralidentifier" if crm == "dynamics365" else "Referral_Identifier__c"


def _qualify(seller: Any, crm: str, lead_id: str) -> str:
    return str(seller.qualify(lead_id) if crm == "dynamics365" else seller.convert(lead_id))


def _tied(stack: Stack, referral_id: str) -> Any:
    found = stack.crm.find(referral_id)
    return found[0] if found and found[0].sync_status.startswith("✔") else None
