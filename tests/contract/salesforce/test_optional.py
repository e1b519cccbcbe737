"""An org that was set up before the fields of Microsoft's half were known."""

from __future__ import annotations

import pytest

from shared.errors import SchemaMismatch
from shared.mapping.check.findings import Severity
from shared.mapping.check.lint_live import check_against_live_tables
from shared.mapping.loading import load_mapping
from tests.support.stages.salesforce import SalesforceStage

TOLD = ("Microsoft_Status__c", "Microsoft_Team__c")
NOTES = "Notes_for_Microsoft__c"


@pytest.fixture
def old(stage: SalesforceStage) -> SalesforceStage:
    for name in (*TOLD, NOTES):
        _drop(stage, name)
    return stage


def _drop(stage: SalesforceStage, name: str) -> None:
    table = stage.simulator.org.objects["opportunity"]
    del table.fields[name]
    del table._by_lower[name.lower()]


def test_what_it_lacks_is_left_out_and_everything_else_is_written(old: SalesforceStage) -> None:
    record_id = old.add_deal()
    old.pass_time()
    record = old.port.read(record_id)
    columns = {**dict.fromkeys(TOLD, "Accepted"), "Sync_Status__c": "✔", "Description": "kept"}
    written = old.port.update(record, columns)
    assert old.columns(record.id)["Description"] == "kept"
    old.pass_time()
    asked = old.requests()
    old.port.update(written, columns)
    assert old.requests() == asked + 1, "once it is known, nobody asks again"


def test_only_what_is_optional_may_lack(old: SalesforceStage) -> None:
    _drop(old, "Audit__c")
    record_id = old.add_deal()
    old.pass_time()
    with pytest.raises(SchemaMismatch):
        old.port.update(old.port.read(record_id), {"Audit__c": "x", TOLD[0]: "Accepted"})


def test_notes_for_microsoft_are_read_where_there_is_a_field_for_them(stage: SalesforceStage) -> None:
    record_id = stage.add_deal(Notes_for_Microsoft__c="An architect, please.")
    assert stage.port.related(record_id).notes_for_microsoft == "An architect, please."
    _drop(stage, NOTES)
    assert stage.port.related(record_id).notes_for_microsoft == ""


def test_lint_warns_of_what_provision_would_grant(old: SalesforceStage) -> None:
    found = [*check_against_live_tables(load_mapping("salesforce").file, old.port.describe())]
    lacking = [each for each in found if each.can_be_provisioned]
    assert {each.field for each in lacking} == {"microsoft_status", "microsoft_team", "columns.notes_for_microsoft"}
    assert {each.severity for each in lacking} == {Severity.WARNING}
