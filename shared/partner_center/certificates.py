"""Fetches the certificate that an event names, from a URL that was checked before."""

from __future__ import annotations

import ipaddress
import socket
import time
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from shared.http import CONNECT_TIMEOUT
from shared.partner_center.refusal import CertificateUnavailable, Reason, SignatureRefused
from shared.urls import is_loopback

MAX_BYTES = 64 * 1024
READ_TIMEOUT = 5.0
TOTAL_TIME = 10.0
"""Seconds for the whole certificate: each read alone may be quick and the sum endless."""


class HttpsFetcher:
    """Fetches with a session of its own: no credentials, no cookies, no redirects, bounded size and time."""

    def fetch(self, url: str) -> bytes:
        """Return at most 64 KiB. Raises CertificateUnavailable, or SignatureRefused for a redirect or a larger body."""
        _check_address(urlsplit(url).hostname or "")
        timeout = (CONNECT_TIMEOUT, READ_TIMEOUT)
        try:
            with requests.Session() as session:
                session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
                session.auth = _no_auth
                with session.get(url, timeout=timeout, allow_redirects=False, stream=True) as answer:
                    return _content(answer)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise CertificateUnavailable(f"the certificate host cannot be reached ({type(error).__name__})") from error


def _check_address(host: str) -> None:
    """Refuse a host name that leads into a private network; this machine counts only when it is named as such."""
    if is_loopback(host):
        return
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise CertificateUnavailable("the certificate host's name cannot be resolved") from error
    if not all(_is_public(ipaddress.ip_address(address)) for address in found):
        raise SignatureRefused(Reason.ADDRESS)


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None) or address  # An IPv6 spelling does not make a network public.
    return mapped.is_global and not mapped.is_multicast


def _content(answer: requests.Response) -> bytes:
    if 300 <= answer.status_code < 400:
        raise SignatureRefused(Reason.REDIRECT)
    if answer.status_code != 200:
        raise CertificateUnavailable(f"the certificate host answered {answer.status_code}")
    deadline, content = time.monotonic() + TOTAL_TIME, b""
    while piece := answer.raw.read1(MAX_BYTES, decode_content=False):
        content += piece
        if len(content) > MAX_BYTES:
            raise SignatureRefused(Reason.TOO_LARGE)
        if time.monotonic() > deadline:
            raise CertificateUnavailable("the certificate host is too slow")
    announced = answer.headers.get("Content-Length", "")
    if announced.isdigit() and int(announced) != len(content):
        raise CertificateUnavailable("the certificate broke off")
    return content


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
