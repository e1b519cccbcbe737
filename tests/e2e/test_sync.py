"""Both scenarios, step by step, on the real app: functions, queue, tables, TLS, signatures."""

from decimal import Decimal

from tests.e2e.deals import own_referrals, received_deal, shared_deal, until_record, until_referral
from tools.stage import SOLUTION, Stage, opportunity


def test_a_shared_opportunity_becomes_a_complete_referral(stage: Stage) -> None:
    referral_id, record_id = shared_deal(stage)
    referral = stage.partner_center.referral(referral_id)
    details, customer = referral["details"], referral["customerProfile"]
    assert (referral["name"], referral["type"], referral["status"]) == ("Contoso store analytics", "Shared", "Active")
    assert (details["dealValue"], details["currency"]) == (42000, "GBP")
    assert details["closingDateTime"].startswith("2027-06-30")
    assert [each["id"] for each in details["requirements"]["solutions"]] == [SOLUTION]
    assert (customer["name"], customer["address"]["country"]) == ("Contoso Outdoor & Sons", "GB")
    assert customer["team"][0]["email"] == "olive@contoso.example"
    assert referral["team"][0]["email"] == "sam.seller@partner.example"
    assert referral["externalReferenceId"] == record_id
    microsoft = [row for row in stage.partner_center.referrals() if row["organizationId"] == "msft"]
    invited = next(row for row in microsoft if row["engagementId"] == referral["engagementId"])
    assert invited["inviteContext"]["assistanceRequestCode"] == "CustomerTechnicalArchitecture"


def test_the_seller_sees_where_the_deal_is(stage: Stage) -> None:
    referral_id, record_id = shared_deal(stage)
    row = stage.dataverse.seller.row("opportunity", record_id)
    assert row["cosell_referrallink"] == f"https://partner.microsoft.com/referrals/v2/inbox?id={referral_id}"
    assert str(row["cosell_syncstatus"]).startswith("✔ Synchronized")
    assert "created from the CRM" in str(row["cosell_audit"])
    assert row["cosell_referralvisibility"] is True, "asking Microsoft for help shows the deal to Microsoft"


def test_without_a_wish_for_help_the_deal_stays_private(stage: Stage) -> None:
    referral_id, record_id = shared_deal(stage, cosell_howcanmicrosofthelp=None)
    referral = stage.partner_center.referral(referral_id)
    assert referral["type"] == "Independent"
    assert referral["consent"]["consentToShareReferralWithMicrosoftSellers"] is False
    engagement = [row for row in stage.partner_center.referrals() if row["engagementId"] == referral["engagementId"]]
    assert [row["id"] for row in engagement] == [referral_id]
    assert len(own_referrals(stage, record_id)) == 1


def test_an_invitation_becomes_an_opportunity_on_hold_with_its_account(stage: Stage) -> None:
    referral_id, record_id = received_deal(stage)
    row = stage.dataverse.seller.row("opportunity", record_id)
    account = stage.dataverse.seller.row("account", str(row["customerid"]))
    assert (row["statecode"], row["statuscode"]) == (0, 2)
    assert (row["estimatedvalue"], str(row["estimatedclosedate"])) == (Decimal(42000), "2027-03-31")
    assert row["cosell_syncwithpartnercenter"] is True
    assert row["cosell_products"] == SOLUTION
    assert (account["name"], account["address1_postalcode"]) == ("Northwind Traders", "LS1 4DL")
    assert stage.partner_center.referral(referral_id)["externalReferenceId"] == record_id


def test_two_referrals_of_one_customer_share_its_account(stage: Stage) -> None:
    customer = {"name": "Tailspin & Daughters", "address": {"postalCode": "M1 1AA"}}
    _, first = received_deal(stage, customerProfile=customer)
    _, second = received_deal(stage, customerProfile=customer)
    rows = [stage.dataverse.seller.row("opportunity", record_id) for record_id in (first, second)]
    assert rows[0]["customerid"] == rows[1]["customerid"]


def test_edits_of_different_fields_survive_on_both_sides(stage: Stage) -> None:
    referral_id, record_id = shared_deal(stage)
    stage.dataverse.seller.edit(record_id, estimatedclosedate="2027-12-24")
    stage.partner_center.portal.edit(referral_id, {"/details/notes": "From Partner Center"})
    stage.run("CrmPoller")
    referral = until_referral(
        stage, referral_id, lambda row: row["details"]["closingDateTime"].startswith("2027-12-24")
    )
    record = until_record(stage, record_id, lambda row: row["description"] == "From Partner Center")
    stage.quiet()
    assert referral["details"]["notes"] == "From Partner Center"
    assert str(record["estimatedclosedate"]) == "2027-12-24"


def test_a_conflict_is_decided_by_policy_and_told_with_both_values(stage: Stage) -> None:
    referral_id, record_id = shared_deal(stage)
    stage.dataverse.seller.edit(record_id, estimatedvalue=Decimal(50000))
    stage.partner_center.portal.edit(referral_id, {"/details/dealValue": 60000})
    until_referral(stage, referral_id, lambda row: row["details"]["dealValue"] == 50000)
    record = until_record(stage, record_id, lambda row: "60000 → 50000" in str(row["cosell_audit"]))
    assert record["estimatedvalue"] == Decimal(50000)
    assert "both sides changed; the CRM wins" in str(record["cosell_audit"])


def test_entities_blanks_and_fractions_are_no_change(stage: Stage) -> None:
    stage.partner_center.quirks.html_escaped_names = True
    stage.partner_center.quirks.trailing_blanks = True
    stage.partner_center.quirks.short_fractions = True
    try:
        referral_id, record_id = received_deal(stage, name="Fabrikam & Friends")
        assert stage.dataverse.seller.row("opportunity", record_id)["name"] == "Fabrikam & Friends"
        stage.partner_center.portal.edit(referral_id, {"/details/notes": "Once more"})
        until_record(stage, record_id, lambda row: row["description"] == "Once more")
        audit = str(stage.dataverse.seller.row("opportunity", record_id)["cosell_audit"])
        assert "name:" not in audit, "a spelling was taken for a change"
    finally:
        stage.partner_center.quirks.html_escaped_names = False
        stage.partner_center.quirks.trailing_blanks = False
        stage.partner_center.quirks.short_fractions = False


def test_microsofts_acceptance_brings_its_crm_identifier(stage: Stage) -> None:
    referral_id, record_id = shared_deal(stage)
    engagement = stage.partner_center.referral(referral_id)["engagementId"]
    stage.partner_center.microsoft.accept(engagement, msx_id="7-ABC123")
    until_record(stage, record_id, lambda row: row["cosell_microsoftcrmidentifier"] == "7-ABC123")


def test_declining_and_losing_are_told_apart(stage: Stage) -> None:
    invited, on_hold = received_deal(stage)
    accepted, active = received_deal(stage)
    stage.dataverse.seller.edit(active, statuscode=1)
    stage.run("CrmPoller")
    until_referral(stage, accepted, lambda row: row["status"] == "Active")
    stage.quiet()
    stage.dataverse.seller.lose(on_hold)
    stage.dataverse.seller.lose(active)
    stage.run("CrmPoller")
    assert until_referral(stage, invited, lambda row: row["status"] == "Closed")["substatus"] == "Declined"
    assert until_referral(stage, accepted, lambda row: row["status"] == "Closed")["substatus"] == "Lost"


def test_a_win_in_partner_center_wins_the_opportunity(stage: Stage) -> None:
    referral_id, record_id = shared_deal(stage)
    stage.partner_center.portal.win(referral_id)
    row = until_record(stage, record_id, lambda row: row["statecode"] == 1)
    assert row["statuscode"] == 3


def test_an_opportunity_without_the_flag_is_left_alone(stage: Stage) -> None:
    record_id = opportunity(stage, cosell_syncwithpartnercenter=False)
    stage.run("CrmPoller")
    shared_deal(stage)  # something that certainly went through after it
    assert stage.dataverse.seller.row("opportunity", record_id)["cosell_referralidentifier"] is None
    assert own_referrals(stage, record_id) == []
