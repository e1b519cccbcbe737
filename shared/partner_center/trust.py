"""Whom we believe: where a signing certificate may come from, and what makes it Partner Center's.

The rules are stricter than Microsoft's samples, which fetch any URL and look for an issuer's name in a text
(developer/partner-center-webhooks): here the host is allow-listed, the chain ends in a bundle that we hold, and
subject, organizations, key and key usage are those of the event dispatcher.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from shared.partner_center.refusal import Reason, SignatureRefused

MIN_KEY_BITS = 2048
MAX_DEPTH = 4
"""Authorities between the signing certificate and a root, at most."""

_PATH = re.compile(r"(?:/\w[\w.-]*)+\.cer", re.ASCII)


@dataclass(frozen=True)
class Trust:
    """Whom we believe: hosts that may serve the certificate, the bundle it must chain to, and the name it must bear.

    `hosts` are `host` or `host:port`; no port means 443.
    """

    hosts: frozenset[str]
    bundle: Sequence[x509.Certificate]
    subject: str
    organization: str


def check_url(url: str, hosts: frozenset[str]) -> None:
    """Refuse a certificate URL before anything is fetched, unless it is exactly of the expected shape."""
    if not url.isascii() or any(character <= " " or character in "\\\x7f" for character in url):
        raise SignatureRefused(Reason.URL_CHARACTERS)
    try:
        parts = urlsplit(url)
        port = 443 if parts.port is None else parts.port
    except ValueError:
        raise SignatureRefused(Reason.URL_MALFORMED) from None
    if parts.scheme != "https":
        raise SignatureRefused(Reason.URL_SCHEME)
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise SignatureRefused(Reason.URL_EXTRAS)
    allowed = {entry if ":" in entry else f"{entry}:443" for entry in hosts}
    if f"{parts.hostname}:{port}" not in allowed:
        raise SignatureRefused(Reason.URL_HOST)
    if not _PATH.fullmatch(parts.path):
        raise SignatureRefused(Reason.URL_PATH)


def parse_certificate(content: bytes) -> x509.Certificate:
    """Read one certificate, DER or PEM. Raises SignatureRefused."""
    try:
        if content.lstrip().startswith(b"-----BEGIN"):
            return x509.load_pem_x509_certificate(content)
        return x509.load_der_x509_certificate(content)
    except (ValueError, UnsupportedAlgorithm):
        raise SignatureRefused(Reason.NOT_A_CERTIFICATE) from None


def check_certificate(leaf: x509.Certificate, trust: Trust, now: datetime) -> rsa.RSAPublicKey:
    """Return the key of a certificate that is Partner Center's. Raises SignatureRefused.

    What the certificate says of itself comes first, only so that the log names the plainest thing that is wrong:
    nothing of it counts before the chain holds.
    """
    try:
        key = _check_itself(leaf, now)
        _check_names(leaf, trust)
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        # Extensions and keys are only decoded when they are looked at.
        raise SignatureRefused(Reason.NOT_A_CERTIFICATE) from None
    _check_chain(leaf, trust.bundle, now)
    return key


def _check_itself(leaf: x509.Certificate, now: datetime) -> rsa.RSAPublicKey:
    if now > leaf.not_valid_after_utc:
        raise SignatureRefused(Reason.EXPIRED)
    if now < leaf.not_valid_before_utc:
        raise SignatureRefused(Reason.NOT_YET_VALID)
    key = leaf.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        raise SignatureRefused(Reason.KEY)
    try:
        signs = leaf.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    except x509.ExtensionNotFound:
        signs = False
    if not signs:
        raise SignatureRefused(Reason.USAGE)
    return key


def _check_names(leaf: x509.Certificate, trust: Trust) -> None:
    names = {name.casefold() for name in _attributes(leaf.subject, NameOID.COMMON_NAME)}
    try:
        alternative = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names |= {name.casefold() for name in alternative.get_values_for_type(x509.DNSName)}
    except x509.ExtensionNotFound:
        pass  # A certificate may name itself in its subject alone.
    if trust.subject.casefold() not in names:
        raise SignatureRefused(Reason.NAME)
    # Whether the live certificate names an organization in its subject is not documented; when it does, it is this one.
    if _attributes(leaf.subject, NameOID.ORGANIZATION_NAME) - {trust.organization}:
        raise SignatureRefused(Reason.ORGANIZATION)
    if trust.organization not in _attributes(leaf.issuer, NameOID.ORGANIZATION_NAME):
        raise SignatureRefused(Reason.ISSUER)


def _attributes(name: x509.Name, kind: x509.ObjectIdentifier) -> set[str]:
    return {str(each.value) for each in name.get_attributes_for_oid(kind)}


def _check_chain(leaf: x509.Certificate, bundle: Sequence[x509.Certificate], now: datetime) -> None:
    if leaf.subject == leaf.issuer:
        raise SignatureRefused(Reason.SELF_SIGNED)
    roots = [each for each in bundle if each.subject == each.issuer]
    if not roots:
        raise SignatureRefused(Reason.NO_ROOT)
    intermediates = [each for each in bundle if each.subject != each.issuer]
    # The signing certificate's extended key usage is not documented, so none is demanded of it; the authorities'
    # constraints, every signature and every validity period are looked at.
    verifier = (
        PolicyBuilder()
        .store(Store(roots))
        .time(now.replace(tzinfo=None))
        .max_chain_depth(MAX_DEPTH)
        .extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all())
        .build_client_verifier()
    )
    try:
        verifier.verify(leaf, intermediates)
    except VerificationError as error:
        raise SignatureRefused(Reason.CHAIN, str(error).removeprefix("validation failed: ")) from error


def load_bundle(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Read a PEM bundle of roots and intermediates. Raises ValueError."""
    return tuple(x509.load_pem_x509_certificates(pem))
