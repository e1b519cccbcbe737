"""Conditional headers. Only accounts have entity tags; for every record there is a date, in whole seconds."""

from __future__ import annotations

from datetime import datetime

from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.exchange import Call
from tools.simulators.salesforce.records import Record


def require_unmodified(call: Call, record: Record, tag: str | None) -> None:
    """Refuse a change when a header says that the record has to be older, or another version (412)."""
    since = call.unmodified_since()
    modified = record.values["LastModifiedDate"]
    assert isinstance(modified, datetime)  # noqa: S101 - stored so
    if since is not None and modified.replace(microsecond=0) > since:
        raise RefusedError(Rule.PRECONDITION, since=call.headers["if-unmodified-since"])
    wanted = call.headers.get("if-match")
    if tag is not None and wanted is not None and tag not in {part.strip() for part in wanted.split(",")}:
        raise RefusedError(Rule.PRECONDITION, since=wanted)
