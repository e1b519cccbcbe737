"""What is checked at every look: queue, what was given up, polls, events, alerts, what waits for an administrator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from shared.desk.desk import Desk
from shared.errors import CosellError, FatalError
from shared.freshness import IDLE_PAUSE, Figures
from shared.ledger.model import Due
from shared.status import show_moment
from shared.webhook.heartbeat import last_event

Data = dict[str, object]

OK, ATTENTION, DOWN = "ok", "attention", "down"

SILENCE = timedelta(minutes=10)
"""For how long no poll may go well before a person is to look at it, on top of the interval of the CRM."""


def checks(desk: Desk, figures: Iterable[tuple[str, Figures]], parked: Iterable[tuple[str, Due]]) -> Iterator[Data]:
    """Yield a line for each check. Raises the retriable and fatal families when the ledger fails."""
    yield from _asked("queue", lambda: _queue(desk))
    yield from _asked("given up", lambda: _poison(desk))
    for crm, held in figures:
        yield _polls(desk, crm, held)
    came = last_event(desk.ledger.drawers)
    text = desk.messages.text("check.event", at=show_moment(came)) if came else desk.messages.text("check.no_event")
    yield _check("events", OK, text)
    if any(_is_dry_run(desk, crm) for crm in desk.crms):
        yield _check("dry run", ATTENTION, desk.messages.text("check.dry_run"))
    for key, text in desk.alerts.raised().items():
        stops = key.startswith(("worker ", "poll ", "mapping "))
        yield _check(key, DOWN if stops else ATTENTION, text)
    yield from _set_aside(parked)


def _asked(name: str, check: Callable[[], Data]) -> Iterator[Data]:
    try:
        yield check()
    except CosellError as error:
        yield _check(name, DOWN, str(error))


def _queue(desk: Desk) -> Data:
    return _check("queue", OK, desk.messages.text("check.queue", count=desk.queue.waiting()))


def _poison(desk: Desk) -> Data:
    count = desk.queue.poison_length()
    text = desk.messages.text("check.given_up", count=count) if count else desk.messages.text("check.none_given_up")
    return _check("given up", ATTENTION if count else OK, text)


def _polls(desk: Desk, crm: str, figures: Figures) -> Data:
    name, at = f"polls of {crm}", figures.polled_at
    if at is None:
        return _check(name, ATTENTION, desk.messages.text("check.never_polled"))
    late = desk.clock.now() - at > desk.poll_every.get(crm, timedelta()) + IDLE_PAUSE + SILENCE
    text = desk.messages.text("check.not_polled" if late else "check.polled", at=show_moment(at))
    return _check(name, ATTENTION if late else OK, text)


def _is_dry_run(desk: Desk, crm: str) -> bool:
    try:
        return desk.tasks.of(crm).choices.dry_run
    except FatalError:
        return False  # Its mapping or settings cannot be used here, and an alert of the app says so.


def _set_aside(parked: Iterable[tuple[str, Due]]) -> Iterator[Data]:
    reasons = {crm: due.reason for crm, due in parked if due.family == FatalError.family}
    for crm, reason in reasons.items():
        yield _check(f"deals of {crm}", DOWN, reason)


def _check(name: str, state: str, detail: str) -> Data:
    return {"name": name, "state": state, "detail": detail}
