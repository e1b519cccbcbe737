"""The audit of what became odd about a deal, without being wrong."""

from __future__ import annotations

from shared.deal import Fields
from shared.ledger import audit
from shared.ledger.model import AuditEntry
from shared.messages import Messages
from shared.sync.task import Task


def news(task: Task, before: Fields, now: Fields) -> str:
    """Return what people are asked to check since the sides agreed on `now` instead of `before`; empty for nothing."""
    warnings, today = task.field_map.file.warnings, task.clock.now().date()
    known = warnings.to_check(before, today)
    new = [name for name in warnings.to_check(now, today) if name not in known]
    return ", ".join(sentence(task.choices.messages, name) for name in new)


def sentence(messages: Messages, name: str) -> str:
    """Return why a field is to be checked."""
    return messages.text(f"check.{name}")


def entries(task: Task, referral_id: str, before: Fields, now: Fields) -> list[AuditEntry]:
    """Return the audit of it."""
    text = news(task, before, now)
    return [audit.entry(task.stamp(), referral_id, audit.BOTH, text)] if text else []
