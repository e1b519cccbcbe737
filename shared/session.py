"""The session of requests under every connection that the app keeps open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

_REST = {"timeout", "proxies", "stream", "verify", "cert", "files", "allow_redirects"}
"""Redirects may be wanted or not: none is followed. The SDK of Azure names files, and has none."""


class Session(requests.Session):
    """Sends what it is given, and nothing that it knows from elsewhere.

    It keeps no cookie, which would pin us to one Dataverse server, whose limits are per server; no .netrc on the
    machine replaces our own credentials; it follows no redirect. Proxies and certificates of the environment are read
    once for each host. To look for all of these at each call takes a fifth of a call's processor time.
    """

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[str, str, object], Any] = {}

    def request(  # type: ignore[override] # what neither we nor Azure's SDK ask for is refused
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, data: Any = None, **rest: Any
    ) -> requests.Response:
        """Send one request; `rest` may have those of requests that are in `_REST`. Raises TypeError for others."""
        if rest.keys() - _REST or rest.get("files"):
            raise TypeError(f"{sorted(rest)}: only {sorted(_REST)} are passed on, and no files")
        sent = requests.PreparedRequest()
        sent.prepare_method(method)
        sent.prepare_url(url, None)
        sent.prepare_headers({**self.headers, **(headers or {})})
        sent.prepare_body(data, None)
        stream, verify, cert = (rest.get(name) for name in ("stream", "verify", "cert"))
        settings = self.merge_environment_settings(sent.url, rest.get("proxies") or {}, stream, verify, cert)
        answer = self.get_adapter(str(sent.url)).send(sent, timeout=rest.get("timeout"), **settings)
        if not settings["stream"]:
            answer.content  # noqa: B018 - reads it
        return answer

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
