"""The change feeds of several tables in one call: each says what it will ask, and the first to ask takes all along."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from shared.clock import Clock
from shared.errors import AccessDenied, DataError, GoneError, SchemaMismatch
from shared.guard import for_the_log

Q = TypeVar("Q")
A = TypeVar("A")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answered(Generic[A]):
    """An answer, and our clock before it was asked for."""

    answer: A
    seen_at: datetime


class Together(Generic[Q, A]):
    """What the tables of one connection ask for, `Q`, and what they are answered, `A`.

    No vendor promises that a change feed may be asked along with another one. So what fails on the way is asked for
    alone, and where asking together is refused, or fails what goes well alone, it is not tried again in this process.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._expected: dict[str, Q] = {}
        self._held: dict[str, tuple[Q, A | None, datetime]] = {}
        self._failed: set[str] = set()
        self._alone = False

    def expect(self, table: str, question: Q) -> None:
        """Note what a table is about to ask. An answer that it never took is of no use any more."""
        with self._lock:
            self._held.pop(table, None)
            self._expected[table] = question

    def take(self, table: str, question: Q, ask: Callable[[Sequence[Q]], Sequence[A | None]]) -> Answered[A] | None:
        """Return the answer to a table's question; None when the table is to ask alone.

        `ask` asks all that are expected, and answers with None what failed. Raises the families when all of it fails.
        """
        with self._lock:
            known, answer, seen_at = self._held.pop(table, (None, None, self._clock.now()))
            others = {} if self._alone else {name: each for name, each in self._expected.items() if name != table}
            self._expected.clear()
        if known is None and others:
            answer = self._ask({table: question, **others}, ask, seen_at)
        elif known != question:
            return None
        if answer is None:
            self._failed.add(table)
            return None
        return Answered(answer, seen_at)

    def alone(self, table: str) -> None:
        """Note that a table's question was answered alone: if it had failed together, that is not tried again."""
        if table in self._failed and not self._alone:
            self._give_up("what failed together was answered alone")
        self._failed.discard(table)

    def _ask(
        self, questions: dict[str, Q], ask: Callable[[Sequence[Q]], Sequence[A | None]], seen_at: datetime
    ) -> A | None:
        """Ask all at once, the first of them being who asks; returns its answer, and holds the others'."""
        try:
            first, *answers = ask(list(questions.values()))
        except (AccessDenied, DataError, GoneError, SchemaMismatch) as error:
            self._give_up(for_the_log(error))
            return None
        _, *others = questions.items()
        with self._lock:
            for (name, question), answer in zip(others, answers, strict=True):
                self._held[name] = (question, answer, seen_at)
        return first

    def _give_up(self, why: str) -> None:
        self._alone = True
        log.warning("each table's changes are asked for alone from now on: %s", why)
