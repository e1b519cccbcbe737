"""Finds the issuers that a certificate names and we lack (authority information access, RFC 5280 4.2.2.1).

Partner Center serves its signing certificate alone, and authorities change every few years. What is fetched is no
more than a proposal: it must have issued the certificate in question, and the chain must still end in a root that we
hold, so it does not matter that authorities publish over plain http. Hosts are allow-listed all the same: nobody's
certificate makes us call where we would not.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from shared.errors import CosellError, StaleError
from shared.ledger.drawers import Drawer, Drawers, text
from shared.partner_center.refusal import CertificateUnavailable, Reason, SignatureRefused
from shared.partner_center.trust import described, parse_certificate
from shared.printable import printable

log = logging.getLogger(__name__)

MAX_STEPS = 3
"""Issuers that are fetched for one certificate, at most."""

TOTAL_TIME = 5.0
"""Seconds for all of them together."""

UNAVAILABLE_TIME = timedelta(seconds=10)
"""How long a failed fetch is remembered: short, since Partner Center gives up an event after ten attempts."""

KEPT = 32
"""Issuers remembered by a process."""

_KIND = "issuer"
_PATH = re.compile(r"(?:/[\w%][\w%.()+-]*)+\.(?:crt|cer)", re.ASCII | re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


class BoundedFetcher(Protocol):
    """Gets a small file within a given time."""

    def fetch(self, url: str, seconds: float) -> bytes:
        """Return the bytes at `url`. Raises CertificateUnavailable or SignatureRefused."""
        ...


@dataclass(frozen=True)
class _Failed:
    until: datetime
    error: CertificateUnavailable


class Issuers:
    """Issuers by their URLs: remembered by the process, kept in the ledger for the next one, else fetched.

    `hosts` are `host` (the scheme's usual port) or `host:port`. `timer` counts seconds, from anywhere.
    """

    def __init__(
        self,
        hosts: Collection[str],
        fetcher: BoundedFetcher,
        drawers: Callable[[], Drawers],
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hosts = frozenset(host.casefold() for host in hosts)
        self._fetcher = fetcher
        self._drawers = drawers
        self._timer = timer
        self._found: dict[str, x509.Certificate] = {}
        self._failed: dict[str, _Failed] = {}
        self._lock = threading.Lock()

    @contextmanager
    def above(
        self, certificate: x509.Certificate, known: Collection[x509.Name], now: datetime
    ) -> Iterator[Sequence[x509.Certificate]]:
        """Give the issuers between a certificate and the first of a known name; they are kept if the block ends well.

        Raises CertificateUnavailable when one cannot be had now, SignatureRefused when there is none to be had.
        """
        with self._lock:
            fetched = self._climb(certificate, known, now)
            yield list(fetched.values())
            for url, issuer in fetched.items():
                self._keep(url, issuer)

    def _climb(
        self, certificate: x509.Certificate, known: Collection[x509.Name], now: datetime
    ) -> dict[str, x509.Certificate]:
        deadline, found, lowest = self._timer() + TOTAL_TIME, dict[str, x509.Certificate](), certificate
        while certificate.issuer not in known:
            url = self._url(certificate)
            if len(found) == MAX_STEPS or url in found:
                raise SignatureRefused(Reason.CHAIN, f"it is longer than it may be; {described(lowest)}")
            found[url] = certificate = self._issuer(certificate, url, now, deadline)
        return found

    def _url(self, certificate: x509.Certificate) -> str:
        """Return where a certificate's issuer may be fetched. Raises SignatureRefused when that is nowhere."""
        urls = _named(certificate)
        allowed = [url for url in urls if self._allows(url)]
        if allowed:
            return allowed[0]
        if not urls:
            raise SignatureRefused(Reason.CHAIN, f"its issuer is unknown; {described(certificate)}")
        shown = ", ".join(printable(url, 100) for url in urls[:3])
        raise SignatureRefused(Reason.ISSUER_HOST, f"{shown}; {described(certificate)}")

    def _allows(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return False
        if parts.scheme not in _PORTS or "@" in parts.netloc or "?" in url or "#" in url:
            return False
        usual = port in {None, _PORTS[parts.scheme]}
        place = f"{parts.hostname}:{port or _PORTS[parts.scheme]}"
        hosted = place in self._hosts or (usual and parts.hostname in self._hosts)
        return hosted and bool(_PATH.fullmatch(parts.path))

    def _issuer(self, certificate: x509.Certificate, url: str, now: datetime, deadline: float) -> x509.Certificate:
        known = self._found.get(url) or self._kept(url)
        if known is not None and _serves(known, certificate, now):
            return known
        failed = self._failed.get(url)
        if failed and now < failed.until:
            raise failed.error.with_traceback(None)
        try:
            fetched = self._fetch(url, deadline)
        except CertificateUnavailable as error:
            if len(self._failed) >= KEPT:
                self._failed.clear()
            self._failed[url] = _Failed(now + UNAVAILABLE_TIME, error)
            raise
        if not _serves(fetched, certificate, now):
            raise SignatureRefused(Reason.CHAIN, f"what {url} serves did not issue it; {described(certificate)}")
        log.info("issuer fetched from %s: %s", url, described(fetched))
        return fetched

    def _fetch(self, url: str, deadline: float) -> x509.Certificate:
        """Fetch; whatever goes wrong says nothing about the event, so it is to be sent again."""
        seconds = deadline - self._timer()
        if seconds <= 0:
            raise CertificateUnavailable(f"the issuers could not be fetched within {TOTAL_TIME:.0f} seconds")
        try:
            return parse_certificate(self._fetcher.fetch(url, seconds))
        except SignatureRefused as refusal:
            raise CertificateUnavailable(f"{url} serves no issuer: {refusal}") from None

    # --- what is kept for the next process ----------------------------------------------------------------------

    def _kept(self, url: str) -> x509.Certificate | None:
        try:
            pem = self._drawers().read(_drawer(url)).value
            return parse_certificate(pem.encode()) if pem else None
        except (CosellError, SignatureRefused) as error:
            log.warning("issuer not read from the ledger: %s", type(error).__name__)
            return None

    def _keep(self, url: str, issuer: x509.Certificate) -> None:
        if self._found.get(url) == issuer:
            return
        if len(self._found) >= KEPT:
            self._found.clear()
        self._found[url] = issuer
        pem = issuer.public_bytes(Encoding.PEM).decode()
        try:
            drawers = self._drawers()
            held = drawers.read(_drawer(url))
            if held.value != pem:
                drawers.replace(_drawer(url), pem, held)
        except StaleError:
            return  # Another process keeps it at the same time.
        except CosellError as error:
            log.warning("issuer not kept in the ledger: %s", type(error).__name__)


def _named(certificate: x509.Certificate) -> list[str]:
    """Return the URLs that a certificate names for its issuer."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return []
    return [
        each.access_location.value
        for each in access
        if each.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        and isinstance(each.access_location, x509.UniformResourceIdentifier)
    ]


def _serves(issuer: x509.Certificate, certificate: x509.Certificate, now: datetime) -> bool:
    """Whether `issuer` is an intermediate, valid now, that issued `certificate`."""
    if issuer.subject == issuer.issuer or not issuer.not_valid_before_utc <= now <= issuer.not_valid_after_utc:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _drawer(url: str) -> Drawer[str]:
    return text(_KIND, hashlib.sha256(url.encode()).hexdigest()[:32])
