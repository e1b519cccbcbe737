"""`cosell.py test-alert`: an administrator sees whether the chat takes messages, and how they look."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from shared.settings.declaration import declared
from tests.support.fakes.world import World
from tools.admin.asked import CHAT
from tools.cli import local_settings, test_alert
from tools.cli.configured import app_for
from tools.simulators.chat import ChatSimulator
from tools.simulators.server import SimulatorServer


class Desk:
    """An administrator, and the chat that they set up."""

    def __init__(self, chat: ChatSimulator, server: SimulatorServer) -> None:
        self.chat, self.server = chat, server


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(local_settings, "FILE", tmp_path / "local.settings.json")
    for setting in declared().values():
        monkeypatch.delenv(setting.name, raising=False)
    chat = ChatSimulator()
    with SimulatorServer("chat", chat, None) as server:
        monkeypatch.setenv("ALERT_WEBHOOK_URL", f"{server.url}/teams")
        yield Desk(chat, server)


def test_the_chats_own_settings_are_all_it_asks_for(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert test_alert.main([]) == test_alert.SENT
    (message,) = desk.chat.messages
    assert "A message on trial: nothing happened." in str(message)
    assert "A new co-sell invitation arrived." in str(message)
    assert "Northwind" not in str(message), "the chat may read no names"
    assert capsys.readouterr().out == "✔ the chat took it: look there\n"


def test_it_looks_as_an_invitation_would(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_DETAILS", "true")
    monkeypatch.setenv("WEBHOOK_PUBLIC_URL", "https://app.example/api/WebhookReceiver?code=CANARY")
    assert test_alert.main([]) == test_alert.SENT
    shown = str(desk.chat.messages)
    for fact in ("Northwind Traders", "42000 EUR", "Decide by", "https://app.example/api/StatusPage?deal="):
        assert fact in shown
    assert "CANARY" not in shown


def test_a_program_is_told_what_was_sent(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert test_alert.main(["--json"]) == test_alert.SENT
    told = json.loads(capsys.readouterr().out)
    assert (told["sent"], told["refusal"], "on trial" in told["text"]) == (True, "", True)
    assert len(desk.chat.messages) == 1


def test_a_chat_that_refuses_it_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK_URL", f"{desk.server.url}/gone")
    assert test_alert.main([]) == test_alert.REFUSED
    out = capsys.readouterr().out
    assert out.startswith("✖ the chat did not take it: the chat webhook answered ")
    assert desk.server.url not in out


@pytest.mark.parametrize("url", ["", "http://chat.example/hook"])
def test_without_an_address_nothing_can_be_sent(
    desk: Desk, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK_URL", url)
    assert test_alert.main([]) == test_alert.FAILED
    err = capsys.readouterr().err
    assert (err[:2], "ALERT_WEBHOOK_URL: " in err) == ("✖ ", True)
    assert desk.chat.messages == []


def test_the_digest_of_now_is_sent_and_not_counted_as_the_days(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()
    world.crm.add_deal(cosell_products=None)
    world.settle()

    app = app_for([], CHAT)
    office = SimpleNamespace(settings=app.settings, clock=world.clock, tasks=world.tasks, channel=app.channel)
    monkeypatch.setattr(test_alert, "app_with_ledger", lambda *_: office)
    before = dict(world.ledger.values.texts)
    assert test_alert.main(["--digest"]) == test_alert.SENT
    assert "Enter at least one solution ID" in str(desk.chat.messages)
    assert world.ledger.values.texts == before
    world.crm.edit(next(iter(world.crm.rows())), cosell_products="SOL-12345-ABC")
    world.settle()
    capsys.readouterr()
    assert test_alert.main(["--digest"]) == test_alert.SENT
    assert "nobody is needed today" in capsys.readouterr().out
    assert len(desk.chat.messages) == 1
