"""RegisterWebhook as an admin sees it, in a real browser: with and without scripts, and with the keyboard alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.e2e.browser import Watched, barriers, focus_order, started_browser
from tools.local.stack import Stack
from tools.simulators.faults import Fault

REPLACE, TEST_IT = "Replace it", "Send a test event and show how it arrives"


@pytest.fixture(scope="module")
def crm() -> str:
    """One is enough: the webhook is Partner Center's, whichever CRM there is."""
    return "dynamics365"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started_browser() as browser:
        yield browser


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
def admin(request: pytest.FixtureRequest, browser: Browser, stack: Stack) -> Iterator[Watched]:
    """Somebody at the page of a tenant that never registered anything."""
    stack.partner_center.forget_webhook()
    stack.vendors.clock.advance(timedelta(minutes=2))  # Partner Center allows two test events a minute.
    with browser.new_context(java_script_enabled=request.param) as context:
        watched = Watched(context)
        watched.page.goto(stack.url_of("RegisterWebhook"))
        yield watched
        assert all(url.startswith(stack.host.url) for url in watched.requests), "a page fetches nothing from elsewhere"
        assert not [words for words in watched.complaints if "Content Security Policy" in words]


@pytest.fixture
def page(admin: Watched) -> Page:
    return admin.page


def send(page: Page, url: str) -> None:
    page.get_by_label("URL of WebhookReceiver").fill(url)
    page.get_by_role("button", name="Register webhook").click()


def test_the_first_registration_and_its_test_event(page: Page, stack: Stack) -> None:
    expect(page.get_by_role("heading", name="Webhook registration", level=1)).to_be_visible()
    expect(page.get_by_text("Nothing. Until a webhook is registered")).to_be_visible()
    expect(page.get_by_label(REPLACE)).to_have_count(0)
    send(page, stack.url_of("WebhookReceiver"))
    expect(page.get_by_role("status")).to_contain_text("The webhook is registered")
    expect(page.get_by_role("heading", name="Test event: delivered")).to_be_visible()
    expect(page.get_by_role("row", name="OK")).to_contain_text("The receiver took it.")
    expect(page.get_by_role("region", name="Registered now")).to_contain_text("this function app")
    expect(page.get_by_role("region", name="History")).to_contain_text("registered on")
    registered = stack.partner_center.registration
    assert registered is not None
    assert registered.url == stack.url_of("WebhookReceiver")
    assert stack.host.function_keys["WebhookReceiver"] not in page.content()


def test_another_systems_registration_is_refused_first_and_replaced_when_told_to(page: Page, stack: Stack) -> None:
    theirs = stack.partner_center.take_over_webhook()
    send(page, stack.url_of("WebhookReceiver"))
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("Nothing was changed: another registration exists")
    expect(problem).to_be_focused()
    assert stack.partner_center.registration == theirs
    expect(page.get_by_text("Replacing it takes the events from a Power Automate flow")).to_be_visible()
    assert "flow-key" not in page.content()
    problem.get_by_role("link").click()
    expect(page.get_by_label(REPLACE)).to_be_focused()
    page.get_by_label(REPLACE).check()
    page.get_by_role("button", name="Register webhook").click()  # The URL is still there.
    expect(page.get_by_role("status")).to_contain_text("in place of what was there")
    expect(page.get_by_role("heading", name="Test event: delivered")).to_be_visible()
    expect(page.get_by_role("region", name="History")).to_contain_text("logic.azure.com")


def test_mistakes_are_named_beside_their_fields_and_what_was_typed_is_kept(page: Page) -> None:
    page.get_by_label("related-referral-created").uncheck()
    page.get_by_label(TEST_IT).uncheck()
    send(page, "http://app.example/api/Other")
    expect(page.get_by_role("alert")).to_contain_text("please correct what you entered")
    field = page.get_by_label("URL of WebhookReceiver")
    expect(field).to_have_value("http://app.example/api/Other")
    for words in ("begin with https", "WebhookReceiver", "function key"):
        expect(page.locator("#webhook_url-error")).to_contain_text(words)
    expect(page.get_by_label("related-referral-created")).not_to_be_checked()
    expect(page.get_by_label("related-referral-updated")).to_be_checked()
    page.get_by_role("alert").get_by_role("link").first.click()
    expect(field).to_be_focused()


def test_partner_centers_refusal_is_shown_with_code_id_and_remedy(page: Page, stack: Stack) -> None:
    body = '{"error":{"code":"accessDenied","message":"no role"}}'
    headers = {"MS-CorrelationId": "4d7f-of-partner-center", "Content-Type": "application/json"}
    fault = Fault("status", status=403, body=body, headers=headers, times=2, path="registration")
    stack.vendors.servers["webhooks"].faults.inject(fault)
    send(page, stack.url_of("WebhookReceiver"))
    problem = page.get_by_role("alert")
    for words in ("accessDenied", "4d7f-of-partner-center", "Referrals admin"):
        expect(problem).to_contain_text(words)
    page.get_by_role("button", name="Register webhook").click()  # It works again, and nothing has to be typed anew.
    expect(page.get_by_role("status")).to_contain_text("The webhook is registered")


def test_a_test_event_that_nobody_takes_can_be_looked_at_again(page: Page, stack: Stack) -> None:
    modes = stack.partner_center.modes
    usual = modes.attempts, modes.retry_seconds
    modes.attempts, modes.retry_seconds = 2, 5
    try:
        send(page, f"{stack.url_of('WebhookReceiver')}-of-old")
        expect(page.get_by_role("row", name="Unauthorized")).to_contain_text("The key in the URL is wrong")
        expect(page.get_by_role("heading", name="Test event: not delivered yet")).to_be_visible()
        assert stack.partner_center.wait_idle(30)
        page.get_by_role("link", name="Look again").click()
        expect(page.get_by_role("heading", name="Test event: not delivered", exact=True)).to_be_visible()
        expect(page.get_by_role("row", name="Unauthorized")).to_have_count(2)
    finally:
        modes.attempts, modes.retry_seconds = usual


# --- for everybody ---------------------------------------------------------------------------------------------------

NARROW, WIDE = ViewportSize(width=320, height=640), ViewportSize(width=1100, height=800)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [NARROW, WIDE], ids=["narrow", "wide"])
def test_no_state_of_the_page_has_a_barrier(
    browser: Browser, stack: Stack, viewport: ViewportSize, scheme: str
) -> None:
    stack.vendors.clock.advance(timedelta(minutes=2))
    stack.partner_center.take_over_webhook()
    with browser.new_context(viewport=viewport, color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(stack.url_of("RegisterWebhook"))
        assert barriers(page) == []
        send(page, "")
        assert barriers(page) == []
        send(page, stack.url_of("WebhookReceiver"))
        assert barriers(page) == []
        page.get_by_label(REPLACE).check()
        page.get_by_role("button", name="Register webhook").click()
        expect(page.get_by_role("heading", name="Test event: delivered")).to_be_visible()
        assert barriers(page) == []


def test_the_barriers_are_found(browser: Browser) -> None:
    with browser.new_context(viewport=NARROW) as context:
        page = context.new_page()
        page.set_content(
            "<h1>a</h1><h1>b</h1><h3>c</h3><input name=x aria-describedby=gone><fieldset></fieldset>"
            "<a href='#gone'></a><p style='color:#999;background:#fff;width:900px'>pale</p>"
            "<table><tr><th>x</th></tr></table><i id=d></i><b id=d></b>"
        )
        found = " / ".join(barriers(page))
    for words in (
        "axe html-has-lang",
        "axe label",
        "language",
        "first level",
        "skips",
        "no label: x",
        "gone",
        "legend",
        "contrast",
        "sideways",
        "two of d",
    ):
        assert words in found, words


def test_tab_goes_through_the_page_in_order_and_shows_where(browser: Browser, stack: Stack) -> None:
    stack.partner_center.take_over_webhook()
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(stack.url_of("RegisterWebhook"))
        stops = focus_order(page)
    assert [stop["place"] for stop in stops] == sorted(stop["place"] for stop in stops)
    assert all(stop["outlined"] for stop in stops)
    ids = [stop["id"] for stop in stops if stop["tag"] == "input"]
    events = ["referral-created", "referral-updated", "related-referral-created", "related-referral-updated"]
    assert ids == ["webhook_url", *(f"event-{name}" for name in events), "overwrite", "send_test_event"]


def test_the_keyboard_alone_is_enough(page: Page, stack: Stack) -> None:
    stack.partner_center.take_over_webhook()
    keys = page.keyboard
    keys.press("Tab")
    keys.insert_text(stack.url_of("WebhookReceiver"))  # As pasting does.
    keys.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    keys.press("Tab")
    keys.press("Enter")  # The summary's link leads to the box.
    expect(page.get_by_label(REPLACE)).to_be_focused()
    keys.press("Space")
    for _ in range(2):
        keys.press("Tab")
    expect(page.get_by_role("button", name="Register webhook")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("status")).to_be_focused()
    registered = stack.partner_center.registration
    assert registered is not None
    assert registered.url == stack.url_of("WebhookReceiver")


# --- over the wire ---------------------------------------------------------------------------------------------------


def test_the_same_as_data_and_no_key_in_it_or_in_the_log(stack: Stack) -> None:
    stack.partner_center.take_over_webhook()
    assert stack.register(overwrite=True).json()["status"] == "updated"
    answer = requests.get(stack.url_of("RegisterWebhook"), headers={"Accept": "application/json"}, timeout=30)
    told = answer.json()
    assert told["current"]["belongs_to"] == "this function app"
    assert told["history"][0]["previous"]["webhook_url"].startswith("https://prod-42.westeurope.logic.azure.com/")
    assert answer.headers["Cache-Control"] == "no-store"
    key = stack.host.function_keys["WebhookReceiver"]
    assert key not in json.dumps(told)
    assert key not in stack.host.log_text()
    assert "flow-key" not in json.dumps(told) + stack.host.log_text()


def test_another_sites_form_is_refused(stack: Stack) -> None:
    stack.partner_center.forget_webhook()
    form = {"webhook_url": stack.url_of("WebhookReceiver"), "events": "referral-created"}
    answer = requests.post(
        stack.url_of("RegisterWebhook"), data=form, headers={"Sec-Fetch-Site": "cross-site"}, timeout=30
    )
    assert answer.status_code == 403
    assert stack.partner_center.registration is None


def test_a_form_from_a_script_gets_a_page_with_the_same_status(stack: Stack) -> None:
    stack.partner_center.take_over_webhook()
    form = {"webhook_url": stack.url_of("WebhookReceiver"), "events": "referral-created"}
    answer = requests.post(stack.url_of("RegisterWebhook"), data=form, timeout=30)
    assert (answer.status_code, answer.headers["Content-Type"]) == (409, "text/html; charset=utf-8")


def test_without_the_key_there_is_no_page(stack: Stack) -> None:
    assert requests.get(f"{stack.host.url}/api/RegisterWebhook", timeout=30).status_code == 401
