"""How many deals are worked on at once, over all processes.

A message that is handled inside the handling of another one is at the same time.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from shared.errors import ServiceUnavailable
from shared.ledger.drawers import Drawers
from shared.ledger.memory import MemoryValues
from shared.ledger.slots import LEASE, LOOK_AGAIN, MARGIN, RENEW, Slots
from shared.settings.declaration import declared
from shared.sync.gate import BACK, Gate
from tests.support.stand_ins import ManualClock

WIDTH = 6
"""Messages that one host hands out at once: batchSize and newBatchThreshold of host.json."""


class Sent:
    """A queue that keeps what is put back."""

    def __init__(self) -> None:
        self.back: list[tuple[str, float]] = []

    def send(self, message: str, *, delay: float = 0) -> None:
        self.back.append((message, delay))


class Ledger(MemoryValues):
    """Counts what the slots cost."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.down = False
        self.drawers = Drawers(self)

    def get(self, kind: str, name: str) -> tuple[str, str] | None:
        self._count()
        return super().get(kind, name)

    def put(self, kind: str, name: str, text: str, etag: str | None) -> str:
        self._count()
        return super().put(kind, name, text, etag)

    def _count(self) -> None:
        self.calls += 1
        if self.down:
            raise ServiceUnavailable("Table Storage does not answer")


class Process:
    """One worker process; `most` is how many messages were inside at once."""

    def __init__(self, ledger: Ledger, clock: ManualClock, seed: int, slots: int = 2) -> None:
        self.queue = Sent()
        self.inside = self.most = self.handled = 0
        self.slots = Slots(ledger.drawers, clock, slots, Random(seed))
        self.gate = Gate(self._work, self.slots, self.queue, Random(seed))
        self._then: Callable[[], None] = lambda: None

    def take(self, count: int, then: Callable[[], None] = lambda: None) -> None:
        """Take so many messages at the same time, and do something while they are all inside."""
        self._then = (lambda: self.take(count - 1, then)) if count > 1 else then
        self.gate.run("message")

    def _work(self, message: str) -> None:
        then, self._then = self._then, lambda: None
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.handled += 1
        assert message == "message"
        then()
        self.inside -= 1


def test_a_deal_at_a_time_costs_no_look_at_the_slots() -> None:
    ledger = Ledger()
    process = Process(ledger, ManualClock(), 1)
    for _ in range(100):
        process.take(1)
    assert (process.handled, ledger.calls, process.queue.back) == (100, 0, [])


def test_a_process_with_a_slot_works_at_full_width_for_little() -> None:
    ledger = Ledger()
    process = Process(ledger, ManualClock(), 1)
    for _ in range(100):
        process.take(WIDTH)
    assert (process.most, process.handled) == (WIDTH, 100 * WIDTH)
    assert ledger.calls == 2


def test_all_processes_together_keep_to_the_bound() -> None:
    ledger, clock = Ledger(), ManualClock()
    processes = [Process(ledger, clock, seed, slots=3) for seed in range(10)]

    def all_from(number: int) -> None:
        if number < len(processes):
            processes[number].take(WIDTH, lambda: all_from(number + 1))

    # Those without a slot end their branch early, so each is entered on its own as well.
    all_from(0)
    for process in processes:
        process.take(WIDTH)
    assert sorted(process.most for process in processes) == [1] * 7 + [WIDTH] * 3
    for process in processes:
        assert all(text == "message" and BACK[0] <= delay <= BACK[1] for text, delay in process.queue.back)
    without = next(process for process in processes if process.most == 1)
    assert without.queue.back


def test_a_dead_processs_slot_is_free_after_its_lease() -> None:
    ledger, clock = Ledger(), ManualClock()
    dead, heir = Process(ledger, clock, 1, slots=1), Process(ledger, clock, 2, slots=1)
    assert dead.slots.hold()
    assert not heir.slots.hold()
    clock.sleep((LEASE + MARGIN).total_seconds())
    assert not heir.slots.hold()
    clock.sleep((LOOK_AGAIN + timedelta(seconds=1)).total_seconds())
    assert heir.slots.hold()
    assert not dead.slots.hold(), "whoever was silent for so long has lost it"


def test_a_living_process_keeps_its_slot() -> None:
    ledger, clock = Ledger(), ManualClock()
    keeper, other = Process(ledger, clock, 1, slots=1), Process(ledger, clock, 2, slots=1)
    for _ in range(50):
        assert keeper.slots.hold()
        assert not other.slots.hold()
        clock.sleep(RENEW.total_seconds())


def test_a_refusal_is_believed_for_a_while() -> None:
    ledger, clock = Ledger(), ManualClock()
    holders = [Process(ledger, clock, seed) for seed in (1, 2)]
    assert all(each.slots.hold() for each in holders)
    late = Process(ledger, clock, 3)
    assert not late.slots.hold()
    spent = ledger.calls
    assert not any(late.slots.hold() for _ in range(100))
    assert ledger.calls == spent


def test_two_that_want_the_same_slot_at_once_do_not_both_get_it() -> None:
    clock = ManualClock()

    class Interleaved(Ledger):
        rival: Slots | None = None

        def put(self, kind: str, name: str, text: str, etag: str | None) -> str:
            rival, self.rival = self.rival, None
            if rival:
                assert rival.hold()
            return super().put(kind, name, text, etag)

    ledger = Interleaved()
    ledger.rival = Slots(ledger.drawers, clock, 1, Random(2))
    assert not Slots(ledger.drawers, clock, 1, Random(1)).hold()


def test_slots_that_cannot_be_looked_at_stop_nothing() -> None:
    ledger = Ledger()
    process = Process(ledger, ManualClock(), 1)
    ledger.down = True
    process.take(WIDTH)
    assert process.most == WIDTH


def test_what_the_worker_raises_leaves_the_gate_open() -> None:
    def fail(_: str) -> None:
        raise ValueError("no deal message")

    gate = Gate(fail, Slots(Ledger().drawers, ManualClock(), 1, Random(1)), Sent(), Random(1))
    for _ in range(3):
        with pytest.raises(ValueError, match="no deal message"):
            gate.run("message")
    assert gate._inside._count == 0


def test_the_default_keeps_below_the_vendors_limit() -> None:
    host = json.loads((Path(__file__).resolve().parents[2] / "host.json").read_text())["extensions"]["queues"]
    assert host["batchSize"] + host["newBatchThreshold"] == WIDTH
    # Dataverse refuses a user's 52nd request at once on one of its servers (power-apps api-limits).
    assert int(declared()["slots"].default) * WIDTH < 52
