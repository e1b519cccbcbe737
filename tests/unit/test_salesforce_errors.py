"""Salesforce's error answers by family (crm-apis B.9): the code decides, and no answer without one is believed."""

from __future__ import annotations

import pytest

from shared.crm.salesforce.errors import CONCURRENT_PAUSE, DAILY_PAUSE, classifier, classify
from shared.errors import (
    AccessDenied,
    AlreadyExists,
    CosellError,
    DataError,
    GoneError,
    SchemaMismatch,
    ServiceUnavailable,
    SettingsError,
    Throttled,
    VersionMismatch,
)
from shared.http import Response

KEY = "Referral_Identifier__c"


def failed(status: int, code: str, message: str = "words", **more: object) -> CosellError:
    return classify(status, [{"errorCode": code, "message": message, **more}], KEY)


@pytest.mark.parametrize(
    ("status", "code", "family"),
    [
        (403, "REQUEST_LIMIT_EXCEEDED", Throttled),
        (400, "UNABLE_TO_LOCK_ROW", Throttled),
        (503, "SERVER_UNAVAILABLE", ServiceUnavailable),
        (500, "UNKNOWN_EXCEPTION", ServiceUnavailable),
        (400, "QUERY_TIMEOUT", ServiceUnavailable),
        (400, "INVALID_QUERY_LOCATOR", ServiceUnavailable),
        (502, "ANYTHING", ServiceUnavailable),
        (412, "PRECONDITION_FAILED", VersionMismatch),
        (412, "", VersionMismatch),
        (404, "NOT_FOUND", GoneError),
        (404, "ENTITY_IS_DELETED", GoneError),
        (400, "ENTITY_IS_DELETED", GoneError),
        (400, "MALFORMED_ID", GoneError),
        (400, "INVALID_FIELD", SchemaMismatch),
        (400, "INVALID_FIELD_FOR_INSERT_UPDATE", SchemaMismatch),
        (400, "INVALID_TYPE", SchemaMismatch),
        (400, "MALFORMED_QUERY", SchemaMismatch),
        (404, "UNSUPPORTED_API_VERSION", SettingsError),
        (403, "API_CURRENTLY_DISABLED", AccessDenied),
        (403, "SOMETHING_NEW", AccessDenied),
        (400, "REQUIRED_FIELD_MISSING", DataError),
        (400, "STRING_TOO_LONG", DataError),
        (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", DataError),
        (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", DataError),
        (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", DataError),
        (400, "INVALID_CROSS_REFERENCE_KEY", DataError),
        (403, "INSUFFICIENT_ACCESS_OR_READONLY", DataError),
        (400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", DataError),
        (400, "DUPLICATES_DETECTED", DataError),
        (300, "SEVERAL", DataError),
    ],
)
def test_families(status: int, code: str, family: type[CosellError]) -> None:
    error = failed(status, code)
    assert isinstance(error, family)
    assert error.code == code


@pytest.mark.parametrize(
    ("message", "pause"),
    [
        ("TotalRequests Limit exceeded.", DAILY_PAUSE),
        ("ConcurrentRequests (Concurrent API Requests) Limit exceeded.", CONCURRENT_PAUSE),
        ("ConcurrentPerOrgLongTxn Limit exceeded.", CONCURRENT_PAUSE),
    ],
)
def test_the_message_tells_how_long_a_limit_lasts(message: str, pause: float) -> None:
    error = failed(403, "REQUEST_LIMIT_EXCEEDED", message)
    assert isinstance(error, Throttled)
    assert error.retry_after == pause


def test_a_lock_closes_nothing_but_its_own_record() -> None:
    error = failed(400, "UNABLE_TO_LOCK_ROW")
    assert isinstance(error, Throttled)
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("message", "family"),
    [
        (f"duplicate value found: {KEY} duplicates value on record with id: 006000000000001", AlreadyExists),
        ("duplicate value found: <unknown> duplicates value on record with id: <unknown>", AlreadyExists),
        ("duplicate value found: Contract_Number__c duplicates value on record with id: 0060000", DataError),
    ],
)
def test_only_our_own_key_says_that_the_record_exists(message: str, family: type[CosellError]) -> None:
    assert isinstance(failed(400, "DUPLICATE_VALUE", message), family)


def test_an_upsert_by_a_field_that_is_no_external_id_is_a_matter_of_the_schema() -> None:
    words = "Provided external ID field does not exist or is not accessible: Referral_Identifier__c"
    assert isinstance(failed(404, "NOT_FOUND", words), SchemaMismatch)


def test_every_error_is_told_with_its_fields() -> None:
    first = {"errorCode": "REQUIRED_FIELD_MISSING", "message": "Required fields are missing", "fields": ["CloseDate"]}
    second = {"statusCode": "STRING_TOO_LONG", "message": "Name: data value too large", "fields": ["Name", "Title"]}
    error = classify(400, [first, second], KEY)
    assert isinstance(error, DataError)
    assert [problem.field for problem in error.problems] == ["CloseDate", "Name, Title"]


def test_a_duplicate_rule_that_names_nothing_is_told_all_the_same() -> None:
    for result in (None, {}, {"matchResults": None}, {"matchResults": [{"matchRecords": [{}, {"record": "x"}]}]}):
        assert "a record that it does not name" in str(failed(400, "DUPLICATES_DETECTED", duplicateResult=result))


@pytest.mark.parametrize("body", [b"", b"<html>down</html>", b"[]", b"{}", b"null", b'"text"', b"[1]", b"\xff"])
@pytest.mark.parametrize(
    ("status", "family"),
    [
        (400, ServiceUnavailable),
        (403, AccessDenied),
        (404, ServiceUnavailable),
        (410, ServiceUnavailable),
        (412, VersionMismatch),
        (500, ServiceUnavailable),
    ],
)
def test_an_answer_without_a_code_says_nothing_about_a_record(
    status: int, family: type[CosellError], body: bytes
) -> None:
    assert isinstance(classifier(KEY)(Response(status, {}, body)), family)


def test_a_lone_object_is_read_like_a_list() -> None:
    assert isinstance(classify(404, {"errorCode": "NOT_FOUND", "message": "gone"}, KEY), GoneError)
