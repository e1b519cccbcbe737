"""What only Salesforce does as an org: sessions, allowances, one currency or several, outages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.errors import (
    AllowanceSpent,
    CosellError,
    DataError,
    RetriableError,
    SettingsError,
    SignInRequired,
)
from shared.http import ATTEMPTS
from tests.support.salesforce_acts import TOKENS, composites, create, deal
from tests.support.stages.outages import Outage
from tests.support.stages.salesforce import SalesforceStage
from tools.simulators.faults import Fault
from tools.simulators.salesforce.seeding import INTEGRATION_USER

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
    for _ in range(2):
        with pytest.raises(AllowanceSpent, match=r"SALESFORCE_API_STOP_AT") as caught:
            stage.port.read(record_id)
        assert caught.value.retry_after
    assert stage.server.log.count() - before == 1, "one call looks whether the day has moved on"
    stage.vendors.clock.advance(timedelta(days=2))
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
