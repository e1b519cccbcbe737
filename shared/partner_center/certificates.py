"""Fetches a certificate, from a URL that was checked before: bounded in every respect.

The connection goes to the very address that was checked, so that a name cannot mean another one a moment later; no
proxy, credential, cookie or redirect is used. One deadline holds for everything between connecting and the last byte:
each read alone may be quick and the sum endless.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import SplitResult, urlsplit

import certifi

from shared.http import CONNECT_TIMEOUT
from shared.partner_center.addresses import Endpoint, endpoints
from shared.partner_center.refusal import CertificateUnavailable, Reason, SignatureRefused

MAX_BYTES = 64 * 1024
TOTAL_TIME = 10.0
"""Seconds for the whole certificate."""


class NetworkFetcher:
    """Fetches over https, or over http where the caller's check of the URL allows it."""

    def fetch(self, url: str, seconds: float = TOTAL_TIME) -> bytes:
        """Return at most 64 KiB within `seconds`.

        Raises CertificateUnavailable, or SignatureRefused for a redirect, a larger body or a private address.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        deadline = time.monotonic() + seconds
        try:
            with closing(_connect(endpoints(host, port), seconds)) as raw, _ended_at(deadline, raw):
                return _exchange(_secured(raw, host) if parts.scheme == "https" else raw, parts)
        except (OSError, http.client.HTTPException) as error:
            late = "is too slow" if time.monotonic() >= deadline else f"cannot be reached ({type(error).__name__})"
            raise CertificateUnavailable(f"the certificate host {host} {late}") from None


def _connect(found: list[Endpoint], seconds: float) -> socket.socket:
    """Return a connection to the first of the addresses that takes one."""
    failure: OSError = OSError("the name has no address")
    for family, address in found:
        raw = socket.socket(family, socket.SOCK_STREAM)
        raw.settimeout(min(CONNECT_TIMEOUT, seconds))
        try:
            raw.connect(address)
        except OSError as error:
            raw.close()
            failure = error
        else:
            raw.settimeout(seconds)
            return raw
    raise failure


@contextmanager
def _ended_at(deadline: float, raw: socket.socket) -> Iterator[None]:
    """End the connection at the deadline, whatever it is being used for: a handshake, headers, or a body."""
    with closing(raw.dup()) as handle:  # Of our own, since TLS takes the socket over.
        timer = threading.Timer(deadline - time.monotonic(), _end, (handle,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


def _end(handle: socket.socket) -> None:
    try:
        handle.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # The other side was quicker.


def _secured(raw: socket.socket, host: str) -> socket.socket:
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or certifi.where()
    return ssl.create_default_context(cafile=bundle).wrap_socket(raw, server_hostname=host)


def _exchange(connected: socket.socket, parts: SplitResult) -> bytes:
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    connection.sock = connected
    with closing(connection):
        connection.putrequest("GET", parts.path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", parts.netloc)
        connection.putheader("Accept-Encoding", "identity")
        connection.putheader("Connection", "close")
        connection.endheaders()
        with closing(connection.getresponse()) as answer:
            return _content(answer)


def _content(answer: http.client.HTTPResponse) -> bytes:
    if 300 <= answer.status < 400:
        raise SignatureRefused(Reason.REDIRECT)
    if answer.status != 200:
        raise CertificateUnavailable(f"the certificate host answered {answer.status}")
    announced = answer.length
    if announced is None and not answer.chunked:
        raise http.client.IncompleteRead(b"")  # Its end looks like a connection that broke.
    content = answer.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES or (announced or 0) > MAX_BYTES:
        raise SignatureRefused(Reason.TOO_LARGE)
    if announced is not None and len(content) != announced:
        raise http.client.IncompleteRead(content)
    return content
