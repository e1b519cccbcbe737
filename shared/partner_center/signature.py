"""Authenticates an event: whether Partner Center signed this body (developer/partner-center-webhooks).

The request names the certificate that vouches for it, so the certificate's URL and chain carry all the weight: only
allow-listed hosts are asked, and only a certificate that chains to a trusted bundle and bears Microsoft's dispatcher's
name is believed. The signature covers the exact bytes of the body, nothing is parsed before it holds, and there is one
algorithm; the request does not get to choose.
"""

from __future__ import annotations

import base64
import binascii
import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from shared.clock import Clock

log = logging.getLogger(__name__)

ALGORITHM = "rsa-sha256"
MIN_KEY_BITS = 2048
CACHE_SIZE = 16
CACHE_TIME = timedelta(hours=1)
REFUSED_TIME = timedelta(minutes=5)
UNAVAILABLE_TIME = timedelta(seconds=10)
"""How long a good certificate, a refused one and a failed fetch are remembered."""

ROTATION_PAUSE = timedelta(minutes=1)
"""How old a certificate's answer must be before a signature that does not fit makes us ask again."""


class SignatureRefused(Exception):
    """The event is not authentic. The text is for the log only; the sender gets no reason."""


class CertificateUnavailable(Exception):
    """The certificate could not be fetched just now; Partner Center will deliver the event again."""


class CertificateFetcher(Protocol):
    """Gets a certificate from an allow-listed URL."""

    def fetch(self, url: str) -> bytes:
        """Return the bytes at `url`: no redirects, no credentials, bounded size and time.

        Raises CertificateUnavailable.
        """
        ...


@dataclass(frozen=True)
class Trust:
    """Whom we believe: hosts that may serve the certificate, the bundle it must chain to, and the name it must bear.

    `hosts` are `host` or `host:port`; no port means 443.
    """

    hosts: frozenset[str]
    bundle: Sequence[x509.Certificate]
    subject: str
    organization: str


@dataclass(frozen=True)
class _Answer:
    """What one fetch of a certificate led to: its key, or why there is none."""

    at: datetime
    until: datetime
    key: rsa.RSAPublicKey | None = None
    failure: SignatureRefused | CertificateUnavailable | None = None


class _Certificate:
    """One certificate URL: one fetch in flight, and the answer remembered for a while, a failing one for a shorter."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.answer: _Answer | None = None


class SignatureCheck:
    """Checks events; certificates that passed are remembered for a while."""

    def __init__(self, trust: Trust, fetcher: CertificateFetcher, clock: Clock) -> None:
        self._trust = trust
        self._fetcher = fetcher
        self._clock = clock
        self._certificates: OrderedDict[str, _Certificate] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Return if `body` is signed by Partner Center. Raises SignatureRefused, or CertificateUnavailable.

        `headers` are looked up in lower case.
        """
        if headers.get("x-ms-signature-algorithm", "").strip().casefold() != ALGORITHM:
            raise SignatureRefused("the signature algorithm is not rsa-sha256")
        signature = _signature(headers)
        url = headers.get("x-ms-certificate-url", "").strip()
        check_url(url, self._trust.hosts)
        certificate = self._certificate(url)
        answer = self._answer(url, certificate, newer_than=None)
        if _matches(answer, signature, body):
            return
        # The certificate may have been rotated at its URL. Made-up signatures must not make us fetch at will, though.
        if self._clock.now() - answer.at >= ROTATION_PAUSE:
            answer = self._answer(url, certificate, newer_than=answer.at)
            if _matches(answer, signature, body):
                return
        raise SignatureRefused("the signature does not match the body")

    def _certificate(self, url: str) -> _Certificate:
        with self._lock:
            certificate = self._certificates.setdefault(url, _Certificate())
            self._certificates.move_to_end(url)
            while len(self._certificates) > CACHE_SIZE:
                self._certificates.popitem(last=False)
            return certificate

    def _answer(self, url: str, certificate: _Certificate, *, newer_than: datetime | None) -> _Answer:
        """Return the remembered answer, or fetch; a failure is raised again for as long as it is remembered."""
        with certificate.lock:
            answer, now = certificate.answer, self._clock.now()
            if answer is None or now >= answer.until or (newer_than is not None and answer.at <= newer_than):
                fetched = self._fetch(url, now)
                good = answer is not None and answer.key is not None and now < answer.until
                # A failed second look takes nothing from a certificate that is known and holds.
                answer = replace(answer, at=now) if answer and good and fetched.failure else fetched
                certificate.answer = answer
        if answer.failure:
            raise answer.failure
        return answer

    def _fetch(self, url: str, now: datetime) -> _Answer:
        try:
            certificate = parse_certificate(self._fetcher.fetch(url))
            key = check_certificate(certificate, self._trust, now)
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
        raise SignatureRefused("there is no signature")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise SignatureRefused("the signature is not base64") from None


def check_url(url: str, hosts: frozenset[str]) -> None:
    """Refuse a certificate URL before anything is fetched, unless it is exactly of the expected shape."""
    if not url.isascii() or any(character <= " " or character == "\\" for character in url):
        raise SignatureRefused("the certificate URL holds characters that no such URL has")
    try:
        parts = urlsplit(url)
        port = 443 if parts.port is None else parts.port
    except ValueError:
        raise SignatureRefused("the certificate URL is malformed") from None
    if parts.scheme != "https":
        raise SignatureRefused("the certificate URL is not https")
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise SignatureRefused("the certificate URL has a user name, query or fragment")
    allowed = {entry if ":" in entry else f"{entry}:443" for entry in hosts}
    if f"{parts.hostname}:{port}" not in allowed:
        raise SignatureRefused("the certificate URL's host is not allowed")
    if not parts.path.endswith(".cer") or ".." in parts.path or "%" in parts.path:
        raise SignatureRefused("the certificate URL's path is not a certificate's")


def parse_certificate(content: bytes) -> x509.Certificate:
    """Read one certificate, DER or PEM. Raises SignatureRefused."""
    try:
        if content.lstrip().startswith(b"-----BEGIN"):
            return x509.load_pem_x509_certificate(content)
        return x509.load_der_x509_certificate(content)
    except (ValueError, UnsupportedAlgorithm):
        raise SignatureRefused("what the certificate URL serves is not a certificate") from None


def check_certificate(leaf: x509.Certificate, trust: Trust, now: datetime) -> rsa.RSAPublicKey:
    """Return the key of a certificate that is Partner Center's. Raises SignatureRefused."""
    _check_chain(leaf, trust.bundle, now)
    _check_name(leaf, trust)
    key = leaf.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        raise SignatureRefused("the certificate's key is not RSA of at least 2048 bits")
    return key


def _check_chain(leaf: x509.Certificate, bundle: Sequence[x509.Certificate], now: datetime) -> None:
    roots = [each for each in bundle if each.subject == each.issuer]
    if not roots:
        raise SignatureRefused("the trust bundle holds no root certificate")
    intermediates = [each for each in bundle if each.subject != each.issuer]
    # The signing certificate's extended key usage is not documented, so none is demanded of it; its key usage, the
    # authorities' constraints, every signature and every validity period are.
    leaf_policy = ExtensionPolicy.permit_all().require_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_sign)
    verifier = (
        PolicyBuilder()
        .store(Store(roots))
        .time(now.replace(tzinfo=None))
        .max_chain_depth(4)
        .extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=leaf_policy)
        .build_client_verifier()
    )
    try:
        verifier.verify(leaf, intermediates)
    except VerificationError as error:
        raise SignatureRefused(f"the certificate's chain does not hold: {error}") from error


def _may_sign(_policy: object, _certificate: x509.Certificate, usage: x509.KeyUsage) -> None:
    if not usage.digital_signature:
        raise ValueError("the certificate may not sign")


def _check_name(leaf: x509.Certificate, trust: Trust) -> None:
    names = {str(each.value).casefold() for each in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
    try:
        alternative = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names |= {name.casefold() for name in alternative.get_values_for_type(x509.DNSName)}
    except x509.ExtensionNotFound:
        pass  # A certificate may name itself in its subject alone.
    if trust.subject.casefold() not in names:
        raise SignatureRefused("the certificate is not the event dispatcher's")
    organizations = {str(each.value) for each in leaf.issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)}
    if trust.organization not in organizations:
        raise SignatureRefused("the certificate was not issued by the expected organization")


def load_bundle(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Read a PEM bundle of roots and intermediates. Raises ValueError."""
    return tuple(x509.load_pem_x509_certificates(pem))
