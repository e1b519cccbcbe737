"""The poller's use case: what changed in the CRM since the cursor goes on the queue; only then the cursor moves."""

from __future__ import annotations

import logging
import uuid

from shared.crm.port import ChangePage, Record
from shared.errors import CursorExpired
from shared.ledger.port import LinkState
from shared.queue.message import DealMessage
from shared.sync.task import Ports

log = logging.getLogger(__name__)


def poll_crm(ports: Ports) -> int:
    """Hand over every change since the stored cursor; returns how many messages were put on the queue.

    The first pass, and the one after an expired cursor, treat every record that is to be synchronized. Raises
    StaleError when another poller moved the cursor meanwhile: what it handed over is handled twice, which is harmless.
    """
    held = ports.ledger.value("cursor", ports.crm.name)
    correlation_id = str(uuid.uuid4())
    try:
        sent, cursor, _ = _hand_over(ports, held.value or None, correlation_id)
    except CursorExpired:
        log.warning("the change feed's cursor expired: reading everything", extra={"crm": ports.crm.name})
        sent, cursor, seen = _hand_over(ports, None, correlation_id)
        sent += _hand_over_unseen(ports, seen, correlation_id)
    if cursor and cursor != held.value:
        ports.ledger.replace_value("cursor", ports.crm.name, cursor, held)
    return sent


def _hand_over(ports: Ports, cursor: str | None, correlation_id: str) -> tuple[int, str | None, set[str]]:
    """Queue a whole pass; returns the number of messages, the next cursor, and every record id that was seen."""
    sent, seen = 0, set[str]()
    following = None
    for page in ports.crm.changes(cursor):
        for message in _messages(ports, page, correlation_id):
            ports.queue.send(message.dump())
            sent += 1
        seen.update(record.id for record in page.records)
        following = page.cursor or following
    return sent, following, seen


def _hand_over_unseen(ports: Ports, seen: set[str], correlation_id: str) -> int:
    """Queue every linked record that a full pass did not show: it was deleted while the cursor was dead, or hidden."""
    sent = 0
    for link in ports.ledger.links(ports.crm.name):
        if link.record_id and link.record_id not in seen and link.state in (LinkState.LINKED, LinkState.PAUSED):
            message = DealMessage(ports.crm.name, "reconcile", correlation_id, record_id=link.record_id)
            ports.queue.send(message.dump())
            sent += 1
    return sent


def _messages(ports: Ports, page: ChangePage, correlation_id: str) -> list[DealMessage]:
    changed = [
        DealMessage(ports.crm.name, "changed", correlation_id, record_id=record.id, observed=_observed(record))
        for record in page.records
        if _concerns_us(ports, record)
    ]
    deleted = [
        DealMessage(ports.crm.name, "deleted", correlation_id, record_id=record_id, observed={"deleted": True})
        for record_id in page.deleted_ids
    ]
    return changed + deleted


def _concerns_us(ports: Ports, record: Record) -> bool:
    linked = record.columns.get(ports.field_map.columns.referral_identifier)
    return bool(linked) or ports.field_map.record_qualifies(record.columns)


def _observed(record: Record) -> dict[str, object]:
    return {"version": record.version, "seen_at": record.seen_at.isoformat(), "columns": dict(record.columns)}
