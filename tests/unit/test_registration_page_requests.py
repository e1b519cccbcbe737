"""The registration page's requests: from another site, and as data."""

from __future__ import annotations

import json

import pytest

from shared.errors import SettingsError
from shared.pages.web import Visit
from shared.partner_center.webhooks import Registration, Validation
from shared.webhook.pages.registration import respond
from shared.webhook.pages.registration_view import moment
from shared.webhook.registration_answers import RegistrationAnswers
from shared.webhook.registration_request import MAX_BODY, InvalidRegistration, read_form
from tests.support.reader import Reader
from tests.unit.test_registration_page import DELIVERED, FILLED, FLOW, FORM, HERE, URL, Office

# --- another site's page ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site", "origin": "https://fn.example"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://fn.example.evil.example"},
        {"origin": "http://["},
        {"origin": ""},
    ],
)
def test_another_sites_page_cannot_register(headers: dict[str, str]) -> None:
    office = Office()
    reply = office.post(FILLED, **headers)
    assert reply.status == 403
    assert "CANARY" not in Reader(reply).text
    assert office.post_json({"webhook_url": URL}, content_type="text/plain", **headers).status == 403
    assert office.webhooks.current is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "same-origin", "origin": "null"},
        {"sec_fetch_site": "none"},
        {"origin": "https://fn.example"},
    ],
)
def test_our_own_page_and_scripts_can(headers: dict[str, str]) -> None:
    assert Office().post(FILLED, **headers).status == 200


@pytest.mark.parametrize("url", ["https://[", "https://[::1", "https://fn.example:x/api/WebhookReceiver", "nonsense"])
def test_whatever_is_registered_the_page_opens_and_can_replace_it(url: str) -> None:
    office = Office(current=Registration(url, ("referral-created",)))
    assert "another system" in Reader(office.get()).text or ":x/" in url
    assert office.post(FILLED).status == 409
    assert office.post(FILLED | {"overwrite": "true"}).status == 200


def test_a_test_event_that_is_refused_is_no_green_registration() -> None:
    # The receiver's address is right and its key is wrong: only the test event tells.
    refused = Validation("completed", ({"responsecode": "Unauthorized", "responsemessage": "", "datetimeutc": ""},))
    page = Reader(Office(refused).post(FILLED | {"send_test_event": "true"}))
    assert "Test event: not delivered" in page.text
    assert "registered, but its test event was not accepted" in page.text
    assert "! this function app (the test event was not accepted)" in page.text
    assert "✔ this function app" not in page.text
    assert "✔ this function app" in Reader(Office(DELIVERED).post(FILLED | {"send_test_event": "true"})).text


SENT_BACK = {"responsecode": "Unauthorized", "responsemessage": "", "datetimeutc": ""}
ELSEWHERE = "https://fn-x.example/api/WebhookReceiver?code=CANARY-KEY"


@pytest.mark.parametrize(
    ("fate", "url", "tone"),
    [
        (DELIVERED, URL, "good"),
        (DELIVERED, ELSEWHERE, "good"),
        (None, URL, "good"),
        (None, ELSEWHERE, "warn"),
        (Validation("pending", ()), URL, "warn"),
        (Validation("pending", (SENT_BACK,)), URL, "warn"),
        (Validation("completed", (SENT_BACK,)), URL, "warn"),
    ],
)
def test_the_banner_is_green_when_events_arrive(fate: Validation | None, url: str, tone: str) -> None:
    given = FILLED | {"webhook_url": url} | ({"send_test_event": "true"} if fate else {})
    page = Reader(Office(*[fate] if fate else []).post(given))
    (notice,) = [each["class"] for each in page.all("section") if each.get("role") == "status"]
    assert notice == f"notice {tone}"
    assert ("Check: Webhook registration" in page.text) is (tone == "warn")


@pytest.mark.parametrize(
    ("url", "warned"), [(URL, False), ("https://xn--fn-xka.example/api/WebhookReceiver?code=CANARY-KEY", True)]
)
def test_a_url_of_another_host_is_registered_with_a_warning(url: str, *, warned: bool) -> None:
    page = Reader(Office().post(FILLED | {"webhook_url": url}))
    assert ("not this function app's" in page.text) is warned


def test_a_list_of_settings_to_correct_is_shown_as_a_list() -> None:
    def closed() -> RegistrationAnswers:
        raise SettingsError("2 app settings to correct:\n- CRM: is not set.\n- DYNAMICS_URL: is not set.")

    page = Reader(respond(Visit("GET", HERE, {"accept": "text/html"}, {}), closed))
    assert len(page.all("li")) == 2
    assert "to correct: CRM: is not set. DYNAMICS_URL" in page.text


# --- data ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("accept", "params"), [("application/json", {}), ("*/*", {"format": "json"})])
def test_the_same_as_data(accept: str, params: dict[str, str]) -> None:
    office = Office(current=FLOW)
    office.post(FILLED | {"overwrite": "true"})
    reply = office.get(accept, **params)
    content = json.loads(reply.body)
    assert reply.kind == "application/json"
    assert content["current"]["belongs_to"] == "this function app"
    (entry,) = content["history"]
    assert (entry["status"], entry["by"]) == ("updated", "RegisterWebhook")
    assert entry["previous"]["events"] == list(FLOW.events)
    assert "CANARY" not in reply.body
    assert "fingerprint" not in reply.body
    assert reply.headers["Cache-Control"] == "no-store"


def test_json_that_curl_calls_a_form_is_json() -> None:
    reply = Office().post_json({"webhook_url": URL}, content_type=FORM)
    assert (reply.status, json.loads(reply.body)["status"]) == (200, "registered")


def test_a_form_means_what_the_json_means() -> None:
    form = b"webhook_url=u&events=a&events=b&overwrite=on&send_test_event=false"
    assert read_form(form) == {"webhook_url": "u", "events": ["a", "b"], "overwrite": True, "send_test_event": False}
    assert read_form(b"") == {"events": []}


@pytest.mark.parametrize("body", [b"\xff=1", b"webhook_url=%ff", b"&".join([b"a=1"] * 60), b"a" * (MAX_BODY + 1)])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRegistration):
        read_form(body)
    assert respond(Visit("POST", HERE, {"content-type": FORM}, {}, body), lambda: Office().answers).status == 400


@pytest.mark.parametrize("text", [None, "", "yesterday"])
def test_a_moment_that_cannot_be_read_is_shown_as_it_is(text: str | None) -> None:
    assert moment(text) == (text or "")
