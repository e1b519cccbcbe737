"""The intent protocol: what Partner Center would make twice is written down first, insert-if-absent.

Partner Center has no idempotency key. A worker that finds an abandoned intent looks for what came of it before it
posts, and while an unanswered POST may still turn up in Partner Center's lists nobody posts again.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.deal import RecordKey
from shared.errors import Deferred, OutcomeUnknown
from shared.ledger.model import Intent
from shared.sync.observe import is_fresh
from shared.sync.perform.rest import LOOK_AGAIN
from shared.sync.task import Task

CERTAIN = timedelta(minutes=10)
"""How long after an unanswered POST a referral that is in no list is certainly not there."""

_FIRST_LOOK, _LONGEST_LOOK = 3.0, 60.0
"""Seconds between two looks for what became of an unanswered POST."""

_RELEASED = datetime.min.replace(tzinfo=UTC)
"""The start of an intent that nobody holds any more."""


def claim(
    task: Task, record: RecordKey, referral_id: str | None = None, posting_since: datetime | None = None
) -> tuple[Intent, bool]:
    """Write the intent down; returns it, and whether it was taken over from an earlier attempt. Raises Deferred.

    `referral_id` is our own half where it exists, `posting_since` the moment from which on a POST may be under way.
    """
    now = task.clock.now()
    intent = Intent(record, now, now, uuid.uuid4().hex, referral_id, posting_since)
    held = task.intents.begin(intent)
    if held.owner == intent.owner:
        return held, False
    if is_fresh(held, now):
        raise Deferred("another worker is creating this deal", retry_after=LOOK_AGAIN)
    mine = replace(
        intent, since=held.since, referral_id=held.referral_id or referral_id, unknown_since=held.unknown_since
    )
    return task.intents.replace(held, mine), True


def release(task: Task, intent: Intent, unknown_since: datetime | None = None) -> None:
    """Let the next attempt begin at once, knowing what this one knew."""
    held = task.intents.of(intent.record)
    if held and held.owner == intent.owner:
        task.intents.replace(held, replace(held, started_at=_RELEASED, unknown_since=unknown_since))


def wait_for_certainty(task: Task, intent: Intent) -> None:
    """Raise OutcomeUnknown while an unanswered POST may still turn up in Partner Center's lists."""
    if intent.unknown_since is None:
        return
    elapsed = task.clock.now() - intent.unknown_since
    if elapsed < CERTAIN:
        pause = min(max(elapsed.total_seconds(), _FIRST_LOOK), _LONGEST_LOOK)
        raise OutcomeUnknown("Partner Center has not shown yet what became of the creation", retry_after=pause)
