"""Mergers in Salesforce: the loser lies in the recycle bin, and names the record that it lives on in."""

from __future__ import annotations

from shared.crm.salesforce.merges import survivor
from shared.crm.salesforce.records import Salesforce
from tests.support.crm_words import NORTHWIND, created, nobody
from tests.support.stages.salesforce import SalesforceStage


def test_a_merged_record_is_followed_however_often(stage: SalesforceStage) -> None:
    assert isinstance(stage.port, Salesforce)
    ids = [stage.add_account(customer=f"Northwind {number}") for number in range(3)]
    seller, api = stage.simulator.seller, stage.port._api
    assert survivor(api, "Account", ids[0]) is None
    seller.merge(ids[0], ids[1])
    seller.merge(ids[1], ids[2])
    stage.pass_time()
    assert [survivor(api, "Account", each) for each in ids] == [ids[2], ids[2], None]
    seller.delete(ids[2])
    stage.pass_time()
    assert survivor(api, "Account", ids[2]) is None
    stage.simulator.purge_recycle_bin()
    assert survivor(api, "Account", ids[0]) is None


def test_opportunities_cannot_be_merged_so_nothing_is_asked(stage: SalesforceStage) -> None:
    record_id, before = stage.add_deal(), stage.requests()
    assert stage.port.successor(record_id) is None
    assert stage.requests() == before


def test_a_merged_account_is_not_chosen(stage: SalesforceStage) -> None:
    merged, winner = stage.add_account(**NORTHWIND), stage.add_account(customer="Northwind Ltd")
    stage.simulator.seller.merge(merged, winner)
    stage.pass_time()
    assert created(stage, nobody()).columns["AccountId"] not in (merged, None)
