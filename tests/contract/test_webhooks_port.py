"""One contract, held by the fake and by the real client: what registering may expect of Partner Center's webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

import pytest

from shared.bootstrap import App
from shared.errors import AccessDenied, AlreadyExists, DataError, GoneError, SignInRequired, Throttled
from shared.ledger.memory import MemoryLedger
from shared.partner_center.webhooks import Registration, Validation, Webhooks
from shared.settings import load_settings
from tests.support.fakes.webhooks import FakeWebhooks
from tests.support.stages.admin import WorldTime
from tools.simulators.faults import Fault
from tools.simulators.vendors import Vendors

OURS = Registration("https://fn.example/api/WebhookReceiver?code=k", ("referral-created", "test-created"))
DELIVERED = Validation("completed", ({"responsecode": "OK"},))


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    with Vendors() as vendors:
        yield vendors


def client_of(vendors: Vendors) -> Webhooks:
    unused = {"CRM": "dynamics365", "DYNAMICS_URL": "https://unused.crm.dynamics.example"}
    settings = load_settings({**vendors.settings(), **unused, "AzureWebJobsStorage": "unused"})
    app = App(settings, WorldTime(vendors.clock))
    app.ledger = MemoryLedger()
    return app.webhooks


@pytest.fixture(params=["fake", "client"])
def webhooks(request: pytest.FixtureRequest, vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> Webhooks:
    if request.param == "fake":
        return FakeWebhooks(None, DELIVERED)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    vendors.partner_center.forget_webhook()
    vendors.servers["webhooks"].faults.clear()
    return client_of(vendors)


def test_there_is_none_at_first(webhooks: Webhooks) -> None:
    assert webhooks.registration() is None


def test_the_first_is_made_and_read_back(webhooks: Webhooks) -> None:
    webhooks.register(OURS)
    assert webhooks.registration() == OURS


def test_a_second_one_is_refused_and_changes_nothing(webhooks: Webhooks) -> None:
    webhooks.register(OURS)
    with pytest.raises(AlreadyExists):
        webhooks.register(Registration("https://other.example/x?code=k", ("referral-created",)))
    assert webhooks.registration() == OURS


def test_one_that_is_there_is_replaced(webhooks: Webhooks) -> None:
    webhooks.register(OURS)
    other = Registration("https://other.example/x?code=k", ("referral-updated",))
    webhooks.replace(other)
    assert webhooks.registration() == other


def test_one_that_is_not_there_cannot_be_replaced(webhooks: Webhooks) -> None:
    with pytest.raises(GoneError):
        webhooks.replace(OURS)


def test_a_test_event_needs_its_name_registered(webhooks: Webhooks) -> None:
    webhooks.register(Registration(OURS.url, ("referral-created",)))
    with pytest.raises(DataError):
        webhooks.send_test_event()


def test_an_unknown_test_event_is_gone(webhooks: Webhooks) -> None:
    with pytest.raises(GoneError):
        webhooks.validation("00000000-0000-4000-8000-000000000000")
    with pytest.raises(GoneError):
        webhooks.validation("../../registration")


# --- the client alone ------------------------------------------------------------------------------------------------


@pytest.fixture
def client(vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> Webhooks:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    vendors.partner_center.forget_webhook()
    return client_of(vendors)


@pytest.mark.parametrize("casing", ["pascal", "camel"])
def test_a_takeover_by_another_system_is_read_in_any_casing(
    vendors: Vendors, client: Webhooks, casing: Literal["pascal", "camel"]
) -> None:
    vendors.partner_center.quirks.registration_casing = casing
    theirs = vendors.partner_center.take_over_webhook()
    assert client.registration() == Registration(theirs.url, theirs.events)


@pytest.mark.parametrize("as_object", [True, False])
def test_a_test_event_is_asked_for_and_told_of(vendors: Vendors, client: Webhooks, as_object: bool) -> None:
    vendors.partner_center.quirks.correlation_id_as_object = as_object
    vendors.clock.advance(timedelta(minutes=2))  # Two a minute are allowed.
    client.register(Registration("https://127.0.0.1:1/api/WebhookReceiver?code=k", OURS.events))
    answer = client.validation(client.send_test_event())
    assert answer.status in ("pending", "completed")


@pytest.mark.parametrize(
    ("status", "error"), [(401, SignInRequired), (403, AccessDenied), (400, DataError), (429, Throttled)]
)
def test_a_refusal_carries_partner_centers_code_and_id_and_no_url(
    vendors: Vendors, client: Webhooks, status: int, error: type[Exception]
) -> None:
    body = '{"error":{"code":"theirCode","message":"not https://fn.example/api/WebhookReceiver?code=CANARY-KEY so"}}'
    headers = {"MS-CorrelationId": "4d7f", "Content-Type": "application/json"}
    vendors.servers["webhooks"].faults.inject(Fault("status", status=status, body=body, headers=headers, times=3))
    with pytest.raises(error) as caught:
        client.registration()
    vendors.servers["webhooks"].faults.clear()
    assert (getattr(caught.value, "code", ""), getattr(caught.value, "correlation_id", "")) == ("theirCode", "4d7f")
    assert "CANARY" not in str(caught.value)
