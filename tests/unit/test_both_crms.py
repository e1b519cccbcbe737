"""Two CRMs in one app: what is wrong with one never keeps the other from running."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared.bootstrap import App
from shared.errors import FatalError, MappingError, ServiceUnavailable
from shared.ledger.model import Due, DueKind
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.settings import load_settings
from shared.sync.task import Task
from shared.sync.worker import Worker
from shared.timers import run_poll, run_reconcile
from tests.support.fakes.world import World
from tests.support.stand_ins import ManualClock, ScriptedTransport
from tests.unit.test_settings import GOOD, SALESFORCE


class Broken:
    """Implements Tasks: Salesforce's mapping cannot be used; Dynamics 365's can."""

    names: tuple[str, ...] = ("salesforce", "dynamics365")

    def __init__(self, world: World) -> None:
        self._task = world.task

    def of(self, crm: str) -> Task:
        if crm == "salesforce":
            raise MappingError("salesforce.yaml, line 3: cannot be read")
        return self._task


@pytest.fixture
def world() -> World:
    return World()


def test_the_other_is_polled_and_swept(world: World) -> None:
    world.crm.add_deal()
    world.partner_center.invites_us()
    run_poll(Broken(world), world.alerts, world.pace, world.freshness)
    run_reconcile(Broken(world), world.alerts, world.watchdog, world.queue)
    assert len(world.queue.messages) == 2
    assert all("salesforce.yaml, line 3" in text for text in world.chat.texts)
    assert world.chat.texts


def test_messages_that_the_host_gave_up_are_told_once_and_healed(world: World) -> None:
    world.queue.poisoned = ["one", "two"]
    for _ in range(2):
        run_reconcile(world.tasks, world.alerts, world.watchdog, world.queue)
    (alert,) = world.chat.texts
    assert "poison queue: 2." in alert
    world.queue.poisoned = []
    run_reconcile(world.tasks, world.alerts, world.watchdog, world.queue)
    assert world.chat.texts[1:] == [f"Resolved: {alert.partition(': ')[2]}"]


def test_a_message_is_handled_for_the_other_and_kept_for_the_one(world: World) -> None:
    worker = Worker(Broken(world), world.alerts, world.queue)
    message = DealMessage(PARTNER_CENTER, "event", "c", referral_id=world.partner_center.invites_us())
    worker.run(message.dump())
    assert len(world.crm.rows()) == 1
    (kept,) = world.queue.messages
    assert DealMessage.load(kept.text) == replace(message, crm="salesforce")
    assert kept.visible_at >= world.clock.now() + timedelta(minutes=9)
    # However often it is looked at: one message, one alert, and never the other CRM again.
    worker.run(kept.text)
    assert [DealMessage.load(each.text).crm for each in world.queue.messages[1:]] == ["salesforce"]
    assert len([text for text in world.chat.texts if "salesforce.yaml, line 3" in text]) == 1
    assert len(world.crm.rows()) == 1


def test_both_are_made_from_their_own_settings_and_files(tmp_path: Path) -> None:
    (tmp_path / "dynamics365.yaml").write_text("overlay: true\nversion: ours", encoding="utf-8")
    given = {**GOOD, **SALESFORCE, "CRM": "dynamics365,salesforce", "MAPPING_DIR": str(tmp_path)}
    settings = load_settings({name: value for name, value in given.items() if value})
    app = App(settings, ManualClock(), ScriptedTransport())
    assert [app.tasks.of(name).name for name in app.tasks.names] == ["dynamics365", "salesforce"]
    assert app.tasks.of("salesforce") is app.tasks.of("salesforce")
    (tmp_path / "salesforce.yaml").write_text("version: 1", encoding="utf-8")
    app = App(settings, ManualClock(), ScriptedTransport())
    assert app.tasks.of("dynamics365").field_map.table == "opportunity"
    with pytest.raises(MappingError):
        app.tasks.of("salesforce")
    (tmp_path / "salesforce.yaml").unlink()
    assert app.tasks.of("salesforce").field_map.table == "Opportunity"


def test_a_step_whose_alert_cannot_be_resolved_keeps_no_other_from_running(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = world.clock.now()
    waiting = Due(DueKind.PARKED, "r1", now + timedelta(hours=1), now, "{}", family=FatalError.family)
    world.ledger.of("dynamics365").agenda.put(waiting)
    for step in ("sweep dynamics365", "look for events"):
        world.alerts.alert(step, f"{step} failed")

    def send(text: str, delay: float = 0) -> None:
        raise ServiceUnavailable(f"the queue takes neither {text} nor {delay}")

    monkeypatch.setattr(world.queue, "send", send)
    run_reconcile(world.tasks, world.alerts, world.watchdog, world.queue)
    assert "look for events" not in world.alerts.raised()
