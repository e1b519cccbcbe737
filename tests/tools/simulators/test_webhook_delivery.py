from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from werkzeug import Request, Response

from tests.tools.simulators.partner_center_stage import (
    Caller,
    create,
    referrals_caller,
    refusal,
    replace,
    webhooks_caller,
)
from tools.simulators.certificates import DISPATCH_HOST
from tools.simulators.partner_center import PartnerCenterSimulator, referrals_api
from tools.simulators.partner_center.samples import sample_cosell_documents
from tools.simulators.server import SimulatorServer
from tools.simulators.vendors import Vendors

REFERRAL_EVENTS = ["referral-created", "referral-updated", "related-referral-created", "related-referral-updated"]


@dataclass
class Receiver:
    """Records what arrives; answers the given statuses first, then 200."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def app(self, request: Request) -> Response:
        with self.lock:
            self.received.append(({k.lower(): v for k, v in request.headers.items()}, request.get_data()))
            return Response(status=self.answers.pop(0) if self.answers else 200)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.received]

    @property
    def names(self) -> list[str]:
        return [event["EventName"] for event in self.events]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with SimulatorServer("receiver", Request.application(receiver.app), None) as server:
        receiver.url = f"{server.url}/api/WebhookReceiver?code=k"
        yield receiver


@pytest.fixture
def register(vendors: Vendors) -> Iterator[Caller]:
    caller = webhooks_caller(vendors)
    with caller.session:
        yield caller


@pytest.fixture
def pc(vendors: Vendors, receiver: Receiver, register: Caller) -> PartnerCenterSimulator:
    """A tenant whose events go to the receiver, with the signature in its own header."""
    vendors.partner_center.modes.retry_seconds = 0.01
    body = {"WebhookUrl": receiver.url, "WebhookEvents": [*REFERRAL_EVENTS, "test-created"]}
    assert register("POST", body=body | {"SignatureTokenToMsSignatureHeader": True}).status_code == 200
    return vendors.partner_center


# -- the registration API -------------------------------------------------------------------------------------------


def test_registration_is_a_singleton(vendors: Vendors, register: Caller) -> None:
    body = {"webhookURL": "https://fn.example/api/x?code=k", "WEBHOOKEVENTS": ["referral-created"]}

    assert refusal(register("GET"))[:2] == (404, "itemNotFound")
    assert register("PUT", body=body).status_code == 404
    made = register("POST", body=body).json()
    assert register("POST", body=body).status_code == 409
    replaced = register(
        "PUT", body=body | {"WebhookEvents": ["test-created"]} | {"WEBHOOKEVENTS": ["test-created"]}
    ).json()
    seen = register("GET").json()

    assert made["WebhookUrl"] == "https://fn.example/api/x?code=k"
    assert made["SubscriberId"] == replaced["SubscriberId"]
    assert seen["WebhookEvents"] == ["test-created"]
    assert "SubscriberId" not in seen
    vendors.partner_center.quirks.registration_casing = "camel"
    assert register("GET").json()["webhookUrl"] == made["WebhookUrl"]


@pytest.mark.parametrize(
    ("change", "target"),
    [
        ({"WebhookUrl": "http://fn.example/api"}, "WebhookUrl"),
        ({"WebhookUrl": "/api"}, "WebhookUrl"),
        ({"WebhookUrl": None}, "WebhookUrl"),
        ({"WebhookEvents": ["referral-deleted"]}, "WebhookEvents"),
        ({"WebhookEvents": []}, "WebhookEvents"),
        ({"WebhookEvents": "referral-created"}, "WebhookEvents"),
        ({"SignatureTokenToMsSignatureHeader": "yes"}, "SignatureTokenToMsSignatureHeader"),
    ],
)
def test_registration_refuses(register: Caller, change: dict[str, Any], target: str) -> None:
    good = {"WebhookUrl": "https://fn.example/api", "WebhookEvents": ["referral-created"]}
    assert refusal(register("POST", body=good | change)) == (400, "invalidRequest", target)
    assert register("GET").status_code == 404


def test_webhooks_take_app_and_user_tokens_of_their_own_audience_only(vendors: Vendors) -> None:
    for user in (None, "someone@fabrikam.example"):
        caller = webhooks_caller(vendors, user=user)
        with caller.session:
            assert "referral-created" in caller("GET", "/events").json()
    other = webhooks_caller(vendors, audience=referrals_api.AUDIENCE)
    with other.session:
        assert refusal(other("GET", "/events"))[:2] == (401, "unauthenticated")


def test_validation_event_reports_every_attempt(
    vendors: Vendors, pc: PartnerCenterSimulator, receiver: Receiver, register: Caller
) -> None:
    receiver.answers = [401, 500]

    correlation_id = register("POST", "/validationEvents").json()["correlationId"]
    assert pc.wait_idle()

    status = register("GET", f"/validationEvents/{correlation_id}").json()
    assert status["status"] == "completed"
    assert [result["responseCode"] for result in status["results"]] == ["Unauthorized", "InternalServerError", "OK"]
    assert status["callbackUrl"] == receiver.url
    assert not status["results"][0]["dateTimeUtc"].endswith("Z")
    assert receiver.events[0]["ResourceUri"].endswith(f"/registration/validationEvents/{correlation_id}")
    assert (receiver.names[0], receiver.events[0]["ResourceName"]) == ("test-created", "test")
    vendors.clock.advance(timedelta(days=8))
    register.token = webhooks_caller(vendors).token
    assert register("GET", f"/validationEvents/{correlation_id}").status_code == 404


def test_validation_events_are_throttled_and_need_test_created(
    vendors: Vendors, pc: PartnerCenterSimulator, register: Caller, receiver: Receiver
) -> None:
    pc.quirks.correlation_id_as_object = False
    assert isinstance(register("POST", "/validationEvents").json(), str)
    assert register("POST", "/validationEvents").status_code == 200
    throttled = register("POST", "/validationEvents")
    assert (throttled.status_code, throttled.headers["Retry-After"]) == (429, "60")
    vendors.clock.advance(timedelta(minutes=1))
    assert register("POST", "/validationEvents").status_code == 200
    body = {"WebhookUrl": receiver.url, "WebhookEvents": ["referral-created"]}
    assert register("PUT", body=body).status_code == 200
    assert refusal(register("POST", "/validationEvents")) == (400, "invalidRequest", "WebhookEvents")


# -- signatures -----------------------------------------------------------------------------------------------------


def leaf_behind(headers: dict[str, str], vendors: Vendors) -> x509.Certificate:
    """Fetch the certificate as a receiver does, and check its chain by hand."""
    url = headers["x-ms-certificate-url"]
    der = requests.get(url, verify=vendors.settings()["REQUESTS_CA_BUNDLE"], timeout=10).content
    return x509.load_der_x509_certificate(der)


def check_signature(certificate: x509.Certificate, signature: str, body: bytes) -> None:
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(base64.b64decode(signature, validate=True), body, padding.PKCS1v15(), hashes.SHA256())


def trusted(certificate: x509.Certificate, bundle: bytes) -> bool:
    root, *intermediates = x509.load_pem_x509_certificates(bundle)
    root.verify_directly_issued_by(root)
    for upper, lower in pairwise((root, *intermediates)):
        lower.verify_directly_issued_by(upper)
    try:
        certificate.verify_directly_issued_by(intermediates[-1])
    except (InvalidSignature, ValueError):
        return False
    return True


def test_the_signature_covers_the_body_and_chains_to_the_bundle(
    vendors: Vendors, pc: PartnerCenterSimulator, receiver: Receiver
) -> None:
    pc.portal.create_referral()
    assert pc.wait_idle()

    headers, body = receiver.received[0]
    certificate = leaf_behind(headers, vendors)
    scheme, signature = headers["x-ms-signature"].split(" ")
    check_signature(certificate, signature, body)
    with pytest.raises(InvalidSignature):
        check_signature(certificate, signature, body + b" ")
    assert (scheme, headers["x-ms-signature-algorithm"]) == ("Signature", "rsa-sha256")
    assert "authorization" not in headers
    assert trusted(certificate, pc.signer.trust_bundle_pem)
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == DISPATCH_HOST
    assert certificate.issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "Microsoft Corporation"


def test_a_rotated_leaf_still_chains_but_is_another_certificate(
    vendors: Vendors, pc: PartnerCenterSimulator, receiver: Receiver
) -> None:
    before = pc.signer.leaf_der
    pc.signer.rotate_leaf()
    pc.portal.create_referral()
    assert pc.wait_idle()

    headers, body = receiver.received[0]
    certificate = leaf_behind(headers, vendors)
    check_signature(certificate, headers["x-ms-signature"].split(" ")[1], body)
    assert trusted(certificate, pc.signer.trust_bundle_pem)
    assert before != pc.signer.leaf_der


def test_wrong_signature_and_foreign_certificate(
    vendors: Vendors, pc: PartnerCenterSimulator, receiver: Receiver
) -> None:
    pc.modes.wrong_signature = True
    pc.portal.create_referral()
    assert pc.wait_idle()
    pc.modes.wrong_signature, pc.modes.foreign_certificate = False, True
    pc.portal.create_referral()
    assert pc.wait_idle()

    (wrong, wrong_body), (foreign, foreign_body) = receiver.received
    with pytest.raises(InvalidSignature):
        check_signature(leaf_behind(wrong, vendors), wrong["x-ms-signature"].split(" ")[1], wrong_body)
    forger = leaf_behind(foreign, vendors)
    check_signature(forger, foreign["x-ms-signature"].split(" ")[1], foreign_body)
    assert not trusted(forger, pc.signer.trust_bundle_pem)
    assert forger.subject == leaf_behind(wrong, vendors).subject


def test_header_styles(pc: PartnerCenterSimulator, receiver: Receiver, register: Caller) -> None:
    body = {"WebhookUrl": receiver.url, "WebhookEvents": REFERRAL_EVENTS}
    assert register("PUT", body=body).status_code == 200
    for style in ("registered", "authorization", "x-ms-signature", "x-ms-signature-bare"):
        pc.modes.header_style = style
        pc.portal.create_referral("own")
        assert pc.wait_idle()

    registered, in_authorization, prefixed, bare = (headers for headers, _ in receiver.received)
    for headers in (registered, in_authorization):
        assert headers["authorization"].startswith("Signature ")
        assert "x-ms-signature" not in headers
    assert prefixed["x-ms-signature"].startswith("Signature ")
    assert len(base64.b64decode(bare["x-ms-signature"], validate=True)) == 256


# -- which events ---------------------------------------------------------------------------------------------------


def test_every_write_by_anybody_raises_its_event(
    vendors: Vendors, pc: PartnerCenterSimulator, receiver: Receiver
) -> None:
    caller = referrals_caller(vendors)
    first, second = sample_cosell_documents()
    with caller.session:
        own = create(caller, first)
        theirs = create(caller, second | {"engagementId": own["engagementId"]})
        assert caller("PATCH", f"/{own['id']}", [replace("/details/notes", "x")]).status_code == 204
        assert caller("PATCH", f"/{own['id']}", [replace("/name", "x")]).status_code == 400
    pc.microsoft.decline(own["engagementId"])
    assert pc.wait_idle()

    events = {(event["EventName"], event["ResourceUri"].rpartition("/")[2]) for event in receiver.events}
    assert events == {
        ("referral-created", own["id"]),
        ("related-referral-created", theirs["id"]),
        ("referral-updated", own["id"]),
        ("related-referral-updated", theirs["id"]),
    }
    assert len(receiver.events) == 4


def test_event_shape(pc: PartnerCenterSimulator, receiver: Receiver) -> None:
    row = pc.portal.create_referral()
    assert pc.wait_idle()

    event = receiver.events[0]
    assert list(event) == ["EventName", "ResourceUri", "ResourceName", "AuditUri", "ResourceChangeUtcDate"]
    assert event["ResourceUri"] == f"https://api.partnercenter.microsoft.com/engagements/v1/referrals/{row['id']}"
    assert (event["ResourceName"], event["AuditUri"]) == ("referral", None)
    assert event["ResourceChangeUtcDate"].endswith("+00:00")
    assert datetime.fromisoformat(event["ResourceChangeUtcDate"]).tzinfo is not None


def test_event_switches(vendors: Vendors, pc: PartnerCenterSimulator, receiver: Receiver) -> None:
    pc.quirks.resource_uri_host, pc.quirks.related_event_id = "partner", "own"
    pc.quirks.own_writes_raise_events = False
    row = pc.portal.create_referral()
    pc.microsoft.add_seller(row["engagementId"])
    caller = referrals_caller(vendors)
    with caller.session:
        create(caller)
    assert pc.wait_idle()

    uri = f"https://api.partner.microsoft.com/v1.0/engagements/referrals/{row['id']}"
    assert {(event["EventName"], event["ResourceUri"]) for event in receiver.events} == {
        ("referral-created", uri),
        ("related-referral-updated", uri),
    }


def test_only_registered_events_are_delivered(pc: PartnerCenterSimulator, receiver: Receiver, register: Caller) -> None:
    assert register("PUT", body={"WebhookUrl": receiver.url, "WebhookEvents": ["referral-updated"]}).status_code == 200
    row = pc.portal.create_referral()
    pc.portal.accept(row["id"])
    assert pc.wait_idle()
    assert receiver.names == ["referral-updated"]
    assert len(pc.deliveries) == 1


# -- how delivery goes wrong ----------------------------------------------------------------------------------------


def test_ten_attempts_then_parked_for_good(pc: PartnerCenterSimulator, receiver: Receiver) -> None:
    receiver.answers = [503] * 50
    pc.portal.create_referral()
    assert pc.wait_idle()

    assert len(receiver.received) == 10
    assert pc.deliveries[0].state == "parked"
    assert pc.deliveries[0].statuses == [503] * 10
    assert len({body for _, body in receiver.received}) == 1


def test_a_receiver_that_is_down_counts_as_an_attempt(pc: PartnerCenterSimulator, register: Caller) -> None:
    pc.modes.attempts = 2
    body = {"WebhookUrl": "http://127.0.0.1:1/api", "WebhookEvents": REFERRAL_EVENTS}
    assert register("PUT", body=body).status_code == 200
    pc.portal.create_referral()
    assert pc.wait_idle()
    assert pc.deliveries[0].statuses == [None, None]
    assert "ConnectionRefusedError" in pc.deliveries[0].attempts[0].error


def test_duplicate_drop_and_replay(pc: PartnerCenterSimulator, receiver: Receiver) -> None:
    pc.modes.duplicate = True
    pc.portal.create_referral("own")
    assert pc.wait_idle()
    assert len(receiver.received) == 2
    pc.modes.duplicate, pc.modes.drop = False, True
    pc.portal.create_referral("own")
    assert pc.wait_idle()
    assert len(receiver.received) == 2
    assert pc.deliveries[-1].state == "lost"
    pc.modes.drop = False
    again = pc.replay(pc.deliveries[0])
    assert pc.wait_idle()
    assert again.statuses == [200]
    assert receiver.received[2] == receiver.received[0]


def test_reorder_lets_a_later_event_overtake(pc: PartnerCenterSimulator, receiver: Receiver) -> None:
    pc.modes.reorder = True
    row = pc.portal.create_referral("own")
    pc.portal.edit(row["id"], {"/details/notes": "x"})
    assert pc.wait_idle()
    assert receiver.names == ["referral-updated", "referral-created"]
