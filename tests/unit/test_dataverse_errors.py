"""Dataverse's error answers by family: the code decides, because a status carries several meanings."""

from __future__ import annotations

import json

import pytest

from shared.crm.dynamics365.errors import DuplicateKey, classifier, is_already_closed, is_cursor_expired
from shared.errors import (
    AccessDenied,
    CosellError,
    DataError,
    GoneError,
    RetriableError,
    SchemaMismatch,
    ServiceUnavailable,
    VersionMismatch,
)
from shared.http import Response
from tests.support.stand_ins import ManualClock

classify = classifier(ManualClock())


def failed(status: int, code: str = "", message: str = "words", **headers: str) -> CosellError:
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    return classify(Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body))


@pytest.mark.parametrize(
    ("status", "code", "family"),
    [
        # crm-apis A.11: retry
        (502, "", ServiceUnavailable),
        (503, "", ServiceUnavailable),
        (504, "", ServiceUnavailable),
        (400, "0x80044151", ServiceUnavailable),
        (400, "0x80044150", ServiceUnavailable),
        (400, "0x80071154", ServiceUnavailable),
        (400, "0x8004ed47", ServiceUnavailable),
        (500, "0x80072324", ServiceUnavailable),
        (400, "0x8005f103", ServiceUnavailable),
        # a version, or a duplicate: both come as 412
        (412, "", VersionMismatch),
        (412, "0x80060882", VersionMismatch),
        (412, "0x80060892", DuplicateKey),
        (412, "0x80040237", DuplicateKey),
        (412, "0x80040333", DuplicateKey),
        (409, "0x80040237", DuplicateKey),
        # the record is gone
        (404, "0x80040217", GoneError),
        (404, "0x80060891", GoneError),
        (410, "", GoneError),
        # the run cannot go on
        (403, "0x80072560", AccessDenied),
        (401, "0x80072560", AccessDenied),
        (403, "0x80042f09", AccessDenied),
        (403, "0x80040220", AccessDenied),
        (403, "", AccessDenied),
        # the mapping names what is not there, or the table is not set up
        (400, "0x80041103", SchemaMismatch),
        (404, "0x80060890", SchemaMismatch),
        (400, "0x80060890", SchemaMismatch),
        (400, "0x8006088d", SchemaMismatch),
        (412, "0x8006088d", SchemaMismatch),
        (400, "0x80072491", SchemaMismatch),
        # this deal needs a person
        (400, "0x80040203", DataError),
        (400, "0x8004431a", DataError),
        (400, "0x80044331", DataError),
        (400, "0x80048408", DataError),
        (400, "0x80040265", DataError),
        (400, "0x80048479", DataError),
        (400, "0x80040515", DataError),
        (400, "0x80100005", DataError),
        (400, "0x99999999", DataError),
        (400, "", DataError),
    ],
)
def test_each_code_has_its_family(status: int, code: str, family: type[CosellError]) -> None:
    for spelled in (code, code.upper().replace("X", "x")):
        error = failed(status, spelled)
        assert type(error) is family
        assert error.code == code


def test_an_unknown_property_is_a_matter_of_the_mapping() -> None:
    error = failed(400, "0x0", "Could not find a property named 'new_x' on type 'Microsoft.Dynamics.CRM.opportunity'.")
    assert isinstance(error, SchemaMismatch)
    assert "new_x" in str(error)


def test_the_customers_own_logic_is_heard_in_its_words() -> None:
    error = failed(400, "0x80040265", "Discounts above 20 % need approval.")
    assert isinstance(error, DataError)
    assert "Discounts above 20 % need approval." in str(error)
    assert error.problems[0].remedy


def test_the_wait_that_was_asked_for_is_passed_on() -> None:
    error = failed(503, retry_after="17")
    assert isinstance(error, RetriableError)
    assert error.retry_after == 17
    busy = failed(400, "0x80044151")
    assert isinstance(busy, RetriableError)
    assert busy.retry_after is None


def test_the_service_request_id_is_kept_for_support() -> None:
    assert failed(400, x_ms_service_request_id="req-1").correlation_id == "req-1"


@pytest.mark.parametrize(
    "body", [b"", b"<html>Bad gateway</html>", b"[]", b'{"error": "text"}', b'{"error": {"code": null}}', b"\xff"]
)
@pytest.mark.parametrize(
    ("status", "family"),
    [(502, ServiceUnavailable), (403, AccessDenied), (404, GoneError), (412, VersionMismatch), (400, DataError)],
)
def test_a_body_that_is_no_error_leaves_the_status_to_decide(
    status: int, family: type[CosellError], body: bytes
) -> None:
    error = classify(Response(status, {}, body))
    assert type(error) is family
    assert str(error)


def test_a_long_message_is_cut() -> None:
    assert len(str(failed(400, "0x80040265", "x" * 100_000))) < 2000


@pytest.mark.parametrize("status", [400, 404, 410, 412, 500])
def test_an_expired_cursor_is_known_by_its_code(status: int) -> None:
    assert is_cursor_expired(failed(status, "0x80044352", "Version stamp associated with the client has expired."))


def test_an_expired_cursor_is_known_by_its_words_too() -> None:
    assert is_cursor_expired(failed(400, "", "Version stamp associated with the client has expired."))
    assert not is_cursor_expired(failed(400, "0x80040203", "Invalid argument"))
    assert not is_cursor_expired(failed(503))


def test_what_is_closed_already_is_known_by_its_code() -> None:
    assert is_already_closed(failed(400, "0x80040515"))
    assert not is_already_closed(failed(400, "0x80040516"))
