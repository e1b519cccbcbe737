"""How the sign-in and the trust in Microsoft's certificates stand. Pure: both are judged from what is at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import NameOID

from shared.checkup import PARTNER_CENTER_ADMIN, Degree, Finding
from shared.partner_center.token_store import KeptToken

SIGN_IN, TRUST = "sign-in", "trust bundle"
"""The subjects of these findings."""

NEARLY_OVER = timedelta(days=14)
"""How long before its end an unused refresh token is worth a word: a running app renews it daily."""

SOON = timedelta(days=30)
"""How long before its end a certificate is worth a word."""


def sign_in(kept: KeptToken, now: datetime) -> Finding:
    """Return who signed in to Partner Center, when, and when that ends."""
    if not kept.token:
        return Finding(SIGN_IN, Degree.DOWN, "signed_out", who=PARTNER_CENTER_ADMIN)
    signed, ends = kept.signed_in, kept.ends
    values = {"user": signed.user, "at": f"{signed.at:%Y-%m-%d}"} if signed else {}
    if ends is None:
        return Finding(SIGN_IN, Degree.NOTE, "signed_in_by_hand")
    values |= {"ends": f"{ends:%Y-%m-%d}"}
    key = "signed_in" if signed else "signed_in_unnoted"
    if ends <= now:
        return Finding(SIGN_IN, Degree.DOWN, f"{key}_over", values, PARTNER_CENTER_ADMIN)
    near = ends - now < NEARLY_OVER
    return Finding(SIGN_IN, Degree.LOOK if near else Degree.OK, key, values, PARTNER_CENTER_ADMIN)


def trust(bundle: Sequence[x509.Certificate], now: datetime, *, fetched: bool) -> Iterator[Finding]:
    """Yield whether the bundle can vouch for what signs events; `fetched`: whether intermediates may be fetched."""
    valid = [each for each in bundle if each.not_valid_after_utc > now]
    roots = [each for each in valid if each.subject == each.issuer]
    current = [each for each in valid if each.subject != each.issuer]
    expired = [each for each in bundle if each not in valid]
    if not roots:
        yield Finding(TRUST, Degree.WRONG, "no_roots")
    elif not current and not fetched:
        yield Finding(TRUST, Degree.WRONG, "no_intermediates")
    else:
        first = min([*roots, *current], key=lambda each: each.not_valid_after_utc)
        ends = f"{first.not_valid_after_utc:%Y-%m-%d}"
        values = {"roots": str(len(roots)), "count": str(len(current)), "name": _name(first), "ends": ends}
        degree = Degree.LOOK if first.not_valid_after_utc < now + SOON else Degree.OK
        yield Finding(TRUST, degree, "trusted" if current else "trusted_fetched", values)
    if expired:
        yield Finding(TRUST, Degree.LOOK, "expired", {"names": ", ".join(map(_name, expired))})


def _name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()
