"""Whom we believe: where a signing certificate may come from, and what makes it Partner Center's.

The rules are stricter than Microsoft's samples, which fetch any URL and look for an issuer's name in a text
(developer/partner-center-webhooks): here the host is allow-listed, the chain ends in a root that we hold, and
subject, organizations, key and key usage are those of the event dispatcher.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared.partner_center.refusal import Reason, SignatureRefused
from shared.printable import printable

MIN_KEY_BITS = 2048

ISSUERS = ("Microsoft Corporation", "DigiCert Inc")
"""Who issues certificates of Azure services (security/fundamentals/azure-certificate-authority-details)."""

TLS_PURPOSES = frozenset(
    {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
)

Kind = TypeVar("Kind", bound=x509.ExtensionType)

_PATH = re.compile(r"(?:/\w[\w.-]*)+\.cer", re.ASCII)
_SHOWN = 200
"""Characters of a name that a log line repeats."""


@dataclass(frozen=True)
class Trust:
    """Whom we believe: hosts that may serve the certificate, the bundle it must chain to, and the names it must bear.

    `hosts` are `host` or `host:port`; no port means 443. `issuers` are the organizations that may have issued it.
    """

    hosts: frozenset[str]
    bundle: Sequence[x509.Certificate]
    subject: str
    organization: str
    issuers: Sequence[str] = ISSUERS


@functools.lru_cache(maxsize=16)
def check_url(url: str, hosts: frozenset[str]) -> str:
    """Return a certificate's URL in the one spelling under which it is remembered.

    Raises SignatureRefused before anything is fetched, unless it is exactly of the expected shape. Remembers a few good
    ones, since nearly every event names the same.
    """
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
        raise SignatureRefused(Reason.URL_HOST, printable(f"{parts.hostname}:{port}", _SHOWN))
    if not _PATH.fullmatch(parts.path):
        raise SignatureRefused(Reason.URL_PATH)
    return f"https://{parts.hostname}{'' if port == 443 else f':{port}'}{parts.path}"


def parse_certificate(content: bytes) -> x509.Certificate:
    """Read one certificate, DER or PEM. Raises SignatureRefused."""
    try:
        if content.lstrip().startswith(b"-----BEGIN"):
            return x509.load_pem_x509_certificate(content)
        return x509.load_der_x509_certificate(content)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise SignatureRefused(Reason.NOT_A_CERTIFICATE) from None


def check_certificate(leaf: x509.Certificate, trust: Trust, now: datetime) -> rsa.RSAPublicKey:
    """Return the key of a certificate that says of itself that it is Partner Center's. Raises SignatureRefused.

    Nothing of it counts before its chain holds, too; it comes first so that the log names the plainest thing that is
    wrong, and so that no issuer is looked for on behalf of a certificate that would not be believed anyway.
    """
    try:
        key = _check_itself(leaf, now)
        _check_purpose(leaf)
        _check_names(leaf, trust)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        # Extensions and keys are only decoded when they are looked at.
        raise SignatureRefused(Reason.NOT_A_CERTIFICATE) from None
    return key


def _check_itself(leaf: x509.Certificate, now: datetime) -> rsa.RSAPublicKey:
    if now > leaf.not_valid_after_utc:
        raise SignatureRefused(Reason.EXPIRED, described(leaf))
    if now < leaf.not_valid_before_utc:
        raise SignatureRefused(Reason.NOT_YET_VALID, described(leaf))
    key = leaf.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        raise SignatureRefused(Reason.KEY)
    usage = _extension(leaf, x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        raise SignatureRefused(Reason.USAGE)
    return key


def _check_purpose(leaf: x509.Certificate) -> None:
    """Refuse an authority, and a certificate for code, mail or revocation; TLS or nothing is what a dispatcher has.

    The signing certificate's purposes are not documented.
    """
    constraints = _extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise SignatureRefused(Reason.AUTHORITY)
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    if purposes is not None and not TLS_PURPOSES & set(purposes):
        raise SignatureRefused(Reason.PURPOSE)


def _check_names(leaf: x509.Certificate, trust: Trust) -> None:
    alternative = _extension(leaf, x509.SubjectAlternativeName)
    # Where a certificate lists names, its authority vouches for those alone.
    names = (
        _attributes(leaf.subject, NameOID.COMMON_NAME)
        if alternative is None
        else set(alternative.get_values_for_type(x509.DNSName))
    )
    if trust.subject.casefold() not in {name.casefold() for name in names}:
        raise SignatureRefused(Reason.NAME, described(leaf))
    issuers = {_plain(name) for name in _attributes(leaf.issuer, NameOID.ORGANIZATION_NAME)}
    if not issuers & {_plain(name) for name in trust.issuers}:
        raise SignatureRefused(Reason.ISSUER, described(leaf))
    # Whether the live certificate names an organization in its subject is not documented. When it does, it is this
    # one; and it must when its issuer issues for others, too.
    stated = _attributes(leaf.subject, NameOID.ORGANIZATION_NAME)
    if stated - {trust.organization} or not (stated or _plain(trust.organization) in issuers):
        raise SignatureRefused(Reason.ORGANIZATION, described(leaf))


def _extension(leaf: x509.Certificate, kind: type[Kind]) -> Kind | None:
    try:
        return leaf.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _attributes(name: x509.Name, kind: x509.ObjectIdentifier) -> set[str]:
    return {str(each.value) for each in name.get_attributes_for_oid(kind)}


def _plain(organization: str) -> str:
    """Return a name without its punctuation: the same authority signs as `DigiCert Inc` and as `DigiCert, Inc.`."""
    return " ".join(re.sub("[.,]", " ", organization).casefold().split())


def described(certificate: x509.Certificate) -> str:
    """Return a certificate's subject and issuer for a log line: public names, which tell what to allow or to renew."""
    subject, issuer = (name.rfc4514_string() for name in (certificate.subject, certificate.issuer))
    return f"subject {printable(subject, _SHOWN)}, issuer {printable(issuer, _SHOWN)}"


def load_bundle(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Read a PEM bundle of roots and intermediates. Raises ValueError."""
    return tuple(x509.load_pem_x509_certificates(pem))
