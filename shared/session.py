"""The session of requests under every connection that the app keeps open."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests


class Session(requests.Session):
    """Reads proxies and certificates of the environment once for each host: requests reads them for each call.

    It keeps no cookie, which would pin us to one Dataverse server, whose limits are per server; and no .netrc on the
    machine replaces our own credentials.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.auth = _no_auth
        self._known: dict[tuple[str, str, object], Any] = {}

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Return what holds for a request to this host; a caller's own proxies and certificate hold for that call."""
        if proxies or cert:
            return super().merge_environment_settings(url, proxies, stream, verify, cert)
        parts = urlsplit(str(url))
        place = (parts.scheme, parts.netloc, verify)
        if place not in self._known:
            self._known[place] = super().merge_environment_settings(url, {}, None, verify, None)
        known = self._known[place]
        return {**known, "proxies": dict(known["proxies"]), "stream": self.stream if stream is None else stream}


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
