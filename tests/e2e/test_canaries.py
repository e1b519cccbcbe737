"""Secrets and people's data in a whole day's work, failures included: nothing that the app says repeats any of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from shared.lifecycle import Stage
from shared.settings.declaration import declared
from tests.e2e.deals import received_deal, shared_deal, until_record, until_referral
from tests.e2e.test_webhook import post
from tools.local.stack import Stack
from tools.simulators.faults import Fault
from tools.simulators.sellers.salesforce import SalesforceSeller
from tools.simulators.sellers.seller import CONTACT, CUSTOMER, READY
from tools.simulators.vendors import SYNC_USER

SECRET_SETTINGS = sorted(setting.name for setting in declared().values() if setting.secret)
"""Those that the settings themselves hide."""

PLANTED = {
    "ALERT_WEBHOOK_URL": "https://localhost:9/canary-hook?sig=canary-hook-signature",
    "WEBHOOK_PUBLIC_URL": "https://app.example/api/WebhookReceiver?code=canary-public-key",
}
PERSON = {
    "firstName": "Canarina",
    "lastName": "Fringilla",
    "email": "canarina@canary-customer.example",
    "phoneNumber": "+441139998877",
}
REFERRAL: dict[str, Any] = {
    "name": "Canary deal of Partner Center",
    "details": {"notes": "Canary note of Partner Center"},
    "customerProfile": {"name": "Canary Customer Ltd", "team": [PERSON]},
}
PEOPLE = [
    *PERSON.values(),
    "Canary deal",
    "Canary note",
    "Canary Customer",
    "Canary edit",
    *(CONTACT.last_name, CONTACT.email, CONTACT.phone, CUSTOMER.name, CUSTOMER.street),
    *(str(READY["name"]), str(READY["notes"])),
    *("Sam Seller", "sam.seller@partner.example", "14255550101"),
    *("Okoro", "lee@fabrikam.example", SYNC_USER),
]


class Day:
    """A stack whose secrets are known, and everything that it has said."""

    def __init__(self, stack: Stack, log: Path) -> None:
        self.stack = stack
        self.log = log
        self.tokens: list[str] = []
        self.ids: list[str] = []
        self._watch_tokens()

    def _watch_tokens(self) -> None:
        entra: Any = self.stack.vendors.entra
        for name in ("_v1_body", "_v2_body"):
            setattr(entra, name, self._keeping(getattr(entra, name)))

    def _keeping(self, answer: Any) -> Any:
        def kept(*grant: Any) -> dict[str, Any]:
            body: dict[str, Any] = answer(*grant)
            self.tokens += [body[name] for name in ("access_token", "refresh_token") if name in body]
            return body

        return kept

    def secrets(self) -> list[str]:
        settings = self.stack.settings()
        values = [settings[name] for name in SECRET_SETTINGS if name in settings and name != "AzureWebJobsStorage"]
        account_key = re.findall("AccountKey=([^;]+)", settings["AzureWebJobsStorage"])
        keys = [*self.stack.host.function_keys.values(), *self.stack.host.keys.values()]
        tokens = [*self.tokens, *self._sessions()]
        return [*values, *account_key, *keys, *tokens, "canary-hook", "canary-public-key"]

    def _sessions(self) -> list[str]:
        """Salesforce's access tokens, which come from the org itself."""
        seller = self.stack.crm
        return list(seller.simulator.identity.sessions) if isinstance(seller, SalesforceSeller) else []


@pytest.fixture
def day(crm: str, storage: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Day]:
    del capfd  # Asked for so that it is there before the app starts, and has what the app prints.
    log = tmp_path / "host.log"
    with Stack(crms=(crm,), storage=storage, settings=PLANTED, log=log) as stack:
        yield Day(stack, log)


def _live(day: Day) -> None:
    """Both scenarios, edits on both sides, and a failure of every kind."""
    stack = day.stack
    assert stack.register(send_test_event=True).status_code == 200
    shared, record_id = shared_deal(stack, name="Canary deal of the CRM", notes="Canary note of the CRM")
    received, received_record = received_deal(stack, **REFERRAL)
    day.ids += [shared, record_id, received, received_record]
    stack.partner_center.portal.accept(received)  # Edits of an undecided invitation wait.
    until_record(stack, received_record, lambda deal: deal.stage is Stage.ACTIVE)
    stack.quiet()
    stack.crm.edit(record_id, notes="Canary edit of the CRM")
    stack.run("CrmPoller")
    until_referral(stack, shared, lambda row: row["details"]["notes"] == "Canary edit of the CRM")
    _services_fail(day, received, received_record)
    incomplete = stack.crm.opportunity(name="Canary deal without products", solutions=(), contact=False)
    stack.run("CrmPoller")
    until_record(stack, incomplete, lambda deal: deal.sync_status)
    _strangers_knock(stack)
    _sign_in_fails(stack, record_id)


def _services_fail(day: Day, referral_id: str, record_id: str) -> None:
    """Services that repeat in their error what they were sent."""
    stack, echo = day.stack, '{"error": {"code": "Bad", "message": "Canary note, canarina@canary-customer.example"}}'
    stack.crm.break_update(Fault("status", status=500, body=echo))
    stack.partner_center.portal.edit(referral_id, {"/details/notes": "Canary edit of Partner Center"})
    until_record(stack, record_id, lambda deal: deal.notes == "Canary edit of Partner Center")
    stack.quiet()
    refusal = Fault("status", status=400, body=echo, method="PATCH")
    stack.vendors.servers["referrals"].faults.inject(refusal)
    stack.crm.edit(record_id, notes="Canary edit that is refused")
    stack.run("CrmPoller")
    stack.eventually(lambda: refusal.fired, "the refusal")
    stack.quiet()


def _strangers_knock(stack: Stack) -> None:
    body = b'{"EventName": "Canary note", "ResourceUri": "https://x/canarina@canary-customer.example"}'
    assert post(stack, body, signature=b"canary-hook" * 20).status_code == 401
    assert post(stack, b'{"EventName": "referral-updated", "ResourceUri": "Canary note"}').status_code == 400
    assert requests.post(stack.url_of("RegisterWebhook"), data=body, timeout=30).status_code == 400


def _sign_in_fails(stack: Stack, record_id: str) -> None:
    stack.vendors.entra.revoke_refresh_tokens(SYNC_USER)
    stack.restart()
    stack.crm.edit(record_id, notes="Canary edit without a sign-in")
    stack.run("CrmPoller")
    until_record(stack, record_id, lambda deal: deal.sync_status.startswith("⏳"))
    stack.run("Reconciler")
    stack.quiet()


def test_nothing_that_the_app_says_repeats_a_secret_or_a_person(day: Day, capfd: pytest.CaptureFixture[str]) -> None:
    _live(day)
    secrets = day.secrets()
    day.stack.host.stop()
    said = day.log.read_text()
    printed = "".join(capfd.readouterr())
    alert = f"alert worker {day.stack.crm.name} SignInRequired"
    for known in (*day.ids, "deal set aside", "event refused", f"{alert} raised", f"{alert} not delivered"):
        assert known in said, "the day did not happen as planned, so the log proves nothing"
    assert len(day.tokens) >= 4
    assert {"PARTNER_CENTER_REFRESH_TOKEN", "ALERT_WEBHOOK_URL", "TOKEN_ENCRYPTION_KEY"} <= set(SECRET_SETTINGS)
    everything = (said + printed).casefold()
    leaked = [canary for canary in (*secrets, *PEOPLE) if canary.casefold() in everything]
    assert leaked == []
    assert not re.search(r"code=(?!\*\*\*)[\w%-]", everything)
