"""`describe`: what Dataverse's metadata says, in the words that every CRM shares."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.errors import SchemaMismatch
from shared.mapping.check.lint import lint
from shared.mapping.check.tables import Column, Kind, Table
from shared.mapping.loading import load_mapping, positions
from tests.support.fakes import crm_tables
from tests.support.stages.crm import DataverseStage
from tools.simulators.dataverse.columns import Required

FILE = load_mapping("dynamics365").file


def cut(live: Table, to: Table) -> dict[str, Column]:
    return {name: live.columns[name] for name in to.columns}


def test_the_description_is_the_fakes(stage: DataverseStage) -> None:
    live, fake = stage.port.describe(), crm_tables.description()
    assert cut(live.record, fake.record) == fake.record.columns
    assert (live.record.keys, live.record.change_tracking) == (fake.record.keys, True)
    assert cut(live.account, fake.account) == fake.account.columns
    assert cut(live.contact, fake.contact) == fake.contact.columns
    assert cut(live.owner, fake.owner) == fake.owner.columns
    assert live.owner.change_tracking is False


def test_every_column_is_described_not_only_the_mapped_ones(stage: DataverseStage) -> None:
    columns = stage.port.describe().record.columns
    assert columns["createdon"].kind is Kind.MOMENT
    assert (columns["createdon"].creatable, columns["createdon"].updatable) == (False, False)
    assert columns["originatingleadid"].updatable is False
    assert columns["opportunityid"].kind is Kind.OTHER


def test_what_the_platform_fills_in_by_itself_is_not_required(stage: DataverseStage) -> None:
    assert [each.name for each in stage.port.describe().record.columns.values() if each.required] == []


def test_a_column_that_the_api_insists_on_is_required(stage: DataverseStage) -> None:
    columns = stage.simulator.environment.table("opportunity").columns
    columns["stepname"] = replace(columns["stepname"], required=Required.SYSTEM)
    columns["emailaddress"] = replace(columns["emailaddress"], required=Required.APPLICATION)
    required = [each.name for each in stage.port.describe().record.columns.values() if each.required]
    assert required == ["stepname"]


def test_a_key_is_active_when_its_index_is_built(stage: DataverseStage) -> None:
    environment = stage.simulator.environment
    environment.add_key(environment.table("opportunity"), "cosell_ProductsKey", ("cosell_products",))
    key = stage.port.describe().record.key("cosell_products")
    assert key is not None
    assert (key.state, key.active) == ("Pending", False)
    stage.vendors.clock.advance(timedelta(minutes=1))
    key = stage.port.describe().record.key("cosell_products")
    assert key is not None
    assert key.active


def test_few_calls(stage: DataverseStage) -> None:
    before = stage.requests()
    stage.port.describe()
    # A definition per table, for each table a cast per kind of column that the mapping names, and what is secured.
    assert stage.requests() - before == 4 + 8 + 3 + 1


def test_the_default_mapping_fits_a_provisioned_environment(stage: DataverseStage) -> None:
    assert lint(FILE, positions("dynamics365"), stage.port.describe()) == []


def test_an_unknown_table_is_named(stage: DataverseStage) -> None:
    del stage.simulator.environment.tables["account"]
    with pytest.raises(SchemaMismatch, match="account"):
        stage.port.describe()
