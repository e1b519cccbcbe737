"""When a deal that needs a person is looked at again by itself: soon at first, and ever more rarely.

A person may put it right on the account, the contact or the user, of which the change feed of the record tells nothing.
"""

from __future__ import annotations

from datetime import timedelta

from shared.ledger.model import Due
from shared.sync.task import Task

STEPS = (
    timedelta(minutes=2),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=12),
    timedelta(hours=24),
)
"""The pause after each look; the last one stays."""


def attempts_at(held: Due | None, reason: str) -> int:
    """Return which attempt at a deal this was; another reason than before is a step forward, and begins anew."""
    return held.attempts + 1 if held and held.reason == reason else 1


def until_next_look(task: Task, attempts: int) -> timedelta:
    """Return how long a deal is left alone after so many attempts; many that were set aside at once spread out."""
    return STEPS[min(attempts, len(STEPS)) - 1] * task.random.uniform(1, 1.1)
