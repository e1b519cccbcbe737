"""A public key infrastructure of one's own: every certificate can be made right, or wrong in one respect."""

from __future__ import annotations

import base64
import functools
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from tests.support.stand_ins import START

SUBJECT = "pcnotifications-dispatch.microsoft.com"
ORGANIZATION = "Microsoft Corporation"

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@functools.cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key that is made once per test run and name."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def sign(self, body: bytes) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(body, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(body, ec.ECDSA(hashes.SHA256()))

    def signature(self, body: bytes) -> str:
        return base64.b64encode(self.sign(body)).decode()


def _name(common_name: str, organization: str | None) -> x509.Name:
    parts = {NameOID.COUNTRY_NAME: "US", NameOID.ORGANIZATION_NAME: organization, NameOID.COMMON_NAME: common_name}
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts.items() if value])


def _usage(*, signs_data: bool, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs_data,
        content_commitment=False,
        key_encipherment=not signs_data and not signs_certificates,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


TLS = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


def _access(issuers: tuple[str, ...]) -> x509.AuthorityInformationAccess:
    ocsp = (AuthorityInformationAccessOID.OCSP, "http://issuer.evil.example/ocsp")
    places = [ocsp, *((AuthorityInformationAccessOID.CA_ISSUERS, url) for url in issuers)]
    return x509.AuthorityInformationAccess(
        [x509.AccessDescription(kind, x509.UniformResourceIdentifier(url)) for kind, url in places]
    )


_REVOKED_ELSEWHERE = x509.CRLDistributionPoints(
    [
        x509.DistributionPoint(
            [x509.UniformResourceIdentifier("http://issuer.evil.example/revoked.crl")], None, None, None
        )
    ]
)
"""Places that a certificate names, and that nobody should call because it does."""


def issue(
    parent: Issued | None,
    key: Key,
    *,
    common_name: str = SUBJECT,
    organization: str | None = ORGANIZATION,
    authority: bool = False,
    path_length: int | None = None,
    not_before: datetime = START - timedelta(days=30),
    not_after: datetime = START + timedelta(days=335),
    algorithm: hashes.HashAlgorithm | None = None,
    usage: x509.KeyUsage | None = None,
    without_usage: bool = False,
    names: tuple[str, ...] | None = None,
    extended: tuple[x509.ObjectIdentifier, ...] | None = None,
    issuers: tuple[str, ...] = ("http://issuer.evil.example/issuer.crt",),
) -> Issued:
    """Issue a certificate; without a parent it is signed by itself.

    `extended` are its purposes: by default none of an authority, both of TLS for any other. `issuers` are the URLs that
    it names for its issuer.
    """
    subject = _name(common_name, organization)
    signer = parent.key if parent else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(parent.certificate.subject if parent else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if not without_usage:
        default = _usage(signs_data=not authority, signs_certificates=authority)
        builder = builder.add_extension(usage or default, critical=True)
    if parent:
        builder = builder.add_extension(_access(issuers), critical=False)
        builder = builder.add_extension(_REVOKED_ELSEWHERE, critical=False)
    if not authority:
        alternatives = [x509.DNSName(name) for name in ((common_name,) if names is None else names)]
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    purposes = (() if authority else TLS) if extended is None else extended
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return Issued(builder.sign(signer, algorithm or hashes.SHA256()), key)  # type: ignore[arg-type]


ENCIPHERS_ONLY = _usage(signs_data=False, signs_certificates=False)
SIGNS_BOTH = _usage(signs_data=True, signs_certificates=True)
SIGNS_DATA_ONLY = _usage(signs_data=True, signs_certificates=False)


@functools.cache
def root() -> Issued:
    """The root that is trusted."""
    return issue(None, rsa_key("root"), common_name="Test Root", authority=True, not_after=START + timedelta(days=3650))


@functools.cache
def other_root() -> Issued:
    """A root of the same name that is not trusted."""
    return issue(
        None, rsa_key("other root"), common_name="Test Root", authority=True, not_after=START + timedelta(days=3650)
    )


def intermediate(parent: Issued | None = None, key: Key | None = None, **options: Any) -> Issued:
    """An issuing authority below the root."""
    given: dict[str, Any] = {"common_name": "Test Issuing CA 01", "authority": True, "path_length": 0, **options}
    return issue(parent or root(), key or rsa_key("intermediate"), **given)


@functools.cache
def good_intermediate() -> Issued:
    """The intermediate that the bundle holds."""
    return intermediate()


def leaf(parent: Issued | None = None, key: Key | None = None, **options: Any) -> Issued:
    """A signing certificate."""
    return issue(parent or good_intermediate(), key or rsa_key("leaf"), **options)


_SHA256_WITH_RSA = bytes.fromhex("06092a864886f70d01010b")
_SHA1_WITH_RSA = bytes.fromhex("06092a864886f70d010105")


def signed_with_sha1(issued: Issued, parent: Issued | None = None) -> Issued:
    """The same certificate signed with SHA-1, which the library no longer does by itself."""
    signer = (parent or good_intermediate()).key
    assert isinstance(signer, rsa.RSAPrivateKey)
    draft = issued.der.replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA)
    signed_part = x509.load_der_x509_certificate(draft).tbs_certificate_bytes
    signature = signer.sign(signed_part, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - on purpose
    return Issued(x509.load_der_x509_certificate(draft[: -len(signature)] + signature), issued.key)
