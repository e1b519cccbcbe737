"""The intent protocol: what Partner Center would make twice is written down first, insert-if-absent.

Partner Center has no idempotency key. A worker that finds an abandoned intent looks for what came of it before it
posts, and while an unanswered POST may still turn up in Partner Center's lists nobody posts again. Whoever died under
an intent may have posted: its POST counts as unanswered from the moment at which the next worker begins to look.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared.deal import RecordKey
from shared.errors import CosellError, Deferred, OutcomeUnknown, StaleError
from shared.ledger.model import Intent
from shared.link import Link
from shared.sync.observe import is_fresh
from shared.sync.perform.rest import LOOK_AGAIN
from shared.sync.task import Task

CERTAIN = timedelta(minutes=10)
"""How long after an unanswered POST a referral that is in no list is certainly not there.

Lists lag behind, and a row that somebody edits may be missing again for a while: so it is looked for all that time."""

_FIRST_LOOK, _LONGEST_LOOK = 3.0, 60.0
"""Seconds between two looks for what became of an unanswered POST."""

_RELEASED = datetime.min.replace(tzinfo=UTC)
"""The start of an intent that nobody holds any more."""


@dataclass
class Attempt:
    """What is done under an intent, and how far it has come."""

    intent: Intent
    taken_over: bool = False
    """Whether an earlier attempt under the same intent was given up."""
    referral_id: str | None = None
    """Our own half of the deal, once Partner Center answered that it exists."""
    answered: bool = False
    """Whether whatever was to be posted is answered, so that only the CRM and the ledger may lack it."""


@contextmanager
def attempting(
    task: Task,
    record: RecordKey,
    referral_id: str | None = None,
    posted: Mapping[str, str] | None = None,
) -> Iterator[Attempt]:
    """Write the intent down, or take it over from an attempt that was given up; its fulfillment is to be committed.

    `referral_id` is our own half where it exists, and `posted` marks what a POST will send. An intent that is taken
    over keeps what the earlier attempt sent.
    Where the attempt fails the next one may begin at once, and knows what this one knew; without that the deal would
    wait for the longest that a function may run. Raises Deferred while another worker is at it.
    """
    now = task.clock.now()
    attempt = Attempt(Intent(record, now, now, uuid.uuid4().hex, referral_id, posted=posted or {}))
    try:
        _claim(task, attempt, now)
        yield attempt
    except CosellError as error:
        _let_go(task, attempt, error)
        raise


def _claim(task: Task, attempt: Attempt, now: datetime) -> None:
    mine, held = attempt.intent, task.intents.begin(attempt.intent)
    if held.owner == mine.owner:
        attempt.intent = held
        return
    if is_fresh(held, now):
        raise Deferred("another worker is creating this deal", retry_after=LOOK_AGAIN)
    attempt.taken_over = True
    taken = replace(
        held,
        started_at=mine.started_at,
        owner=mine.owner,
        referral_id=held.referral_id or mine.referral_id,
        unknown_since=held.unknown_since if held.started_at == _RELEASED else now,
    )
    attempt.intent = task.intents.replace(held, taken)


def _let_go(task: Task, attempt: Attempt, error: CosellError) -> None:
    held = task.intents.of(attempt.intent.record)
    if held is None or held.owner != attempt.intent.owner:
        return
    unknown_since = held.unknown_since if attempt.taken_over else None
    if attempt.answered or isinstance(error, OutcomeUnknown):
        # What was answered but not committed may be missing from Partner Center's lists for a while.
        now = task.clock.now()
        unknown_since = held.unknown_since if _is_uncertain(held, now) else now
    known = replace(held, referral_id=held.referral_id or attempt.referral_id, unknown_since=unknown_since)
    task.intents.replace(held, replace(known, started_at=_RELEASED))


def expect_unchanged(task: Task, attempt: Attempt, link: Link) -> None:
    """Raise StaleError when another worker committed the deal between our look at the ledger and our claim."""
    held = task.links.of_record(attempt.intent.record)
    if held is not None and held.etag == link.etag:
        return
    if held:
        task.links.commit(held, [], attempt.intent)  # The other's intent was gone already.
    raise StaleError("another worker looked at this deal")


def release(task: Task, intent: Intent) -> None:
    """Let the next attempt begin at once: there was nothing to post."""
    task.intents.replace(intent, replace(intent, started_at=_RELEASED, unknown_since=None))


def wait_for_certainty(task: Task, intent: Intent) -> None:
    """Raise OutcomeUnknown while an unanswered POST may still turn up in Partner Center's lists."""
    now = task.clock.now()
    if _is_uncertain(intent, now) and intent.unknown_since:
        pause = min(max((now - intent.unknown_since).total_seconds(), _FIRST_LOOK), _LONGEST_LOOK)
        raise OutcomeUnknown("Partner Center has not shown yet what became of the creation", retry_after=pause)


def _is_uncertain(intent: Intent, now: datetime) -> bool:
    return intent.unknown_since is not None and now - intent.unknown_since < CERTAIN
