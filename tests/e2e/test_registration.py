"""RegisterWebhook's JSON contract (design section 4.1), over the wire."""

import pytest
import requests

from tools.local.stack import Stack
from tools.simulators.faults import Fault
from tools.simulators.sellers import SELLERS


@pytest.fixture(scope="module")
def crm() -> str:
    """One CRM will do: the registration never meets one."""
    return next(iter(SELLERS))


def test_registering_again_changes_nothing(stack: Stack) -> None:
    answer = stack.register().json()
    assert answer["status"] == "unchanged"
    assert set(answer["events"]) >= {"referral-created", "referral-updated"}


def test_another_registration_is_not_replaced_unasked(stack: Stack) -> None:
    receiver = stack.url_of("WebhookReceiver")
    other = receiver.replace("WebhookReceiver?code=", "webhookreceiver?code=other")
    refused = stack.register(webhook_url=other)
    assert refused.status_code == 409
    current = refused.json()["current"]
    assert current["webhook_url"].startswith(stack.host.url)
    assert stack.host.function_keys["WebhookReceiver"] not in refused.text, "a key in an answer"
    replaced = stack.register(webhook_url=other, overwrite=True).json()
    assert (replaced["status"], replaced["previous"]["webhook_url"]) == ("updated", current["webhook_url"])
    assert stack.register(overwrite=True).json()["status"] == "updated"


def test_the_test_event_is_delivered_and_told(stack: Stack) -> None:
    answer = stack.register(send_test_event=True, overwrite=True).json()
    assert answer["test_event"]["results"][0]["response_code"] == "OK"
    assert "test-created" in answer["events"], "Partner Center refuses a test event that is not registered"


def test_every_problem_is_named(stack: Stack) -> None:
    answer = stack.register(webhook_url="http://app.example/api/Other", events=["nonsense"], overwrite="yes")
    assert answer.status_code == 400
    told = " ".join(answer.json()["problems"])
    for word in ("https", "WebhookReceiver", "function key", "nonsense", "overwrite"):
        assert word in told
    not_json = requests.post(stack.url_of("RegisterWebhook"), data=b"{", timeout=30)
    assert not_json.status_code == 400


def test_partner_centers_refusal_is_told_with_its_code(stack: Stack) -> None:
    body = '{"error":{"code":"generalException","message":"try later"}}'
    headers = {"MS-CorrelationId": "4d7f", "Content-Type": "application/json"}
    fault = Fault("status", status=500, body=body, headers=headers, times=3, path="registration")
    stack.vendors.servers["webhooks"].faults.inject(fault)
    answer = stack.register()
    assert answer.status_code == 502
    assert (answer.json()["code"], answer.json()["correlation_id"]) == ("generalException", "4d7f")
