"""The daily digest: what needs a person and until when, in one message, and nothing on a day without any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.alerts import Notifier
from shared.card import Card
from shared.errors import DataError, StaleError
from shared.ledger.drawers import Drawers, moment
from shared.ledger.model import Due, DueKind
from shared.messages import Messages
from shared.sync.task import Task

SHOWN = 10
"""How many deals of a kind are named; the others are counted."""

_SENT = moment("digest", "sent")
"""The day for which the last digest was sent."""


@dataclass(frozen=True)
class Digest:
    """Sends the digest from an hour (UTC) on, once a day; `status_page` is the page of deals, where it is known."""

    notifier: Notifier
    drawers: Drawers
    hour: int
    status_page: str = ""

    def tell(self, tasks: Sequence[Task]) -> bool:
        """Send the day's digest once its hour has come; tells whether one was sent. Raises the families.

        The day is stored first, so that it is sent at most once; a chat that does not take it gets the next day's.
        """
        now = tasks[0].clock.now().astimezone(UTC)
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        held = self.drawers.read(_SENT)
        if now.hour < self.hour or (held.value is not None and held.value >= day):
            return False
        try:
            self.drawers.replace(_SENT, day, held)
        except StaleError:
            return False  # Another instance sends it.
        card = digest(tasks, now, self.status_page)
        if card is not None:
            self.notifier.notify(card)
        return card is not None


def digest(tasks: Sequence[Task], now: datetime, status_page: str = "") -> Card | None:
    """Return the message of a day; None when nobody is needed. Its cost grows with what waits, not with all deals."""
    messages = tasks[0].choices.messages
    lines, facts = list[str](), list[tuple[str, str]]()
    for task in tasks:
        waiting = [each for each in task.agenda.all(DueKind.PARKED) if each.family == DataError.family]
        pressing = _pressing(task, now)
        if not waiting and not pressing:
            continue
        counted = messages.text("digest.counts", attention=len(waiting), deadlines=len(pressing))
        facts.append((task.name, counted))
        lines += _listed(messages, [_deadline(messages, each) for each in pressing])
        lines += _listed(messages, [_waiting(messages, each) for each in sorted(waiting, key=lambda due: due.since)])
    if not facts:
        return None
    links = ((messages.text("news.open_status"), status_page),) if status_page else ()
    return Card("\n".join([messages.text("digest.title", day=f"{now:%Y-%m-%d}"), *lines]), tuple(facts), links)


def _pressing(task: Task, now: datetime) -> list[Due]:
    soon = now + timedelta(days=max(task.choices.reminders.days, default=0))
    found = [each for each in task.agenda.all(DueKind.DEADLINE) if each.until and each.until <= soon]
    return sorted(found, key=lambda due: due.until or now)


def _deadline(messages: Messages, due: Due) -> str:
    assert due.until  # noqa: S101 - only those with a day are listed
    return messages.text(f"digest.{due.reason}", deal=due.key, day=f"{due.until:%Y-%m-%d}")


def _waiting(messages: Messages, due: Due) -> str:
    said = " ".join(f"{messages.label(each.field)}: {messages.short_remedy(each)}" for each in due.problems[:2])
    return messages.text("digest.attention", deal=due.key, day=f"{due.since:%Y-%m-%d}", remedy=said)


def _listed(messages: Messages, lines: Sequence[str]) -> Iterable[str]:
    more = len(lines) - SHOWN
    return [*lines[:SHOWN], *([messages.text("digest.more", count=more)] if more > 0 else [])]
