"""Several reads in one request (webapi/execute-batch-operations-using-web-api): multipart there and back."""

from __future__ import annotations

import email
import re
from collections.abc import Mapping, Sequence

from shared.http import Response

_STATUS = re.compile(rb"HTTP/\d\.\d (\d{3})")


def headers(boundary: str) -> Mapping[str, str]:
    """Return the headers of a batch: every part is answered, whatever becomes of the others."""
    kind = f'multipart/mixed; boundary="{boundary}"'
    return {"Content-Type": kind, "Accept": "application/json", "Prefer": "odata.continue-on-error"}


def content(boundary: str, addresses: Sequence[str]) -> bytes:
    """Return the body of a batch that reads these addresses."""
    head = f"--{boundary}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    parts = [f"{head}GET {address} HTTP/1.1\r\nAccept: application/json\r\n\r\n" for address in addresses]
    return ("\r\n".join([*parts, f"--{boundary}--"]) + "\r\n").encode()


def answers(answer: Response, count: int) -> Sequence[Response | None]:
    """Return the answer to each part, in their order; None for one that is not there, or not to be read."""
    kind = f"Content-Type: {answer.headers.get('content-type', '')}\r\n\r\n"
    parts = email.message_from_bytes(kind.encode() + answer.body).get_payload()
    held = [_part(each) for each in parts] if isinstance(parts, list) else []
    return [*held, *[None] * count][:count]


def _part(part: object) -> Response | None:
    raw = part.get_payload(decode=True) if isinstance(part, email.message.Message) else None
    if not isinstance(raw, bytes):
        return None
    head, _, body = raw.partition(b"\r\n\r\n")
    status = _STATUS.match(head.lstrip())
    return Response(int(status[1]), {}, body) if status else None
