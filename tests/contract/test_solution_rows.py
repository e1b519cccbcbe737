"""Solutions in rows of a table of their own: read along by the clients of both CRMs, at the price that is promised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.crm.dynamics365.with_rows import WithSolutionRows as InDynamics
from shared.crm.port import Record, Records
from shared.crm.salesforce.with_rows import WithSolutionRows as InSalesforceOrg
from shared.crm.solution_rows import MOST
from shared.crm.together import Together
from shared.errors import CursorExpired, GoneError
from shared.mapping.check.lint_live import check_against_live_tables
from shared.mapping.field_map import FieldMap
from shared.mapping.loading import load_mapping
from tests.support.solution_rows import InDataverse, InSalesforce, Table, mapping
from tests.support.stages.crm import DataverseStage
from tests.support.stages.salesforce import SalesforceStage
from tools.simulators.vendors import Vendors

FIRST, SECOND = "SOL-20311-QXT", "SOL-40771-ABC"


@dataclass
class Here:
    """One CRM with its table of solutions."""

    stage: DataverseStage | SalesforceStage
    table: Table
    field_map: FieldMap
    port: Records

    def columns(self, record_id: str) -> dict[str, object]:
        return dict(self.port.read(record_id).columns)

    def solutions(self, record_id: str) -> object:
        fields, _ = self.field_map.read_record(self.port.read(record_id).columns)
        return fields["solutions"]


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    with Vendors() as vendors:
        yield vendors


@pytest.fixture(params=["dynamics365", "salesforce"])
def here(request: pytest.FixtureRequest, vendors: Vendors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    field_map = mapping(request.param, tmp_path)
    if request.param == "dynamics365":
        stage = DataverseStage(vendors)
        port: Records = InDynamics(stage.port._api, field_map, stage.clock, Together(stage.clock))  # type: ignore[attr-defined]
        return Here(stage, InDataverse(stage.simulator), field_map, port)
    org = SalesforceStage(vendors)
    own = org.port
    port = InSalesforceOrg(own._api, field_map, org.clock, own._creation.turns, None, Together(org.clock))  # type: ignore[attr-defined]
    return Here(org, InSalesforce(org.simulator), field_map, port)


def shared(here: Here) -> str:
    return here.stage.add_deal(sync=True)


def test_a_record_is_read_with_its_rows_in_one_call(here: Here) -> None:
    record_id = shared(here)
    here.port.read(record_id)  # What the table is called in addresses is asked for once.
    here.table.add(record_id, SECOND, "Stock View")
    here.table.add(record_id, FIRST, "Insight Hub")
    before = here.stage.requests()
    columns = here.columns(record_id)
    assert here.stage.requests() - before == 1
    column = here.field_map.rows["solutions"].pair.column
    assert columns[column] == f"{FIRST}, {SECOND}"
    assert columns[f"{column}.names"] == {FIRST: "Insight Hub", SECOND: "Stock View"}
    assert here.solutions(record_id) == (FIRST, SECOND)


def test_rows_come_and_go(here: Here) -> None:
    record_id, other = shared(here), shared(here)
    assert here.solutions(record_id) == ()
    row = here.table.add(record_id, FIRST, "Insight Hub")
    here.table.add(other, SECOND, "Stock View")
    assert (here.solutions(record_id), here.solutions(other)) == ((FIRST,), (SECOND,))
    here.table.remove(row)
    assert here.solutions(record_id) == ()


def test_the_change_feed_brings_them_for_what_is_shared(here: Here) -> None:
    record_id, apart = shared(here), here.stage.add_deal(sync=False)
    here.table.add(record_id, FIRST, "Insight Hub")
    here.table.add(apart, SECOND, "Stock View")
    found = {each.id: each for page in here.port.changes(None) for each in page.records}
    column = here.field_map.rows["solutions"].pair.column
    assert found[record_id].columns[column] == FIRST
    assert found[record_id].version == here.port.read(record_id).version
    assert apart not in found or column not in found[apart].columns


def test_many_changes_are_asked_for_together(here: Here) -> None:
    ids = [shared(here) for _ in range(3)]
    for each in ids:
        here.table.add(each, FIRST, "Insight Hub")
    list(here.port.changes(None))
    plain, asked = here.stage.port, here.stage.requests()
    pages = len(list(plain.changes(None)))
    alone = here.stage.requests() - asked
    asked = here.stage.requests()
    records = [each for page in here.port.changes(None) for each in page.records]
    assert {each.id for each in records} == set(ids)
    assert here.stage.requests() - asked <= alone + pages + 1, "one more: which rows changed by themselves"
    assert len(ids) < MOST


def passes(here: Here, cursor: str | None) -> tuple[list[Record], str | None]:
    pages = list(here.port.changes(cursor))
    return [each for page in pages for each in page.records], pages[-1].cursor


def test_a_row_that_is_added_by_itself_is_told_once(here: Here) -> None:
    record_id, apart = shared(here), here.stage.add_deal(sync=False)
    here.table.add(record_id, FIRST, "Insight Hub")
    _, cursor = passes(here, None)
    here.stage.pass_time()
    assert passes(here, cursor)[0] == []
    here.table.add(record_id, SECOND, "Stock View")
    here.table.add(apart, SECOND, "Stock View")
    here.port.expect(cursor)
    found, following = passes(here, cursor)
    told = {each.id: each for each in found}
    assert told[record_id].version is None, "the record itself is as it was"
    assert told[record_id].columns[here.field_map.rows["solutions"].pair.column] == f"{FIRST}, {SECOND}"
    here.stage.pass_time()
    again, _ = passes(here, following)
    assert again == []


def test_the_first_row_of_all_is_told(here: Here) -> None:
    record_id = shared(here)
    _, cursor = passes(here, None)
    here.stage.pass_time()
    here.table.add(record_id, FIRST, "Insight Hub")
    found, _ = passes(here, cursor)
    assert [each.id for each in found] == [record_id]


def test_a_row_that_is_taken_away_is_told_where_the_crm_keeps_what_was_deleted(here: Here) -> None:
    record_id = shared(here)
    row = here.table.add(record_id, FIRST, "Insight Hub")
    _, cursor = passes(here, None)
    here.stage.pass_time()
    here.table.remove(row)
    found, _ = passes(here, cursor)
    assert [each.id for each in found] == ([record_id] if here.port.name == "salesforce" else [])


def test_a_cursor_of_before_there_were_rows_goes_on(here: Here) -> None:
    record_id = shared(here)
    _, plain = [*here.stage.port.changes(None)][-1].records, [*here.stage.port.changes(None)][-1].cursor
    here.stage.pass_time()
    try:
        found, cursor = passes(here, plain)
    except CursorExpired:  # Dataverse's link is made for other columns: everything is read once.
        found, cursor = passes(here, None)
    assert {each.id for each in found} <= {record_id}
    assert cursor


def test_who_carries_an_identifier_is_found_with_rows(here: Here) -> None:
    referral_id = "0f6f6a2e-50f7-4a39-9a6c-6f0c6f6d5a11"
    record_id = here.stage.add_deal(sync=True, identifier=referral_id)
    here.table.add(record_id, FIRST, "Insight Hub")
    found = here.port.find(referral_id)
    assert found
    assert found.columns[here.field_map.rows["solutions"].pair.column] == FIRST


def test_a_record_that_is_gone_is_gone(here: Here) -> None:
    with pytest.raises(GoneError):
        here.port.read(here.stage.nobody())
    with pytest.raises(GoneError):
        here.port.read("nonsense")


def test_the_table_is_held_against_the_mapping(here: Here, tmp_path: Path) -> None:
    described = here.port.describe()
    file = here.field_map.file
    assert [each for each in check_against_live_tables(file, described) if "rows" in each.place] == []
    crm = here.port.name
    text = (tmp_path / f"{crm}.yaml").read_text("utf-8")
    wrong = {"dynamics365": "msps_opportunity", "salesforce": "Deal__c"}[crm]
    right = {"dynamics365": "record: msps_opportunityid", "salesforce": "record: Opportunity__c"}[crm]
    (tmp_path / f"{crm}.yaml").write_text(text.replace(right, f"record: {wrong}"), "utf-8")
    changed = load_mapping(crm, tmp_path).file
    (found,) = [each for each in check_against_live_tables(changed, described) if "rows" in each.place]
    assert f"has no column {wrong}" in found.what
