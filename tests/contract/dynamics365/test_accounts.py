"""The customer's account in Dynamics 365: only one in use, whatever happened to the one that we once made."""

from __future__ import annotations

import pytest

from shared.crm.dynamics365.records import Dynamics365
from shared.crm.port import Records
from shared.errors import AlreadyExists, DataError
from shared.mapping.field_map import FieldMap
from shared.mapping.loading import load_mapping
from tests.support.crm_words import NORTHWIND, created, nobody, said
from tests.support.stages.crm import DataverseStage


def account_of(stage: DataverseStage) -> object:
    return created(stage, nobody()).columns["parentaccountid"]


def retire(stage: DataverseStage, account_id: object) -> None:
    stage.simulator.seller.edit(str(account_id), table="account", statecode=1)


def test_an_inactive_account_is_not_chosen(stage: DataverseStage) -> None:
    retired, used = stage.add_account(**NORTHWIND), stage.add_account(**NORTHWIND)
    retire(stage, retired)
    assert account_of(stage) == used


def test_a_merged_account_leads_to_the_one_it_lives_on_in(stage: DataverseStage) -> None:
    first, second = stage.add_account(**NORTHWIND), stage.add_account(customer="Northwind Ltd")
    last = stage.add_account(customer="Northwind Group")
    stage.simulator.seller.merge(first, second)
    stage.simulator.seller.merge(second, last)
    before = stage.accounts()
    assert account_of(stage) == last
    assert stage.accounts() == before


def test_a_merged_account_leads_on_though_an_older_one_was_retired(stage: DataverseStage) -> None:
    retired, merged = stage.add_account(**NORTHWIND), stage.add_account(**NORTHWIND)
    master = stage.add_account(customer="Northwind Ltd")
    retire(stage, retired)
    stage.simulator.seller.merge(merged, master)
    assert account_of(stage) == master


def test_an_account_that_equals_is_preferred_to_one_that_was_merged(stage: DataverseStage) -> None:
    first, used = stage.add_account(**NORTHWIND), stage.add_account(**NORTHWIND)
    stage.simulator.seller.merge(first, stage.add_account(customer="Northwind Ltd"))
    assert account_of(stage) == used


def test_one_of_ours_that_was_taken_out_of_use_is_made_anew(stage: DataverseStage) -> None:
    first = account_of(stage)
    retire(stage, first)
    second = account_of(stage)
    assert second != first
    assert account_of(stage) == second


def test_one_of_ours_that_was_merged_away_is_not_made_anew(stage: DataverseStage) -> None:
    master = stage.add_account(customer="Northwind Ltd")
    stage.simulator.seller.merge(str(account_of(stage)), master)
    assert account_of(stage) == master


def test_a_key_on_the_name_is_named_with_its_table_and_the_remedy(stage: DataverseStage) -> None:
    stage.simulator.add_key("account", "name")
    stage.add_account(customer=NORTHWIND["customer"], postal_code="elsewhere")
    with pytest.raises(DataError) as caught:
        created(stage, nobody())
    (problem,) = caught.value.problems
    assert (problem.field, "account.match" in problem.remedy) == ("customer_name", True)
    assert "new_name_key" in problem.rule
    assert "key of the accounts" in problem.rule
    assert "The record:" not in problem.rule, "the vendor's words alone"


def test_a_key_of_the_record_that_is_not_ours_is_no_existing_record(stage: DataverseStage) -> None:
    stage.simulator.add_key("opportunity", "name")
    stage.add_deal(name="From Partner Center", customer=None)
    with pytest.raises(DataError, match="new_name_key"):
        created(stage, nobody())
    record = stage.port.read(stage.add_deal())
    with pytest.raises(DataError, match="new_name_key"):
        stage.port.update(record, said(stage, name="From Partner Center"))
    taken = nobody()
    created(stage, taken, name="Another name")
    with pytest.raises(AlreadyExists):
        stage.port.update(record, said(stage, identifier=taken))


# --- ids that are none -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["REF-0042", "", "a/b", "{6a3f0f9e-2f0a-4c0e-9d53-5d1d7f3f6b1a}", "' or 1 eq 1"])
def test_what_is_no_id_belongs_to_nobody_and_costs_no_call(stage: DataverseStage, text: str) -> None:
    before = stage.requests()
    assert stage.port.find(text) is None
    assert not stage.port.owns(text)
    assert stage.requests() == before


# --- leads, which the platform merges --------------------------------------------------------------------------------


def leads(port: Records) -> Dynamics365:
    """Return the client of the leads' table; their mapping file is not needed to follow a merger."""
    assert isinstance(port, Dynamics365)
    file = load_mapping("dynamics365", None).file.model_copy(update={"table": "lead"})
    return Dynamics365(port._api, FieldMap(file), port._clock)


def test_a_merged_lead_is_followed_however_often(stage: DataverseStage) -> None:
    seller, port = stage.simulator.seller, leads(stage.port)
    ids = [seller.create_lead(subject=f"Lead {number}", lastname="Marsh") for number in range(3)]
    assert port.successor(ids[0]) is None
    seller.merge(ids[0], ids[1], table="lead")
    assert port.successor(ids[0]) == ids[1]
    seller.merge(ids[1], ids[2], table="lead")
    assert [port.successor(each) for each in ids] == [ids[2], ids[2], None]
