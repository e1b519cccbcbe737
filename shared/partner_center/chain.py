"""Whether a certificate's chain ends in a root that we hold; issuers in between may be fetched.

Certificate authorities publish for TLS servers only from now on: Microsoft's present issuing authorities bear the
server purpose alone, others both, older ones none. Any of these is accepted of an authority, another purpose is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from shared.partner_center.issuers import Issuers
from shared.partner_center.refusal import Reason, SignatureRefused
from shared.partner_center.trust import TLS_PURPOSES, described

MAX_DEPTH = 4
"""Authorities between the signing certificate and a root, at most."""


def _tls_authority(_policy: Policy, _certificate: x509.Certificate, purposes: x509.ExtendedKeyUsage | None) -> None:
    if purposes is not None and not TLS_PURPOSES & set(purposes):
        raise ValueError("the authority may not issue for TLS")


_AUTHORITIES = ExtensionPolicy.webpki_defaults_ca().may_be_present(
    x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _tls_authority
)


class Chain:
    """Follows chains to the roots of a bundle. Without `issuers` only the bundle's own intermediates count."""

    def __init__(self, bundle: Sequence[x509.Certificate], issuers: Issuers | None = None) -> None:
        self._roots = [each for each in bundle if each.subject == each.issuer]
        self._intermediates = [each for each in bundle if each.subject != each.issuer]
        self._issuers = issuers

    def check(self, leaf: x509.Certificate, now: datetime) -> None:
        """Return if the chain holds. Raises SignatureRefused, or CertificateUnavailable when an issuer is missing."""
        if leaf.subject == leaf.issuer:
            raise SignatureRefused(Reason.SELF_SIGNED, described(leaf))
        if not self._roots:
            raise SignatureRefused(Reason.NO_ROOT)
        held = [each for each in self._intermediates if now <= each.not_valid_after_utc] or self._intermediates
        refusal = self._refusal(leaf, held, now)
        if refusal is None:
            return
        known = {each.subject for each in (*self._roots, *held)}
        highest = _highest(leaf, held)
        if self._issuers is None or highest.issuer in known:
            raise refusal  # An issuer more would not help.
        with self._issuers.above(highest, known, now) as found:
            refusal = self._refusal(leaf, [*held, *found], now)
            if refusal:
                raise refusal

    def _refusal(
        self, leaf: x509.Certificate, intermediates: Sequence[x509.Certificate], now: datetime
    ) -> SignatureRefused | None:
        verifier = (
            PolicyBuilder()
            .store(Store(self._roots))
            .time(now.replace(tzinfo=None))
            .max_chain_depth(MAX_DEPTH)
            # What the signing certificate itself must be has been looked at; here only its place in the chain counts.
            .extension_policies(ca_policy=_AUTHORITIES, ee_policy=ExtensionPolicy.permit_all())
            .build_client_verifier()
        )
        try:
            verifier.verify(leaf, list(intermediates))
        except VerificationError as error:
            why = str(error).removeprefix("validation failed: ")
            return SignatureRefused(Reason.CHAIN, f"{why}; {described(leaf)}")
        return None


def _highest(leaf: x509.Certificate, held: Sequence[x509.Certificate]) -> x509.Certificate:
    """Return the last certificate on the way up that the bundle leads to."""
    highest = leaf
    for _ in held:
        above = next((each for each in held if each.subject == highest.issuer), None)
        if above is None:
            break
        highest = above
    return highest
