"""Both scenarios, step by step, on the real app: functions, queue, tables, TLS, signatures."""

from datetime import date
from decimal import Decimal

from shared.lifecycle import Stage
from tests.e2e.deals import own_referrals, received_deal, shared_deal, until_record, until_referral
from tools.local.stack import Stack
from tools.simulators.sellers.seller import SOLUTION


def test_a_shared_opportunity_becomes_a_complete_referral(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack)
    referral = stack.partner_center.referral(referral_id)
    details, customer = referral["details"], referral["customerProfile"]
    assert (referral["name"], referral["type"], referral["status"]) == ("Contoso store analytics", "Shared", "Active")
    assert (details["dealValue"], details["currency"]) == (42000, "GBP")
    assert details["closingDateTime"].startswith("2027-06-30")
    assert [each["id"] for each in details["requirements"]["solutions"]] == [SOLUTION]
    assert (customer["name"], customer["address"]["country"]) == ("Contoso Outdoor & Sons", "GB")
    assert customer["team"][0]["email"] == "olive@contoso.example"
    assert referral["team"][0]["email"] == "sam.seller@partner.example"
    assert referral["externalReferenceId"] == record_id
    microsoft = [row for row in stack.partner_center.referrals() if row["organizationId"] == "msft"]
    invited = next(row for row in microsoft if row["engagementId"] == referral["engagementId"])
    assert invited["inviteContext"]["assistanceRequestCode"] == "CustomerTechnicalArchitecture"


def test_the_seller_sees_where_the_deal_is(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack)
    deal = stack.crm.deal(record_id)
    assert deal.referral_link == f"https://partner.microsoft.com/referrals/v2/inbox?id={referral_id}"
    assert deal.sync_status.startswith("✔ Synchronized")
    assert "created from the CRM" in deal.audit
    assert deal.visible_to_microsoft is True, "asking Microsoft for help shows the deal to Microsoft"


def test_without_a_wish_for_help_the_deal_stays_private(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack, help="")
    referral = stack.partner_center.referral(referral_id)
    assert referral["type"] == "Independent"
    assert referral["consent"]["consentToShareReferralWithMicrosoftSellers"] is False
    engagement = [row for row in stack.partner_center.referrals() if row["engagementId"] == referral["engagementId"]]
    assert [row["id"] for row in engagement] == [referral_id]
    assert len(own_referrals(stack, record_id)) == 1


def test_an_invitation_becomes_an_opportunity_on_hold_with_its_account(stack: Stack) -> None:
    referral_id, record_id = received_deal(stack)
    deal = stack.crm.deal(record_id)
    account = stack.crm.account(deal.account_id)
    assert deal.stage is Stage.ON_HOLD
    assert (deal.deal_value, deal.closing_date) == (Decimal(42000), date(2027, 3, 31))
    assert deal.sync is True
    assert deal.solutions == (SOLUTION,)
    assert (account.name, account.postal_code) == ("Northwind Traders", "LS1 4DL")
    assert stack.crm.contact_mail(record_id) == "ana@northwind.example"
    assert "owner: the app's own user" in deal.audit
    assert stack.partner_center.referral(referral_id)["externalReferenceId"] == record_id


def test_two_referrals_of_one_customer_share_its_account(stack: Stack) -> None:
    customer = {"name": "Tailspin & Daughters", "address": {"postalCode": "M1 1AA"}}
    _, first = received_deal(stack, customerProfile=customer)
    _, second = received_deal(stack, customerProfile=customer)
    accounts = [stack.crm.deal(record_id).account_id for record_id in (first, second)]
    assert accounts[0] == accounts[1]


def test_edits_of_different_fields_survive_on_both_sides(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack)
    stack.crm.edit(record_id, closing_date=date(2027, 12, 24))
    stack.partner_center.portal.edit(referral_id, {"/details/notes": "From Partner Center"})
    stack.run("CrmPoller")
    referral = until_referral(
        stack, referral_id, lambda row: row["details"]["closingDateTime"].startswith("2027-12-24")
    )
    deal = until_record(stack, record_id, lambda deal: deal.notes == "From Partner Center")
    stack.quiet()
    assert referral["details"]["notes"] == "From Partner Center"
    assert deal.closing_date == date(2027, 12, 24)


def test_a_conflict_is_decided_by_policy_and_told_with_both_values(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack)
    stack.crm.edit(record_id, deal_value=Decimal(50000))
    stack.partner_center.portal.edit(referral_id, {"/details/dealValue": 60000})
    until_referral(stack, referral_id, lambda row: row["details"]["dealValue"] == 50000)
    deal = until_record(stack, record_id, lambda deal: "60000 → 50000" in deal.audit)
    assert deal.deal_value == Decimal(50000)
    assert "both sides changed; the CRM wins" in deal.audit


def test_entities_blanks_and_fractions_are_no_change(stack: Stack) -> None:
    stack.partner_center.quirks.html_escaped_names = True
    stack.partner_center.quirks.trailing_blanks = True
    stack.partner_center.quirks.short_fractions = True
    try:
        referral_id, record_id = received_deal(stack, name="Fabrikam & Friends")
        assert stack.crm.deal(record_id).name == "Fabrikam & Friends"
        stack.partner_center.portal.edit(referral_id, {"/details/notes": "Once more"})
        until_record(stack, record_id, lambda deal: deal.notes == "Once more")
        assert "name:" not in stack.crm.deal(record_id).audit, "a spelling was taken for a change"
    finally:
        stack.partner_center.quirks.html_escaped_names = False
        stack.partner_center.quirks.trailing_blanks = False
        stack.partner_center.quirks.short_fractions = False


def test_microsofts_acceptance_brings_its_crm_identifier(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack)
    engagement = stack.partner_center.referral(referral_id)["engagementId"]
    stack.partner_center.microsoft.accept(engagement, msx_id="7-ABC123")
    until_record(stack, record_id, lambda deal: deal.microsoft_crm_identifier == "7-ABC123")


def test_declining_and_losing_are_told_apart(stack: Stack) -> None:
    invited, on_hold = received_deal(stack)
    accepted, active = received_deal(stack)
    stack.crm.accept(active)
    stack.run("CrmPoller")
    until_referral(stack, accepted, lambda row: row["status"] == "Active")
    stack.quiet()
    stack.crm.lose(on_hold)
    stack.crm.lose(active)
    stack.run("CrmPoller")
    assert until_referral(stack, invited, lambda row: row["status"] == "Closed")["substatus"] == "Declined"
    assert until_referral(stack, accepted, lambda row: row["status"] == "Closed")["substatus"] == "Lost"


def test_a_win_in_partner_center_wins_the_opportunity(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack)
    stack.partner_center.portal.win(referral_id)
    until_record(stack, record_id, lambda deal: deal.stage is Stage.WON)


def test_an_opportunity_without_the_flag_is_left_alone(stack: Stack) -> None:
    record_id = stack.crm.opportunity(sync=False)
    stack.run("CrmPoller")
    shared_deal(stack)  # something that certainly went through after it
    assert stack.crm.deal(record_id).referral_identifier == ""
    assert own_referrals(stack, record_id) == []
