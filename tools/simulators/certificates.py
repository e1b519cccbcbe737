"""Throwaway certificates: a CA for the simulators' TLS, and the PKI that signs webhook deliveries."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DISPATCH_HOST = "pcnotifications-dispatch.microsoft.com"
"""The subject of Microsoft's signing certificate, and the name of its `.cer` file (webhooks page of the docs)."""

MICROSOFT = "Microsoft Corporation"


class CertificateAuthority:
    """A CA that lives as long as the process and vouches for localhost only."""

    def __init__(self) -> None:
        self._ca = trustme.CA(organization_name="Simulators")

    @property
    def pem_bytes(self) -> bytes:
        """The CA certificate, PEM: what a client must trust."""
        return self._ca.cert_pem.bytes()

    def write_bundle(self, path: Path) -> Path:
        """Write the CA certificate to `path`, for REQUESTS_CA_BUNDLE and SSL_CERT_FILE."""
        path.write_bytes(self.pem_bytes)
        return path

    def server_context(self) -> ssl.SSLContext:
        """Return a TLS server context with a fresh certificate for localhost and 127.0.0.1."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        return context


@dataclass(frozen=True)
class _Issuer:
    """A CA certificate with its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


class WebhookSigner:
    """Root, intermediate and leaf shaped like Microsoft's, with the leaf's key.

    Two instances share no key, so a second one is the forger: same names, different root.
    """

    def __init__(self, organization: str = MICROSOFT) -> None:
        self._organization = organization
        self._root = _issue_ca("Simulated Root Authority", organization, None)
        self._intermediate = _issue_ca("Simulated Issuing CA 01", organization, self._root)
        self._key: rsa.RSAPrivateKey
        self._leaf: x509.Certificate
        self.rotate_leaf()

    @property
    def trust_bundle_pem(self) -> bytes:
        """Root and intermediate, PEM: the `.cer` itself carries only the leaf."""
        return b"".join(ca.certificate.public_bytes(Encoding.PEM) for ca in (self._root, self._intermediate))

    @property
    def leaf_der(self) -> bytes:
        """The signing certificate, DER, as the certificate host serves it."""
        return self._leaf.public_bytes(Encoding.DER)

    def sign(self, body: bytes) -> bytes:
        """Return the RSASSA-PKCS1-v1_5 SHA-256 signature over exactly these bytes."""
        return self._key.sign(body, padding.PKCS1v15(), hashes.SHA256())

    def rotate_leaf(
        self,
        *,
        common_name: str = DISPATCH_HOST,
        organization: str = MICROSOFT,
        not_before: datetime | None = None,
        lifetime: timedelta = timedelta(days=365),
    ) -> None:
        """Replace the leaf and its key; the names and the validity may be made wrong on purpose."""
        self._key = _new_key()
        start = not_before or datetime.now(UTC) - timedelta(days=1)
        builder = _builder(_name(common_name, organization), self._intermediate.certificate.subject, self._key)
        self._leaf = (
            builder.not_valid_before(start)
            .not_valid_after(start + lifetime)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(common_name)]), critical=False)
            .add_extension(_key_usage(signs_data=True), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(_authority_of(self._intermediate.key), critical=False)
            .sign(self._intermediate.key, hashes.SHA256())
        )


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _name(common_name: str, organization: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, signs_data: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs_data,
        key_cert_sign=not signs_data,
        crl_sign=not signs_data,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_of(key: rsa.RSAPrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _issue_ca(common_name: str, organization: str, parent: _Issuer | None) -> _Issuer:
    key = _new_key()
    subject = _name(common_name, organization)
    signing_key = parent.key if parent else key
    now = datetime.now(UTC)
    certificate = (
        _builder(subject, parent.certificate.subject if parent else subject, key)
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=730))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0 if parent else 1), critical=True)
        .add_extension(_key_usage(signs_data=False), critical=True)
        .add_extension(_authority_of(signing_key), critical=False)
        .sign(signing_key, hashes.SHA256())
    )
    return _Issuer(certificate, key)
