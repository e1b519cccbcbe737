"""Several reads in one request (webapi/execute-batch-operations-using-web-api): multipart there and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared import multipart
from shared.http import Response


def headers(boundary: str) -> Mapping[str, str]:
    """Return the headers of a batch: every part is answered, whatever becomes of the others."""
    kind = f'multipart/mixed; boundary="{boundary}"'
    return {"Content-Type": kind, "Accept": "application/json", "Prefer": "odata.continue-on-error"}


def content(boundary: str, addresses: Sequence[str]) -> bytes:
    """Return the body of a batch that reads these addresses."""
    reads = (multipart.request("GET", address, {"Accept": "application/json"}) for address in addresses)
    return multipart.joined(boundary, reads).encode()


def answers(answered: Response, count: int) -> Sequence[Response | None]:
    """Return the answer to each part, in their order; None for one that is not there, or not to be read."""
    held = multipart.answers(answered.headers.get("content-type", ""), answered.body)
    found = [Response(each.status, {}, each.content) if each else None for each in held]
    return [*found, *[None] * count][:count]
