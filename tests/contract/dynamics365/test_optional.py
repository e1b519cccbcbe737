"""An environment that was set up before the columns of Microsoft's half were known."""

from __future__ import annotations

import pytest

from shared.errors import SchemaMismatch
from shared.mapping.check.findings import Severity
from shared.mapping.check.lint_live import check_against_live_tables
from shared.mapping.loading import load_mapping
from tests.support.stages.crm import DataverseStage

TOLD = ("cosell_microsoftstatus", "cosell_microsoftteam")
NOTES = "cosell_notesformicrosoft"


@pytest.fixture
def old(stage: DataverseStage) -> DataverseStage:
    for name in (*TOLD, NOTES):
        del stage.simulator.environment.table("opportunity").columns[name]
    return stage


def test_what_it_lacks_is_left_out_and_everything_else_is_written(old: DataverseStage) -> None:
    record = old.port.read(old.add_deal())
    columns = {**dict.fromkeys(TOLD, "Accepted"), "cosell_syncstatus": "✔", "description": "kept"}
    written = old.port.update(record, columns)
    assert written.version != record.version
    assert old.columns(record.id)["description"] == "kept"
    asked = old.requests()
    old.port.update(written, columns)
    assert old.requests() == asked + 1, "once it is known, nobody asks again"


def test_only_what_is_optional_may_lack(old: DataverseStage) -> None:
    del old.simulator.environment.table("opportunity").columns["cosell_audit"]
    record = old.port.read(old.add_deal())
    with pytest.raises(SchemaMismatch):
        old.port.update(record, {"cosell_audit": "x", TOLD[0]: "Accepted"})


def test_notes_for_microsoft_are_read_where_there_is_a_column_for_them(stage: DataverseStage) -> None:
    record_id = stage.add_deal(cosell_notesformicrosoft="An architect, please.")
    assert stage.port.related(record_id).notes_for_microsoft == "An architect, please."
    del stage.simulator.environment.table("opportunity").columns[NOTES]
    related = stage.port.related(record_id)
    assert related.notes_for_microsoft == ""
    assert related.owner


def test_lint_warns_of_what_provision_would_make(old: DataverseStage) -> None:
    found = [*check_against_live_tables(load_mapping("dynamics365").file, old.port.describe())]
    lacking = [each for each in found if each.can_be_provisioned]
    assert {each.field for each in lacking} == {"microsoft_status", "microsoft_team", "columns.notes_for_microsoft"}
    assert {each.severity for each in lacking} == {Severity.WARNING}
