"""Several HTTP requests in one, and their answers: the multipart/mixed bodies of OData batches.

Table Storage and Dataverse have them alike (OData 3 and 4, "batch processing"). The standard library reads such a body
as an e-mail, which takes many times as long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_BOUNDARY = re.compile(r'boundary="?([^";]+)', re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/\d\.\d (\d{3})")
_BLANK = re.compile(rb"(?:\A|\r?\n)\r?\n")


class Part(NamedTuple):
    """A part of a body, or the answer that is in one; header names in lower case."""

    headers: Mapping[str, str]
    content: bytes
    status: int = 0


def request(method: str, url: str, headers: Mapping[str, str], content: str = "", number: int | None = None) -> str:
    """Return a part that is a request, with its number in the batch where its service wants one."""
    kind = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
    numbered = "" if number is None else f"Content-ID: {number}\r\n"
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{kind}{numbered}\r\n{method} {url} HTTP/1.1\r\n{head}\r\n{content}"


def joined(boundary: str, parts: Iterable[str]) -> str:
    """Return a multipart body. The boundary occurs in none of the parts."""
    return "".join([*(f"--{boundary}\r\n{part}\r\n" for part in parts), f"--{boundary}--\r\n"])


def answers(kind: str, body: bytes) -> list[Part | None]:
    """Return the answers in a body by its content type, those in its sets of changes too; None for what is none.

    A body that is not multipart has none.
    """
    found: list[Part | None] = []
    for part in _parts(kind, body):
        inner = part.headers.get("content-type", "")
        found += answers(inner, part.content) if _is_multipart(inner) else [_answer(part.content)]
    return found


def _parts(kind: str, body: bytes) -> list[Part]:
    boundary = _BOUNDARY.search(kind)
    if not boundary or not _is_multipart(kind):
        return []
    pieces = (b"\n" + body).split(b"\n--" + boundary[1].encode())[1:]
    return [_part(piece.partition(b"\n")[2].removesuffix(b"\r")) for piece in pieces if not piece.startswith(b"--")]


def _is_multipart(kind: str) -> bool:
    return kind.lower().startswith("multipart/")


def _answer(content: bytes) -> Part | None:
    content = content.lstrip()
    status = _STATUS.match(content)
    return _part(content.partition(b"\n")[2], int(status[1])) if status else None


def _part(text: bytes, status: int = 0) -> Part:
    head, *rest = _BLANK.split(text, 1)
    lines = (line.partition(":") for line in head.decode("latin-1").splitlines())
    headers = {name.strip().lower(): value.strip() for name, _, value in lines}
    return Part(headers, rest[0] if rest else b"", status)
