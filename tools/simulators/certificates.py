"""Throwaway certificates: a CA for the simulators' TLS, and the PKI that signs webhook deliveries."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, unquote

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from tools.simulators.keys import key_of, new_key

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
class _Authority:
    """A CA certificate with its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def file(self) -> str:
        """The path under which the authority publishes its certificate."""
        names = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return f"/pkiops/certs/{quote(str(names[0].value))}.crt"


class WebhookSigner:
    """A chain shaped like Microsoft's present generation, and the leaf's key.

    Four levels (security/fundamentals/azure-certificate-authority-details): a root of another organization, Microsoft's
    root signed by it, an issuing authority for TLS servers only, the leaf. Each but the root names where its issuer is
    to be had (AIA). A `forger` has the same names, and keys of its own: a different root.
    """

    def __init__(self, *, forger: bool = False) -> None:
        root, cross, issuing, leaf = (new_key() if forger else key_of(each) for each in _LEVELS)
        self._keys = (root, cross, issuing)
        self._issuer_host = ""
        self._leaf_options = _Leaf()
        self._key = leaf
        self._issue()

    def publish_at(self, url: str) -> None:
        """Issue all certificates anew, with the same keys, so that they name this base URL for their issuers."""
        self._issuer_host = url
        self._issue()

    @property
    def root_pem(self) -> bytes:
        """The root alone, PEM: what an app ships."""
        return self._root.certificate.public_bytes(Encoding.PEM)

    @property
    def trust_bundle_pem(self) -> bytes:
        """Root and intermediates, PEM, from the root down: the `.cer` itself carries only the leaf."""
        chain = (self._root, self._cross, self._issuing)
        return b"".join(ca.certificate.public_bytes(Encoding.PEM) for ca in chain)

    @property
    def issuers(self) -> dict[str, bytes]:
        """The published intermediates, DER, by path."""
        return {unquote(ca.file): ca.certificate.public_bytes(Encoding.DER) for ca in (self._cross, self._issuing)}

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
        self._key = new_key()
        self._leaf_options = _Leaf(common_name, organization, not_before, lifetime)
        self._leaf = self._issue_leaf()

    def _issue(self) -> None:
        root, cross, issuing = self._keys
        self._root = _Authority(_authority(_name("Simulated Global Root G2", "Simulated Trust Inc"), root, 3), root)
        self._cross = _Authority(
            _authority(_name("Simulated TLS RSA Root G2", MICROSOFT), cross, 1, self._root, _BOTH, self._issuer_host),
            cross,
        )
        self._issuing = _Authority(
            _authority(
                _name("Simulated TLS G2 RSA CA OCSP 02", MICROSOFT),
                issuing,
                0,
                self._cross,
                _SERVERS,
                self._issuer_host,
            ),
            issuing,
        )
        self._leaf = self._issue_leaf()

    def _issue_leaf(self) -> x509.Certificate:
        wanted = self._leaf_options
        start = wanted.not_before or datetime.now(UTC) - timedelta(days=1)
        name = _name(wanted.common_name, wanted.organization)
        builder = (
            _builder(name, self._issuing.certificate.subject, self._key)
            .not_valid_before(start)
            .not_valid_after(start + wanted.lifetime)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(wanted.common_name)]), critical=False)
            .add_extension(_key_usage(signs_data=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage(_SERVERS), critical=False)
        )
        return _signed(builder, self._issuing, self._issuer_host)


@dataclass(frozen=True)
class _Leaf:
    common_name: str = DISPATCH_HOST
    organization: str = MICROSOFT
    not_before: datetime | None = None
    lifetime: timedelta = timedelta(days=365)


_LEVELS = ("root", "Microsoft's root", "issuing authority", "leaf")
_SERVERS = (ExtendedKeyUsageOID.SERVER_AUTH,)
_BOTH = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


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


def _signed(builder: x509.CertificateBuilder, parent: _Authority, issuer_host: str) -> x509.Certificate:
    """Sign a certificate that tells where its issuer is to be had, if it is published."""
    key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(parent.key.public_key())
    builder = builder.add_extension(key_id, critical=False)
    if issuer_host:
        place = x509.UniformResourceIdentifier(f"{issuer_host}{parent.file}")
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    return builder.sign(parent.key, hashes.SHA256())


def _authority(
    subject: x509.Name,
    key: rsa.RSAPrivateKey,
    path_length: int,
    parent: _Authority | None = None,
    purposes: Sequence[x509.ObjectIdentifier] = (),
    issuer_host: str = "",
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        _builder(subject, parent.certificate.subject if parent else subject, key)
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=730))
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(signs_data=False), critical=True)
    )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if parent:
        # A root tells nobody where it is to be had: it is what one has.
        return _signed(builder, parent, issuer_host if parent.certificate.subject != parent.certificate.issuer else "")
    return builder.sign(key, hashes.SHA256())
