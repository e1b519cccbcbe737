"""StatusPage as an alliance manager uses it, in a real browser: a deal fails, is seen, understood, and tried again."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import Watched, barriers, focus_order, started_browser
from tests.e2e.deals import own_referrals, shared_deal, until_record
from tools.local.stack import Stack
from tools.simulators.sellers.seller import SOLUTION

FITS = "[...document.querySelectorAll('.scroll')].every((each) => each.scrollWidth <= each.clientWidth)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started_browser() as browser:
        yield browser


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
def page(request: pytest.FixtureRequest, browser: Browser, stack: Stack) -> Iterator[Page]:
    with browser.new_context(java_script_enabled=request.param) as context:
        watched = Watched(context)
        watched.page.goto(stack.url_of("StatusPage"))
        yield watched.page
        assert all(url.startswith(stack.host.url) for url in watched.requests), "a page fetches nothing from elsewhere"
        assert not [words for words in watched.complaints if "Content Security Policy" in words]


def test_a_deal_fails_and_is_seen_understood_put_right_and_tried_again(page: Page, stack: Stack) -> None:
    record_id = stack.crm.opportunity(solutions=())
    stack.run("CrmPoller")
    until_record(stack, record_id, lambda deal: deal.sync_status)
    stack.quiet()
    page.reload()
    parked = page.get_by_role("region", name="Parked")
    expect(parked).to_contain_text("Enter at least one solution ID from Partner Center in Products.")
    parked.get_by_role("link", name=record_id).click()
    expect(page.get_by_role("region", name="What comes next")).to_contain_text("Enter at least one solution ID")
    stack.crm.edit(record_id, solutions=(SOLUTION,))
    page.get_by_role("button", name="Try again now").click()
    expect(page.get_by_role("status")).to_contain_text("brought into agreement within seconds")
    expect(page.get_by_role("status")).to_be_focused()
    deal = until_record(stack, record_id, lambda deal: deal.referral_identifier)
    stack.quiet()
    assert deal.sync_status.startswith("✔")
    assert len(own_referrals(stack, record_id)) == 1
    page.get_by_role("link", name="Look what became of it").click()
    expect(page.get_by_role("region", name="Fields")).to_contain_text("✔ equal")
    expect(page.get_by_role("region", name="Audit")).to_contain_text("retry: ordered by function key")
    page.get_by_role("link", name="All deals").click()
    expect(parked).not_to_contain_text(record_id)


def test_a_deal_is_paused_and_resumed_and_says_so_on_its_record(page: Page, stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack)
    page.get_by_label("Find a deal").fill(referral_id)
    page.get_by_role("button", name="Find").click()
    page.get_by_role("button", name="Pause this deal").click()
    until_record(stack, record_id, lambda deal: deal.sync_status.startswith("⏸ Paused by an administrator"))
    stack.quiet()
    page.get_by_role("link", name="Look what became of it").click()
    page.get_by_role("button", name="Resume this deal").click()
    until_record(stack, record_id, lambda deal: deal.sync_status.startswith("✔"))
    stack.quiet()


def test_what_was_taken_apart_is_linked_by_hand(page: Page, stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack)
    page.goto(f"{stack.url_of('StatusPage')}&deal={referral_id}")
    page.get_by_role("button", name="Unlink the two sides").click()
    until_record(stack, record_id, lambda deal: not deal.referral_identifier)
    stack.quiet()
    page.get_by_role("link", name="All deals").click()
    page.get_by_text("Link a referral and a record").click()
    page.get_by_label("Referral", exact=True).fill("not its id")
    page.get_by_label("Record", exact=True).fill(record_id)
    page.get_by_role("button", name="Link them").click()
    expect(page.get_by_role("alert")).to_contain_text("must be the id of a referral, a GUID")
    expect(page.get_by_label("Record", exact=True)).to_have_value(record_id)
    page.get_by_label("Referral", exact=True).fill(referral_id)
    page.get_by_role("button", name="Link them").click()
    expect(page.get_by_role("status")).to_contain_text("become one deal")
    until_record(stack, record_id, lambda deal: deal.referral_identifier == referral_id)
    stack.quiet()


def test_looking_now_shows_an_edit_that_nobody_polled_yet(page: Page, stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack)
    stack.crm.edit(record_id, deal_value=Decimal(77123))
    page.get_by_label("Find a deal").fill(referral_id)
    page.get_by_role("button", name="Find").click()
    fields = page.get_by_role("region", name="Fields")
    expect(fields).not_to_contain_text("77123")
    page.get_by_role("link", name="Look now").click()
    expect(fields).to_contain_text("77123")
    expect(fields).to_contain_text("changed in the CRM")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_nothing_stops_anybody(browser: Browser, stack: Stack, scheme: Literal["light", "dark"], width: int) -> None:
    stack.crm.opportunity(solutions=())
    referral_id, _ = shared_deal(stack)
    url = stack.url_of("StatusPage")
    with browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}) as context:
        page = context.new_page()
        for address in (url, f"{url}&deal={referral_id}", f"{url}&deal=nobodys", f"{url}&standing=all"):
            page.goto(address)
            if page.locator("summary").count():
                page.locator("summary").click()
            assert barriers(page) == []
            if width > 1000:
                assert page.evaluate(FITS), "the columns at the right edge are read by nobody who has to scroll to them"
            stops = focus_order(page)
            assert [stop["place"] for stop in stops] == sorted(stop["place"] for stop in stops)
            assert all(stop["outlined"] for stop in stops)


# --- over the wire ---------------------------------------------------------------------------------------------------


def test_the_same_as_data_with_a_key_only(stack: Stack) -> None:
    referral_id, _ = shared_deal(stack)
    stack.run("Reconciler")
    seen = {"webhook", "sign-in", "trust bundle"}

    def looked() -> requests.Response | None:
        answer = requests.get(stack.url_of("StatusPage"), headers={"Accept": "application/json"}, timeout=30)
        return answer if seen <= {each["name"] for each in answer.json()["checks"]} else None

    answer = stack.eventually(looked, "what the Reconciler saw")
    checks = {each["name"]: each for each in answer.json()["checks"]}
    for name in (f"polls of {stack.crm.name}", f"sweeps of {stack.crm.name}", f"sign-in of {stack.crm.name}"):
        assert checks[name]["state"] == "ok"
    assert all(each["remedy"] for each in checks.values() if each["state"] != "ok")
    assert answer.json()["crms"][stack.crm.name]["linked"] >= 1
    assert answer.headers["Cache-Control"] == "no-store"
    deal = requests.get(stack.url_of("StatusPage"), params={"format": "json", "deal": referral_id}, timeout=30)
    assert deal.json()["link"]["state"] == "linked"
    assert requests.get(f"{stack.host.url}/api/StatusPage", timeout=30).status_code == 401
    body = {"action": "unlink", "deal": referral_id}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        refused = requests.post(stack.url_of("StatusPage"), json=body, headers=headers, timeout=30)
        assert refused.status_code == 403
    assert requests.put(stack.url_of("StatusPage"), json=body, timeout=30).status_code in (404, 405)
