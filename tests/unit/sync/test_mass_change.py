"""The guard against mass changes: what is counted, when it holds, and how a person lets it go or drops it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.deal import NOTES, STATUS, Value
from shared.decide.deal import Deal, RecordSeen, ReferralSeen
from shared.decide.decisions import Adopt, Agree, AwaitUndo, Decision, Known, Orphan, Pause
from shared.ledger.drawers import text
from shared.ledger.model import Due, DueKind
from shared.lifecycle import Stage
from shared.link import Closing, Link, LinkState
from shared.merge import Change, Plan
from shared.messages.reasons import Reason
from shared.queue.message import DealMessage
from shared.sync import mass_change
from shared.sync.mass_change import WINDOW, Kind, _count, holds_back, kind_of
from shared.sync.task import Task
from tests.support.fakes.clock import START
from tests.support.fakes.world import World


class Guard:
    """A world of `deals` linked deals, in which more than `limit` of them, and `percent`, are a mass."""

    def __init__(self, deals: int = 10, limit: int = 3, percent: int = 0) -> None:
        self.world = World()
        choices = replace(self.world.task.choices, mass_deals=limit, mass_percent=percent)
        self.task: Task = replace(self.world.task, choices=choices)
        for number in range(deals):
            self.task.links.commit(Link("dynamics365", f"referral-{number}", self.task.key(f"record-{number}")), [])

    def deal(self, number: int, told: str = "record") -> Deal:
        link = self.task.links.of_referral(f"referral-{number}")
        return Deal(START, "record" if told == "record" else "referral", link)

    def decide(self, number: int, decision: Decision | None = None, told: str = "record") -> bool:
        return holds_back(self.task, self.deal(number, told), decision or Pause())

    def held(self) -> list[str]:
        return [due.key for due in mass_change.held(self.task)]

    def queued(self) -> list[DealMessage]:
        return [DealMessage.load(each.text) for each in self.world.queue.messages]


def agree(*changes: Change, to_crm: bool = False) -> Agree:
    link = Link("dynamics365", "referral", None)
    plan = Plan(changes if to_crm else (), () if to_crm else changes, (), (), {})
    key = World().task.key("record")
    return Agree(link, ReferralSeen("r", {}, "1", Stage.ACTIVE), RecordSeen(key, {}, "1", START), plan)


def change(name: str, old: Value, new: Value) -> Change:
    return Change(name, old, new, Reason.CHANGED_IN_CRM)


@pytest.mark.parametrize(
    ("decision", "kind"),
    [
        (Pause(), Kind.SWITCH_OFF),
        (Orphan(Reason.RECORD_DELETED), Kind.DELETE),
        (AwaitUndo(agree(), Closing(Stage.WON, START), START), Kind.CLOSE),
        (agree(change(STATUS, Stage.ACTIVE, Stage.LOST)), Kind.CLOSE),
        (agree(change(STATUS, Stage.ACTIVE, Stage.LOST), to_crm=True), Kind.CLOSE),
        (Adopt(agree(change(STATUS, Stage.ACTIVE, Stage.WON), to_crm=True)), Kind.CLOSE),
        (agree(change(STATUS, Stage.ON_HOLD, Stage.ACTIVE)), None),
        (agree(change(NOTES, "a", None)), Kind.CLEAR),
        (agree(change(NOTES, ("a",), ()), to_crm=True), Kind.CLEAR),
        (agree(change(NOTES, "a", "b")), None),
        (agree(change(NOTES, None, "b")), None),
        (agree(), None),
        (Known("echo"), None),
    ],
)
def test_only_what_cannot_simply_be_put_right_is_counted(decision: Decision, kind: Kind | None) -> None:
    assert kind_of(decision) is kind


def test_what_comes_after_the_limit_is_held_and_what_came_before_was_done() -> None:
    guard = Guard(limit=3)
    assert [guard.decide(number) for number in range(5)] == [False, False, False, True, True]
    assert guard.held() == ["referral-3", "referral-4"]


def test_an_ordinary_change_costs_the_count_and_no_look_at_what_waits() -> None:
    world = World()
    world.partner_center.registers()
    world.recover()
    start = world.mark()
    world.partner_center.close(world.referral_id(), "Won")
    world.settle()
    steps = [step.name for step in world.tape.steps[start:]]
    assert steps[: steps.index("links.commit")].count("values.get") == 1
    assert "agenda.of" not in steps[: steps.index("links.commit")]


def test_counts_of_an_earlier_version_are_read_and_what_it_held_stays_held() -> None:
    guard = Guard(limit=3)
    drawer = _count(guard.task.name, Kind.SWITCH_OFF)
    old = text(drawer.kind, drawer.name)
    at = guard.task.clock.now()
    guard.task.drawers.change(old, lambda _: json.dumps({"referral-0": at.isoformat()}))
    guard.task.agenda.put(Due(DueKind.HELD, "referral-0", at, at, "{}", reason=str(Kind.SWITCH_OFF)))
    assert guard.decide(0)
    assert guard.task.drawers.read(drawer).value.changes == {"referral-0": at}


def test_one_deal_that_changes_again_and_again_is_no_mass() -> None:
    guard = Guard(limit=3)
    assert not any(guard.decide(0) for _ in range(10))


def test_kinds_are_counted_apart() -> None:
    guard = Guard(limit=3)
    for number in range(3):
        guard.decide(number)
    assert not guard.decide(3, Orphan(Reason.RECORD_DELETED))


def test_a_deal_without_a_link_is_not_counted() -> None:
    guard = Guard(limit=0)
    assert not holds_back(guard.task, Deal(START, "record", None), Pause())


def test_changes_that_are_further_apart_than_the_window_are_no_mass() -> None:
    guard = Guard(limit=3)
    for number in range(6):
        assert not guard.decide(number)
        guard.world.clock.advance(WINDOW / 3 + timedelta(seconds=1))
    assert not guard.held()


@pytest.mark.parametrize(("deals", "held"), [(39, True), (41, False)])
def test_few_of_many_deals_are_no_mass(deals: int, held: bool) -> None:
    guard = Guard(deals, limit=3, percent=10)
    for number in range(3):
        guard.decide(number)
    assert guard.decide(3) is held, "four are more than a tenth of 39 and less than one of 41"


def test_ignored_referrals_do_not_count_as_deals() -> None:
    guard = Guard(10, limit=3, percent=10)
    for number in range(100):
        guard.task.links.commit(Link("dynamics365", f"ignored-{number}", None, LinkState.IGNORED), [])
    for number in range(3):
        guard.decide(number)
    assert guard.decide(3)


def test_a_deal_stays_held_until_a_person_decides() -> None:
    guard = Guard(limit=0)
    assert guard.decide(0)
    guard.world.clock.advance(WINDOW * 2)
    assert guard.decide(0)


def test_a_deal_that_is_held_for_one_kind_is_counted_for_another() -> None:
    guard = Guard(limit=1)
    for number in range(2):
        guard.decide(number)
    assert guard.held() == ["referral-1"]
    assert not guard.decide(1, Orphan(Reason.RECORD_DELETED))


def test_closes_are_counted_when_their_window_opens_and_held_when_they_would_be_sent() -> None:
    guard = Guard(limit=3)
    waits = AwaitUndo(agree(), Closing(Stage.WON, START), START)
    assert [guard.decide(number, waits) for number in range(5)] == [False] * 5
    sent = agree(change(STATUS, Stage.ACTIVE, Stage.WON))
    assert [guard.decide(number, sent) for number in range(5)] == [True] * 5, "the first ones too"


def test_released_changes_happen_and_so_do_those_of_the_next_hour() -> None:
    guard = Guard(limit=3)
    for number in range(5):
        guard.decide(number, told="record" if number == 3 else "referral")
    assert mass_change.release(guard.task, Kind.SWITCH_OFF) == 2
    assert guard.held() == []
    first, second = guard.queued()
    assert (first.record_id, first.source) == ("record-3", "dynamics365")
    assert (second.referral_id, second.crm) == ("referral-4", "dynamics365")
    assert not guard.decide(5)
    guard.world.clock.advance(WINDOW + timedelta(seconds=1))
    assert [guard.decide(number) for number in range(5)][-1], "the release is over"


def test_only_the_kind_that_was_released_is() -> None:
    guard = Guard(limit=0)
    guard.decide(0)
    guard.decide(1, Orphan(Reason.RECORD_DELETED))
    assert mass_change.release(guard.task, Kind.DELETE) == 1
    assert guard.held() == ["referral-0"]


def test_dropped_changes_are_forgotten_and_nothing_is_queued() -> None:
    guard = Guard(limit=0)
    guard.decide(0)
    guard.decide(1, Orphan(Reason.RECORD_DELETED))
    assert mass_change.drop(guard.task, Kind.SWITCH_OFF) == 1
    assert guard.queued() == []
    assert guard.held() == ["referral-1"]


def test_a_close_that_is_held_is_no_more_sent_by_the_end_of_its_window() -> None:
    guard = Guard(limit=0)
    now = guard.task.clock.now()
    guard.task.agenda.put(Due(DueKind.UNDO, "referral-0", now, now, "message"))
    assert guard.decide(0, agree(change(STATUS, Stage.ACTIVE, Stage.WON)))
    assert guard.task.agenda.of(DueKind.UNDO, "referral-0") is None
