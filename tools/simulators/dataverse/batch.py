"""$batch: several reads in one request, multipart there and back. Change sets are not simulated."""

from __future__ import annotations

import email
import re
import uuid
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from tools.simulators.dataverse.errors import RefusedError, Rule
from tools.simulators.dataverse.exchange import refusal

MOST = 1000
_BOUNDARY = re.compile(r'multipart/mixed;\s*boundary="?([^";]+)"?', re.IGNORECASE)
_LINE = re.compile(r"(\w+) (\S+) HTTP/1\.1")

Answer = Callable[[Request], Response]


def answer_batch(request: Request, answer: Answer) -> Response:
    """Answer each part by itself, in order; the first failure ends it unless `odata.continue-on-error` is preferred."""
    boundary = _BOUNDARY.fullmatch(request.content_type or "")
    if boundary is None:
        raise RefusedError(Rule.NOT_JSON, type=request.content_type)
    goes_on = "odata.continue-on-error" in request.headers.get("Prefer", "")
    answers = list[Response]()
    for part in _parts(request, boundary[1]):
        try:
            answers.append(answer(part))
        except RefusedError as error:
            answers.append(refusal(error))
        if answers[-1].status_code >= 400 and not goes_on:
            break
    name = f"batchresponse_{uuid.uuid4()}"
    status = 200 if goes_on or not answers else answers[-1].status_code
    return Response(_joined(name, answers), status, content_type=f"multipart/mixed; boundary={name}")


def _parts(request: Request, boundary: str) -> Iterator[Request]:
    body = request.get_data()
    if b"\n" in body.replace(b"\r\n", b""):
        raise RefusedError(Rule.MALFORMED_BODY, detail="The lines of a batch end with CRLF.")
    head = f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'.encode()
    parts = [each for each in email.message_from_bytes(head + body).walk() if not each.is_multipart()]
    if not 0 < len(parts) <= MOST or not body.rstrip().endswith(f"--{boundary}--".encode()):
        raise RefusedError(Rule.MALFORMED_BODY, detail=f"A batch has 1 to {MOST} parts.")
    for part in parts:
        if part.get_content_type() != "application/http" or part["Content-Transfer-Encoding"] != "binary":
            raise RefusedError(Rule.MALFORMED_BODY, detail="A part is application/http, and binary.")
        raw = part.get_payload(decode=True)
        assert isinstance(raw, bytes)  # noqa: S101 - no part has parts
        yield _request(request, raw)


def _request(outer: Request, raw: bytes) -> Request:
    head, ends, _ = raw.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    line = _LINE.fullmatch(lines[0])
    if not ends or line is None:
        detail = "A part begins with a request line, and has an empty line after its headers."
        raise RefusedError(Rule.MALFORMED_BODY, detail=detail)
    if line[1] != "GET":
        raise RefusedError(Rule.NOT_IMPLEMENTED, what=f"{line[1]} within a batch")
    path, _, query = line[2].removeprefix(outer.host_url.rstrip("/")).partition("?")
    headers = [(name, value) for name, _, value in (each.partition(": ") for each in lines[1:])]
    built = EnvironBuilder(path=unquote(path), query_string=query, headers=headers, base_url=outer.host_url)
    return Request(built.get_environ())


def _joined(boundary: str, answers: list[Response]) -> bytes:
    kind = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    shown = []
    for each in answers:
        line = f"HTTP/1.1 {each.status}\r\nContent-Type: {each.content_type}\r\nOData-Version: 4.0\r\n\r\n"
        shown.append(f"--{boundary}\r\n{kind}{line}".encode() + each.get_data())
    return b"\r\n".join([*shown, f"--{boundary}--\r\n".encode()])
