"""What Salesforce says about its tables, and how a mapping file is held against it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from shared.errors import (
    SchemaMismatch,
)
from shared.mapping.check.lint import lint
from shared.mapping.check.tables import Description, Kind
from shared.mapping.loading import load_mapping, positions
from tests.support.stages.salesforce import SalesforceStage


def findings(stage: SalesforceStage, directory: Path | None = None) -> list[str]:
    field_map = load_mapping("salesforce", directory)
    return [str(each) for each in lint(field_map.file, positions("salesforce", directory), stage.port.describe())]


def overlay(tmp_path: Path, text: str) -> Path:
    (tmp_path / "salesforce.yaml").write_text(f"overlay: true\nversion: ours\n{text}", encoding="utf-8")
    return tmp_path


def test_the_default_mapping_fits_a_provisioned_org(stage: SalesforceStage, single: SalesforceStage) -> None:
    assert findings(stage) == findings(single) == []


def test_the_description_is_the_orgs(stage: SalesforceStage) -> None:
    tables: Description = stage.port.describe()
    columns = tables.record.columns
    assert (columns["Name"].kind, columns["Name"].length, columns["Name"].required) == (Kind.TEXT, 120, True)
    assert (columns["Amount"].kind, columns["Amount"].digits) == (Kind.MONEY, 2)
    assert (columns["CloseDate"].kind, columns["Description"].kind) == (Kind.DAY, Kind.MEMO)
    assert (columns["IsClosed"].kind, columns["IsClosed"].updatable) == (Kind.YES_NO, False)
    assert columns["AccountId"].targets == ("Account",)
    key = tables.record.key("Referral_Identifier__c")
    assert key is not None
    assert key.active
    assert {"FirstName", "Email"} <= tables.contact.columns.keys() & tables.owner.columns.keys()


def test_columns_that_are_missing_or_hidden_are_named(make: Callable[..., SalesforceStage]) -> None:
    stage = make(cosell_columns=False)
    found = findings(stage)
    assert sum("has no column" in each and "or hides it from the app's user" in each for each in found) == 13
    assert any("no external id on Referral_Identifier__c" in each for each in found)


@pytest.mark.parametrize(
    ("status", "what"),
    [
        ("won: [{StageName: Closed Lost}, {IsWon: true}]", "StageName Closed Lost means lost in the CRM, not won"),
        ("lost: [{StageName: Qualification}, {IsClosed: true, IsWon: false}]", "means active or on_hold in the CRM"),
        ("active: [{StageName: Discovery}]", "StageName has no option Discovery; it has Prospecting, Qualification"),
        ("won: [{StageName: Closed Won, IsWon: true}]", "the first entry is written, but IsWon is read-only"),
        ("won: [{ForecastCategoryName: Closed}, {IsWon: true}]", "so it must name StageName"),
        ("on_hold: [{StageName: Needs Analysis}]", "StageName Needs Analysis is no longer active"),
    ],
)
def test_stages_must_exist_be_active_and_mean_it(
    stage: SalesforceStage, tmp_path: Path, status: str, what: str
) -> None:
    for row in stage.simulator.org.live("OpportunityStage"):
        if row.values["ApiName"] == "Needs Analysis":
            cast("dict[str, object]", row.values)["IsActive"] = False
    found = findings(stage, overlay(tmp_path, f"status:\n  {status}\n"))
    assert any(what in each for each in found), found


def test_an_external_id_that_is_not_unique_could_double_deals(stage: SalesforceStage) -> None:
    fields = stage.simulator.org.objects["opportunity"].fields
    object.__setattr__(fields["Referral_Identifier__c"], "unique", False)
    assert any("the external id on Referral_Identifier__c is not unique" in each for each in findings(stage))


def test_a_value_that_the_picklist_lacks_is_named(stage: SalesforceStage, tmp_path: Path) -> None:
    values = "fields:\n  - field: help\n    values: {Other help: GeneralOrOther}\n"
    found = findings(stage, overlay(tmp_path, values))
    assert any("How_can_Microsoft_help__c has no option Other help" in each for each in found)


def test_a_missing_table_is_a_schema_mismatch(stage: SalesforceStage) -> None:
    stage.simulator.org.objects.pop("contact")
    with pytest.raises(SchemaMismatch, match="no table Contact"):
        stage.port.describe()
