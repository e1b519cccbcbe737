"""What a receiver took lately, so that duplicates and floods cost nothing further down.

Only a shortcut, in the memory of one process and bounded: whatever it has forgotten, or another instance took, the
worker recognizes by the change's moment. It must never know too much, so an event is remembered once its message is
on the queue, not before.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from shared.clock import Clock

WINDOW = timedelta(minutes=10)
"""For how long an identical body is a duplicate."""

EVENTS_PER_MINUTE = 30
"""How many events about one referral are queued at once each; more are covered by one message."""

FLOOD_DELAY = 30.0
"""Seconds that this one message waits. It is read after every event that it covers."""

MAX_REMEMBERED = 4096
"""Bodies, and referrals: far more than a partner's deals change within the window, and less than 3 MB."""

_MINUTE = timedelta(minutes=1)
_LOCKS = 64

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Arrival:
    """What becomes of the next event about a referral: it is sent, perhaps later, or a message that waits covers it."""

    at: datetime
    delay: float = 0
    covered: bool = False


@dataclass(frozen=True)
class _Flow:
    """The events about one referral within a minute."""

    since: datetime
    count: int = 0
    covered_until: datetime | None = None
    """Before this moment the delayed message is certainly invisible, hence not read yet."""


class RecentEvents:
    """The duplicates and the rate of each referral. Safe in many threads, exact within `one_at_a_time`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._referral_locks = [threading.Lock() for _ in range(_LOCKS)]
        self._bodies: OrderedDict[bytes, datetime] = OrderedDict()
        self._flows: OrderedDict[str, _Flow] = OrderedDict()

    def one_at_a_time(self, referral_id: str) -> AbstractContextManager[bool]:
        """Return a lock: of two copies that arrive together, the second learns what became of the first."""
        return self._referral_locks[hash(referral_id) % _LOCKS]

    def knows(self, body: bytes) -> bool:
        """Whether this very body was remembered within the window."""
        with self._lock:
            taken_at = self._bodies.get(_digest(body))
        return taken_at is not None and self._clock.now() < taken_at + WINDOW

    def arrival(self, referral_id: str) -> Arrival:
        """Return what becomes of the next event about this referral."""
        now = self._clock.now()
        flow = self._flow(referral_id, now)
        if flow.count < EVENTS_PER_MINUTE:
            return Arrival(now)
        return Arrival(now, FLOOD_DELAY, covered=flow.covered_until is not None and now < flow.covered_until)

    def remember(self, referral_id: str, body: bytes, arrival: Arrival) -> None:
        """Note that an event's message is on the queue, sent as `turn` said."""
        flow = self._flow(referral_id, arrival.at)
        until = arrival.at + timedelta(seconds=arrival.delay) if arrival.delay else flow.covered_until
        with self._lock:
            _keep(self._bodies, _digest(body), arrival.at)
            _keep(self._flows, referral_id, replace(flow, count=flow.count + 1, covered_until=until))

    def _flow(self, referral_id: str, now: datetime) -> _Flow:
        with self._lock:
            flow = self._flows.get(referral_id)
        return flow if flow and flow.since <= now < flow.since + _MINUTE else _Flow(now)


def _keep(memory: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > MAX_REMEMBERED:
        memory.popitem(last=False)


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()
