"""The gate before the worker: bounds how many deals are worked on at once, whatever the platform scales to.

A process works on one deal at any time, and on more at once only with one of a few slots. So a single deal costs no
look at the slots, a dead process's slot stops nobody, and a backlog cannot turn instances into a flood of calls
(docs/decisions/0022).
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType

from shared.errors import CosellError
from shared.ledger.slots import Slots
from shared.queue.port import DealQueue

log = logging.getLogger(__name__)

BACK = (5.0, 20.0)
"""Seconds, from and to, for which a message goes back that finds no slot."""


class Gate:
    """Lets deal messages through to the worker, or puts them back on the queue."""

    def __init__(self, work: Callable[[str], None], slots: Slots, queue: DealQueue, rng: random.Random) -> None:
        self._work = work
        self._slots = slots
        self._queue = queue
        self._random = rng
        self._inside = _Count()

    def run(self, message: str) -> None:
        """Handle a message now, or put it back for some seconds. Raises what the worker raises."""
        with self._inside as others:
            if others == 0 or self._may():
                self._work(message)
                return
        self._queue.send(message, delay=self._random.uniform(*BACK))

    def _may(self) -> bool:
        try:
            return self._slots.hold()
        except CosellError as error:
            # The worker meets the same ledger next, and knows what to do about it.
            log.warning("the slots cannot be looked at: %s", type(error).__name__)
            return True


class _Count(AbstractContextManager["int"]):
    """How many are inside; entering tells how many others there are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    def __enter__(self) -> int:
        with self._lock:
            self._count += 1
            return self._count - 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._count -= 1
