"""What only Salesforce does: weak guards, locked accounts, duplicate rules, sessions, allowances, currencies."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.crm.port import AccountWanted, Record
from shared.errors import (
    AllowanceSpent,
    AlreadyExists,
    CosellError,
    DataError,
    Deferred,
    OutcomeUnknown,
    RetriableError,
    SchemaMismatch,
    SettingsError,
    SignInRequired,
    Throttled,
    VersionMismatch,
)
from shared.http import ATTEMPTS
from shared.ledger.turns import LEASE
from shared.lifecycle import Stage
from tests.contract.stages.outages import Outage
from tests.contract.stages.salesforce import SALESFORCE, SalesforceStage
from tools.simulators.faults import Fault
from tools.simulators.salesforce import TriggerError
from tools.simulators.salesforce.seeding import INTEGRATION_USER
from tools.simulators.world import World

ACTIVE = SALESFORCE.states[Stage.ACTIVE]
NEW = {"Name": "From Partner Center", "CloseDate": "2027-03-31", "CurrencyIsoCode": "EUR", **ACTIVE}
NORTHWIND = AccountWanted({"Name": "Northwind Traders"}, {"Name": "Northwind Traders"})
TOKENS, COMPOSITE = r"/oauth2/token", r"/composite$"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture
def make(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SalesforceStage]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", world.settings()["REQUESTS_CA_BUNDLE"])
    return lambda **more: SalesforceStage(world, **more)


@pytest.fixture
def stage(make: Callable[..., SalesforceStage]) -> SalesforceStage:
    return make()


def deal(stage: SalesforceStage) -> Record:
    return stage.port.read(stage.add_deal())


def create(stage: SalesforceStage, referral_id: str | None = None, **columns: object) -> Record:
    return stage.port.create(referral_id or str(uuid.uuid4()), {**NEW, **columns}, NORTHWIND)


def composites(stage: SalesforceStage) -> list[list[dict[str, object]]]:
    """Return the parts of every composite request, in order."""
    return [json.loads(entry.body)["compositeRequest"] for entry in stage.server.log.matching("POST", COMPOSITE)]


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
    with pytest.raises(OutcomeUnknown):
        create(stage, referral_id)
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
    turns = stage.app.ports["salesforce"].crm._turns  # type: ignore[attr-defined]
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
        stage.port.create(str(uuid.uuid4()), NEW, wanted)
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


# --- sessions --------------------------------------------------------------------------------------------------------


def test_one_token_serves_until_it_is_refused(stage: SalesforceStage) -> None:
    record_id = stage.add_deal()
    for _ in range(3):
        stage.port.read(record_id)
    assert stage.server.log.count(path=TOKENS) == 1
    stage.simulator.expire_sessions()
    stage.port.read(record_id)
    assert stage.server.log.count(path=TOKENS) == 2


@pytest.mark.parametrize("bodies", ["array", "object", "html"])
def test_an_expired_session_is_renewed_whatever_its_body(stage: SalesforceStage, bodies: str) -> None:
    record_id = stage.add_deal()
    stage.quirks.error_bodies = bodies  # type: ignore[assignment]
    stage.simulator.expire_sessions()
    assert stage.port.read(record_id).id == record_id
    stage.simulator.fail("unavailable", times=ATTEMPTS)
    with pytest.raises(RetriableError):
        stage.port.read(record_id)


def test_a_session_that_stays_refused_is_not_hammered(stage: SalesforceStage) -> None:
    stage.server.faults.inject(Fault("status", status=401, body="<html>", path=r"/services/data", times=None))
    before = stage.server.log.count()
    with pytest.raises(SignInRequired):
        stage.port.find("x")
    assert stage.server.log.count() - before == 3, "a refused call, one sign-in, one more call"


def test_a_signed_assertion_signs_in(make: Callable[..., SalesforceStage], tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kinds = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.private_bytes(kinds[0], serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    file = tmp_path / "key.pem"
    file.write_text(pem, encoding="ascii")
    for given in (pem, pem.replace("\n", "\\n"), str(file)):
        stage = make(sign_in=(key.public_key().public_bytes(*kinds), INTEGRATION_USER), SALESFORCE_PRIVATE_KEY=given)
        assert stage.port.find("x") is None


def test_a_secret_that_is_refused_names_the_settings(make: Callable[..., SalesforceStage]) -> None:
    with pytest.raises(SettingsError, match="SALESFORCE_CLIENT_ID") as caught:
        make(SALESFORCE_CLIENT_SECRET="CANARY-wrong")
    assert "CANARY" not in str(caught.value)


def test_a_version_that_is_not_offered_names_the_setting(make: Callable[..., SalesforceStage]) -> None:
    with pytest.raises(CosellError) as caught:
        make(SALESFORCE_API_VERSION="30.0")
    assert isinstance(caught.value, SettingsError)
    assert "SALESFORCE_API_VERSION" in str(caught.value)


# --- the day's allowance ---------------------------------------------------------------------------------------------


def test_calls_slow_down_and_stop_before_others_starve(make: Callable[..., SalesforceStage]) -> None:
    stage = make(SALESFORCE_API_SLOW_AT="50", SALESFORCE_API_STOP_AT="80")
    record_id = stage.add_deal()

    def waited() -> timedelta:
        before = stage.clock.now()
        stage.port.read(record_id)
        return stage.clock.now() - before

    assert waited() < timedelta(seconds=1)
    stage.simulator.use_up(70_000)
    waited()  # Its answer tells.
    stage.port.read(record_id)
    assert timedelta(seconds=5) < waited() < timedelta(seconds=10)
    stage.simulator.use_up(15_000)
    waited()
    before = stage.server.log.count()
    stage.port.read(record_id)  # the one that looks whether the day has moved on
    with pytest.raises(AllowanceSpent, match=r"SALESFORCE_API_STOP_AT"):
        stage.port.read(record_id)
    assert stage.server.log.count() - before == 1
    stage.world.clock.advance(timedelta(days=2))
    stage.clock.sleep(600)
    stage.port.read(record_id)
    assert waited() < timedelta(seconds=1)


def test_a_concurrency_limit_is_waited_out(stage: SalesforceStage) -> None:
    record_id = stage.add_deal()
    stage.simulator.fail("concurrent")
    before = stage.clock.now()
    assert stage.port.read(record_id).id == record_id
    assert timedelta(seconds=5) <= stage.clock.now() - before < timedelta(seconds=10)


# --- currencies ------------------------------------------------------------------------------------------------------


@pytest.fixture
def single(make: Callable[..., SalesforceStage]) -> SalesforceStage:
    return make(multi_currency=False, SALESFORCE_CURRENCY="GBP")


def test_an_org_with_one_currency_shows_it_on_every_record(single: SalesforceStage) -> None:
    assert deal(single).columns["CurrencyIsoCode"] == "GBP"
    assert create(single, CurrencyIsoCode="GBP").columns["CurrencyIsoCode"] == "GBP"


def test_another_currency_is_refused_there_before_any_write(single: SalesforceStage) -> None:
    record, before = deal(single), single.requests()
    with pytest.raises(DataError, match="knows GBP only"):
        single.port.update(record, {"CurrencyIsoCode": "USD", "Amount": 1})
    with pytest.raises(DataError, match="knows GBP only"):
        create(single)
    assert all(part["method"] == "GET" for parts in composites(single) for part in parts)
    assert single.requests() - before <= 1


def test_an_org_that_does_not_tell_its_currency_needs_the_setting(make: Callable[..., SalesforceStage]) -> None:
    with pytest.raises(SettingsError, match="SALESFORCE_CURRENCY"):
        make(multi_currency=False)


# --- outages ---------------------------------------------------------------------------------------------------------


def test_an_outage_of_the_token_endpoint_passes(stage: SalesforceStage) -> None:
    stage.simulator.expire_sessions()
    stage.server.faults.inject(Fault("status", status=503, body="<html>", path=TOKENS, times=None))
    with pytest.raises(RetriableError):
        stage.port.find("x")
    stage.heal()
    assert stage.port.find("x") is None


def test_a_dropped_connection_is_an_outage(stage: SalesforceStage) -> None:
    stage.break_down(Outage.DROPPED)
    with pytest.raises(RetriableError):
        list(stage.port.changes(None))
