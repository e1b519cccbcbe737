"""Makes README's pictures of the pages anew: `python -m tests.e2e.pictures`, with Chromium on PATH."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.e2e.browser import started_browser
from tests.e2e.deals import polled, received_deal, shared_deal, until_record
from tools.local.stack import Stack

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
WIDTH = 900


def main() -> None:
    """Bring deals into the states that the pages tell of, and take a picture of each page."""
    with Stack() as stack, started_browser() as browser:
        differing = prepare(stack)
        take(browser, stack, f"{stack.url_of('StatusPage')}", "status-page", 1500)
        take(browser, stack, f"{stack.url_of('StatusPage')}&crm=dynamics365&deal={differing}", "status-deal", 1400)
        stack.partner_center.take_over_webhook()
        take(browser, stack, stack.url_of("RegisterWebhook"), "register-webhook", 1180)


def prepare(stack: Stack) -> str:
    """Make a deal that agrees, one that lacks something, one that is paused and one that differs; return that one."""
    stack.register().raise_for_status()
    shared_deal(stack, name="Fabrikam: data estate")
    received_deal(stack)
    _, paused = shared_deal(stack, name="Litware: move to the cloud")
    stack.crm.edit(paused, sync=False)
    referral_id, differing = shared_deal(stack, name="Contoso data platform", deal_value=Decimal(42000))
    stack.crm.win(differing)
    polled(stack)
    stack.crm.reopen(differing)
    lacking = stack.crm.opportunity(name="Northwind: pilot", solutions=())
    polled(stack)
    until_record(stack, lacking, lambda deal: deal.sync_status)
    stack.run("Reconciler")
    stack.eventually(lambda: "Executed 'Functions.Reconciler'" in stack.host.log_text(), "the end of the Reconciler")
    stack.quiet()
    return referral_id


def take(browser: Browser, stack: Stack, url: str, name: str, height: int) -> None:
    """Take a picture of the top of a page; the registration is made first."""
    with browser.new_context(viewport={"width": WIDTH, "height": height}, color_scheme="light") as context:
        page = context.new_page()
        page.goto(url)
        if "RegisterWebhook" in url:
            register(page, stack)
        page.evaluate("document.activeElement.blur()")
        page.screenshot(path=IMAGES / f"{name}.png")


def register(page: Page, stack: Stack) -> None:
    """Paste the receiver's URL, and replace what another system registered."""
    page.get_by_label("URL of WebhookReceiver").fill(stack.url_of("WebhookReceiver"))
    page.get_by_role("button", name="Register webhook").click()
    page.get_by_label("Replace it").check()
    page.get_by_role("button", name="Register webhook").click()
    page.get_by_role("heading", name="Test event: delivered").wait_for()


if __name__ == "__main__":
    main()
