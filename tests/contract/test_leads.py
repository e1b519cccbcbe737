"""The tables of leads: the real clients against the simulators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pytest

from shared.crm.around import Around, Found
from shared.crm.dynamics365.records import Dynamics365
from shared.crm.port import Record, Records, StageChange
from shared.crm.salesforce.records import Salesforce
from shared.errors import AlreadyExists, DataError, GoneError, VersionMismatch
from shared.ledger.memory import MemoryLedger
from shared.ledger.turns import LedgerTurns
from shared.lifecycle import Stage
from shared.mapping.check.lint import lint_leads
from shared.mapping.field_map import FieldMap
from shared.mapping.loading import load_mapping, positions
from shared.mapping.owners import Assignee, OwnerKind
from tests.support.stages.crm import DataverseStage
from tests.support.stages.salesforce import SalesforceStage
from tools.simulators.salesforce.seeding import add_queue
from tools.simulators.vendors import Vendors

REFERRAL = "0f6f6a2e-50f7-4a39-9a6c-6f0c6f6d5a11"


class LeadStage(Protocol):
    """Leads, and the people who work with them."""

    records: Records
    field_map: FieldMap

    def pass_time(self) -> None: ...

    def qualify(self, lead_id: str, *, opportunity: bool = True) -> str: ...

    def delete(self, lead_id: str) -> None: ...


@dataclass
class DynamicsLeads:
    """Leads of Dynamics 365."""

    stage: DataverseStage

    def __post_init__(self) -> None:
        assert isinstance(self.stage.port, Dynamics365)
        self.field_map = _of_leads("dynamics365")
        self.records: Records = Dynamics365(self.stage.port._api, self.field_map, self.stage.clock)

    def pass_time(self) -> None:
        self.stage.pass_time()

    def qualify(self, lead_id: str, *, opportunity: bool = True) -> str:
        return self.stage.simulator.seller.qualify(lead_id, opportunity=opportunity)

    def delete(self, lead_id: str) -> None:
        self.stage.simulator.seller.delete(lead_id, table="lead")


@dataclass
class SalesforceLeads:
    """Leads of Salesforce."""

    stage: SalesforceStage

    def __post_init__(self) -> None:
        assert isinstance(self.stage.port, Salesforce)
        self.field_map = _of_leads("salesforce")
        turns = LedgerTurns(MemoryLedger().drawers, self.stage.clock)
        self.records: Records = Salesforce(self.stage.port._api, self.field_map, self.stage.clock, turns)

    def pass_time(self) -> None:
        self.stage.pass_time()

    def qualify(self, lead_id: str, *, opportunity: bool = True) -> str:
        return self.stage.simulator.seller.convert(lead_id, opportunity=opportunity)

    def delete(self, lead_id: str) -> None:
        self.stage.simulator.seller.delete(lead_id)


def _of_leads(crm: str) -> FieldMap:
    found = load_mapping(crm).lead
    assert found
    return found


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    with Vendors() as vendors:
        yield vendors


@pytest.fixture(params=["dynamics365", "salesforce"])
def leads(request: pytest.FixtureRequest, vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> LeadStage:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    if request.param == "dynamics365":
        return DynamicsLeads(DataverseStage(vendors))
    return SalesforceLeads(SalesforceStage(vendors))


def made(leads: LeadStage, referral_id: str = REFERRAL) -> Record:
    """A lead as the app makes one."""
    field_map = leads.field_map
    columns = {
        **field_map.record_values(
            {"company": "Northwind Traders", "last_name": "Ruiz", "email": "ana@northwind.example"}
        ),
        **({"subject": "Northwind"} if field_map.table == "lead" else {}),
        **field_map.status_columns(Stage.ON_HOLD),
        field_map.columns.sync: True,
    }
    around = Around(None)
    found: Found = leads.records.look_around(referral_id, around)
    return leads.records.create(referral_id, columns, around, found)


def stage_of(leads: LeadStage, record: Record) -> Stage:
    return leads.field_map.record_stage(record.columns)


def test_a_lead_is_made_once_and_hangs_on_no_account(leads: LeadStage) -> None:
    record = made(leads)
    assert record.columns[leads.field_map.columns.referral_identifier] == REFERRAL
    assert stage_of(leads, record) is Stage.ON_HOLD
    assert leads.records.owns(record.id)
    leads.pass_time()
    again = leads.records.find(REFERRAL)
    assert again
    assert (again.id, leads.records.read(record.id).columns) == (record.id, record.columns)
    with pytest.raises(AlreadyExists):
        made(leads)


def test_a_lead_is_disqualified_in_one_guarded_write_with_its_other_columns(leads: LeadStage) -> None:
    record = made(leads)
    leads.pass_time()
    columns = leads.field_map.record_values({"company": "Renamed"})
    change = StageChange(Stage.ON_HOLD, Stage.LOST, leads.field_map.status_columns(Stage.LOST))
    written = leads.records.update(record, columns, change)
    assert stage_of(leads, written) is Stage.LOST
    assert leads.field_map.read_record(written.columns)[0]["company"] == "Renamed"
    leads.pass_time()
    with pytest.raises(VersionMismatch):
        leads.records.update(record, columns)


def test_a_qualified_lead_names_its_opportunity(leads: LeadStage) -> None:
    with_one, without = made(leads), made(leads, REFERRAL.replace("0f", "1f", 1))
    opportunity = leads.qualify(with_one.id)
    leads.qualify(without.id, opportunity=False)
    leads.pass_time()
    assert leads.records.qualified_to(with_one.id) == opportunity
    assert leads.records.qualified_to(without.id) is None
    assert stage_of(leads, leads.records.read(with_one.id)) is Stage.WON


def test_the_change_feed_tells_of_leads_that_are_qualified_and_deleted(leads: LeadStage) -> None:
    first, second = made(leads), made(leads, REFERRAL.replace("0f", "2f", 1))
    leads.pass_time()
    *_, page = leads.records.changes(None)
    leads.pass_time()
    leads.qualify(first.id)
    leads.delete(second.id)
    leads.pass_time()
    pages = list(leads.records.changes(page.cursor))
    changed = {record.id: stage_of(leads, record) for each in pages for record in each.records}
    assert changed.get(first.id) is Stage.WON
    assert second.id in {gone for each in pages for gone in each.deleted_ids}


def test_a_lead_of_nobody_is_gone(leads: LeadStage) -> None:
    record = made(leads)
    leads.delete(record.id)
    leads.pass_time()
    with pytest.raises(GoneError):
        leads.records.read(record.id)
    assert leads.records.find(REFERRAL) is None


def test_a_queue_owns_a_new_lead_of_salesforce(vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    stage = SalesforceStage(vendors)
    leads = SalesforceLeads(stage)
    queue = add_queue(stage.simulator.org, "Inbound leads")
    add_queue(stage.simulator.org, "Inbound cases", "Case")
    stage.pass_time()
    wanted = tuple(Assignee(OwnerKind.QUEUE, name) for name in ("Inbound cases", "inbound leads"))
    found = leads.records.look_around(REFERRAL, Around(None, owners=wanted))
    assert (found.owner and found.owner.id) == queue
    columns = leads.field_map.record_values({"company": "Northwind", "last_name": "Ruiz"})
    columns |= leads.field_map.status_columns(Stage.ON_HOLD)
    record = leads.records.create(REFERRAL, columns, Around(None, owners=wanted), found)
    assert record.columns["OwnerId"] == queue
    assert leads.records.person(queue) is None


def test_salesforce_refuses_to_write_a_converted_lead(vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    leads = SalesforceLeads(SalesforceStage(vendors))
    record = made(leads)
    leads.qualify(record.id)
    leads.pass_time()
    with pytest.raises(DataError, match="converted"):
        leads.records.update(leads.records.read(record.id), {leads.field_map.columns.status: "news"})


def test_the_built_in_section_fits_the_tables_of_the_vendors(leads: LeadStage) -> None:
    crm = leads.records.name
    file = load_mapping(crm).file
    found = lint_leads(file, positions(crm), leads.records.describe())
    assert [str(each) for each in found if each.severity == "error"] == []
