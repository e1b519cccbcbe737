"""Duplicates and floods at the receiver: what is not queued again is covered by something that is."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from shared.errors import ServiceUnavailable
from shared.queue.message import DealMessage
from shared.webhook.events import Intake
from shared.webhook.recent_events import EVENTS_PER_MINUTE, FLOOD_DELAY, MAX_REMEMBERED, WINDOW, RecentEvents
from tests.support.stand_ins import START, ManualClock
from tests.unit.test_receive_event import REFERRAL, Queue, event

OTHER = "11111111-50f7-4a39-9a6c-6f0c6f6d5a11"


class Receiver:
    """An intake with its clock and queue."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.queue = Queue()
        self.intake = Intake(self.queue, self.clock)
        self.changes = 0

    def change(self, referral_id: str = REFERRAL) -> str | None:
        """Take in the event of one more change."""
        self.changes += 1
        moment = (START - timedelta(days=1) + timedelta(milliseconds=self.changes)).isoformat()
        return self.intake.take(
            event(ResourceUri=f"https://x/{referral_id}", ResourceChangeUtcDate=moment)
        ).correlation_id


# --- duplicates ------------------------------------------------------------------------------------------------------


def test_the_same_body_is_queued_once_within_the_window() -> None:
    receiver = Receiver()
    assert receiver.intake.take(event()).correlation_id
    receiver.clock.pass_time(WINDOW.total_seconds() - 1)
    assert receiver.intake.take(event()).correlation_id is None
    receiver.clock.pass_time(1)
    assert receiver.intake.take(event()).correlation_id
    assert len(receiver.queue.sent) == 2


def test_another_change_is_no_duplicate() -> None:
    receiver = Receiver()
    assert receiver.change()
    assert receiver.change()


def test_without_a_moment_two_changes_look_alike_and_both_are_queued() -> None:
    receiver = Receiver()
    for _ in range(2):
        assert receiver.intake.take(event(ResourceChangeUtcDate=None)).correlation_id


def test_an_event_whose_message_was_not_taken_is_not_known() -> None:
    receiver = Receiver()
    receiver.queue.failure = ServiceUnavailable("down")
    for _ in range(2):
        with pytest.raises(ServiceUnavailable):
            receiver.intake.take(event())
    receiver.queue.failure = None
    assert receiver.intake.take(event()).correlation_id


class SlowQueue(Queue):
    """Keeps every message waiting until it is released; then it may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Event()
        self.release = threading.Event()

    def send(self, message: str, *, delay: float = 0) -> None:
        self.waiting.set()
        self.release.wait(10)
        super().send(message, delay=delay)


@pytest.mark.parametrize("fails", [False, True])
def test_of_two_copies_that_arrive_together_one_is_queued_unless_that_fails(*, fails: bool) -> None:
    queue = SlowQueue()
    intake = Intake(queue, ManualClock())
    outcomes: list[object] = []

    def take() -> None:
        try:
            outcomes.append(intake.take(event()).correlation_id)
        except ServiceUnavailable as error:
            outcomes.append(error)
            queue.failure = None

    threads = [threading.Thread(target=take) for _ in range(2)]
    queue.failure = ServiceUnavailable("down") if fails else None
    for thread in threads:
        thread.start()
    assert queue.waiting.wait(5)
    queue.release.set()
    for thread in threads:
        thread.join()
    assert len(queue.sent) == 1
    assert [type(each) for each in outcomes].count(str) == 1
    assert any(isinstance(each, ServiceUnavailable) for each in outcomes) is fails


# --- floods ----------------------------------------------------------------------------------------------------------


def test_a_flood_about_one_referral_is_covered_by_one_message_that_waits() -> None:
    receiver = Receiver()
    for _ in range(10 * EVENTS_PER_MINUTE):
        receiver.change()
    assert receiver.queue.delays == [0] * EVENTS_PER_MINUTE + [FLOOD_DELAY]
    last = DealMessage.load(receiver.queue.sent[-1])
    assert (last.referral_id, last.observed) == (REFERRAL, None), "it must be read, whatever moment is known by then"


def test_the_last_event_is_always_covered_by_a_message_that_is_read_after_it() -> None:
    receiver, covered = Receiver(), START
    for _ in range(400):
        arrived = receiver.clock.now()
        sent = len(receiver.queue.sent)
        if receiver.change() is None:
            assert arrived < covered, "a message that may have been read already covers nothing"
        elif receiver.queue.delays[sent]:
            covered = arrived + timedelta(seconds=receiver.queue.delays[sent])
        receiver.clock.pass_time(0.7)
    assert len(receiver.queue.sent) < receiver.changes


def test_a_flood_about_one_referral_holds_up_no_other() -> None:
    receiver = Receiver()
    for _ in range(2 * EVENTS_PER_MINUTE):
        receiver.change()
    assert receiver.change(OTHER)
    assert receiver.queue.delays[-1] == 0


def test_after_a_quiet_minute_events_are_queued_at_once_again() -> None:
    receiver = Receiver()
    for _ in range(2 * EVENTS_PER_MINUTE):
        receiver.change()
    receiver.clock.pass_time(60)
    assert receiver.change()
    assert receiver.queue.delays[-1] == 0


def test_a_message_that_could_not_be_sent_covers_nothing() -> None:
    receiver = Receiver()
    for _ in range(EVENTS_PER_MINUTE):
        receiver.change()
    receiver.queue.failure = ServiceUnavailable("down")
    with pytest.raises(ServiceUnavailable):
        receiver.change()
    receiver.queue.failure = None
    assert receiver.change()
    assert receiver.queue.delays[-1] == FLOOD_DELAY


def test_a_clock_that_falls_back_does_not_make_a_message_cover_for_long() -> None:
    receiver = Receiver()
    for _ in range(2 * EVENTS_PER_MINUTE):
        receiver.change()
    receiver.clock.pass_time(-3600)
    assert receiver.change()


def test_the_memory_is_bounded() -> None:
    recent = RecentEvents(ManualClock())
    for number in range(MAX_REMEMBERED + 10):
        recent.remember(str(number), str(number).encode(), recent.arrival(str(number)))
    assert len(recent._bodies) == len(recent._flows) == MAX_REMEMBERED
    assert not recent.knows(b"0")
    assert recent.knows(str(MAX_REMEMBERED + 9).encode())
