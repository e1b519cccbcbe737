"""The status that a record shows after its deal was looked at."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from shared import status
from shared.deadline import DeadlineKind
from shared.deal import CLOSE_REASON, CURRENCY, DEAL_VALUE
from shared.decide.decisions import Agree
from shared.decide.timing import WITH_REASON
from shared.lifecycle import Stage
from shared.link import Closing, Link
from shared.merge import Stays
from shared.messages.reasons import Reason
from shared.messages.waiting import Waiting
from shared.problems import problem
from shared.status import Status
from shared.sync.task import Task


def agreed_status(task: Task, decision: Agree, altered: Sequence[str], link: Link) -> Status:
    """Return what to show: what a person must decide first, then what differs, what waits, and else ✔.

    `altered` are fields in which Partner Center answered with another value than was written; `link` knows what waits
    and until when something has to be done.
    """
    messages, differences = task.choices.messages, decision.plan.differences
    if decision.problems:
        return status.attention(messages, decision.problems)
    decide = [each for each in differences if each.stays is Stays.DECIDE]
    if decide:
        return status.attention(messages, [problem(f"status.{each.reason}", each.name) for each in decide])
    if any(each.reason is Reason.MASS_CHANGE for each in differences):
        return status.pending(messages, Waiting.MASS_CHANGE)
    differing = [each for each in differences if each.stays in (Stays.HELD, Stays.ASKED)]
    if differing:
        first = differing[0].reason
        return status.differs(messages, first, [each.name for each in differing if each.reason is first])
    if moving := [each.name for each in differences if each.reason is Reason.KEEPS_CHANGING]:
        return status.restless(messages, moving)
    if altered:
        return status.differs(messages, Reason.ANSWERED_OTHERWISE, list(altered))
    if closing := link.closing:
        until = closing.since + task.policy.close_delay
        reasonless = closing.stage in WITH_REASON and decision.record.fields.get(CLOSE_REASON, "") is None
        key = Waiting.CLOSE_WITHOUT_REASON if reasonless else _close_text(task, link, closing)
        warnings = task.field_map.file.warnings
        limits = {"hours": warnings.win_within_hours, "dollars": f"{warnings.win_below_usd or 0:,}"}
        return status.pending(messages, key, stage=str(closing.stage), at=f"{until:%H:%M}", **limits)
    if decision.record.lead and decision.referral.stage is Stage.ACTIVE and not decision.record.closed:
        return status.pending(messages, Waiting.LEAD)
    if any(each.reason is Reason.INVITATION_UNDECIDED for each in differences):
        return status.pending(messages, Waiting.ACCEPTANCE)
    kept = [each.name for each in differences if each.stays is Stays.KEPT]
    return in_agreement(task, link, kept)


def _close_text(task: Task, link: Link, closing: Closing) -> Waiting:
    """Return what to say of a close that waits: a win may be one that Microsoft does not take for registration."""
    if closing.stage is not Stage.WON or link.microsoft is None or not task.reminders.registration:
        return Waiting.CLOSE
    sent_at = closing.since + task.policy.close_delay
    if link.created_at and sent_at - link.created_at < task.reminders.settled_for:
        return Waiting.CLOSE_YOUNG
    value, currency = link.base.get(DEAL_VALUE), link.base.get(CURRENCY)
    small = currency == "USD" and isinstance(value, Decimal) and value < task.reminders.least_value
    return Waiting.CLOSE_SMALL if small else Waiting.CLOSE


def in_agreement(task: Task, link: Link, kept: Sequence[str] = ()) -> Status:
    """Return the status of a deal on which both sides agree, its base: ✔, until an invitation is about to expire."""
    messages, deadline = task.choices.messages, link.deadline
    kept = [*kept, *link.customer_apart]
    if deadline is None or deadline.kind is not DeadlineKind.DECIDE:
        odd = task.field_map.file.warnings.to_check(link.base, task.clock.now().date())
        return status.synchronized(messages, task.clock.now(), kept, check=odd)
    until = f"{deadline.until:%Y-%m-%d}"
    if task.reminders.presses(deadline.until, task.clock.now()):
        return status.attention(messages, [problem("deal.undecided", "deal", until=until)])
    return status.synchronized(messages, task.clock.now(), kept, until)
