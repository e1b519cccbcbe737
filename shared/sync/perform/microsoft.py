"""What the audit and the link keep of Microsoft's half."""

from __future__ import annotations

from dataclasses import replace

from shared.ledger import audit
from shared.ledger.model import AuditEntry, Due, Intent
from shared.link import Link
from shared.microsoft import MicrosoftsHalf
from shared.sync.microsofts_half import next_look
from shared.sync.task import Task


def news(before: MicrosoftsHalf | None, now: MicrosoftsHalf | None) -> str:
    """Return what changed in Microsoft's half as an audit line; empty when nothing did, or it was not read."""
    if now is None:
        return ""
    old = before.facts() if before else {}
    changed = [
        f"{name}: {audit.shown(old.get(name) or '(empty)')} → {audit.shown(value or '(empty)')}"
        for name, value in now.facts().items()
        if value != old.get(name, "")
    ]
    return f"Microsoft: {'; '.join(changed)}" if changed else ""


def entries(task: Task, before: Link, now: MicrosoftsHalf | None) -> list[AuditEntry]:
    """Return the audit of what changed in Microsoft's half."""
    text = news(before.microsoft, now)
    return [audit.entry(task.stamp(), before.referral_id, audit.TO_CRM, text)] if text else []


def remembered(before: MicrosoftsHalf | None, now: MicrosoftsHalf | None, *, shown: bool) -> MicrosoftsHalf | None:
    """Return Microsoft's half as the link keeps it; what was not `shown` on the record now is shown another time."""
    if now is None or shown:
        return now or before
    return replace(now, told=before.told if before else {})


def fulfilled(task: Task, before: Link, now: Link) -> Intent | None:
    """Return the intent that is over when what it was to bring about is seen first: the invitation, a registration."""
    first_seen = (now.microsoft and not before.microsoft) or (now.registration and not before.registration)
    return task.intents.of(now.record) if first_seen and now.record else None


def watch(task: Task, before: Link, now: Link, *, closed: bool) -> list[Due]:
    """Return what has Microsoft's half of an open deal looked at from now on, once it was seen."""
    return [next_look(task, now)] if now.microsoft and not before.microsoft and not closed else []
