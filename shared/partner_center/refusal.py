"""Why an event is not believed: a closed list, so that a log, a count and a test mean the same thing by a reason."""

from __future__ import annotations

from enum import StrEnum

from shared.errors import ServiceUnavailable


class Reason(StrEnum):
    """The reasons, as the log and the security audit write them. The sender learns none of them."""

    ALGORITHM = "the signature algorithm is not rsa-sha256"
    NO_SIGNATURE = "there is no signature"
    ENCODING = "the signature is not base64"
    SIGNATURE = "the signature does not match the body"

    URL_CHARACTERS = "the certificate URL holds characters that no such URL has"
    URL_MALFORMED = "the certificate URL is malformed"
    URL_SCHEME = "the certificate URL is not https"
    URL_EXTRAS = "the certificate URL has a user name, query or fragment"
    URL_HOST = "the certificate URL's host is not allowed"
    URL_PATH = "the certificate URL's path is not a certificate's"

    ADDRESS = "the certificate host's address is not public"
    REDIRECT = "the certificate URL redirects"
    TOO_LARGE = "the certificate is too large"
    NOT_A_CERTIFICATE = "what the certificate URL serves is not a certificate"

    EXPIRED = "the certificate has expired"
    NOT_YET_VALID = "the certificate is not valid yet"
    KEY = "the certificate's key is not RSA of at least 2048 bits"
    USAGE = "the certificate's key may not sign data"
    PURPOSE = "the certificate is for another purpose"
    AUTHORITY = "the certificate is an authority's"
    NAME = "the certificate is not the event dispatcher's"
    ORGANIZATION = "the certificate was issued to another organization"
    ISSUER = "the certificate was not issued by the expected organization"
    SELF_SIGNED = "the certificate is signed by itself"
    NO_ROOT = "the trust bundle holds no root certificate"
    CHAIN = "the certificate's chain does not hold"
    ISSUER_HOST = "the certificate's issuer is to be had from a host that is not allowed"


class SignatureRefused(Exception):
    """The event is not authentic. The text is for the log only; the sender gets no reason."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason


UNAVAILABLE = "a certificate could not be fetched"
"""How the security audit counts events that could not be checked; the log says more."""


class CertificateUnavailable(ServiceUnavailable):
    """A certificate, the signing one or an issuer's, could not be fetched just now: Partner Center delivers again."""
