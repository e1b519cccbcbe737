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
from tools.local.stack import Stack
from tools.simulators.sellers import SELLERS

EVENT = b'{"EventName":"referral-updated","ResourceUri":"https://api.partnercenter.microsoft.com/engagements/v1/referrals/%s"}'


def post(
    stack: Stack, body: bytes, headers: dict[str, str] | None = None, *, signature: bytes | None = None
) -> requests.Response:
    """Send an event as Partner Center would, signed over `body` unless a signature is given."""
    signed = base64.b64encode(stack.partner_center.signer.sign(body) if signature is None else signature).decode()
    url = f"{stack.partner_center.certificate_host}/cert/pcnotifications-dispatch.microsoft.com.cer"
    sent = {
        "x-ms-signature": f"Signature {signed}",
        "x-ms-certificate-url": url,
        "x-ms-signature-algorithm": "rsa-sha256",
        "Content-Type": "application/json",
        **(headers or {}),
    }
    return requests.post(stack.url_of("WebhookReceiver"), data=body, headers=sent, timeout=30)


@pytest.fixture(scope="module")
def crm() -> str:
    """One CRM will do: the receiver never meets one."""
    return next(iter(SELLERS))


@pytest.fixture(scope="module")
def event(stack: Stack) -> bytes:
    referral_id, _ = received_deal(stack)
    return EVENT % referral_id.encode()


def test_the_first_event_is_verified_without_any_certificate_work(stack: Stack, event: bytes) -> None:
    # All that the app holds is a root, as one that has just been installed; both authorities in between are fetched.
    assert Path(stack.settings()["WEBHOOK_TRUST_BUNDLE"]).read_text().count("BEGIN CERTIFICATE") == 1
    assert post(stack, event).status_code == 200
    issuers = stack.vendors.servers["issuers"].log
    assert sorted(entry.path for entry in issuers.entries) == sorted(stack.partner_center.signer.issuers)
    assert {entry.status for entry in issuers.entries} == {200}
    assert stack.vendors.servers["certificates"].log.count() == 1


def test_a_signed_event_is_taken(stack: Stack, event: bytes) -> None:
    assert post(stack, event).status_code == 200


def test_any_other_algorithm_is_refused(stack: Stack, event: bytes) -> None:
    assert post(stack, event, {"x-ms-signature-algorithm": "rsa-sha1"}).status_code == 401


def test_a_signature_of_other_bytes_is_refused(stack: Stack, event: bytes) -> None:
    answer = post(stack, event + b" ", signature=stack.partner_center.signer.sign(event))
    assert (answer.status_code, answer.content) == (401, b"")


def test_no_certificate_is_fetched_from_elsewhere(stack: Stack, event: bytes) -> None:
    fetched = stack.vendors.servers["certificates"].log.count()
    answer = post(stack, event, {"x-ms-certificate-url": "https://evil.example/cert/x.cer"})
    assert answer.status_code == 401
    assert stack.vendors.servers["certificates"].log.count() == fetched


@pytest.mark.parametrize(
    "body", [b"not json", b"[]", b"{}", b'{"EventName":"referral-updated"}', EVENT % b"not-a-guid", b"\xff\xfe"]
)
def test_a_malformed_event_is_refused_after_its_signature_held(stack: Stack, body: bytes) -> None:
    assert post(stack, body).status_code == 400


def test_events_about_other_things_need_nothing(stack: Stack) -> None:
    assert post(stack, b'{"EventName":"subscription-updated","ResourceUri":"https://x/y"}').status_code == 200


def test_an_empty_body_and_a_chunked_one_are_refused(stack: Stack) -> None:
    assert post(stack, b"").status_code == 400
    chunked = requests.post(stack.url_of("WebhookReceiver"), data=iter([b"{}"]), timeout=30)
    assert chunked.status_code == 400


def test_a_body_over_64_kib_is_refused(stack: Stack) -> None:
    assert post(stack, b" " * (64 * 1024 + 1)).status_code == 413


def test_without_the_function_key_nothing_is_looked_at(stack: Stack, event: bytes) -> None:
    answer = requests.post(f"{stack.host.url}/api/WebhookReceiver", data=event, timeout=30)
    assert answer.status_code == 401


def test_the_same_event_again_costs_no_call(stack: Stack, event: bytes) -> None:
    changed = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.0912345+00:00"
    body = event[:-1] + f',"ResourceChangeUtcDate":"{changed}"}}'.encode()
    assert post(stack, body).status_code == 200
    before = stack.quiet().calls()
    for _ in range(5):
        assert post(stack, body).status_code == 200
    assert stack.quiet().calls() == before


def test_refused_requests_are_in_the_security_audit(stack: Stack, event: bytes) -> None:
    assert post(stack, event, {"x-ms-signature": "###"}).status_code == 401
    with TableClient.from_connection_string(stack.settings()["AzureWebJobsStorage"], TABLE) as table:
        rows = TableLedger(table).of(SECURITY).audit.of(WEBHOOK)
    assert any(row.text.startswith("refused: the signature is not base64 (1 in the hour") for row in rows)
