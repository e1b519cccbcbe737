"""Reads Dataverse's error answers. The same status carries different meanings, so the platform's code decides."""

from __future__ import annotations

from collections.abc import Callable

from shared.clock import Clock
from shared.errors import (
    AccessDenied,
    CosellError,
    DataError,
    GoneError,
    SchemaMismatch,
    ServiceUnavailable,
    VersionMismatch,
)
from shared.http import Response, retry_after
from shared.printable import first_line
from shared.problems import Problem, problem

TITLE = "Dynamics 365"
"""What the vendor is called in the sentences about it."""

_DENIED = {"0x80072560", "0x80042f09", "0x80040220", "0x8004f504"}
_DUPLICATE = {"0x80060892", "0x80040237", "0x80040333"}
_SCHEMA = {"0x80041103", "0x80060888", "0x80060890", "0x8006088d", "0x80072491", "0x80048d19", "0x8006088a"}
_BUSY = {"0x80044151", "0x80044150", "0x80071154", "0x8004ed47", "0x80072324", "0x8005f103"}
_CURSOR_EXPIRED = "0x80044352"
_ALREADY_CLOSED = "0x80040515"


class DuplicateKey(DataError):
    """Another row holds the values of an alternate key, or the id. Which key that is the message may tell.

    The same codes come for every key of a table, and for a create-only write that met its row: whether it was ours is
    seen by looking.
    """


def classifier(clock: Clock) -> Callable[[Response], CosellError]:
    """Return the reading of Dataverse's error answers."""

    def classify(response: Response) -> CosellError:
        code, message = _error(response)
        request_id = response.headers.get("x-ms-service-request-id", "")
        return _classify(response, code, message, clock).with_remote(code, request_id)

    return classify


def _classify(response: Response, code: str, message: str, clock: Clock) -> CosellError:
    if response.status >= 500 or code in _BUSY:
        reason = f"Dynamics 365 answered {response.status} {code}".strip()
        return ServiceUnavailable(reason, retry_after=retry_after(response, clock))
    if code in _SCHEMA or "could not find a property named" in message.casefold():
        return SchemaMismatch(f"Dynamics 365 lacks what the mapping names ({code}): {message}")
    if code in _DUPLICATE:
        return DuplicateKey(_duplicate(message or code))
    if response.status == 412:
        return VersionMismatch("the record changed in Dynamics 365")
    if code in _DENIED or response.status == 403:
        return AccessDenied(f"Dynamics 365 denies the application user ({code}): {message}")
    if response.status in (404, 410):
        return GoneError("the record was deleted in Dynamics 365")
    return DataError(problem("crm.refused", "record", crm=TITLE, message=message or code))


def _duplicate(message: str) -> Problem:
    return problem("crm.value_taken", "record", crm=TITLE, message=message)


def is_cursor_expired(error: CosellError) -> bool:
    """Whether the change feed's token is too old; the carrying status is not documented, so the code decides."""
    return error.code == _CURSOR_EXPIRED or "version stamp" in str(error).casefold()


def is_already_closed(error: CosellError) -> bool:
    """Whether an opportunity was to be closed that is closed."""
    return error.code == _ALREADY_CLOSED


def _error(response: Response) -> tuple[str, str]:
    content = response.json()
    error = content.get("error") if isinstance(content, dict) else None
    if not isinstance(error, dict):
        return "", ""
    return str(error.get("code") or "").casefold(), first_line(str(error.get("message") or ""))


def missing_reference() -> DataError:
    """Return the error about a row that a write names and that is gone."""
    return DataError(problem("crm.reference_deleted", "record", crm=TITLE))
