"""`cosell.py doctor` about the webhook: where events go, and who answers there."""

from __future__ import annotations

import pytest

from shared.partner_center.webhooks import Registration
from shared.webhook.registration_request import DEFAULT_EVENTS
from tests.support.stages.admin import DynamicsDesk as Desk
from tests.support.stages.doctor import RECEIVER, answering, see
from tools.admin.doctor.report import Mark, Owner
from tools.simulators.certificates import CertificateAuthority
from tools.simulators.server import SimulatorServer

pytestmark = pytest.mark.slow

# --- the webhook -----------------------------------------------------------------------------------------------------


def test_events_that_go_elsewhere(desk: Desk) -> None:
    desk.app().webhooks.register(Registration("https://other.example/hook?code=a-function-key", DEFAULT_EVENTS))
    found = see(desk.settings(WEBHOOK_PUBLIC_URL=RECEIVER))
    assert found.bad == [("webhook", Owner.AZURE)]
    assert "events go to https://other.example/hook?code=***, not to https://app.example" in found.about("webhook").text


def test_events_that_come_with_an_old_key(desk: Desk) -> None:
    desk.app().webhooks.register(Registration(f"{RECEIVER}-of-old", DEFAULT_EVENTS))
    found = see(desk.settings(WEBHOOK_PUBLIC_URL=RECEIVER))
    assert found.bad == [("webhook", Owner.AZURE)]
    assert "with another key" in found.about("webhook").text


def test_events_that_nobody_asked_for(desk: Desk) -> None:
    desk.app().webhooks.register(Registration(RECEIVER, ("referral-created",)))
    found = see(desk.settings(WEBHOOK_PUBLIC_URL=RECEIVER))
    assert found.bad == []
    (line,) = [line for line in found.of(Mark.LOOK) if line.subject == "webhook"]
    assert "not registered: referral-updated, related-referral-created, related-referral-updated" in line.text


def test_a_receiver_with_a_certificate_that_nobody_trusts(desk: Desk) -> None:
    stranger = SimulatorServer("stranger", answering(401), CertificateAuthority())
    with stranger:
        found = see(desk.settings(WEBHOOK_PUBLIC_URL=f"{stranger.url}/api/WebhookReceiver?code=a-function-key"))
    assert ("receiver", Owner.AZURE) in found.bad
    assert "public authority" in found.about("receiver").remedy


def test_a_receiver_that_fails(desk: Desk) -> None:
    url = desk.vendors.add("failing", answering(503)).url
    assert (
        "answered 503"
        in see(desk.settings(WEBHOOK_PUBLIC_URL=f"{url}/api/WebhookReceiver?code=x")).about("receiver").text
    )
