"""Authenticates an event: whether Partner Center signed this body (developer/partner-center-webhooks).

The request names the certificate that vouches for it, so the certificate's URL and chain carry all the weight: only
allow-listed hosts are asked, and only a certificate that chains to a trusted bundle and bears Microsoft's dispatcher's
name is believed. The signature covers the exact bytes of the body, nothing is parsed before it holds, and there is one
algorithm; the request does not get to choose.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from shared.clock import Clock
from shared.partner_center.chain import Chain
from shared.partner_center.issuers import Issuers
from shared.partner_center.refusal import CertificateUnavailable, Reason, SignatureRefused
from shared.partner_center.trust import Trust, check_certificate, check_url, parse_certificate

ALGORITHM = "rsa-sha256"
CACHE_SIZE = 16
CACHE_TIME = timedelta(hours=1)
REFUSED_TIME = timedelta(minutes=5)
UNAVAILABLE_TIME = timedelta(seconds=10)
"""How long a good certificate, a refused one and a failed fetch are remembered."""

ROTATION_PAUSE = timedelta(minutes=1)
"""How old a certificate's answer must be before a signature that does not fit makes us ask again."""

UNKNOWN_PER_MINUTE = 10
"""Fetches a minute from URLs that have never led to a key: whoever has the receiver's URL can make such up."""


class CertificateFetcher(Protocol):
    """Gets a certificate from an allow-listed URL."""

    def fetch(self, url: str) -> bytes:
        """Return the bytes at `url`: no redirects, no credentials, bounded size and time.

        Raises CertificateUnavailable.
        """
        ...


@dataclass(frozen=True)
class _Answer:
    """What one fetch of a certificate led to: its key, or why there is none."""

    at: datetime
    until: datetime
    key: rsa.RSAPublicKey | None = None
    failure: SignatureRefused | CertificateUnavailable | None = None


class _Certificate:
    """One certificate URL: one fetch in flight, and the answer remembered for a while, a failing one for a shorter.

    The lock is for fetching alone: an event whose certificate is known does not wait for one whose is looked at anew.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.answer: _Answer | None = None


class _Bucket:
    """Lets so many through in any minute."""

    def __init__(self, clock: Clock, size: int) -> None:
        self._clock = clock
        self._taken = deque[datetime](maxlen=size)
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Whether one more may pass now."""
        with self._lock:
            now = self._clock.now()
            full = len(self._taken) == self._taken.maxlen
            if full and now - self._taken[0] < timedelta(minutes=1):
                return False
            self._taken.append(now)
            return True


class SignatureCheck:
    """Checks events; certificates that passed are remembered for a while. Without `issuers` none is looked for."""

    def __init__(self, trust: Trust, fetcher: CertificateFetcher, clock: Clock, issuers: Issuers | None = None) -> None:
        self._trust = trust
        self._chain = Chain(trust.bundle, issuers)
        self._fetcher = fetcher
        self._clock = clock
        self._certificates: OrderedDict[str, _Certificate] = OrderedDict()
        self._lock = threading.Lock()
        self._unknown = _Bucket(clock, UNKNOWN_PER_MINUTE)

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Return if `body` is signed by Partner Center. Raises SignatureRefused, or CertificateUnavailable.

        `headers` are looked up in lower case.
        """
        if headers.get("x-ms-signature-algorithm", "").strip().casefold() != ALGORITHM:
            raise SignatureRefused(Reason.ALGORITHM)
        signature = _signature(headers)
        url = check_url(headers.get("x-ms-certificate-url", "").strip(), self._trust.hosts)
        certificate = self._certificate(url)
        answer = self._answer(url, certificate, newer_than=None)
        if _matches(answer, signature, body):
            return
        # The certificate may have been rotated at its URL. Made-up signatures must not make us fetch at will, though.
        if self._clock.now() - answer.at >= ROTATION_PAUSE:
            answer = self._answer(url, certificate, newer_than=answer.at)
            if _matches(answer, signature, body):
                return
        raise SignatureRefused(Reason.SIGNATURE)

    def _certificate(self, url: str) -> _Certificate:
        with self._lock:
            certificate = self._certificates.setdefault(url, _Certificate())
            self._certificates.move_to_end(url)
            if len(self._certificates) > CACHE_SIZE:
                self._certificates.pop(self._least_worth())
            return certificate

    def _least_worth(self) -> str:
        """Return the oldest URL that led to no key, else the oldest: made-up URLs must not push a good one out."""
        *older, _ = self._certificates.items()
        return next((url for url, each in older if each.answer is None or each.answer.key is None), older[0][0])

    def _answer(self, url: str, certificate: _Certificate, *, newer_than: datetime | None) -> _Answer:
        """Return the remembered answer, or fetch; a failure is raised again for as long as it is remembered."""
        answer = self._remembered(certificate, newer_than)
        if answer is None:
            with certificate.lock:
                answer = self._remembered(certificate, newer_than) or self._renewed(url, certificate)
        if answer.failure:
            raise answer.failure.with_traceback(None)  # Raised often, it would grow by a frame each time.
        return answer

    def _remembered(self, certificate: _Certificate, newer_than: datetime | None) -> _Answer | None:
        answer = certificate.answer
        if answer is None or self._clock.now() >= answer.until or (newer_than is not None and answer.at <= newer_than):
            return None
        return answer

    def _renewed(self, url: str, certificate: _Certificate) -> _Answer:
        answer, now = certificate.answer, self._clock.now()
        known = answer is not None and answer.key is not None
        if not known and not self._is_documented(url) and not self._unknown.take():
            # Not remembered: the URL may be the right one, and its turn comes.
            raise CertificateUnavailable("too many unknown certificate URLs within a minute")
        fetched = self._fetch(url, now)
        good = answer is not None and known and now < answer.until
        # A failed second look takes nothing from a certificate that is known and holds.
        certificate.answer = replace(answer, at=now) if answer and good and fetched.failure else fetched
        return certificate.answer

    def _is_documented(self, url: str) -> bool:
        """Whether this is the one URL that Microsoft's samples show: made-up ones must not make it wait."""
        return url.endswith(f"/cert/{self._trust.subject}.cer") and url.count("/") == 4

    def _fetch(self, url: str, now: datetime) -> _Answer:
        try:
            certificate = parse_certificate(self._fetcher.fetch(url))
            key = check_certificate(certificate, self._trust, now)
            self._chain.check(certificate, now)
        except CertificateUnavailable as failure:
            return _Answer(now, now + UNAVAILABLE_TIME, failure=failure)
        except SignatureRefused as failure:
            return _Answer(now, now + REFUSED_TIME, failure=failure)
        return _Answer(now, min(now + CACHE_TIME, certificate.not_valid_after_utc), key)


def _matches(answer: _Answer, signature: bytes, body: bytes) -> bool:
    if answer.key is None:
        return False
    try:
        answer.key.verify(signature, body, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _signature(headers: Mapping[str, str]) -> bytes:
    """Return the signature's bytes: `x-ms-signature`, else `Authorization`, with or without the word `Signature`."""
    text = headers.get("x-ms-signature") or headers.get("authorization") or ""
    scheme, _, rest = text.strip().partition(" ")
    encoded = rest.strip() if scheme.casefold() == "signature" else text.strip()
    if not encoded:
        raise SignatureRefused(Reason.NO_SIGNATURE)
    try:
        signature = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise SignatureRefused(Reason.ENCODING) from None
    if base64.b64encode(signature).decode() != encoded:  # Bits behind the last byte, which decoding ignores.
        raise SignatureRefused(Reason.ENCODING)
    return signature
