"""The deadline of a deal on the agenda: stored and taken away with the commit of the decision that does so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shared.deadline import Deadline, DeadlineKind, created_at, deadline_of
from shared.deal import STATUS, Fields
from shared.ledger.model import Due, DueKind
from shared.lifecycle import Stage
from shared.link import Link
from shared.partner_center.port import Referral
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.sync.task import Task

REASON = "deadline"
"""The reason of a message that has a deal looked at because its deadline comes near."""


def with_deadline(task: Task, before: Link, link: Link, base: Fields, referral: Mapping[str, object] | None) -> Link:
    """Return the link of a deal on whose values, `base`, both sides agree now, with its deadline, age and customer."""
    if referral:
        link = replace(link, customer=Referral(referral).customer or link.customer)
    link = replace(link, created_at=link.created_at or created_at(referral))
    if STATUS not in base:
        return replace(link, deadline=before.deadline)
    was = Stage(str(before.base[STATUS])) if STATUS in before.base else None
    stage, now, reminders = Stage(str(base[STATUS])), task.clock.now(), task.reminders
    deadline = deadline_of(before.deadline, stage, referral, now, reminders, was=was)
    met = deadline is not None and deadline.kind is DeadlineKind.REGISTER and link.registration is not None
    return replace(link, deadline=None if met else deadline)


def due(task: Task, before: Link | None, link: Link) -> list[Due]:
    """Return the agenda's entry that the commit of the link has to store, unless it stands there already."""
    if link.deadline is None or (before and before.deadline == link.deadline):
        return []
    message = DealMessage(PARTNER_CENTER, REASON, task.correlation_id, referral_id=link.referral_id, crm=link.crm)
    now, deadline = task.clock.now(), link.deadline
    entry = Due(DueKind.DEADLINE, link.referral_id, deadline.remind_at, now, message.dump())
    return [replace(entry, reason=str(deadline.kind), until=deadline.until)]


def reminded(before: Link, link: Link) -> Deadline | None:
    """Return the deadline of which people are to be reminded now: the moment of a reminder has passed."""
    was, now = before.deadline, link.deadline
    passed = was and now and (was.kind, was.until) == (now.kind, now.until) and now.remind_at > was.remind_at
    return now if passed else None


def met(before: Link, link: Link) -> list[DueKind]:
    """Return the entry that the commit of the link takes from the agenda: its deadline was met, or is over."""
    return [DueKind.DEADLINE] if before.deadline and not link.deadline else []


def tidy(task: Task, referral_id: str) -> None:
    """Take an entry from the agenda that its link knows nothing of: its worker stopped behind the commit."""
    link = task.links.of_referral(referral_id)
    if link is None or link.deadline is None:
        task.agenda.drop(DueKind.DEADLINE, referral_id)
