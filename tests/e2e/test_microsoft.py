"""Microsoft's half, on the real app: its answer reaches the record, and help chosen later invites it, once."""

from tests.e2e.deals import shared_deal, until_record
from tools.local.stack import Stack

HELP = "CustomerTechnicalArchitecture"


def _engagement(stack: Stack, referral_id: str) -> str:
    return str(stack.partner_center.referral(referral_id)["engagementId"])


def _invitations(stack: Stack, referral_id: str) -> list[dict[str, object]]:
    engagement = _engagement(stack, referral_id)
    rows = [row for row in stack.partner_center.referrals() if row["engagementId"] == engagement]
    return [row["inviteContext"] for row in rows if row["organizationId"] == "msft"]


def test_microsofts_seller_and_its_refusal_appear_on_the_record(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack)
    assert stack.crm.deal(record_id).microsoft_status == "Invited"
    engagement = _engagement(stack, referral_id)
    stack.partner_center.microsoft.add_seller(engagement, first_name="Ines", last_name="Field")
    seller = "Field, Ines <ines.field@microsoft.example> +14255550100"
    until_record(stack, record_id, lambda deal: deal.microsoft_team == seller)
    stack.partner_center.microsoft.decline(engagement, "No seller for the account")
    declined = "Declined (No seller for the account)"
    deal = until_record(stack, record_id, lambda deal: deal.microsoft_status == declined)
    assert deal.sync_status.startswith("✔")
    assert "status: Invited → Declined (No seller for the account)" in deal.audit


def test_help_chosen_later_invites_microsoft_once(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack, help="")
    assert _invitations(stack, referral_id) == []
    stack.crm.edit(record_id, help=HELP, notes_for_microsoft="An architect, please.")
    stack.run("CrmPoller")
    deal = until_record(stack, record_id, lambda deal: deal.microsoft_status == "Invited")
    stack.quiet()
    (invited,) = _invitations(stack, referral_id)
    assert (invited["assistanceRequestCode"], invited["notes"]) == (HELP, "An architect, please.")
    assert (deal.visible_to_microsoft, deal.help) == (True, HELP)
    own = stack.partner_center.referral(referral_id)
    assert own["consent"]["consentToShareReferralWithMicrosoftSellers"] is True
    stack.crm.edit(record_id, help="QuotesOrLicensing")
    stack.run("CrmPoller")
    until_record(stack, record_id, lambda deal: deal.help == HELP)
    assert len(_invitations(stack, referral_id)) == 1


def test_a_colleagues_invitation_reaches_the_record(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack, help="")
    stack.partner_center.portal.ask_microsoft(referral_id, HELP)
    deal = until_record(stack, record_id, lambda deal: deal.help == HELP)
    assert (deal.microsoft_status, deal.visible_to_microsoft) == ("Invited", True)
    assert len(_invitations(stack, referral_id)) == 1
