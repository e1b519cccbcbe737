"""The audit of a deal: how its entries are made, and how they read in the record's Audit column."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.deal import show
from shared.ledger.model import AuditEntry
from shared.merge import Change, Difference
from shared.messages import Messages
from shared.messages.reasons import Reason
from shared.printable import printable

TO_CRM = "Partner Center → CRM"
TO_PARTNER_CENTER = "CRM → Partner Center"
BOTH = "Partner Center ⇄ CRM"

LINES = 25
CHARACTERS = 20_000
"""How much of the audit is repeated in the record's Audit column; the ledger has all of it."""

LINE = 2_000
"""Characters of one line in the Audit column."""

EARLIER = 12_000
"""How much of what the column held before is kept below our lines."""

_OURS = re.compile(rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC  (?:{TO_CRM}|{TO_PARTNER_CENTER}|{BOTH})  ")
"""How a line of ours begins."""

_ESCAPED = {ord("\n"): "⏎", ord("\r"): "", ord("\t"): " "}


@dataclass(frozen=True)
class Stamp:
    """What every entry of one piece of work has in common."""

    at: datetime
    correlation_id: str = ""
    mapping_version: str = ""


def entry(stamp: Stamp, key: str, direction: str, text: str, changes: Iterable[Change] = ()) -> AuditEntry:
    """Return an audit entry whose id follows from the deal's key and its content."""
    rows = tuple((change.name, show(change.old), show(change.new)) for change in changes)
    digest = hashlib.sha256(repr((key, direction, text, rows, stamp.correlation_id)).encode()).hexdigest()
    return AuditEntry(digest[:16], stamp.at, direction, text, rows, stamp.correlation_id, stamp.mapping_version)


def describe(messages: Messages, changes: Iterable[Change]) -> str:
    """Return changes as one readable line: field, old and new value, and why."""
    return "; ".join(
        messages.text(
            "audit.change",
            field=each.name,
            old=shown(show(each.old)),
            new=shown(show(each.new)),
            reason=messages.reason(each.reason),
        )
        for each in changes
    )


def describe_difference(messages: Messages, difference: Difference) -> str:
    """Return one field that stays different, with both values; one that changes all the time is told without."""
    field, reason = difference.name, reason_of(messages, difference)
    if difference.reason is Reason.KEEPS_CHANGING:
        return messages.text("audit.differs", field=field, reason=reason)
    referral, record = shown(show(difference.referral)), shown(show(difference.record))
    return messages.text("audit.difference", field=field, referral=referral, record=record, reason=reason)


def reason_of(messages: Messages, difference: Difference) -> str:
    """Return why a field stays different."""
    referral, record = str(difference.referral), str(difference.record)
    value = show(difference.referral)
    return messages.reason(difference.reason, referral=referral, record=record, stage=record, value=value)


def shown(value: str) -> str:
    """Return a value so that it cannot pass for a line of ours: no line break, control or direction character."""
    return "".join(each if each.isprintable() else " " for each in value.translate(_ESCAPED))


def line(each: AuditEntry) -> str:
    """Return an entry as a line of the record's Audit column: one, whatever the values in it hold."""
    return f"{each.at:%Y-%m-%d %H:%M:%S} UTC  {each.direction}  {printable(shown(each.text))}"[:LINE]


def extended(recent: Sequence[str], entries: Iterable[AuditEntry]) -> tuple[str, ...]:
    """Return the newest lines first, cut to what the record shows."""
    lines = [line(each) for each in entries][::-1] + list(recent)
    kept: list[str] = []
    for each in lines[:LINES]:
        if sum(map(len, kept)) + len(each) > CHARACTERS:
            break
        kept.append(each)
    return tuple(kept)


def column(recent: Sequence[str], earlier: str) -> str:
    """Return the text of the Audit column: our newest lines, and below them what was there before us."""
    return "\n".join([*recent, *([earlier] if earlier else [])])


def tells_of_travel(lines: Iterable[str]) -> bool:
    """Whether any of these lines of ours says that values went from one side to the other."""
    return any(f" UTC  {way}  " in each[:80] for each in lines for way in (TO_CRM, TO_PARTNER_CENTER))


def parted(text: str) -> tuple[tuple[str, ...], str]:
    """Return the newest lines of ours that an Audit column begins with, and what is kept of the text below them."""
    lines = text.split("\n")
    ours = next((place for place, each in enumerate(lines) if not _OURS.match(each)), len(lines))
    return extended([each.rstrip("\r") for each in lines[:ours]], ()), "\n".join(lines[ours:])[:EARLIER]
