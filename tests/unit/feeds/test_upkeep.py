"""The ledger's upkeep at every tick of the Reconciler."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.bootstrap import App
from shared.feeds import upkeep
from shared.feeds.upkeep import keep_up
from shared.ledger import audit
from shared.ledger.drawers import surveyed
from shared.ledger.memory import MemoryLedger
from shared.ledger.memory_survey import MemorySurvey
from shared.settings import load_settings
from shared.sync.task import Task
from shared.timers import run_reconcile
from shared.webhook.rounds import Rounds
from shared.webhook.security_audit import SECURITY, WEBHOOK, SecurityAudit
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.world import World
from tests.unit.test_settings import GOOD


class Slow(MemorySurvey):
    """A survey that notes what is asked of it, and needs three steps to be complete."""

    def __init__(self) -> None:
        super().__init__({}, {})
        self.folds = 0
        self.asked: list[str] = []

    def fold(self) -> None:
        self.folds += 1

    def complete(self, after: str, limit: int) -> str:
        assert limit == upkeep.STEP
        self.asked.append(after)
        return {"": "link:b", "link:b": "audit:", "audit:": ""}[after]


def with_survey(world: World, survey: Slow) -> Task:
    return replace(world.task, ledger=replace(world.task.ledger, survey=survey))


def test_rows_from_before_the_survey_are_taken_in_step_by_step_and_once() -> None:
    world, survey = World(), Slow()
    for _ in range(6):
        keep_up(with_survey(world, survey))
    assert survey.asked == ["", "link:b", "audit:"]
    assert survey.folds == 6


def test_links_from_before_they_were_found_by_their_engagement_are_looked_at_once_more() -> None:
    world, survey = World(), Slow()
    world.task.drawers.change(surveyed("dynamics365"), lambda _held: "done")
    for _ in range(4):
        keep_up(with_survey(world, survey))
    assert survey.asked == ["", "link:b"]


def test_audit_is_dropped_after_its_days_and_not_before() -> None:
    world = World()
    keeps = replace(world.task, choices=replace(world.task.choices, audit_retention_days=30))
    keeps.audit.add("r1", audit.entry(keeps.stamp(), "r1", audit.BOTH, "old"))
    world.clock.advance(timedelta(days=29))
    keeps.audit.add("r1", audit.entry(keeps.stamp(), "r1", audit.BOTH, "new"))
    keep_up(keeps)
    assert [each.text for each in keeps.audit.of("r1")] == ["new", "old"]
    world.clock.advance(timedelta(days=2))
    keep_up(keeps)
    assert [each.text for each in keeps.audit.of("r1")] == ["new"]


def test_without_a_number_of_days_audit_is_kept_for_ever() -> None:
    world = World()
    task = world.task
    task.audit.add("r1", audit.entry(task.stamp(), "r1", audit.BOTH, "old"))
    world.clock.advance(timedelta(days=9999))
    keep_up(task)
    assert [each.text for each in task.audit.of("r1")] == ["old"]


def test_the_audit_of_refused_requests_is_kept_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    app = App(load_settings({**GOOD, "AUDIT_RETENTION_DAYS": "30"}), clock)
    monkeypatch.setattr(app, "ledger", MemoryLedger())
    refusals = SecurityAudit(lambda: app.ledger, clock)
    refusals.refused("no signature")
    clock.advance(timedelta(days=29))
    refusals.refused("another certificate")
    app.keep_up_others()
    kept = app.ledger.of(SECURITY).audit
    assert len(kept.of(WEBHOOK)) == 2
    clock.advance(timedelta(days=2))
    app.keep_up_others()
    assert ["another certificate" in each.text for each in kept.of(WEBHOOK)] == [True]


def test_the_reconciler_keeps_it_up() -> None:
    world, kept = World(), list[int]()
    rounds = Rounds(world.taped.drawers, world.clock, list, lambda: kept.append(1))
    run_reconcile(world.tasks, world.alerts, world.watchdog, world.queue, rounds=rounds)
    assert kept == [1]
