"""People and customers on the real app: owners, accounts spelled otherwise, and deals that are there already."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import requests
from azure.data.tables import TableClient

from shared.ledger.drawers import moment
from shared.ledger.table_ledger import TABLE, TableLedger
from tests.e2e.deals import (
    opportunity_of,
    own_referrals,
    received_deal,
    shared_deal,
    until,
    until_record,
    until_referral,
)
from tools.local.stack import Calls, Stack
from tools.simulators.dataverse.rows import Reference
from tools.simulators.salesforce.seeding import add_user
from tools.simulators.sellers.salesforce import SalesforceSeller
from tools.simulators.sellers.seller import Seller

KIM = "kim.ray@partner.example"


def new_colleague(crm: Seller) -> str:
    """An administrator adds a user; returns the id."""
    if isinstance(crm, SalesforceSeller):
        kim = add_user(crm.simulator.org, KIM, "Kim", "Ray")
        crm.simulator.seller.edit(kim, table="User", MobilePhone="+14255550102")
        return kim
    person = {"firstname": "Kim", "lastname": "Ray", "fullname": "Kim Ray", "mobilephone": "+14255550102"}
    environment = crm.simulator.environment  # type: ignore[attr-defined]
    return str(environment.seed("systemuser", {**person, "internalemailaddress": KIM, "isdisabled": False}))


def new_account(crm: Seller, name: str, code: str) -> str:
    """A seller enters a customer; returns the id."""
    if isinstance(crm, SalesforceSeller):
        return crm.simulator.seller.create_account(Name=name, BillingPostalCode=code)
    return str(crm.simulator.seller.create_account(name=name, address1_postalcode=code))  # type: ignore[attr-defined]


def customer(name: str, code: str) -> dict[str, object]:
    return {"name": name, "address": {"addressLine1": "1 Quay", "city": "Leeds", "postalCode": code, "country": "GB"}}


def order(stack: Stack, **body: str) -> None:
    answer = requests.post(stack.url_of("StatusPage"), json=body, headers={"Accept": "application/json"}, timeout=30)
    assert answer.status_code == 202, answer.text


def invited(stack: Stack, name: str) -> str:
    """Microsoft invites us to a deal with the customer that the seller's opportunities have; returns its id."""
    theirs = customer("Contoso Outdoor & Sons", "BS1 3AE")
    return str(stack.partner_center.portal.create_referral(name=name, customerProfile=theirs)["id"])


def parked_problems(stack: Stack, referral_id: str) -> list[str]:
    answer = requests.get(stack.url_of("StatusPage"), headers={"Accept": "application/json"}, timeout=30).json()
    return [each["code"] for row in answer["parked"] if row["referral_id"] == referral_id for each in row["problems"]]


def test_a_new_owner_takes_the_former_ones_place_on_our_team(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack, help="")
    kim, seller = new_colleague(stack.crm), stack.crm.simulator.seller  # type: ignore[attr-defined]
    seller.edit(record_id, **{"OwnerId" if stack.crm.name == "salesforce" else "ownerid": kim})
    stack.run("CrmPoller")
    row = until_referral(stack, referral_id, lambda row: row["team"][0]["email"] == KIM)
    assert [each["email"] for each in row["team"]] == [KIM]
    assert KIM in until_record(stack, record_id, lambda deal: KIM in deal.audit).audit


def test_an_account_that_is_not_alike_enough_is_named_beside_the_new_one(stack: Stack) -> None:
    near = new_account(stack.crm, "Litware Group", "LS9 9ZZ")
    _, record_id = received_deal(stack, customerProfile=customer("Litware Groups", "LS9 9ZZ"))
    deal = stack.crm.deal(record_id)
    assert deal.account_id != near
    assert stack.crm.account(deal.account_id).name == "Litware Groups"
    assert f"a new account; Litware Group ({near}) may be the same customer (score 80)" in deal.audit


def test_an_account_that_is_alike_enough_is_the_customers(stack: Stack) -> None:
    same = new_account(stack.crm, "Adatum Corp.", "LS2 7EW")
    _, record_id = received_deal(stack, customerProfile=customer("ADATUM Corporation", "ls27ew"))
    assert stack.crm.deal(record_id).account_id == same
    assert "account Adatum Corp., which is spelled otherwise (score 100)" in stack.crm.deal(record_id).audit


def test_a_first_inbound_create_looks_for_account_and_people_in_one_call(stack: Stack) -> None:
    received_deal(stack)  # so that tokens and currencies are known
    team = [{"firstName": "New", "lastName": "Face", "email": "new.face@partner.example", "phoneNumber": "+4420"}]
    before = stack.calls()
    referral_id = stack.partner_center.portal.create_referral("own", team=team)["id"]
    until(stack, lambda: opportunity_of(stack, referral_id))
    stack.quiet()
    assert stack.calls() - before == Calls(partner_center=2, crm=2, polls=0)


def test_an_invitation_that_looks_like_an_open_deal_waits_and_is_linked_with_it(stack: Stack) -> None:
    record_id = stack.crm.opportunity(sync=False, name="Contoso kiosks", deal_value=Decimal(9100))
    referral_id = invited(stack, "Contoso Kiosks")
    until(stack, lambda: parked_problems(stack, referral_id) == ["deal.looks_alike"])
    assert stack.crm.find(referral_id) == []
    stack.crm.edit(record_id, sync=True, contact=False)
    order(stack, action="link", deal=referral_id, record=record_id)
    until_record(stack, record_id, lambda deal: deal.referral_identifier == referral_id)
    stack.quiet()
    assert len(own_referrals(stack, record_id)) == 1
    assert parked_problems(stack, referral_id) == []


def test_an_invitation_that_only_looks_like_an_open_deal_becomes_a_record_of_its_own(stack: Stack) -> None:
    record_id = stack.crm.opportunity(sync=False, name="Contoso shelves", deal_value=Decimal(9200))
    referral_id = invited(stack, "Contoso shelves")
    until(stack, lambda: parked_problems(stack, referral_id) == ["deal.looks_alike"])
    order(stack, action="create", deal=referral_id)
    deal = until(stack, lambda: opportunity_of(stack, referral_id))
    stack.quiet()
    assert deal.id != record_id
    assert stack.crm.deal(record_id).referral_identifier == ""
    assert parked_problems(stack, referral_id) == []


def test_the_sales_team_and_everybody_of_the_customers_are_on_the_referral(
    crm: str, storage: str, tmp_path: Path
) -> None:
    text = "overlay: true\nversion: everybody\nour_team: sales_team\ncustomer_team: all\n"
    (tmp_path / f"{crm}.yaml").write_text(text, encoding="utf-8")
    with Stack(crms=(crm,), storage=storage, settings={"MAPPING_DIR": str(tmp_path)}) as stack:
        stack.register()
        record_id = stack.crm.opportunity(sync=False)
        kim = new_colleague(stack.crm)
        people = stack.crm.simulator.seller  # type: ignore[attr-defined]
        if isinstance(stack.crm, SalesforceSeller):
            ana = people.create_contact(FirstName="Ana", LastName="Ruiz", Email="ana@contoso.example", Phone="+44113")
            people.create("OpportunityTeamMember", OpportunityId=record_id, UserId=kim)
            people.create("OpportunityContactRole", OpportunityId=record_id, ContactId=ana)
        else:
            named = {"firstname": "Ana", "lastname": "Ruiz", "emailaddress1": "ana@contoso.example"}
            ana = people.create_contact(**named, telephone1="+44113")
            ends = (Reference("systemuser", kim), Reference("contact", ana))
            for end in ends:
                tie = {"record1id": Reference("opportunity", record_id), "record2id": end, "statecode": 0}
                stack.crm.simulator.environment.seed("connection", tie)  # type: ignore[attr-defined]
        stack.crm.edit(record_id, sync=True)
        stack.run("CrmPoller")
        referral_id = until_record(stack, record_id, lambda deal: deal.referral_identifier).referral_identifier
        stack.quiet()
        row = stack.partner_center.referral(referral_id)
        assert [each["email"] for each in row["team"]] == ["sam.seller@partner.example", KIM]
        theirs = [each["email"] for each in row["customerProfile"]["team"]]
        assert theirs == ["olive@contoso.example", "ana@contoso.example"]


def test_a_renamed_account_is_noticed_and_kept(crm: str, storage: str) -> None:
    """The Reconciler asks once an hour; here its memory of the last time is an hour older."""
    with Stack(crms=(crm,), storage=storage) as stack:
        stack.register()
        _, record_id = shared_deal(stack)
        account, people = stack.crm.deal(record_id).account_id, stack.crm.simulator.seller  # type: ignore[attr-defined]
        salesforce = isinstance(stack.crm, SalesforceSeller)
        if salesforce:
            people.edit(account, table="Account", Name="Contoso Two")
        else:
            people.edit(account, table="account", name="Contoso Two")
        drawer, two_hours_ago = moment("customers", crm), datetime.now(UTC) - timedelta(hours=2)
        with TableClient.from_connection_string(stack.settings()["AzureWebJobsStorage"], TABLE) as table:
            drawers = TableLedger(table).drawers
            drawers.replace(drawer, two_hours_ago, drawers.read(drawer))
        stack.run("Reconciler")
        deal = until_record(stack, record_id, lambda deal: "kept" in deal.sync_status)
        assert deal.sync_status.endswith("kept: customer name")
        assert "Contoso Outdoor & Sons / Contoso Two" in deal.audit
