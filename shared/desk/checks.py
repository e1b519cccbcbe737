"""What is checked at every look: the queue, what was given up, schedules, the webhook, sign-ins, rights, trust, alerts.

Nothing here calls a vendor. What only a call can tell was seen by the Reconciler, and is told with its moment; the
cost of a look is the same however many deals there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from shared.checkup import (
    AZURE_ADMIN,
    CRM_ADMIN,
    LAST_ROUND,
    PARTNER_CENTER_ADMIN,
    Degree,
    Finding,
    Round,
)
from shared.desk.desk import Desk
from shared.errors import CosellError, FatalError
from shared.freshness import IDLE_PAUSE, Direction, Figures, figures_drawer
from shared.ledger.model import Due
from shared.messages import Messages
from shared.status import show_moment
from shared.webhook.heartbeat import last_event

Data = dict[str, object]

OK, ATTENTION, DOWN = "ok", "attention", "down"
_STATES = {Degree.OK: OK, Degree.NOTE: OK, Degree.LOOK: ATTENTION, Degree.WRONG: ATTENTION, Degree.DOWN: DOWN}

SILENCE = timedelta(minutes=10)
"""For how long no poll may go well before a person is to look at it, on top of the interval of the CRM."""

USUAL = timedelta(minutes=10)
"""How far apart the Reconciler's rounds are until two of them have told."""

STUCK = timedelta(minutes=30)
"""How long a message may wait that could be taken at once."""


def checks(desk: Desk, figures: Iterable[tuple[str, Figures]], parked: Iterable[tuple[str, Due]]) -> Iterator[Data]:
    """Yield a line for each check. Raises the retriable and fatal families when the ledger fails."""
    last = desk.ledger.drawers.read(LAST_ROUND).value
    raised = desk.alerts.raised()
    yield from (_told(desk.messages, each) for each in schedules(desk, figures, last, raised))
    yield from _seen(desk, last)
    if any(_is_dry_run(desk, crm) for crm in desk.crms):
        yield _told(desk.messages, Finding("dry run", Degree.LOOK, "dry_run"))
    yield from (_told(desk.messages, each) for each in alerts(raised))
    yield from (_told(desk.messages, each) for each in _set_aside(parked))


def schedules(
    desk: Desk, figures: Iterable[tuple[str, Figures]], last: Round, raised: Iterable[str] = ()
) -> Iterator[Finding]:
    """Yield whether messages, polls, sweeps and events come and go as they should."""
    yield from _asked("queue", lambda: _queue(desk))
    yield from _asked("given up", lambda: given_up(desk.queue.poison_length()))
    for crm, held in figures:
        yield _polls(desk, crm, held)
        yield _sweeps(desk, crm, last)
        if held.polled_at and not any(_concerns(key, crm) for key in raised):
            yield _rights(crm, held, held.polled_at)
    came = last_event(desk.ledger.drawers)
    if came:
        yield Finding("events", Degree.OK, "event", {"at": show_moment(came)})
    else:
        yield Finding("events", Degree.NOTE, "no_event")


def last_figures(desk: Desk) -> dict[str, Figures]:
    """Return the figures of every CRM. Raises the retriable and fatal families."""
    return {crm: desk.ledger.drawers.read(figures_drawer(crm)).value for crm in desk.crms}


def given_up(count: int) -> Finding:
    """Return whether messages ended as poison: the host gives up on one after five tries, which only a bug causes."""
    degree, key = (Degree.WRONG, "given_up") if count else (Degree.OK, "none_given_up")
    return Finding("given up", degree, key, {"count": str(count)} if count else {})


def alerts(raised: dict[str, str]) -> Iterator[Finding]:
    """Yield the raised alerts, each with whose turn it is."""
    for key, text in raised.items():
        stops = key.startswith(("worker ", "poll ", "mapping "))
        degree = Degree.DOWN if stops else Degree.WRONG
        yield Finding(key, degree, "alert", who=_whose_turn(key, text), said=text)


def _whose_turn(key: str, text: str) -> str:
    """Return whose turn an alert makes it: a sign-in is the service user's, a step of a CRM mostly the CRM's."""
    if "cosell.py sign-in" in text:
        return PARTNER_CENTER_ADMIN
    return CRM_ADMIN if key.startswith("mapping ") else AZURE_ADMIN


def _asked(name: str, check: Callable[[], Finding]) -> Iterator[Finding]:
    try:
        yield check()
    except CosellError as error:
        yield Finding(name, Degree.DOWN, "storage", said=str(error))


def _queue(desk: Desk) -> Finding:
    values, oldest = {"count": str(desk.queue.waiting())}, desk.queue.oldest()
    if oldest and desk.clock.now() - oldest > STUCK:
        return Finding("queue", Degree.LOOK, "queue_stuck", values | {"at": show_moment(oldest)})
    return Finding("queue", Degree.OK, "queue", values)


def _polls(desk: Desk, crm: str, figures: Figures) -> Finding:
    name, at = f"polls of {crm}", figures.polled_at
    if at is None:
        return Finding(name, Degree.LOOK, "never_polled")
    late = desk.clock.now() - at > desk.poll_every.get(crm, timedelta()) + IDLE_PAUSE + SILENCE
    return Finding(
        name, Degree.LOOK if late else Degree.OK, "not_polled" if late else "polled", {"at": show_moment(at)}
    )


def _sweeps(desk: Desk, crm: str, last: Round) -> Finding:
    name, at = f"sweeps of {crm}", last.swept.get(crm)
    if at is None:
        return Finding(name, Degree.LOOK, "never_swept")
    late = desk.clock.now() - at > 2 * _apart(last) + SILENCE
    return Finding(name, Degree.LOOK if late else Degree.OK, "not_swept" if late else "swept", {"at": show_moment(at)})


def _apart(last: Round) -> timedelta:
    """Return how far apart the rounds are: the shorter distance of the last ones, for one may span a standstill."""
    apart = [newer - older for newer, older in zip(last.rounds, last.rounds[1:], strict=False)]
    return max(min(apart, default=USUAL), USUAL)


def _concerns(key: str, crm: str) -> bool:
    return key in (f"worker {crm}", f"poll {crm}")


def _rights(crm: str, figures: Figures, polled: datetime) -> Finding:
    """Return what the app's user was last allowed: a poll signs in and reads, a change carried over was written."""
    wrote = max((hour for hour, ways in figures.hours.items() if any(ways.get(Direction.TO_CRM, ()))), default=None)
    values = {"at": show_moment(polled)} | ({"wrote": show_moment(datetime.fromisoformat(wrote))} if wrote else {})
    return Finding(f"sign-in of {crm}", Degree.OK, "rights" if wrote else "rights_to_read", values)


def _is_dry_run(desk: Desk, crm: str) -> bool:
    try:
        return desk.tasks.of(crm).choices.dry_run
    except FatalError:
        return False  # Its mapping or settings cannot be used here, and an alert of the app says so.


def _set_aside(parked: Iterable[tuple[str, Due]]) -> Iterator[Finding]:
    reasons = {crm: due.reason for crm, due in parked if due.family == FatalError.family}
    for crm, reason in reasons.items():
        yield Finding(f"deals of {crm}", Degree.DOWN, "set_aside", said=reason)


# --- as data ---------------------------------------------------------------------------------------------------------


def _seen(desk: Desk, last: Round) -> Iterator[Data]:
    """Yield what the Reconciler saw, with its moment."""
    for each in last.seen:
        row = _told(desk.messages, each.finding)
        yield row | {"detail": desk.messages.text("check.seen", text=str(row["detail"]), at=show_moment(each.at))}


def _told(messages: Messages, finding: Finding) -> Data:
    told: Data = {"name": finding.subject, "state": _STATES[finding.degree], "detail": finding.text(messages)}
    remedy = finding.remedy(messages)
    return told | {"remedy": remedy, "who": messages.word(finding.who) if remedy else ""}
