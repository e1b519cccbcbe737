"""The table of leads of a CRM that was set up before there were leads: what it lacks stops leads alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar, cast

from shared.crm.port import PartlyWritten, Records
from shared.errors import AccessDenied, CosellError, LeadsUnready, SchemaMismatch

T = TypeVar("T")


def leads_alone(records: Records) -> Records:
    """Return the client of a table of leads that raises LeadsUnready where it lacks a column, a key or a right."""
    return cast("Records", _Leads(records))


class _Leads:
    """Whatever the client has; each of its methods, and each page of its change feed, is guarded."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def __getattr__(self, name: str) -> object:
        found = getattr(self._records, name)
        return _guarded(found) if callable(found) else found


def _guarded(method: Callable[..., object]) -> Callable[..., object]:
    def call(*given: object, **named: object) -> object:
        with _unready():
            answer = method(*given, **named)
        return _one_by_one(answer) if isinstance(answer, Iterator) else answer

    return call


def _one_by_one(pages: Iterator[T]) -> Iterator[T]:
    while True:
        with _unready():
            try:
                page = next(pages)
            except StopIteration:
                return
        yield page


@contextlib.contextmanager
def _unready() -> Iterator[None]:
    try:
        yield
    except PartlyWritten as error:
        raise PartlyWritten(error.record, _told(error.cause)) from error
    except (AccessDenied, SchemaMismatch) as error:
        raise _told(error) from error


def _told(error: CosellError) -> CosellError:
    """Return the error as one of leads alone, where it is about the table."""
    if not isinstance(error, (AccessDenied, SchemaMismatch)):
        return error
    return LeadsUnready(str(error)).with_remote(error.code, error.correlation_id)
