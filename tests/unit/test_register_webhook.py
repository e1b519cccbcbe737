"""Registering the webhook: nothing is taken from anybody unasked, and every mistake is named."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

import pytest

from shared.errors import GoneError, ServiceUnavailable, Throttled
from shared.http import Service, Terms
from shared.ledger.drawers import text
from shared.ledger.memory import MemoryLedger
from shared.ledger.port import Ledger
from shared.partner_center.webhooks import Registration, Validation, WebhooksClient, classifier
from shared.urls import redacted, redacted_within
from shared.webhook.register import NoTestEvent, RegistrationExists, register_webhook
from shared.webhook.registration_history import KEPT, describe, history
from shared.webhook.registration_request import (
    DEFAULT_EVENTS,
    MAX_BODY,
    TEST_EVENT,
    InvalidRegistration,
    RegistrationRequest,
    parse_request,
)
from tests.support.fakes.ledger import FailingLedger
from tests.support.fakes.webhooks import FakeWebhooks
from tests.support.stand_ins import ManualClock, ScriptedTransport, answer

URL = "https://fn.example/api/WebhookReceiver?code=CANARY-KEY"
OTHER = Registration("https://other.example/hook?sig=CANARY-OTHER", ("subscription-updated", "referral-created"))


def register(
    webhooks: FakeWebhooks, clock: ManualClock | None = None, ledger: Ledger | None = None, **wanted: object
) -> dict[str, object]:
    request = RegistrationRequest(URL, **wanted)  # type: ignore[arg-type]
    return register_webhook(webhooks, (ledger or MemoryLedger()).drawers, clock or ManualClock(), request)


# --- registering -----------------------------------------------------------------------------------------------------


def test_the_first_registration() -> None:
    webhooks = FakeWebhooks()
    assert register(webhooks) == {
        "status": "registered",
        "webhook_url": URL,
        "events": list(DEFAULT_EVENTS),
        "previous": None,
        "test_event": None,
    }
    assert webhooks.current == Registration(URL, DEFAULT_EVENTS)
    assert set(DEFAULT_EVENTS) == {
        "referral-created",
        "referral-updated",
        "related-referral-created",
        "related-referral-updated",
    }


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_same_registration_again_changes_nothing(overwrite: bool) -> None:
    webhooks = FakeWebhooks(Registration(URL, (*DEFAULT_EVENTS, "subscription-updated")))
    outcome = register(webhooks, overwrite=overwrite)
    assert outcome["status"] == "unchanged"
    assert webhooks.writes == []


def test_another_registration_is_not_replaced_unasked() -> None:
    webhooks = FakeWebhooks(OTHER)
    with pytest.raises(RegistrationExists) as caught:
        register(webhooks)
    assert caught.value.current == OTHER
    assert webhooks.current == OTHER
    assert webhooks.writes == []


def test_more_events_at_the_same_url_are_a_change_too() -> None:
    webhooks = FakeWebhooks(Registration(URL, ("referral-created",)))
    with pytest.raises(RegistrationExists):
        register(webhooks)
    assert register(webhooks, overwrite=True)["status"] == "updated"


def test_overwriting_keeps_and_lists_the_events_of_others() -> None:
    webhooks = FakeWebhooks(OTHER)
    outcome = register(webhooks, overwrite=True)
    assert outcome["status"] == "updated"
    assert webhooks.current is not None
    assert webhooks.current.url == URL
    assert set(webhooks.current.events) == {*DEFAULT_EVENTS, "subscription-updated"}
    assert len(webhooks.current.events) == len(set(webhooks.current.events))
    assert outcome["events"] == list(webhooks.current.events)
    previous = outcome["previous"]
    assert isinstance(previous, dict)
    assert previous["events"] == list(OTHER.events)


def test_keys_of_others_are_not_shown() -> None:
    outcome = register(FakeWebhooks(OTHER), overwrite=True)
    assert "CANARY-OTHER" not in json.dumps(outcome)
    assert "CANARY-OTHER" not in json.dumps(describe(OTHER))
    assert describe(OTHER)["webhook_url"] == "https://other.example/hook?sig=***"


@pytest.mark.parametrize(
    "url",
    [
        "https://user:CANARY@h.example/x?a=CANARY&b=CANARY#CANARY",
        "https://h.example/x?CANARY",
        "https://h.example/x?code=CANARY=CANARY",
    ],
)
def test_no_secret_of_a_url_is_shown(url: str) -> None:
    assert "CANARY" not in redacted(url)
    assert redacted(url).startswith("https://h.example/x")


@pytest.mark.parametrize(
    "text",
    [
        "GET /api/WebhookReceiver?code=CANARY failed",
        "fn.example/api/WebhookReceiver?code=CANARY&x=1",
        "wss://user:CANARY@fn.example/x?a=CANARY",
        "https%3A%2F%2Ffn.example%2Fx%3Fcode%3DCANARY",
        "https%253A%252F%252Ffn.example%252Fx%253Fcode%253DCANARY",
        "code=CANARY",
        "the clientSecret = CANARY was refused",
        "SharedAccessKey=CANARY;EndpointSuffix=x",
        "https://h.example/x;sig=CANARY/y",
        "AMQPS://CANARY@h.example/",
    ],
)
def test_no_secret_within_a_text_is_shown(text: str) -> None:
    assert "CANARY" not in redacted_within(text)


@pytest.mark.parametrize(
    "url", ["https:user:CANARY@h.example", "https://h.example/x;sig=CANARY", "//CANARY@h/x", "https://["]
)
def test_no_secret_of_an_odd_url_is_shown(url: str) -> None:
    assert "CANARY" not in redacted(url)


def test_a_text_without_secrets_stays_as_it_is() -> None:
    text = "error code 400: the event 'referral-created' at https://h.example/a/b is unknown"
    assert redacted_within(text) == text


# --- the test event --------------------------------------------------------------------------------------------------

DELIVERED = Validation(
    "completed", ({"responsecode": "OK", "responsemessage": "", "datetimeutc": "2026-01-05T09:20:11"},)
)


def test_a_test_event_is_registered_along_and_its_fate_told() -> None:
    webhooks = FakeWebhooks(None, DELIVERED)
    outcome = register(webhooks, send_test_event=True)
    assert webhooks.current is not None
    assert set(webhooks.current.events) == {*DEFAULT_EVENTS, TEST_EVENT}
    assert outcome["test_event"] == {
        "correlation_id": "test-1",
        "status": "completed",
        "results": [{"response_code": "OK", "response_message": "", "at": "2026-01-05T09:20:11"}],
    }


def test_a_test_event_needs_its_name_registered_even_where_nothing_else_differs() -> None:
    webhooks = FakeWebhooks(Registration(URL, DEFAULT_EVENTS), DELIVERED)
    with pytest.raises(RegistrationExists):
        register(webhooks, send_test_event=True)
    assert register(webhooks, send_test_event=True, overwrite=True)["status"] == "updated"
    assert webhooks.tests == 1


def test_the_fate_is_waited_for() -> None:
    clock = ManualClock()
    fate = (GoneError("not yet"), Validation("pending", ()), Validation("pending", ()), DELIVERED)
    outcome = register(FakeWebhooks(None, *fate), clock, send_test_event=True)
    assert isinstance(outcome["test_event"], Mapping)
    assert outcome["test_event"]["status"] == "completed"
    assert sum(clock.slept) == 3


@pytest.mark.parametrize("fate", [GoneError("never"), Validation("pending", ())])
def test_the_fate_is_not_waited_for_for_ever(fate: Validation | Exception) -> None:
    clock = ManualClock()
    outcome = register(FakeWebhooks(None, fate), clock, send_test_event=True)
    assert isinstance(outcome["test_event"], Mapping)
    assert outcome["test_event"]["status"] == "pending"
    assert 5 <= sum(clock.slept) <= 30


def test_no_test_event_unasked() -> None:
    webhooks = FakeWebhooks()
    register(webhooks)
    assert webhooks.tests == 0


# --- what is remembered ----------------------------------------------------------------------------------------------


def test_each_registration_is_remembered_with_what_it_replaced_and_without_a_key() -> None:
    ledger, clock, webhooks = MemoryLedger(), ManualClock(), FakeWebhooks(OTHER)
    register(webhooks, clock, ledger, overwrite=True)
    clock.pass_time(60)
    register(webhooks, clock, ledger, overwrite=True)
    (entry,) = history(ledger.drawers)
    assert (entry.status, entry.by, entry.webhook_url) == ("updated", "RegisterWebhook", redacted(URL))
    assert entry.previous == describe(OTHER)
    assert "CANARY" not in ledger.drawers.read(text("registration", "history")).value


def test_a_registration_that_was_there_before_us_is_remembered_too() -> None:
    ledger = MemoryLedger()
    register(FakeWebhooks(Registration(URL, DEFAULT_EVENTS)), ledger=ledger)
    assert [entry.status for entry in history(ledger.drawers)] == ["unchanged"]


def test_a_refused_request_is_not_remembered_and_the_oldest_are_forgotten() -> None:
    ledger, webhooks = MemoryLedger(), FakeWebhooks(OTHER)
    with pytest.raises(RegistrationExists):
        register(webhooks, ledger=ledger)
    assert history(ledger.drawers) == ()
    for number in range(KEPT + 5):
        webhooks.current = Registration(f"https://other.example/{number}", ())
        register(webhooks, ledger=ledger, overwrite=True)
    kept = history(ledger.drawers)
    assert len(kept) == KEPT
    assert kept[0].previous == {"webhook_url": f"https://other.example/{KEPT + 4}", "events": []}


def test_storage_that_fails_does_not_hide_that_it_is_registered(caplog: pytest.LogCaptureFixture) -> None:
    failing = FailingLedger()
    failing.values.failures = [ServiceUnavailable("answered 503")]
    assert register(FakeWebhooks(), ledger=failing)["status"] == "registered"
    assert "missing from the history" in caplog.text


def test_a_registration_is_made_and_remembered_when_its_test_event_is_refused() -> None:
    class Throttling(FakeWebhooks):
        def send_test_event(self) -> str:
            raise Throttled("slow down", retry_after=60)

    ledger, webhooks = MemoryLedger(), Throttling()
    with pytest.raises(NoTestEvent) as caught:
        register(webhooks, ledger=ledger, send_test_event=True)
    assert caught.value.outcome["status"] == "registered"
    assert webhooks.current is not None
    assert len(history(ledger.drawers)) == 1


def test_a_result_that_cannot_be_read_yet_is_pending() -> None:
    outcome = register(FakeWebhooks(None, ServiceUnavailable("answered 503")), send_test_event=True)
    assert outcome["test_event"] == {"correlation_id": "test-1", "status": "pending", "results": []}


def test_no_word_of_a_registration_holds_a_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    register(FakeWebhooks(OTHER), overwrite=True)
    assert "https://fn.example/api/WebhookReceiver?code=***" in caplog.text
    assert "CANARY" not in caplog.text


# --- the request -----------------------------------------------------------------------------------------------------


def parsed(**content: object) -> RegistrationRequest:
    return parse_request(json.dumps(content).encode())


def problems(**content: object) -> list[str]:
    with pytest.raises(InvalidRegistration) as caught:
        parsed(**content)
    return caught.value.problems


def test_a_request_with_everything() -> None:
    request = parsed(webhook_url=f" {URL} ", events=["referral-created", "referral-created"], overwrite=True)
    assert request == RegistrationRequest(URL, ("referral-created",), overwrite=True, send_test_event=False)


def test_the_url_suffices() -> None:
    assert parsed(webhook_url=URL) == RegistrationRequest(URL)
    assert parsed(webhook_url=URL, events=None) == RegistrationRequest(URL)


@pytest.mark.parametrize(
    "url", ["http://localhost:7071/api/WebhookReceiver?code=k", "http://127.0.0.1/api/WebhookReceiver?code=k"]
)
def test_loopback_may_be_plain_http(url: str) -> None:
    assert parsed(webhook_url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "   ",
        7,
        "fn.example/api/WebhookReceiver?code=k",
        "/api/WebhookReceiver?code=k",
        "http://fn.example/api/WebhookReceiver?code=k",
        "http://127.evil.example/api/WebhookReceiver?code=k",
        "http://localhost.evil.example/api/WebhookReceiver?code=k",
        "ftp://fn.example/api/WebhookReceiver?code=k",
        "https://user@fn.example/api/WebhookReceiver?code=k",
        "https://:word@fn.example/api/WebhookReceiver?code=k",
        "https://fn.example/api/WebhookReceiver?code=k#x",
        "https://fn.example:x/api/WebhookReceiver?code=k",
        "https://[fn/api/WebhookReceiver?code=k",
        "https:///api/WebhookReceiver?code=k",
        "https://fn.example/api/RegisterWebhook?code=k",
        "https://fn.example/api/WebhookReceiver",
        "https://fn.example/api/WebhookReceiver?code=",
        "https://fn.example/api/WebhookReceiver?code=k k",
        "https://fn.example/api/WebhookReceiver?code=k\nx",
        "https://fn.ex\u0430mple/api/WebhookReceiver?code=k",
        "https://fn.example/api/WebhookReceiver?code=k&clientId=_master",
    ],
)
def test_a_url_that_could_not_work_is_refused_by_name(url: object) -> None:
    assert all(problem.startswith("webhook_url: ") for problem in problems(webhook_url=url))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ('"https://fn.example/api/WebhookReceiver?code=k"', "quotation marks"),
        ("\u201chttps://fn.example/api/WebhookReceiver?code=k\u201d", "quotation marks"),
        (7, "must be a text"),
        (None, "is missing"),
        ("https://fn.ex\u0430mple/api/WebhookReceiver?code=k", "plain letters"),
        ("https://fn.example/api/WebhookReceiver?code=k&clientId=_master", "master key"),
    ],
)
def test_one_mistake_is_one_problem(url: object, words: str) -> None:
    (problem,) = problems(webhook_url=url)
    assert words in problem


def test_every_problem_is_named_at_once() -> None:
    named = problems(webhook_url="http://fn.example/x", events=["nonsense"], overwrite="yes", send_test_event=1, oops=1)
    for name in ("webhook_url: must begin", "events: nonsense", "overwrite: ", "send_test_event: ", "oops: "):
        assert any(problem.startswith(name) for problem in named), name


@pytest.mark.parametrize("events", [[], "referral-created", [5], {"a": 1}, ["referral-created", "made-up"]])
def test_odd_events_are_refused(events: object) -> None:
    assert problems(webhook_url=URL, events=events)[0].startswith("events: ")


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"5", b"[" * 10_000])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRegistration, match="JSON object"):
        parse_request(body)


def test_a_body_that_no_honest_request_has_is_not_read() -> None:
    with pytest.raises(InvalidRegistration, match="larger than"):
        parse_request(b" " * (MAX_BODY + 1))


def test_an_empty_body_asks_for_the_url() -> None:
    with pytest.raises(InvalidRegistration, match="webhook_url"):
        parse_request(b"")


# --- the client ------------------------------------------------------------------------------------------------------


def test_test_events_that_are_throttled_stop_no_registration() -> None:
    clock = ManualClock()
    held = answer(200, {"WebhookUrl": URL, "WebhookEvents": list(DEFAULT_EVENTS)})
    transport = ScriptedTransport(answer(429, retry_after="60"), held)
    service = Service(Terms("Partner Center webhooks", lambda _fresh: "token", classifier(clock)), transport, clock)
    client = WebhooksClient(service, "https://api.example/webhooks/v1")
    for _ in range(2):
        with pytest.raises(Throttled):
            client.send_test_event()
    assert client.registration() == Registration(URL, DEFAULT_EVENTS)
    assert len(transport.requests) == 2
