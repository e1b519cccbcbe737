"""What goes wrong around the app: processes die, calls fail before or after their effect, answers and events get lost.

Every kind counts how often it struck: a trouble that never strikes is a broken test.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from random import Random

from shared.errors import (
    CosellError,
    OutcomeUnknown,
    ServiceUnavailable,
    SignInRequired,
    StaleError,
    Throttled,
    VersionMismatch,
)
from shared.webhook.events import MalformedEvent
from tests.support.fakes.partner_center import Event
from tests.support.fakes.tape import Step
from tests.support.fakes.world import World

GARBAGE = (b"", b"{", b"[1]", b"\xff", b'{"EventName": "referral-updated"}')
"""Bodies that are signed and no events."""

AHEAD = 25
"""How many steps ahead a failure is ordered at most."""

KINDS = (
    "a process dies before a step",
    "a process dies after a step",
    "503",
    "429 with Retry-After",
    "429 without Retry-After",
    "an answer is lost",
    "a sign-in is refused",
    "a version changed without a change",
    "the storage is down",
    "the storage answers late that it is down",
    "a stored row is somebody else's",
    "the queue is down",
    "an event is lost",
    "an event comes twice",
    "events come in another order",
    "an event is not one",
    "an event is about a row that is not ours",
    "a list lags behind",
    "a change feed expires",
    "two pollers poll at once",
    "two reconcilers run at once",
    "another system's clock is a day wrong",
)


class Troubles:
    """The troubles of one history. `chance` is asked anew for each."""

    def __init__(self, world: World, chance: Callable[[], Random]) -> None:
        self._world = world
        self._chance = chance
        self.struck: Counter[str] = Counter()

    def acts(self) -> list[tuple[int, Callable[[], None]]]:
        """Return what may happen, with how likely it is."""
        return [
            (3, self._lose_an_event),
            (5, self._die_soon),
            (7, self._fail_soon),
            (7, self._storage_fails_soon),
            (1, self._expire_cursors),
            (1, self._lag),
            (2, self._poll_at_once),
            (2, self._reconcile_at_once),
            (2, self._garbage_arrives),
        ]

    def end(self) -> None:
        """Let nothing go wrong any more."""
        tape = self._world.tape
        for hooks in (tape.faults, tape.before, tape.after):
            hooks.clear()
        self._world.partner_center.lag = timedelta()

    # --- events ----------------------------------------------------------------------------------------------------

    def shuffled(self, events: list[Event]) -> None:
        """Bring events into another order."""
        before = list(events)
        self._chance().shuffle(events)
        self.struck["events come in another order"] += events != before

    def doubles(self) -> bool:
        """Whether the next event comes twice."""
        twice = self._chance().random() < 0.2
        self.struck["an event comes twice"] += twice
        return twice

    def _lose_an_event(self) -> None:
        events = self._world.events
        if events:
            events.pop(self._chance().randrange(len(events)))
            self.struck["an event is lost"] += 1

    def _garbage_arrives(self) -> None:
        """What is signed and no event, or one about a row of somebody else."""
        if self._chance().random() < 0.5:
            try:
                self._world.intake.take(
                    self._chance().choice((b"", b"{", b"[1]", b'{"EventName": "referral-updated"}'))
                )
            except MalformedEvent:
                self.struck["an event is not one"] += 1
            return
        foreign = f"{self._chance().getrandbits(32):08x}-2222-4333-8444-555555555555"
        with contextlib.suppress(CosellError):  # It is answered with 500; nobody waits for it to come again.
            self._world.receive(Event(foreign, created=False, ours=True, at=self._world.theirs.now()))
        self.struck["an event is about a row that is not ours"] += 1

    # --- processes -------------------------------------------------------------------------------------------------

    def _die_soon(self) -> None:
        after = self._chance().random() < 0.5
        number = self._ahead()
        self._world.tape.crash_at(number, after=after)
        kind = f"a process dies {'after' if after else 'before'} a step"
        hooks = self._world.tape.after if after else self._world.tape.before
        hooks.insert(0, lambda step: self._count(kind, step.number == number))

    def _count(self, kind: str, struck: bool) -> None:
        self.struck[kind] += struck

    def _poll_at_once(self) -> None:
        self._meanwhile("crm", "changes", self._world.poll, "two pollers poll at once")

    def _reconcile_at_once(self) -> None:
        self._meanwhile("partner_center", "changed_since", self._world.reconcile, "two reconcilers run at once")

    def _meanwhile(self, port: str, name: str, act: Callable[[], None], kind: str) -> None:
        """Let a second instance run through while the first one waits for the answer of such a call."""
        hooks = self._world.tape.after

        def run(step: Step) -> None:
            if run in hooks and (step.port, step.name) == (port, name):
                hooks.remove(run)
                self.struck[kind] += 1
                act()

        hooks.append(run)

    # --- calls -----------------------------------------------------------------------------------------------------

    def _fail_soon(self) -> None:
        """A remote call some steps ahead fails: before anything is done, or after the write took effect."""
        kind, error = self._chance().choice(
            (
                ("503", ServiceUnavailable("answered 503")),
                ("429 with Retry-After", Throttled("slow down", retry_after=self._chance().randint(1, 90))),
                ("429 without Retry-After", Throttled("slow down")),
                ("an answer is lost", OutcomeUnknown("the connection broke")),
                ("a sign-in is refused", SignInRequired("sign in again")),
                ("a version changed without a change", VersionMismatch("preconditionFailed")),
                ("a version changed without a change", VersionMismatch("preconditionFailed")),
            )
        )
        only = "update" if isinstance(error, VersionMismatch) else None
        self._order(kind, error, lambda step: step.remote and only in (None, step.name))

    def _storage_fails_soon(self) -> None:
        kind, error, port = self._chance().choice(
            (
                ("the storage is down", ServiceUnavailable("answered 503"), "ledger"),
                (
                    "the storage answers late that it is down",
                    ServiceUnavailable("Table Storage answered 504"),
                    "ledger",
                ),
                ("a stored row is somebody else's", StaleError("the stored row changed"), "ledger"),
                ("a stored row is somebody else's", StaleError("the stored row changed"), "ledger"),
                ("the queue is down", ServiceUnavailable("the queue answered 503"), "queue"),
            )
        )
        stale = isinstance(error, StaleError)
        self._order(kind, error, lambda step: step.port == port and (not stale or step.name == "links.commit"))

    def _order(self, kind: str, error: CosellError, concerns: Callable[[Step], bool]) -> None:
        """Let the first such step that is far enough ahead fail, before its effect or after it."""
        number, after = self._ahead(), kind in ("an answer is lost", "the storage answers late that it is down")
        hooks = self._world.tape.after if after else self._world.tape.before

        def fail(step: Step) -> None:
            if fail in hooks and step.number >= number and concerns(step):
                hooks.remove(fail)
                self.struck[kind] += 1
                raise error

        hooks.append(fail)

    def _ahead(self) -> int:
        return self._world.mark() + self._chance().randint(0, AHEAD)

    def _expire_cursors(self) -> None:
        self._world.crm.expire_cursors()
        self.struck["a change feed expires"] += 1

    def _lag(self) -> None:
        minutes = self._chance().choice((0, 5))
        self._world.partner_center.lag = timedelta(minutes=minutes)
        self.struck["a list lags behind"] += minutes > 0
