"""The Reconciler looks after the webhook in the running app: takeovers, dropped events, and the heartbeat."""

from __future__ import annotations

import pytest
import requests
from azure.data.tables import TableClient

from shared.ledger.table_ledger import TABLE, TableLedger
from shared.webhook.heartbeat import last_event
from tests.e2e.deals import received_deal
from tools.local.stack import Stack

LOST, BACK = "alert webhook registration raised", "alert webhook registration resolved"


@pytest.fixture(scope="module")
def crm() -> str:
    """One is enough: the webhook is Partner Center's, whichever CRM there is."""
    return "dynamics365"


def told(stack: Stack, words: str) -> int:
    return stack.host.log_text().count(words)


def reconcile(stack: Stack) -> None:
    """Run the Reconciler and wait until it is done."""
    done = told(stack, "Executed 'Functions.Reconciler' (Succeeded")
    stack.run("Reconciler")
    stack.eventually(lambda: told(stack, "Executed 'Functions.Reconciler' (Succeeded") > done, "the Reconciler's end")


def test_a_takeover_by_another_system_is_told_once_and_healed_once(stack: Stack) -> None:
    reconcile(stack)
    assert told(stack, LOST) == 0
    theirs = stack.partner_center.take_over_webhook()
    for _ in range(2):
        reconcile(stack)
    assert told(stack, LOST) == 1
    assert stack.partner_center.registration == theirs, "told to alert, it only alerts"
    assert stack.register(overwrite=True).status_code == 200
    for _ in range(2):
        reconcile(stack)
    assert told(stack, BACK) == 1


def test_events_that_were_dropped_are_told(stack: Stack) -> None:
    url = stack.url_of("WebhookReceiver")
    stack.partner_center.take_over_webhook(url, ["referral-created"])
    reconcile(stack)
    assert told(stack, "alert webhook events raised") == 1
    stack.register(overwrite=True)
    reconcile(stack)
    assert told(stack, "alert webhook events resolved") == 1


def test_an_event_that_comes_is_remembered(stack: Stack) -> None:
    received_deal(stack)
    connection = stack.settings()["AzureWebJobsStorage"]
    with TableClient.from_connection_string(connection, TABLE) as table:
        assert last_event(TableLedger(table).drawers) is not None


def test_told_to_keep_the_registration_it_takes_it_back(stack: Stack) -> None:
    url = stack.url_of("WebhookReceiver")
    stack._overrides |= {"WEBHOOK_REGISTRATION": "keep", "WEBHOOK_PUBLIC_URL": url}
    stack.restart()
    for left_to_them in (False, True):
        stack.partner_center.take_over_webhook()
        reconcile(stack)
        registered = stack.partner_center.registration
        assert registered is not None
        assert (registered.url != url) == left_to_them, "once, and not again at once"
    history = requests.get(f"{stack.url_of('RegisterWebhook')}&format=json", timeout=30).json()["history"]
    assert (history[0]["by"], history[0]["status"]) == ("Reconciler", "updated")
