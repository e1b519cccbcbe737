"""The change feeds of opportunities and leads, asked for in one call: the fakes and the real clients alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import pytest

from shared.crm.port import ChangePage, Records
from shared.errors import CursorExpired
from tests.support.fakes.crm import FakeCrm
from tests.support.fakes.leads import FakeLeads
from tests.support.stages.crm import DataverseStage, FakeStage
from tests.support.stages.salesforce import SalesforceStage
from tools.simulators.vendors import Vendors


@dataclass
class Tables:
    """Both tables of one CRM, and what the app asked of it."""

    stage: FakeStage | DataverseStage | SalesforceStage
    opportunities: Records
    leads: Records
    add_lead: Callable[[], str]

    def cursors(self) -> tuple[str, str]:
        """A first pass over both. The currencies are known then, which are asked for once per process."""
        self.stage.add_deal()
        self.add_lead()
        self.stage.pass_time()
        found = [list(each.changes(None))[-1].cursor for each in (self.opportunities, self.leads)]
        assert found[0]
        assert found[1]
        return found[0], found[1]

    def spent(self, act: Callable[[], object]) -> int:
        before = self.stage.requests()
        act()
        return self.stage.requests() - before


def _fake() -> Tables:
    stage = FakeStage()
    assert isinstance(stage.port, FakeCrm)
    leads = FakeLeads(stage.tape, stage.port._clock, Random(1))
    leads.expected, leads.along = stage.port.expected, stage.port.along
    return Tables(stage, stage.port, leads, leads.add_lead)


def _dataverse(vendors: Vendors) -> Tables:
    stage = DataverseStage(vendors)
    columns = {"subject": "Fair", "lastname": "Ruiz", "companyname": "N", "cosell_syncwithpartnercenter": True}
    return Tables(stage, stage.port, _leads(stage), lambda: stage.simulator.seller.create_lead(**columns))


def _salesforce(vendors: Vendors) -> Tables:
    stage = SalesforceStage(vendors)
    columns = {"LastName": "Ruiz", "Company": "N", "Sync_with_Partner_Center__c": True}
    return Tables(stage, stage.port, _leads(stage), lambda: stage.simulator.seller.create_lead(**columns))


def _leads(stage: DataverseStage | SalesforceStage) -> Records:
    task = stage.app.tasks.of(stage.port.name).lead
    assert task
    return task.records


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    with Vendors() as vendors:
        yield vendors


@pytest.fixture(params=["fake", "dynamics365", "salesforce"])
def tables(request: pytest.FixtureRequest, vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> Tables:
    if request.param == "fake":
        return _fake()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    return _dataverse(vendors) if request.param == "dynamics365" else _salesforce(vendors)


def ids(pages: Iterator[ChangePage]) -> tuple[set[str], str]:
    found = list(pages)
    assert found[-1].cursor
    return {record.id for page in found for record in page.records}, found[-1].cursor


def test_what_changed_in_both_is_told_by_one_call(tables: Tables) -> None:
    of_deals, of_leads = tables.cursors()
    tables.stage.pass_time()
    deal, lead = tables.stage.add_deal(), tables.add_lead()
    tables.stage.pass_time()
    found: list[tuple[set[str], str]] = []

    def poll() -> None:
        tables.leads.expect(of_leads)
        found.append(ids(tables.opportunities.changes(of_deals)))
        found.append(ids(tables.leads.changes(of_leads)))

    assert tables.spent(poll) == 1
    (deals, of_deals), (leads, of_leads) = found
    assert (deals, leads) == ({deal}, {lead})
    found.clear()
    assert tables.spent(poll) == 1, "again, with the next cursors"
    assert [changed for changed, _ in found] == [set(), set()]


def test_what_was_answered_along_is_taken_once_and_for_its_cursor_only(tables: Tables) -> None:
    of_deals, of_leads = tables.cursors()
    tables.leads.expect(of_leads)
    ids(tables.opportunities.changes(of_deals))
    ids(tables.leads.changes(of_leads))
    tables.stage.pass_time()
    lead = tables.add_lead()
    tables.stage.pass_time()
    assert ids(tables.leads.changes(of_leads))[0] == {lead}
    tables.leads.expect(of_leads)
    ids(tables.opportunities.changes(of_deals))
    later = tables.add_lead()
    tables.stage.pass_time()
    tables.leads.expect(of_leads)
    assert ids(tables.leads.changes(of_leads))[0] == {lead, later}, "what nobody took is old by the next poll"


def test_a_first_pass_is_asked_for_alone(tables: Tables) -> None:
    of_deals, _ = tables.cursors()
    tables.leads.expect(None)

    def poll() -> None:
        ids(tables.opportunities.changes(of_deals))
        ids(tables.leads.changes(None))

    assert tables.spent(poll) == 2


def test_a_cursor_that_is_none_is_told_when_it_is_followed(tables: Tables) -> None:
    if isinstance(tables.stage, FakeStage):
        return  # Its cursors are numbers.
    of_deals, _ = tables.cursors()
    tables.leads.expect("000000000000 nowhere")
    ids(tables.opportunities.changes(of_deals))
    with pytest.raises(CursorExpired):
        list(tables.leads.changes("000000000000 nowhere"))
