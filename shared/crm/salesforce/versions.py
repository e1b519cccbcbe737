"""A record's version in Salesforce: its SystemModstamp, and a digest of what it held.

The stamp alone has whole seconds, so two edits may leave the same one.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime

from shared.crm.around import Columns
from shared.crm.port import Record
from shared.crm.salesforce.feed import literal, moment


def version_of(stamp: object, columns: Columns) -> str:
    """Return the version of a row with this SystemModstamp and content."""
    return f"{literal(moment(stamp))} {_digest(columns)}"


def stamp_of(record: Record) -> datetime | None:
    """Return the SystemModstamp in a record's version."""
    return moment(record.version.partition(" ")[0]) if record.version else None


def guard(stamp: datetime | None) -> Mapping[str, str] | None:
    """Return the header that lets a write through only where nothing changed since (api_rest: headers_conditional)."""
    return {"If-Unmodified-Since": format_datetime(stamp.replace(microsecond=0), usegmt=True)} if stamp else None


def _digest(columns: Columns) -> str:
    """Return a digest of values, however a query, a read or a composite answer spells them."""
    plain = {name: _plain(value) for name, value in columns.items()}
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).digest()
    return base64.urlsafe_b64encode(digest[:6]).decode()


def _plain(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.replace("\r\n", "\n") or None if isinstance(value, str) else value
