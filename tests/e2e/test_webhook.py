"""The receiver's contract (design section 4.1), over the wire."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from azure.data.tables import TableClient

from shared.ledger.table_ledger import TABLE, TableLedger
from shared.webhook.security_audit import SECURITY, WEBHOOK
from tests.e2e.deals import received_deal
from tools.local.stage import Stage
from tools.simulators.sellers import DESKS

EVENT = b'{"EventName":"referral-updated","ResourceUri":"https://api.partnercenter.microsoft.com/engagements/v1/referrals/%s"}'


def post(
    stage: Stage, body: bytes, headers: dict[str, str] | None = None, *, signature: bytes | None = None
) -> requests.Response:
    """Send an event as Partner Center would, signed over `body` unless a signature is given."""
    signed = base64.b64encode(stage.partner_center.signer.sign(body) if signature is None else signature).decode()
    url = f"{stage.partner_center.certificate_host}/cert/pcnotifications-dispatch.microsoft.com.cer"
    sent = {
        "x-ms-signature": f"Signature {signed}",
        "x-ms-certificate-url": url,
        "x-ms-signature-algorithm": "rsa-sha256",
        "Content-Type": "application/json",
        **(headers or {}),
    }
    return requests.post(stage.url_of("WebhookReceiver"), data=body, headers=sent, timeout=30)


@pytest.fixture(scope="module")
def crm() -> str:
    """One CRM will do: the receiver never meets one."""
    return next(iter(DESKS))


@pytest.fixture(scope="module")
def event(stage: Stage) -> bytes:
    referral_id, _ = received_deal(stage)
    return EVENT % referral_id.encode()


def test_the_first_event_is_verified_without_any_certificate_work(stage: Stage, event: bytes) -> None:
    # All that the app holds is a root, as one that has just been installed; both authorities in between are fetched.
    assert Path(stage.settings()["WEBHOOK_TRUST_BUNDLE"]).read_text().count("BEGIN CERTIFICATE") == 1
    assert post(stage, event).status_code == 200
    issuers = stage.world.servers["issuers"].log
    assert sorted(entry.path for entry in issuers.entries) == sorted(stage.partner_center.signer.issuers)
    assert {entry.status for entry in issuers.entries} == {200}
    assert stage.world.servers["certificates"].log.count() == 1


def test_a_signed_event_is_taken(stage: Stage, event: bytes) -> None:
    assert post(stage, event).status_code == 200


def test_any_other_algorithm_is_refused(stage: Stage, event: bytes) -> None:
    assert post(stage, event, {"x-ms-signature-algorithm": "rsa-sha1"}).status_code == 401


def test_a_signature_of_other_bytes_is_refused(stage: Stage, event: bytes) -> None:
    answer = post(stage, event + b" ", signature=stage.partner_center.signer.sign(event))
    assert (answer.status_code, answer.content) == (401, b"")


def test_no_certificate_is_fetched_from_elsewhere(stage: Stage, event: bytes) -> None:
    fetched = stage.world.servers["certificates"].log.count()
    answer = post(stage, event, {"x-ms-certificate-url": "https://evil.example/cert/x.cer"})
    assert answer.status_code == 401
    assert stage.world.servers["certificates"].log.count() == fetched


@pytest.mark.parametrize(
    "body", [b"not json", b"[]", b"{}", b'{"EventName":"referral-updated"}', EVENT % b"not-a-guid", b"\xff\xfe"]
)
def test_a_malformed_event_is_refused_after_its_signature_held(stage: Stage, body: bytes) -> None:
    assert post(stage, body).status_code == 400


def test_events_about_other_things_need_nothing(stage: Stage) -> None:
    assert post(stage, b'{"EventName":"subscription-updated","ResourceUri":"https://x/y"}').status_code == 200


def test_an_empty_body_and_a_chunked_one_are_refused(stage: Stage) -> None:
    assert post(stage, b"").status_code == 400
    chunked = requests.post(stage.url_of("WebhookReceiver"), data=iter([b"{}"]), timeout=30)
    assert chunked.status_code == 400


def test_a_body_over_64_kib_is_refused(stage: Stage) -> None:
    assert post(stage, b" " * (64 * 1024 + 1)).status_code == 413


def test_without_the_function_key_nothing_is_looked_at(stage: Stage, event: bytes) -> None:
    answer = requests.post(f"{stage.host.url}/api/WebhookReceiver", data=event, timeout=30)
    assert answer.status_code == 401


def test_the_same_event_again_costs_no_call(stage: Stage, event: bytes) -> None:
    changed = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.0912345+00:00"
    body = event[:-1] + f',"ResourceChangeUtcDate":"{changed}"}}'.encode()
    assert post(stage, body).status_code == 200
    before = stage.quiet().calls()
    for _ in range(5):
        assert post(stage, body).status_code == 200
    assert stage.quiet().calls() == before


def test_refused_requests_are_in_the_security_audit(stage: Stage, event: bytes) -> None:
    assert post(stage, event, {"x-ms-signature": "###"}).status_code == 401
    with TableClient.from_connection_string(stage.settings()["AzureWebJobsStorage"], TABLE) as table:
        rows = TableLedger(table).of(SECURITY).audit.of(WEBHOOK)
    assert any(row.text.startswith("refused: the signature is not base64 (1 in the hour") for row in rows)
