"""Two CRMs in one app: what is wrong with one never keeps the other from running."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from shared.bootstrap import App
from shared.errors import MappingError
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.settings import load_settings
from shared.sync.task import Ports
from shared.sync.worker import Work
from shared.timers import run_poll, run_reconcile
from tests.support.fakes.world import World
from tests.support.stand_ins import ManualClock, ScriptedTransport
from tests.unit.test_settings import GOOD, SALESFORCE


class Broken(Mapping[str, Ports]):
    """Salesforce's mapping cannot be used; Dynamics 365's can."""

    def __init__(self, world: World) -> None:
        self._ports = world.ports

    def __getitem__(self, name: str) -> Ports:
        if name == "salesforce":
            raise MappingError("salesforce.yaml, line 3: cannot be read")
        return self._ports

    def __iter__(self) -> Iterator[str]:
        return iter(["salesforce", "dynamics365"])

    def __len__(self) -> int:
        return 2


@pytest.fixture
def world() -> World:
    return World()


def test_the_other_is_polled_and_swept(world: World) -> None:
    world.crm.add_deal()
    world.partner_center.invites_us()
    run_poll(Broken(world), world.alerts)
    run_reconcile(Broken(world), world.alerts, world.watchdog)
    assert len(world.queue.messages) == 2
    assert all("salesforce.yaml, line 3" in text for text in world.chat.texts)
    assert world.chat.texts


def test_a_message_is_handled_for_the_other_and_kept_for_the_one(world: World) -> None:
    work = Work(Broken(world), world.alerts, Random(0), world.queue)
    message = DealMessage(PARTNER_CENTER, "event", "c", referral_id=world.partner_center.invites_us())
    work.run(message.dump())
    assert len(world.crm.rows()) == 1
    (kept,) = world.queue.messages
    assert DealMessage.load(kept.text) == replace(message, crm="salesforce")
    assert kept.visible_at >= world.clock.now() + timedelta(minutes=9)
    # However often it is looked at: one message, one alert, and never the other CRM again.
    work.run(kept.text)
    assert [DealMessage.load(each.text).crm for each in world.queue.messages[1:]] == ["salesforce"]
    assert len([text for text in world.chat.texts if "salesforce.yaml, line 3" in text]) == 1
    assert len(world.crm.rows()) == 1


def test_both_are_made_from_their_own_settings_and_files(tmp_path: Path) -> None:
    (tmp_path / "dynamics365.yaml").write_text("overlay: true\nversion: ours", encoding="utf-8")
    given = {**GOOD, **SALESFORCE, "CRM": "dynamics365,salesforce", "MAPPING_DIR": str(tmp_path)}
    settings = load_settings({name: value for name, value in given.items() if value})
    app = App(settings, ManualClock(), ScriptedTransport())
    assert [ports.crm.name for ports in app.ports.values()] == ["dynamics365", "salesforce"]
    assert app.ports["salesforce"] is app.ports["salesforce"]
    with pytest.raises(KeyError):
        app.ports["other"]
    (tmp_path / "salesforce.yaml").write_text("version: 1", encoding="utf-8")
    app = App(settings, ManualClock(), ScriptedTransport())
    assert app.ports["dynamics365"].field_map.table == "opportunity"
    with pytest.raises(MappingError):
        app.ports["salesforce"]
    (tmp_path / "salesforce.yaml").unlink()
    assert app.ports["salesforce"].field_map.table == "Opportunity"
