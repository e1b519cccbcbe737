"""What the sync may expect of a CRM: creating a record once, on the customer's account."""

from __future__ import annotations

import threading

import pytest

from shared.crm.around import Around
from shared.errors import (
    AlreadyExists,
    Deferred,
)
from shared.lifecycle import Stage
from tests.support.crm_words import (
    NEW,
    NORTHWIND,
    created,
    customer,
    make,
    nobody,
    said,
    shows,
    word,
)
from tests.support.stages.crm import CrmStage

# --- create ----------------------------------------------------------------------------------------------------------


def test_create_returns_the_record_as_it_is(stage: CrmStage) -> None:
    referral_id = nobody()
    record = created(stage, referral_id, state=Stage.ON_HOLD, audit="first line")
    assert word(stage, record.columns, "identifier") == referral_id
    assert word(stage, record.columns, "value") == 10.5
    assert word(stage, record.columns, "currency") == "EUR"
    assert shows(stage, record.columns, Stage.ON_HOLD)
    read = stage.port.read(record.id)
    assert (read.version, read.columns) == (record.version, record.columns)
    assert word(stage, stage.columns(record.id), "audit") == "first line"


def test_create_happens_once(stage: CrmStage) -> None:
    referral_id = nobody()
    record = created(stage, referral_id)
    with pytest.raises(AlreadyExists):
        created(stage, referral_id, name="again")
    read = stage.port.read(record.id)
    assert (read.version, word(stage, read.columns, "name")) == (record.version, "From Partner Center")


def test_a_referral_id_is_taken_as_it_is(stage: CrmStage) -> None:
    referral_id = nobody().upper()
    found = stage.port.find(created(stage, referral_id).columns[stage.dialect.record["identifier"]])  # type: ignore[arg-type]
    assert found is not None


def test_an_account_that_matches_is_taken(stage: CrmStage) -> None:
    stage.pass_time()
    account_id = stage.add_account(**NORTHWIND)
    stage.pass_time()
    stage.add_account(**NORTHWIND)
    stage.add_account(customer="Northwind Traders", postal_code="elsewhere")
    before = stage.accounts()
    assert created(stage, nobody()).columns[stage.dialect.account_of] == account_id
    assert stage.accounts() == before


def test_an_account_is_made_once(stage: CrmStage) -> None:
    before = stage.accounts()
    first = created(stage, nobody()).columns[stage.dialect.account_of]
    stage.pass_time()
    assert created(stage, nobody()).columns[stage.dialect.account_of] == first
    assert stage.accounts() == before + 1


def test_workers_at_the_same_time_make_one_account(stage: CrmStage) -> None:
    before, accounts, put_off = stage.accounts(), set[object](), list[str]()

    def work(referral_id: str) -> None:
        try:
            accounts.add(created(stage, referral_id).columns[stage.dialect.account_of])
        except Deferred:
            put_off.append(referral_id)

    workers = [threading.Thread(target=work, args=[nobody()]) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    stage.pass_time()
    for referral_id in put_off:
        accounts.add(created(stage, referral_id).columns[stage.dialect.account_of])
    assert len(accounts) == 1
    assert stage.accounts() == before + 1


def test_an_account_may_match_on_an_absent_value_and_hold_a_quote(stage: CrmStage) -> None:
    wanted = Around(customer(stage, customer="L'Oasis & \\ Fils", postal_code=None))
    columns = {**said(stage, **NEW), **stage.dialect.states[Stage.ACTIVE]}
    first = make(stage, nobody(), columns, wanted)
    stage.pass_time()
    second = make(stage, nobody(), columns, wanted)
    assert second.columns[stage.dialect.account_of] == first.columns[stage.dialect.account_of]
