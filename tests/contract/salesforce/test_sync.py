"""The sync engine on the real client and a simulated org: both scenarios, and what they cost (design, section 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.link import LinkState
from tests.support.fakes.world import World as Engine
from tests.support.stages.crm import CrmRow
from tests.support.stages.salesforce import SalesforceStage
from tools.simulators.vendors import Vendors

VALUE = "/details/dealValue"
READ, PATCH = "partner_center.read", "partner_center.update"
ENGAGEMENT = "partner_center.engagement"
POLL = r"/queryAll/"


class Desk:
    """An engine between a fake Partner Center and a simulated org."""

    def __init__(self, vendors: Vendors, **stage: bool | str) -> None:
        self.stage = SalesforceStage(vendors, **stage)  # type: ignore[arg-type]
        self.engine = Engine()
        self.partner_center = self.engine.partner_center
        self.engine.connect(self.stage.port, self.stage.app.tasks.of("salesforce").field_map)
        self.engine.settle()  # The first pass reads everything; later ones follow the cursor.

    def settle(self) -> None:
        self.pass_time()
        self.engine.settle()
        self.pass_time()

    def pass_time(self) -> None:
        self.stage.pass_time()
        self.engine.clock.advance(timedelta(minutes=1))

    def cost(self, action: Callable[[], object]) -> Counter[str]:
        """Return the calls that an action leads to, its echoes included, polls left out."""
        self.settle()
        start, log = self.engine.mark(), self.stage.server.log
        asked, polled = log.count(), log.count(path=POLL)
        action()
        self.settle()
        crm = (log.count() - asked) - (log.count(path=POLL) - polled)
        return Counter({**self.engine.calls(start), "salesforce": crm})

    def record(self) -> CrmRow:
        (row,) = self.stage.simulator.rows("Opportunity")
        return row

    def shared(self) -> tuple[str, str]:
        """A deal that a seller has shared; returns its referral's and its record's id."""
        record_id = self.stage.add_deal()
        self.settle()
        link = self.engine.link_of_record(record_id)
        assert link is not None
        return link.referral_id, record_id


@pytest.fixture
def desk(vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    return Desk(vendors)


# --- the two scenarios -----------------------------------------------------------------------------------------------


def test_a_seller_shares_a_deal(desk: Desk) -> None:
    referral_id, record_id = desk.shared()
    row = desk.record()
    assert row["Referral_Identifier__c"] == referral_id
    assert str(row["Referral_Link__c"]).endswith(referral_id)
    assert str(row["Sync_Status__c"]).startswith("✔")
    assert "created from the CRM" in str(row["Audit__c"])
    (ours,) = desk.partner_center.ours()
    assert (ours["name"], ours["externalReferenceId"]) == ("Contoso store analytics", record_id)
    assert ours["details"]["dealValue"] == 42000
    assert ours["customerProfile"]["address"]["city"] == "Bristol"
    assert ours["team"][0]["phoneNumber"] == "+14255550101"
    desk.stage.edit(record_id, value=50_000, notes="They want it sooner.")
    desk.settle()
    (ours,) = desk.partner_center.ours()
    assert (ours["details"]["dealValue"], ours["details"]["notes"]) == (50_000, "They want it sooner.")


def test_microsoft_invites_us(desk: Desk) -> None:
    referral_id = desk.partner_center.invites_us()
    desk.settle()
    row = desk.record()
    assert (row["Name"], row["StageName"]) == ("Northwind analytics rollout", "Prospecting")
    assert (row["CurrencyIsoCode"], str(row["CloseDate"])) == ("GBP", "2027-03-31")
    assert row["Sync_with_Partner_Center__c"] is True
    account = next(each for each in desk.stage.simulator.rows("Account") if each["Id"] == row["AccountId"])
    assert (account["Name"], account["BillingCountry"]) == ("Northwind Traders", "United Kingdom")
    assert desk.partner_center.rows[referral_id]["externalReferenceId"] == row["Id"]
    desk.stage.edit(str(row["Id"]), StageName="Needs Analysis")
    desk.settle()
    assert desk.partner_center.rows[referral_id]["substatus"] == "Accepted"
    desk.partner_center.edit(referral_id, {VALUE: 7})
    desk.settle()
    assert desk.record()["Amount"] == 7


@pytest.mark.parametrize(("substatus", "stage"), [("Won", "Closed Won"), ("Lost", "Closed Lost")])
def test_a_close_travels_both_ways(desk: Desk, substatus: str, stage: str) -> None:
    referral_id, record_id = desk.shared()
    desk.partner_center.close(referral_id, substatus)
    desk.settle()
    assert desk.record()["StageName"] == stage
    desk.stage.delete(record_id)
    referral_id, record_id = desk.shared()
    desk.stage.edit(record_id, StageName=stage)
    desk.settle()
    row = desk.partner_center.rows[referral_id]
    assert (row["status"], row["substatus"]) == ("Closed", substatus)


def test_edits_of_both_sides_survive(desk: Desk) -> None:
    referral_id, record_id = desk.shared()
    desk.partner_center.edit(referral_id, {VALUE: 1})
    desk.stage.edit(record_id, notes="the seller's")
    desk.settle()
    assert (desk.record()["Amount"], desk.record()["Description"]) == (1, "the seller's")
    assert desk.partner_center.rows[referral_id]["details"]["notes"] == "the seller's"


def test_an_edit_in_the_second_of_our_own_write_survives(desk: Desk) -> None:
    referral_id, record_id = desk.shared()
    desk.partner_center.edit(referral_id, {VALUE: 1})
    desk.engine.receive_all()
    desk.engine.pump()
    desk.stage.edit(record_id, value=2)  # with the stamp of the write just before
    desk.settle()
    assert desk.record()["Amount"] == desk.partner_center.rows[referral_id]["details"]["dealValue"] == 2


def test_a_deleted_record_orphans_its_link(desk: Desk) -> None:
    referral_id, record_id = desk.shared()
    desk.stage.delete(record_id)
    desk.settle()
    assert desk.engine.link().state is LinkState.ORPHANED
    assert referral_id in desk.partner_center.rows


def test_an_org_with_one_currency(vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    desk = Desk(vendors, multi_currency=False, SALESFORCE_CURRENCY="GBP")
    desk.partner_center.invites_us()
    desk.settle()
    assert desk.record()["Amount"] == 42000
    desk.partner_center.invites_us(**{"details/currency": "USD", "externalReferenceId": None})
    desk.settle()
    (parked,) = desk.engine.parked("salesforce")
    assert "this Salesforce organization knows GBP only, not USD" in parked.reason


# --- what it costs ---------------------------------------------------------------------------------------------------


def test_inbound_update(desk: Desk) -> None:
    referral_id, _ = desk.shared()
    spent = desk.cost(lambda: desk.partner_center.edit(referral_id, {VALUE: 1}))
    assert spent == {READ: 1, "salesforce": 1}


def test_inbound_create_even_with_a_new_account(desk: Desk) -> None:
    creation = {READ: 1, "salesforce": 2, PATCH: 1}
    first = desk.cost(desk.partner_center.registers)
    assert first == creation, "the referral's team is looked for along with the account"
    assert desk.cost(desk.partner_center.registers) == creation
    assert desk.cost(desk.partner_center.invites_us) == {**creation, ENGAGEMENT: 1}, "Microsoft's half is read along"


def test_outbound_update(desk: Desk) -> None:
    _, record_id = desk.shared()
    spent = desk.cost(lambda: desk.stage.edit(record_id, value=2))
    assert spent == {PATCH: 1, "salesforce": 1}


def test_outbound_create(desk: Desk) -> None:
    spent = desk.cost(desk.stage.add_deal)
    assert spent == {"partner_center.create": 1, "salesforce": 2}


def test_idle_polls_are_one_call_each_and_deliver_nothing_again(desk: Desk) -> None:
    for _ in range(3):
        desk.shared()
    asked = desk.stage.server.log.count()
    for _ in range(5):
        desk.pass_time()
        desk.engine.poll()
        assert desk.engine.queue.messages == []
    assert desk.stage.server.log.count() - asked == 5
