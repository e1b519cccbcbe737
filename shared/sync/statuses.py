"""The status that a record shows after its deal was looked at."""

from __future__ import annotations

from collections.abc import Sequence

from shared import status
from shared.decide.decisions import Agree
from shared.link import Closing
from shared.merge import Stays
from shared.messages.reasons import Reason
from shared.problems import problem
from shared.status import Status
from shared.sync.task import Task


def agreed_status(task: Task, decision: Agree, altered: Sequence[str], closing: Closing | None) -> Status:
    """Return what to show: what a person must decide first, then what differs, what waits, and else ✔.

    `altered` are fields in which Partner Center answered with another value than was written.
    """
    messages, differences = task.choices.messages, decision.plan.differences
    if decision.problems:
        return status.attention(messages, decision.problems)
    decide = [each for each in differences if each.stays is Stays.DECIDE]
    if decide:
        return status.attention(messages, [problem(f"status.{each.reason}", each.name) for each in decide])
    differing = [each for each in differences if each.stays in (Stays.HELD, Stays.ASKED)]
    if differing:
        first = differing[0].reason
        return status.differs(messages, first, [each.name for each in differing if each.reason is first])
    if altered:
        return status.differs(messages, Reason.ANSWERED_OTHERWISE, list(altered))
    if closing:
        until = closing.since + task.policy.close_delay
        return status.pending(messages, "close", stage=str(closing.stage), at=f"{until:%H:%M}")
    kept = [each.name for each in differences if each.stays is Stays.KEPT]
    return status.synchronized(messages, task.clock.now(), kept)
