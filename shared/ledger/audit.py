"""The audit trail: what is written about a deal, for the seller's eyes and for the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from shared.deal import show
from shared.ledger.port import AuditEntry, Link
from shared.mapping.field_map import FieldMap
from shared.merge import Change, Difference

TO_CRM = "Partner Center → CRM"
TO_PARTNER_CENTER = "CRM → Partner Center"
BOTH = "Partner Center ⇄ CRM"

STATUS_LENGTH = 100
"""Length of the Sync status column (design: CRM columns)."""

TAIL_LINES = 25
TAIL_CHARACTERS = 20_000
"""How much of the trail is repeated in the record's Audit column; the ledger has all of it."""

REFERRAL_LINK = "https://partner.microsoft.com/referrals/v2/inbox?id={}"


def entry(
    key: str,
    at: datetime,
    direction: str,
    text: str,
    changes: Iterable[Change] = (),
    *,
    correlation_id: str = "",
    mapping: FieldMap | None = None,
) -> AuditEntry:
    """Return an audit entry whose id follows from the deal and its content."""
    rows = tuple((change.name, show(change.old), show(change.new)) for change in changes)
    digest = hashlib.sha256(repr((key, direction, text, rows, correlation_id)).encode()).hexdigest()
    version = mapping.version if mapping else ""
    return AuditEntry(digest[:16], at, direction, text, rows, correlation_id, version)


def describe(changes: Iterable[Change]) -> str:
    """Return changes as one readable line: field, old and new value, and the reason when it is not the plain one."""
    return "; ".join(f"{each.name}: {show(each.old)} → {show(each.new)} ({each.reason})" for each in changes)


def describe_difference(difference: Difference) -> str:
    """Return one field that stays different, with both values."""
    values = f"Partner Center {show(difference.referral)}, CRM {show(difference.record)}"
    return f"{difference.name} differs: {values} ({difference.reason})"


def line(each: AuditEntry) -> str:
    """Return an entry as a line of the record's Audit column."""
    return f"{each.at:%Y-%m-%d %H:%M:%S} UTC  {each.direction}  {each.text}"


def extend_tail(tail: Sequence[str], entries: Iterable[AuditEntry]) -> tuple[str, ...]:
    """Return the newest lines first, cut to what the record shows."""
    lines = [line(each)[:2000] for each in entries][::-1] + list(tail)
    kept: list[str] = []
    for each in lines[:TAIL_LINES]:
        if sum(map(len, kept)) + len(each) > TAIL_CHARACTERS:
            break
        kept.append(each)
    return tuple(kept)


def synchronized(at: datetime) -> str:
    """Return the ✔ status."""
    return f"✔ Synchronized {at:%Y-%m-%d %H:%M} UTC"


def pending(reason: str) -> str:
    """Return the ⏳ status."""
    return f"⏳ Pending: {reason}"[:STATUS_LENGTH]


def attention(reason: str) -> str:
    """Return the ✖ status: what to do."""
    return f"✖ {reason}"[:STATUS_LENGTH]


def identity_columns(mapping: FieldMap, referral_id: str) -> dict[str, object]:
    """Return the columns that tie a record to its referral."""
    own = mapping.columns
    return {own.referral_identifier: referral_id, own.referral_link: REFERRAL_LINK.format(referral_id)}


def trail_columns(mapping: FieldMap, link: Link) -> dict[str, object]:
    """Return the Audit and status columns as the link has them."""
    return {mapping.columns.audit: "\n".join(link.audit_tail), mapping.columns.status: link.status_shown}
