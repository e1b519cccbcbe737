"""Fetches the certificate that an event names, from a URL that was checked before."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy

import requests

from shared.http import CONNECT_TIMEOUT
from shared.partner_center.signature import CertificateUnavailable, SignatureRefused

MAX_BYTES = 64 * 1024
READ_TIMEOUT = 5.0


class HttpsFetcher:
    """Fetches with a session of its own: no credentials, no cookies, no redirects, bounded size and time."""

    def fetch(self, url: str) -> bytes:
        """Return at most 64 KiB. Raises CertificateUnavailable, or SignatureRefused for a redirect or a larger body."""
        try:
            with requests.Session() as session:
                session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
                session.auth = _no_auth
                timeout = (CONNECT_TIMEOUT, READ_TIMEOUT)
                with session.get(url, timeout=timeout, allow_redirects=False, stream=True) as answer:
                    if answer.status_code in (301, 302, 303, 307, 308):
                        raise SignatureRefused("the certificate URL redirects")
                    if answer.status_code != 200:
                        raise CertificateUnavailable(f"the certificate host answered {answer.status_code}")
                    content = answer.raw.read(MAX_BYTES + 1, decode_content=False)
        except requests.RequestException as error:
            raise CertificateUnavailable(f"the certificate host cannot be reached ({type(error).__name__})") from error
        if len(content) > MAX_BYTES:
            raise SignatureRefused("the certificate is too large")
        return bytes(content)


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
