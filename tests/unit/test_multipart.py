"""Batches of HTTP requests, and their answers as the services document them."""

import email
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.multipart import answers, joined, request

STORED = """--batchresponse_e69b1c6c\r
Content-Type: multipart/mixed; boundary=changesetresponse_a6253244\r
\r
--changesetresponse_a6253244\r
Content-Type: application/http\r
Content-Transfer-Encoding: binary\r
\r
HTTP/1.1 204 No Content\r
X-Content-Type-Options: nosniff\r
DataServiceVersion: 1.0;\r
ETag: W/"datetime'2012-04-01T02%3A22%3A01.1Z'"\r
\r
\r
--changesetresponse_a6253244\r
Content-Type: application/http\r
Content-Transfer-Encoding: binary\r
\r
HTTP/1.1 201 Created\r
content-type: application/json\r
etag: W/"2"\r
\r
{"text": "HTTP/1.1 500 --changesetresponse_a6253244"}\r
--changesetresponse_a6253244--\r
--batchresponse_e69b1c6c--\r
"""
"""What Table Storage answers to a transaction, in the form of its reference, with an insert that is told in full."""


def test_the_answers_of_a_set_of_changes_are_found_with_status_headers_and_body() -> None:
    stored, created = answers("multipart/mixed; boundary=batchresponse_e69b1c6c", STORED.encode())
    assert stored is not None
    assert created is not None
    assert (stored.status, stored.headers["etag"], stored.content) == (
        204,
        "W/\"datetime'2012-04-01T02%3A22%3A01.1Z'\"",
        b"",
    )
    assert (created.status, created.headers["etag"]) == (201, 'W/"2"')
    assert created.content == b'{"text": "HTTP/1.1 500 --changesetresponse_a6253244"}'


def test_an_answer_that_stands_beside_the_sets_of_changes_is_found() -> None:
    body = "--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n{}\r\n--b--\r\n"
    (refused,) = answers('Multipart/Mixed; boundary="b"; charset=utf-8', body.encode())
    assert refused is not None
    assert (refused.status, refused.content) == (404, b"{}")


def test_lines_may_end_without_a_carriage_return() -> None:
    found = answers("multipart/mixed; boundary=batchresponse_e69b1c6c", STORED.replace("\r\n", "\n").encode())
    assert [each.status for each in found if each] == [204, 201]


def test_a_part_without_an_answer_is_told_as_none() -> None:
    body = "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\n\r\n--b--\r\n"
    assert answers("multipart/mixed; boundary=b", body.encode()) == [None, None]


@pytest.mark.parametrize("kind", ["", "application/json", "multipart/mixed", "text/plain; boundary=b"])
def test_what_is_not_multipart_has_no_answers(kind: str) -> None:
    assert answers(kind, b"--b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n--b--") == []


@given(st.binary())
def test_whatever_bytes_come_they_are_no_answer(body: bytes) -> None:
    assert all(each is None or each.status >= 0 for each in answers("multipart/mixed; boundary=b", b"--b\r\n" + body))


def test_the_standard_library_reads_what_is_written() -> None:
    inner = joined("inner", [request("PUT", "https://x/t(1)", {"If-Match": '"1"'}, '{"a": "é"}', 0)])
    body = joined("outer", [f"Content-Type: multipart/mixed; boundary=inner\r\n\r\n{inner}", request("GET", "/a", {})])
    read = email.message_from_bytes(b"Content-Type: multipart/mixed; boundary=outer\r\n\r\n" + body.encode())
    kinds = [(each.get_content_type(), each["Content-ID"]) for each in read.walk()]
    assert kinds == [
        ("multipart/mixed", None),
        ("multipart/mixed", None),
        ("application/http", "0"),
        ("application/http", None),
    ]
    requests = [each.get_payload(decode=True) for each in read.walk() if each.get_content_type() == "application/http"]
    assert requests == [
        'PUT https://x/t(1) HTTP/1.1\r\nIf-Match: "1"\r\n\r\n{"a": "é"}'.encode(),
        b"GET /a HTTP/1.1\r\n\r\n",
    ]


def test_answers_are_read_alike_by_the_standard_library() -> None:
    boundary = str(uuid.uuid4())
    bodies = ["{}", '{"é": ["--x", "\\r\\n"]}', ""]
    told = [
        f"Content-Type: application/http\r\n\r\nHTTP/1.1 20{n} OK\r\nA: {n}\r\n\r\n{body}"
        for n, body in enumerate(bodies)
    ]
    body = joined(boundary, told).encode()
    parsed = email.message_from_bytes(f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n".encode() + body)
    theirs = [part.get_payload(decode=True) for part in parsed.get_payload()]  # type: ignore[union-attr] # many parts
    ours = answers(f"multipart/mixed; boundary={boundary}", body)
    assert [each.content for each in ours if each] == [each.partition(b"\r\n\r\n")[2] for each in theirs]  # type: ignore[union-attr]
    assert [each.status for each in ours if each] == [200, 201, 202]
