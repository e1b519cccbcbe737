"""Events signed by a certificate of one's own, and a check that trusts it."""

from __future__ import annotations

from datetime import datetime

import pytest

from shared.partner_center.refusal import Reason, SignatureRefused
from shared.partner_center.signature import SignatureCheck
from shared.partner_center.trust import Trust
from tests.support import pki
from tests.support.stand_ins import START, ManualClock

HOST = "3psostorageacct.blob.core.windows.net"
URL = f"https://{HOST}/cert/pcnotifications-dispatch.microsoft.com.cer"
BODY = b'{"EventName":"referral-updated","ResourceUri":"https://x/1"}'


class CountingFetcher:
    """Serves certificates from memory and counts."""

    def __init__(self, content: bytes | Exception) -> None:
        self.content = content
        self.urls: list[str] = []

    def fetch(self, url: str) -> bytes:
        self.urls.append(url)
        if isinstance(self.content, Exception):
            raise self.content
        return self.content


class Stage:
    """A check that trusts the test root, and the leaf that signs."""

    def __init__(self, leaf: pki.Issued | None = None, *bundle: pki.Issued, now: datetime = START) -> None:
        self.leaf = leaf or pki.leaf()
        held = bundle or (pki.root(), pki.good_intermediate())
        self.fetcher = CountingFetcher(self.leaf.der)
        self.clock = ManualClock(now)
        trust = Trust(
            hosts=frozenset({HOST}),
            bundle=[each.certificate for each in held],
            subject=pki.SUBJECT,
            organization=pki.ORGANIZATION,
        )
        self.trust = trust
        self.check = SignatureCheck(trust, self.fetcher, self.clock)

    def headers(self, body: bytes = BODY, **replaced: str | None) -> dict[str, str]:
        headers: dict[str, str | None] = {
            "x-ms-signature": f"Signature {self.leaf.signature(body)}",
            "x-ms-certificate-url": URL,
            "x-ms-signature-algorithm": "rsa-sha256",
        }
        headers |= {name.replace("_", "-"): value for name, value in replaced.items()}
        return {name: value for name, value in headers.items() if value is not None}

    def accept(self, body: bytes = BODY, **replaced: str | None) -> None:
        self.check.check(self.headers(body, **replaced), body)

    def refuse(self, reason: Reason, body: bytes = BODY, *, detail: str = "", **replaced: str | None) -> None:
        """Expect this reason, and in the log's text this detail."""
        with pytest.raises(SignatureRefused) as caught:
            self.accept(body, **replaced)
        assert caught.value.reason is reason
        assert detail in str(caught.value)
