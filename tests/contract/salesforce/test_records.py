"""What only Salesforce does with records: weak guards, new accounts, locks, the customer's own rules."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from shared.crm.around import AccountWanted, Around, Found
from shared.crm.port import Record
from shared.crm.salesforce.records import Salesforce
from shared.crm.salesforce.versions import version_of
from shared.errors import (
    AlreadyExists,
    DataError,
    Deferred,
    OutcomeUnknown,
    SchemaMismatch,
    Throttled,
    VersionMismatch,
)
from shared.http import ATTEMPTS
from shared.ledger.turns import LEASE
from tests.support.salesforce_acts import COMPOSITE, NEW, composites, create, deal
from tests.support.stages.salesforce import SalesforceStage
from tools.simulators.faults import Fault
from tools.simulators.salesforce import TriggerError

# --- the guard -------------------------------------------------------------------------------------------------------


def test_an_update_is_one_call_that_looks_writes_under_guard_and_looks_again(stage: SalesforceStage) -> None:
    record = deal(stage)
    stage.pass_time()
    stage.port.update(record, {"Amount": 1})
    (parts,) = composites(stage)
    assert [part["method"] for part in parts] == ["GET", "PATCH", "GET"]
    assert parts[1]["httpHeaders"]["If-Unmodified-Since"].endswith(" GMT")  # type: ignore[index]


def test_a_session_that_expires_under_a_guarded_write_costs_no_guard(stage: SalesforceStage) -> None:
    record = deal(stage)
    stage.pass_time()
    stage.edit(record.id, notes="the seller's")
    stage.simulator.expire_sessions()
    with pytest.raises(VersionMismatch):
        stage.port.update(record, {"Description": "ours"})
    first, second = composites(stage)
    assert first == second
    assert stage.columns(record.id)["Description"] == "the seller's"


def test_an_edit_that_the_guard_does_not_notice_is_put_back_and_told(stage: SalesforceStage) -> None:
    record = deal(stage)
    stage.edit(record.id, notes="the seller's", value=5)  # within the second of the stamp that was read
    stage.pass_time()
    with pytest.raises(VersionMismatch):
        stage.port.update(record, {"Description": "ours", "Sync_Status__c": "shown"})
    held = stage.columns(record.id)
    assert (held["Description"], held["Amount"]) == ("the seller's", 5)
    assert len(composites(stage)) == 2, "putting back costs one call (docs/SYNC.md)"


def test_an_edit_of_other_fields_is_told_and_nothing_put_back(stage: SalesforceStage) -> None:
    record = deal(stage)
    stage.edit(record.id, value=5)
    stage.pass_time()
    with pytest.raises(VersionMismatch):
        stage.port.update(record, {"Description": "ours"})
    held = stage.columns(record.id)
    assert (held["Description"], held["Amount"]) == ("ours", 5)
    assert len(composites(stage)) == 1


def test_what_is_remembered_by_its_version_alone_is_put_back_as_a_whole(stage: SalesforceStage) -> None:
    seen = deal(stage)
    stage.edit(seen.id, notes="the seller's")
    stage.pass_time()
    with pytest.raises(VersionMismatch):
        stage.port.update(Record(seen.id, seen.version, {}, seen.seen_at), {"Description": "ours", "Amount": 1})
    held = stage.columns(seen.id)
    assert (held["Description"], held["Amount"]) == ("the seller's", 42000)


def marked(columns: dict[str, object]) -> str:
    return version_of("2026-03-01T12:00:00Z", columns)


def test_a_version_does_not_depend_on_how_a_value_is_spelled() -> None:
    first = {"Amount": 42000.0, "Description": "a\r\nb", "NextStep": "", "IsWon": False}
    assert marked(first) == marked({"Amount": 42000, "Description": "a\nb", "NextStep": None, "IsWon": False})
    for name, other in (("Amount", 42000.5), ("Description", "a b"), ("NextStep", "x"), ("IsWon", True)):
        assert marked({**first, name: other}) != marked(first)


def test_a_still_newer_edit_is_not_put_back(stage: SalesforceStage) -> None:
    record = deal(stage)
    stage.edit(record.id, notes="the seller's")
    stage.pass_time()
    stage.simulator.after_write(
        lambda table, _, row: {"NextStep": "flow"} if table == "Opportunity" and row["Description"] == "ours" else None
    )

    def newest(table: str, row_id: str, row: dict[str, object]) -> None:
        if table == "Opportunity" and row["Description"] == "ours":
            stage.pass_time()
            stage.edit(row_id, notes="newer still")

    stage.simulator.after_write(newest, asynchronous=True)
    with pytest.raises(VersionMismatch):
        stage.port.update(record, {"Description": "ours"})
    assert stage.columns(record.id)["Description"] == "newer still"


def test_a_young_record_is_written_only_when_its_second_is_over(stage: SalesforceStage) -> None:
    record = deal(stage)
    before = stage.clock.now()
    stage.port.update(record, {"Amount": 1})
    assert stage.clock.now() - record.seen_at >= timedelta(seconds=2)
    stage.pass_time()
    record = stage.port.read(record.id)  # Salesforce's own clock is past the stamp, so nothing is waited for.
    before = stage.clock.now()
    stage.port.update(record, {"Amount": 2})
    assert stage.clock.now() - before < timedelta(seconds=1)


# --- creating --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("referral_id", ["a/b", "a b?c#d", "é%27'", "@{account.id}", "..", "x" * 100])
def test_an_external_id_may_hold_anything(stage: SalesforceStage, referral_id: str) -> None:
    record = create(stage, referral_id)
    assert stage.columns(record.id)["Referral_Identifier__c"] == referral_id
    assert stage.port.find(referral_id) is not None
    with pytest.raises(AlreadyExists):
        create(stage, referral_id)


def test_account_and_record_are_made_in_one_call_or_not_at_all(stage: SalesforceStage) -> None:
    before = stage.accounts()
    with pytest.raises(DataError) as caught:
        create(stage, CloseDate=None)
    assert "Required fields are missing: [CloseDate]" in str(caught.value)
    assert [problem.field for problem in caught.value.problems] == ["CloseDate"]
    assert stage.accounts() == before


def test_a_lost_race_is_an_existing_record(stage: SalesforceStage) -> None:
    stage.add_account(customer="Northwind Traders")
    stage.simulator.lose_races()
    with pytest.raises(AlreadyExists):
        create(stage)


def test_an_answer_that_is_lost_makes_no_second_account(stage: SalesforceStage) -> None:
    before, referral_id = stage.accounts(), str(uuid.uuid4())
    stage.server.faults.inject(Fault("reset_after", path=COMPOSITE, skip=1))
    with pytest.raises(AlreadyExists):
        create(stage, referral_id)
    assert stage.accounts() == before + 1


def test_an_answer_that_is_lost_and_cannot_be_looked_for_is_unknown(stage: SalesforceStage) -> None:
    before, referral_id = stage.accounts(), str(uuid.uuid4())
    stage.server.faults.inject(Fault("reset_after", path=COMPOSITE, skip=1))
    down = stage.server.faults.inject(Fault("status", path=r"/query/?$", times=None))
    with pytest.raises(OutcomeUnknown):
        create(stage, referral_id)
    assert down.fired
    stage.server.faults.clear()
    with pytest.raises(AlreadyExists):
        create(stage, referral_id)
    assert stage.accounts() == before + 1


def test_while_an_answer_is_unknown_nobody_else_makes_the_account(stage: SalesforceStage) -> None:
    before = stage.accounts()
    stage.server.faults.inject(Fault("reset_before", path=COMPOSITE, skip=1))
    with pytest.raises(OutcomeUnknown):
        create(stage)
    with pytest.raises(Deferred):
        create(stage)
    stage.clock.sleep(LEASE.total_seconds())
    create(stage)
    assert stage.accounts() == before + 1


def test_who_looked_before_another_made_the_account_looks_again(stage: SalesforceStage) -> None:
    turns = stage.app.tasks.of("salesforce").records._creation.turns  # type: ignore[attr-defined]
    looked_at = stage.clock.now()
    with turns.turn("an account", looked_at):
        stage.clock.sleep(1)
    with pytest.raises(Deferred), turns.turn("an account", looked_at):
        pass
    stage.clock.sleep(10)
    with turns.turn("an account", stage.clock.now()):
        pass


# --- what the customer set up ----------------------------------------------------------------------------------------


def test_a_duplicate_rule_names_the_record_it_found(stage: SalesforceStage) -> None:
    account_id = stage.add_account(customer="Northwind Traders", postal_code="elsewhere")
    stage.simulator.add_duplicate_rule("Account", "Name")
    wanted = AccountWanted({"Name": "Northwind Traders", "BillingPostalCode": "LS1"}, {"Name": "Northwind Traders"})
    with pytest.raises(DataError) as caught:
        stage.port.create(str(uuid.uuid4()), NEW, Around(wanted), Found(stage.clock.now()))
    assert f"duplicate rule found Account {account_id}" in str(caught.value)
    assert stage.simulator.rows("Opportunity") == []


def test_validation_rules_and_triggers_speak_for_themselves(stage: SalesforceStage) -> None:
    record = deal(stage)
    stage.simulator.add_validation(
        lambda table, row: "Too cheap" if table == "Opportunity" and row["Amount"] == 1 else None
    )
    with pytest.raises(DataError, match="Too cheap"):
        stage.port.update(record, {"Amount": 1})

    def refuse(_table: str, _row_id: str, _row: dict[str, object]) -> None:
        raise TriggerError("Not on Sundays")

    stage.simulator.after_write(refuse)
    with pytest.raises(DataError, match="Not on Sundays"):
        stage.port.update(record, {"Amount": 2})


def test_a_record_that_others_hold_is_waited_for(stage: SalesforceStage) -> None:
    record = deal(stage)
    stage.pass_time()
    stage.simulator.lock_record(str(record.columns["AccountId"]), requests=ATTEMPTS - 1)
    assert stage.port.update(record, {"Amount": 1}).columns["Amount"] == 1
    stage.simulator.lock_record(str(record.columns["AccountId"]), requests=ATTEMPTS)
    with pytest.raises(Throttled) as caught:
        stage.port.update(stage.port.read(record.id), {"Amount": 2})
    assert caught.value.retry_after is None, "one locked record is no reason to leave the whole org alone"


def test_writes_on_one_account_take_turns(stage: SalesforceStage) -> None:
    crm = stage.port
    assert isinstance(crm, Salesforce)
    held: list[bool] = []

    def hook(_table: str, _row_id: str, row: dict[str, object]) -> None:
        held.append(crm._accounts.of(row.get("AccountId")).locked())

    stage.simulator.after_write(hook)
    account_id = stage.add_account(customer="Northwind Traders")
    record = create(stage)
    assert record.columns["AccountId"] == account_id
    stage.port.update(record, {"Amount": 1})
    assert held == [True, True]
    assert not crm._accounts.of(account_id).locked()


def test_so_is_one_on_create(stage: SalesforceStage) -> None:
    stage.simulator.lock_record(stage.add_account(customer="Northwind Traders"), requests=1)
    assert create(stage).columns["Name"] == "From Partner Center"


def test_a_field_that_is_hidden_from_the_app_is_a_schema_mismatch(stage: SalesforceStage) -> None:
    record = deal(stage)
    stage.simulator.hide_field("Opportunity", "Description")
    with pytest.raises(SchemaMismatch, match="hides it from the app"):
        stage.port.read(record.id)
    with pytest.raises(SchemaMismatch, match="hides it from the app"):
        stage.port.update(record, {"Description": "x"})
