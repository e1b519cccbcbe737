"""The deal queue in memory: a message is invisible until its time, and stays until it is deleted."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from shared.clock import Clock
from tests.support.fakes.tape import Tape

MAX_DEQUEUES = 5
"""The Functions host's default: after that the message goes to the poison queue."""


@dataclass
class Message:
    """One message and its fate so far."""

    text: str
    visible_at: datetime
    number: int
    sent_at: datetime
    dequeues: int = 0


class FakeQueue:
    """Implements DealQueue and PoisonQueue.

    With a `shuffle` source of chance, messages arrive in any order and sometimes twice.
    """

    def __init__(self, tape: Tape, clock: Clock, shuffle: Random | None = None, twice: float = 0.0) -> None:
        self._tape = tape
        self._clock = clock
        self._numbers = itertools.count()
        self.shuffle = shuffle
        self.twice = twice
        self.messages: list[Message] = []
        self.poisoned: list[str] = []

    def send(self, message: str, *, delay: float = 0) -> None:
        """Put a message on the queue."""

        def keep() -> None:
            visible_at = self._clock.now() + timedelta(seconds=delay)
            self.messages.append(Message(message, visible_at, next(self._numbers), self._clock.now()))

        self._tape.run("queue", "send", keep)

    def waiting(self) -> int:
        """Return how many messages wait."""
        return len(self.messages)

    def oldest(self) -> datetime | None:
        """Return since when the first visible message waits."""
        return min((each.sent_at for each in self.due()), default=None)

    def poison_length(self) -> int:
        """Return how many messages were given up."""
        return len(self.poisoned)

    def due(self) -> list[Message]:
        """Return the visible messages, oldest first or shuffled."""
        now = self._clock.now()
        due = sorted((each for each in self.messages if each.visible_at <= now), key=lambda each: each.number)
        if self.shuffle:
            self.shuffle.shuffle(due)
        return due

    def next_due(self) -> datetime | None:
        """Return when the next message becomes visible."""
        return min((each.visible_at for each in self.messages), default=None)

    def deliver(self, message: Message, handle: Callable[[str], None]) -> None:
        """Hand a message to the worker and delete it afterwards; an exception leaves it for another time."""
        message.dequeues += 1
        if message.dequeues > MAX_DEQUEUES:
            self.messages.remove(message)
            self.poisoned.append(message.text)
            return
        handle(message.text)
        if self.shuffle and self.shuffle.random() < self.twice:
            handle(message.text)
        self.messages.remove(message)
