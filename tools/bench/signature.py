"""Checking an event's signature with its certificate known, and nothing but the RSA verification within it."""

from __future__ import annotations

import base64

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from shared.clock import SystemClock
from shared.partner_center.signature import SignatureCheck
from shared.partner_center.trust import Trust, load_bundle
from tools.bench.rounds import medians
from tools.bench.rows import Row
from tools.simulators.certificates import DISPATCH_HOST, MICROSOFT, WebhookSigner

TARGET = 2.5
"""How many times a bare verification it may take (design, quality bars)."""

HOST = "3psostorageacct.blob.core.windows.net"

BODY = (
    b'{"EventName":"referral-updated","ResourceUri":"https://api.partnercenter.microsoft.com/engagements/v1/referrals/'
    b'2c7f6a2e-50f7-4a39-9a6c-6f0c6f6d5a11","ResourceName":"referral","AuditUri":null,'
    b'"ResourceChangeUtcDate":"2026-01-05T09:31:07.0912345+00:00"}'
)


class OneCertificate:
    """Serves the signer's certificate and counts how often it was asked."""

    def __init__(self, signer: WebhookSigner) -> None:
        self.content = signer.leaf_der
        self.fetched = 0

    def fetch(self, url: str) -> bytes:  # noqa: ARG002
        """Return the certificate."""
        self.fetched += 1
        return self.content


def run(rounds: int) -> list[Row]:
    """Measure. Raises AssertionError when the check asked for the certificate more than once."""
    signer = WebhookSigner()
    fetcher = OneCertificate(signer)
    trust = Trust(frozenset({HOST}), load_bundle(signer.trust_bundle_pem), DISPATCH_HOST, MICROSOFT)
    check = SignatureCheck(trust, fetcher, SystemClock())
    signature = signer.sign(BODY)
    headers = {
        "x-ms-signature": f"Signature {base64.b64encode(signature).decode()}",
        "x-ms-certificate-url": f"https://{HOST}/cert/{DISPATCH_HOST}.cer",
        "x-ms-signature-algorithm": "rsa-sha256",
    }
    key = x509.load_der_x509_certificate(signer.leaf_der).public_key()
    assert isinstance(key, rsa.RSAPublicKey)  # noqa: S101 - the simulated signer's kind
    micros = medians(
        {
            "check": lambda: check.check(headers, BODY),
            "bare verify": lambda: key.verify(signature, BODY, padding.PKCS1v15(), hashes.SHA256()),
        },
        rounds,
    )
    assert fetcher.fetched == 1, f"the certificate was fetched {fetcher.fetched} times"  # noqa: S101
    name, bare = "signature of an event, certificate known", micros["bare verify"]
    return [Row(name, micros["check"], "µs", TARGET, at_most=True, peer="bare verify", peer_figure=bare)]
