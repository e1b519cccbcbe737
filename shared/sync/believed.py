"""What of a change feed's message is believed without reading the record again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.crm.port import Record
from shared.link import Link, LinkState
from shared.queue.message import DealMessage
from shared.sync.task import Task

CLOCK_MARGIN = timedelta(seconds=5)
"""How far the clocks of two of our own instances may differ."""


def believed(task: Task, message: DealMessage, link: Link | None) -> Record | None:
    """Return the record as the change feed had it, unless a newer state of it was seen, or may have been.

    A message may be overtaken by another worker's write, or by a newer message; planning with its old values would
    undo the one, or what was decided on the other. Both moments are of our own clock, so they may be compared.
    """
    observed = message.observed or {}
    columns = observed.get("columns")
    if not isinstance(columns, dict) or not observed.get("seen_at"):
        return None
    seen_at = datetime.fromisoformat(str(observed["seen_at"]))
    if link and link.record_seen_at and seen_at <= link.record_seen_at + CLOCK_MARGIN:
        return None
    version = observed.get("version")
    if not version:
        return None  # Something beside the record changed: what its own columns held then says nothing.
    if link and link.state is not LinkState.LINKED and columns.get(task.field_map.columns.sync):
        # A deal at rest keeps no trace of newer messages by which it rests: that Sync is off, or its record gone.
        return None
    return Record(str(message.record_id), str(version), columns, seen_at, _digits(observed))


def _digits(observed: Mapping[str, object]) -> Mapping[str, int]:
    digits = observed.get("digits")
    return digits if isinstance(digits, dict) else {}
