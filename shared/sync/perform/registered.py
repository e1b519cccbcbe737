"""What the audit, the link and the record keep of a win's registration with Microsoft."""

from __future__ import annotations

from dataclasses import replace

from shared.deadline import DeadlineKind
from shared.deal_registration import STATES, DealRegistration
from shared.ledger import audit
from shared.ledger.model import AuditEntry
from shared.link import Link
from shared.messages import Messages
from shared.messages.plain import plain
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.sync.task import Task

REASON = "register"
"""The reason of a message that has a win looked at because it can be registered now."""

LONGEST = 100
"""Length of the column that shows what became of a registration."""

_SOON = 2.0
"""Seconds after which a win is looked at again: its commit is over by then, and if it is not, that does no harm."""


def said(messages: Messages, registration: DealRegistration) -> str:
    """Return what became of a registration as people read it, with Microsoft's reason as far as there is room."""
    known = registration.status if registration.status in STATES else "other"
    text = messages.text(f"registered.{known}")
    first = f"{text} ({registration.status})" if known == "other" else text
    return plain(f"{first}: {registration.reason}" if registration.reason else first, LONGEST)


def remembered(
    task: Task, before: DealRegistration | None, now: DealRegistration | None, *, shows: bool
) -> DealRegistration | None:
    """Return the registration as the link keeps it. `shows`: the record's column may be written."""
    found = now or before
    if found is None:
        return None
    form = found.form or (before.form if before else "")
    shown = said(task.choices.messages, found) if shows else before.shown if before else ""
    return replace(found, form=form, shown=shown)


def columns(task: Task, before: Link, now: Link) -> dict[str, object]:
    """Return the record's column that shows it, when that has to be written."""
    form, found = task.field_map.registration_form, now.registration
    if form is None or form.section.status_column is None or found is None:
        return {}
    was = before.registration.shown if before.registration else ""
    return {form.section.status_column: found.shown} if found.shown != was else {}


def entries(task: Task, before: Link, now: DealRegistration | None) -> list[AuditEntry]:
    """Return the audit of what became of it since the link was read."""
    was = before.registration
    if now is None or (was and (was.status, was.reason) == (now.status, now.reason)):
        return []
    text = task.choices.messages.text("registered.news", said=said(task.choices.messages, now))
    return [audit.entry(task.stamp(), before.referral_id, audit.TO_CRM, text)]


def look_soon(task: Task, before: Link, now: Link) -> None:
    """Have a win looked at once more that people have to register by a certain day, where the app may do it for them.

    Sent before the commit that makes it one, so that a stop between the two loses nothing. Raises the families.
    """
    if task.field_map.registration_form is None or _waits(before) or not _waits(now):
        return
    message = DealMessage(PARTNER_CENTER, REASON, task.correlation_id, referral_id=now.referral_id, crm=now.crm)
    task.queue.send(message.dump(), delay=_SOON)


def _waits(link: Link) -> bool:
    """Whether a win is to be registered by a certain day."""
    return link.deadline is not None and link.deadline.kind is DeadlineKind.REGISTER
