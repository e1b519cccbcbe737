"""RegisterWebhook's conversation: the same answers as a page and as JSON, and nothing secret in either."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest

from shared.errors import AccessDenied, CosellError, OutcomeUnknown, ServiceUnavailable, SettingsError, Throttled
from shared.ledger.memory import MemoryLedger
from shared.pages.web import Reply, Visit
from shared.partner_center.webhooks import Registration, Validation
from shared.webhook.pages.registration import respond
from shared.webhook.registration_answers import RegistrationAnswers, remedy
from shared.webhook.registration_request import DEFAULT_EVENTS, TEST_EVENT
from tests.support.fakes.webhooks import TESTED, FakeWebhooks
from tests.support.reader import Reader
from tests.support.stand_ins import ManualClock

HERE = "https://fn.example/api/RegisterWebhook?code=CANARY-PAGE"
URL = "https://fn.example/api/WebhookReceiver?code=CANARY-KEY"
FLOW = Registration(
    "https://prod-7.westeurope.logic.azure.com/run?sig=CANARY-FLOW", ("referral-created", "invoice-ready")
)
FORM = "application/x-www-form-urlencoded"
FILLED = {"webhook_url": URL, "events": list(DEFAULT_EVENTS)}


class Office:
    """The answers with their webhooks, and somebody who visits it."""

    def __init__(self, *fate: Validation, current: Registration | None = None, public_url: str | None = None) -> None:
        self.webhooks = FakeWebhooks(current, *fate)
        self.answers = RegistrationAnswers(self.webhooks, MemoryLedger().drawers, ManualClock(), public_url)

    def get(self, accept: str = "text/html", **params: str) -> Reply:
        given = {"code": "CANARY-PAGE", **params}
        return respond(Visit("GET", HERE, {"accept": accept}, given), lambda: self.answers)

    def post(self, fields: dict[str, Any], **headers: str) -> Reply:
        sent = {"content-type": FORM, **{name.replace("_", "-"): value for name, value in headers.items()}}
        body = urlencode(fields, doseq=True).encode()
        return respond(Visit("POST", HERE, sent, {"code": "CANARY-PAGE"}, body), lambda: self.answers)

    def post_json(self, content: object, **headers: str) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        body = json.dumps(content).encode()
        return respond(Visit("POST", HERE, sent, {"code": "CANARY-PAGE"}, body), lambda: self.answers)


# --- the page --------------------------------------------------------------------------------------------------------


def test_a_first_visit() -> None:
    reply = Office().get()
    page = Reader(reply)
    assert (reply.status, reply.kind) == (200, "text/html")
    assert "Nothing. Until a webhook is registered" in page.text
    boxes = [box["value"] for box in page.all("input") if box.get("name") == "events" and "checked" in box]
    assert boxes == list(DEFAULT_EVENTS)
    assert not any(each.get("id") == "overwrite" for _, each in page.elements), "there is nothing to overwrite"


def test_a_page_is_private_and_allows_nothing_but_its_own_style() -> None:
    reply = Office().get()
    (style,) = re.findall(r"<style>(.*?)</style>", reply.body, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = dict(part.split(" ", 1) for part in reply.headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["Referrer-Policy"] == "no-referrer"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    page = Reader(reply)
    assert not page.all("script")
    assert not any("style" in each or name.startswith("on") for _, each in page.elements for name in each)


@pytest.mark.parametrize(
    ("url", "public_url", "whose"),
    [
        (URL, None, "this function app"),
        ("https://FN.example/api/webhookreceiver?code=old", None, "this function app"),
        ("https://app.azurewebsites.net/api/WebhookReceiver?code=k", URL, "another system"),
        (URL.replace("fn.", "own."), "https://own.example/api/WebhookReceiver?code=x", "this function app"),
        ("https://fn.example/api/Other?code=k", None, "another system"),
        ("https://other.example/api/WebhookReceiver?code=k", None, "another system"),
        (FLOW.url, None, "a Power Automate flow"),
        ("https://logic.azure.com.evil.example/x", None, "another system"),
    ],
)
def test_the_page_tells_whose_the_registration_is(url: str, public_url: str | None, whose: str) -> None:
    office = Office(current=Registration(url, DEFAULT_EVENTS), public_url=public_url)
    assert whose in Reader(office.get()).text
    assert json.loads(office.get("application/json").body)["current"]["belongs_to"] == whose


def test_a_form_without_anything_names_every_field_and_leads_to_it() -> None:
    reply = Office().post({})
    page = Reader(reply)
    assert reply.status == 400
    assert page.by_id("webhook_url")["aria-invalid"] == "true"
    assert "webhook_url-error" in str(page.by_id("webhook_url")["aria-describedby"])
    page.by_id("webhook_url-error")
    page.by_id("events-error")
    links = {str(link["href"])[1:] for link in page.all("a") if str(link["href"]).startswith("#")}
    assert links == {"webhook_url", "events"}
    assert "The URL is missing." in page.text
    assert "Choose at least one event." in page.text
    assert "Error: " in page.text
    assert [box for box in page.all("input") if box.get("name") == "events" and "checked" in box] == []


def test_what_was_typed_is_kept_and_escaped() -> None:
    nasty = 'http://fn.example/"><script>alert(1)</script>'
    reply = Office().post({"webhook_url": nasty, "events": ["referral-created"], "send_test_event": "true"})
    page = Reader(reply)
    assert reply.status == 400
    assert page.by_id("webhook_url")["value"] == nasty
    assert page.all("script") == []
    checked = [box["id"] for box in page.all("input") if "checked" in box]
    assert checked == ["event-referral-created", "send_test_event"]


def test_another_registration_is_shown_with_what_would_be_lost_and_the_form_kept() -> None:
    office = Office(current=FLOW)
    reply = office.post(FILLED)
    page = Reader(reply)
    assert reply.status == 409
    assert office.webhooks.writes == []
    assert page.by_id("webhook_url")["value"] == URL, "or a second copy from the portal would be needed"
    assert page.by_id("overwrite")["aria-invalid"] == "true"
    assert "takes the events from a Power Automate flow" in page.text
    assert "sig=***" in page.text
    assert "CANARY-FLOW" not in reply.body
    assert "invoice-ready would come here too" in page.text


DELIVERED = Validation("completed", ({"responsecode": "OK", "datetimeutc": "2026-01-05T09:20:11.4471223"},))


def test_overwriting_shows_what_was_replaced_and_how_the_test_event_arrived() -> None:
    office = Office(DELIVERED, current=FLOW)
    reply = office.post(FILLED | {"overwrite": "true", "send_test_event": "true"})
    page = Reader(reply)
    assert reply.status == 200
    assert "in place of what was there" in page.text
    assert "Test event: delivered" in page.text
    assert "5 January 2026, 09:20:11 UTC" in page.text
    assert page.by_id("webhook_url")["value"] == "", "done: the key is needed no more"
    assert "CANARY-KEY" not in reply.body
    assert "CANARY-FLOW" not in reply.body
    again = Reader(office.get()).text
    assert "updated on 1 March 2026, 12:00:00 UTC by RegisterWebhook" in again
    assert "Replaced https://prod-7.westeurope.logic.azure.com/run?sig=***" in again


def test_a_test_event_on_its_way_can_be_looked_at_again_with_the_key_in_use() -> None:
    office = Office(Validation("pending", ()))
    page = Reader(office.post(FILLED | {"send_test_event": "true"}))
    assert "not delivered yet" in page.text
    (again,) = [str(link["href"]) for link in page.all("a") if "test=" in str(link["href"])]
    assert again == f"?code=CANARY-PAGE&test={TESTED}"
    office.webhooks.fate = [DELIVERED]
    assert "Test event: delivered" in Reader(office.get(test=TESTED)).text


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("Unauthorized", "key in the URL is wrong"),
        ("404", "no such function"),
        ("InternalServerError", "its queue"),
        ("", "reachable from the internet"),
        ("Teapot", "✖ Teapot"),
    ],
)
def test_a_refused_test_event_says_what_the_answer_means(code: str, words: str) -> None:
    office = Office(Validation("completed", ({"responsecode": code, "datetimeutc": None},)))
    page = Reader(office.post(FILLED | {"send_test_event": "true"}))
    assert "Test event: not delivered" in page.text
    assert words in page.text


@pytest.mark.parametrize("test", ["../registration", "a/b", "", "x" * 65, "%2e%2e"])
def test_no_made_up_id_reaches_partner_center(test: str) -> None:
    office = Office(DELIVERED)
    reply = office.get(test=test)
    assert reply.status == 400
    assert "correlation id" in Reader(reply).text


# --- when it does not work -------------------------------------------------------------------------------------------


def test_partner_centers_own_words_are_shown_with_a_remedy() -> None:
    office = Office()
    office.webhooks.failure = AccessDenied("Partner Center refuses it").with_remote("accessDenied", "4d7f")
    for reply in (office.post(FILLED), office.get()):
        page = Reader(reply)
        assert reply.status == 502
        for words in ("accessDenied", "4d7f", "Referrals admin", "What to do:"):
            assert words in page.text
        assert "Not known" in page.text, "the form is there all the same"
        assert page.by_id("overwrite")
    content = json.loads(office.post_json({"webhook_url": URL}).body)
    assert (content["code"], content["correlation_id"], content["error"]) == ("accessDenied", "4d7f", "partner_center")


def test_a_registration_whose_test_event_is_refused_is_made_all_the_same() -> None:
    class Throttling(FakeWebhooks):
        def send_test_event(self) -> str:
            raise Throttled("asked us to slow down", retry_after=60).with_remote("tooManyRequests", "9c")

    office = Office()
    office.webhooks = Throttling()
    office.answers = RegistrationAnswers(office.webhooks, MemoryLedger().drawers, ManualClock(), None)
    reply = office.post(FILLED | {"send_test_event": "true"})
    page = Reader(reply)
    assert reply.status == 502
    assert "The webhook is registered" in page.text
    assert "Test event: not sent" in page.text
    assert "Try again in 60 seconds" in page.text
    assert "Error:" not in page.text
    assert "this function app" in page.text
    content = json.loads(office.post_json({"webhook_url": URL, "send_test_event": True}).body)
    assert content["registration"]["status"] == "unchanged"
    assert TEST_EVENT in content["registration"]["events"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OutcomeUnknown("broke"), "taken effect"),
        (ServiceUnavailable("503"), "Try again in some minutes"),
        (SettingsError("CRM: is not set."), "application settings"),
        (Throttled("slow"), "two test events a minute"),
    ],
)
def test_each_cause_has_its_remedy(error: CosellError, words: str) -> None:
    assert words in remedy(error)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_app_that_cannot_start_says_why(method: str) -> None:
    def closed() -> RegistrationAnswers:
        raise SettingsError("1 app setting to correct:\n- CRM: is not set.")

    page = respond(Visit(method, HERE, {"content-type": FORM}, {}), closed)
    assert page.status == 502
    assert "CRM: is not set." in Reader(page).text
    content = respond(Visit(method, HERE, {"accept": "application/json"}, {}), closed)
    assert json.loads(content.body)["error"] == "settings"
