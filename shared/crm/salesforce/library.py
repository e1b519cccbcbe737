"""Where simple-salesforce's requests leave it: a requests adapter in front of our own transport."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from shared.errors import ServiceUnavailable
from shared.http import Request, Response, Service, http_date

_NOT_SENT = {"authorization", "accept-encoding", "connection", "content-length", "user-agent", "x-prettyprint"}
"""Headers of the library that the transport below sets itself, and one that makes every answer longer."""


class ServiceAdapter(BaseAdapter):
    """Hands the requests of one call to our service. `server_date` is the server's time in the last answer."""

    def __init__(self, service: Service, url: str, *, repeatable: bool) -> None:
        super().__init__()
        self._service = service
        self._url = url
        parts = urlsplit(url)
        port = "" if parts.port in (None, 443) else f":{parts.port}"
        self._library_url = f"https://{parts.hostname}{port}/"
        self._repeatable = repeatable
        self.server_date: datetime | None = None

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Send one request; refusals are raised in our own families, past the library."""
        url = str(request.url)
        if not url.startswith(self._library_url):
            raise ServiceUnavailable("Salesforce named an address outside its org")
        headers = {name: str(value) for name, value in request.headers.items() if name.lower() not in _NOT_SENT}
        body = request.body.encode() if isinstance(request.body, str) else request.body
        address = f"{self._url}/{url.removeprefix(self._library_url)}"
        answer = self._service.send(Request(str(request.method), address, headers, body, self._repeatable))
        self.server_date = http_date(answer.headers.get("date", ""))
        return _as_library_has_it(answer, request)

    def close(self) -> None:
        """Keep nothing open: connections are the transport's."""


def _as_library_has_it(answer: Response, request: requests.PreparedRequest) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.headers.update(answer.headers)
    response.raw = io.BytesIO(answer.body)
    response.encoding = "utf-8"
    response.request = request
    response.url = str(request.url)
    return response
