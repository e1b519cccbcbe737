"""Reads Salesforce's error answers: lists of errorCode and message, in collections statusCode, or no JSON at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

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
from shared.printable import printable
from shared.problems import Problem, problem

Document = Mapping[str, object]

TITLE = "Salesforce"
"""What the vendor is called in the sentences about it."""

LOCKED = "UNABLE_TO_LOCK_ROW"
DUPLICATE = "DUPLICATE_VALUE"
HALTED = "PROCESSING_HALTED"
"""What the parts of a composite request answer that were rolled back because of another one."""

DAILY_PAUSE = 900.0
CONCURRENT_PAUSE = 5.0
"""Seconds to wait after REQUEST_LIMIT_EXCEEDED, which names none: the day rolls on slowly, running requests end."""

_BUSY = {"SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION", "QUERY_TIMEOUT", "INVALID_QUERY_LOCATOR"}
_GONE = {"ENTITY_IS_DELETED", "NOT_FOUND", "MALFORMED_ID"}
_SCHEMA = {
    "INVALID_FIELD",
    "INVALID_FIELD_FOR_INSERT_UPDATE",
    "INVALID_TYPE",
    "INVALID_TYPE_ON_FIELD_IN_RECORD",
    "INVALID_QUERY_FILTER_OPERATOR",
    "MALFORMED_QUERY",
}
_RECORD_ACCESS = {"INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"}
_DENIED = {"API_CURRENTLY_DISABLED", "API_DISABLED_FOR_ORG", "FUNCTIONALITY_NOT_ENABLED"}


def classifier(key: str) -> Callable[[Response], CosellError]:
    """Return the reading of error answers; `key` is the external id's field, whose duplicates mean "exists"."""
    return lambda response: classify(response.status, response.json(), key)


def classify(status: int, content: object, key: str) -> CosellError:
    """Return the error that an answer, or one part of a composite answer, means."""
    errors = _errors(content)
    if not errors:
        return _error_without_code(status)
    first = errors[0]
    return _classify(status, first, errors, key).with_remote(_code(first), "")


def duplicate_matches(error: Document) -> Iterator[str]:
    """Yield the records that a duplicate rule found, as `Account 001...`."""
    result = error.get("duplicateResult")
    for match in _list(result, "matchResults"):
        for found in _list(match, "matchRecords"):
            record = found.get("record")
            if isinstance(record, Mapping):
                attributes = record.get("attributes")
                kind = attributes.get("type") if isinstance(attributes, Mapping) else ""
                yield " ".join(str(part) for part in (kind, record.get("Name"), record.get("Id")) if part)


def _classify(status: int, first: Document, errors: list[Document], key: str) -> CosellError:
    code, words = _code(first), _words(first)
    if passing := _passing(status, code, words):
        return passing
    if code == "UNSUPPORTED_API_VERSION":
        return SettingsError(f"SALESFORCE_API_VERSION: Salesforce does not offer it: {words}")
    if "invalid id field" in words.casefold():
        return _gone()
    if code in _SCHEMA or "external id field" in words.casefold():
        return SchemaMismatch(f"Salesforce lacks what the mapping names, or hides it from the app ({code}): {words}")
    if status == 412:
        return VersionMismatch("the record changed in Salesforce")
    if code == DUPLICATE and _concerns(first, words, key):
        return AlreadyExists(f"Salesforce holds such a record already: {words}")
    if status in (404, 410) or code in _GONE:
        return _gone()
    if code in _DENIED or (status == 403 and code not in _RECORD_ACCESS):
        return AccessDenied(f"Salesforce denies the app's user ({code}): {words}")
    return DataError(*(_problem(error) for error in errors))


def _words(error: Document) -> str:
    """Return what Salesforce says, without the query that it quotes: this may hold a customer's name.

    About a query it says the line in question, a mark below it, `ERROR at Row:1:Column:8`, and then what is wrong.
    """
    _, place, rest = str(error.get("message") or "").rpartition("ERROR at Row:")
    words = rest.partition("\n")[2] if place else rest
    return printable(" ".join(words.split()), 500)


def _gone() -> GoneError:
    return GoneError("the record was deleted in Salesforce")


def _passing(status: int, code: str, words: str) -> CosellError | None:
    """Return what is temporary: limits, locks, outages."""
    if code == "REQUEST_LIMIT_EXCEEDED":
        pause = CONCURRENT_PAUSE if "concurrent" in words.casefold() else DAILY_PAUSE
        return Throttled(f"Salesforce's limit is reached: {words}", retry_after=pause)
    if code == LOCKED:
        return Throttled("another change holds the record or its account")
    if status >= 500 or code in _BUSY:
        return ServiceUnavailable(f"Salesforce answered {status} {code}".strip())
    return None


def _error_without_code(status: int) -> CosellError:
    """Not JSON: a maintenance page, a proxy, a wrong host. Never read it as a missing record."""
    if status == 403:
        return AccessDenied("Salesforce, or something before it, denies access; check the allowed IP ranges")
    if status == 412:
        return VersionMismatch("the record changed in Salesforce")
    return ServiceUnavailable(f"Salesforce answered {status} without saying why")


def _problem(error: Document) -> Problem:
    code, words = _code(error), str(error.get("message") or "")[:500]
    fields = error.get("fields")
    field = ", ".join(map(str, fields)) if isinstance(fields, list) and fields else "record"
    if code == "DUPLICATES_DETECTED":
        found = "; ".join(duplicate_matches(error)) or "a record that it does not name"
        return problem("crm.duplicate", field, crm=TITLE, found=found, message=words)
    if code == DUPLICATE:
        return problem("crm.value_taken", field, crm=TITLE, message=words)
    return problem("crm.refused", field, crm=TITLE, message=words or code)


def _concerns(error: Document, words: str, key: str) -> bool:
    """Whether a duplicate is one of the external id: other unique fields are the customer's own."""
    fields = error.get("fields")
    return key in words or (key in fields if isinstance(fields, list) and fields else "__c" not in words)


def _code(error: Document) -> str:
    return str(error.get("errorCode") or error.get("statusCode") or "")


def _errors(content: object) -> list[Document]:
    """Return the errors of an answer; a list is usual, one object is seen as well."""
    rows = content if isinstance(content, list) else [content]
    return [row for row in rows if isinstance(row, Mapping) and (_code(row) or row.get("message"))]


def _list(document: object, name: str) -> list[Document]:
    rows = document.get(name) if isinstance(document, Mapping) else None
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def missing_reference() -> DataError:
    """Return the error about a row that a write names and that is gone."""
    return DataError(problem("crm.reference_deleted", "record", crm=TITLE))
