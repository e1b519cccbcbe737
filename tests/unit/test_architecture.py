"""The walk of docs/ARCHITECTURE.md is the one that an event takes."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any, cast

import azure.functions as func
import pytest

import SyncWorker
import WebhookReceiver
from shared.bootstrap import App
from shared.decide import decide
from shared.ledger.memory import MemoryLinks
from shared.ledger.slots import Slots
from shared.settings import Settings
from shared.sync.gate import Gate
from shared.webhook.events import Intake
from shared.webhook.receiver import Receiver
from shared.webhook.security_audit import SecurityAudit
from tests.simulation.deals import shared
from tests.support.fakes.queue import FakeQueue
from tests.support.fakes.world import World
from tests.unit.test_receive_event import event

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "ARCHITECTURE.md").read_text("utf-8")
WALK = [(row[1], row[2]) for row in re.finditer(r"^\| \d+ \| `(.+?)` \| `(.+?)` \|", PAGE, re.MULTILINE)]
MOST = 12


def functions(file: str) -> Iterator[str]:
    """The names of a file's functions, methods with their class."""
    for node in ast.parse((ROOT / file).read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{each.name}" for each in node.body if isinstance(each, ast.FunctionDef))


def test_the_walk_is_short_and_every_function_is_where_it_says() -> None:
    assert 0 < len(WALK) <= MOST
    assert [name for name, file in WALK if name not in functions(file)] == []


class Walked:
    """Which of our functions are on the way to a moment: the message is sent, the deal decided, the link committed."""

    MOMENTS = tuple(each.__code__ for each in (FakeQueue.send, decide, MemoryLinks.commit))

    def __init__(self) -> None:
        self.functions: list[tuple[str, str]] = []

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code in self.MOMENTS:
            for name in reversed(list(_stack(frame))):
                if name not in self.functions:
                    self.functions.append(name)


def _stack(frame: FrameType | None) -> Iterator[tuple[str, str]]:
    while frame:
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(ROOT) and file.relative_to(ROOT).parts[0] in ("shared", "WebhookReceiver", "SyncWorker"):
            yield frame.f_code.co_qualname, file.relative_to(ROOT).as_posix()
        frame = frame.f_back


class Authentic:
    """Believes every event: the signature is tried elsewhere."""

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Return."""


def test_an_event_takes_the_walk_that_the_page_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    referral_id, _ = shared(world)
    world.clock.advance(timedelta(minutes=1))
    app: Any = App(cast("Settings", None), world.clock)
    audit = SecurityAudit(lambda: world.ledger, world.clock)
    app.receiver = Receiver(Authentic(), Intake(world.queue, world.clock), audit, world.heartbeat)
    slots = Slots(world.ledger.drawers, world.clock, 1, Random(1))
    app.gate = Gate(world.worker.run, slots, world.queue, Random(1))
    for function in (WebhookReceiver, SyncWorker):
        monkeypatch.setattr(function, "app", lambda: app)
    world.partner_center.edit(referral_id, {"/details/dealValue": 7})
    changed = world.clock.now().isoformat()
    walk = Walked()
    sys.setprofile(walk)
    try:
        body = event(ResourceUri=f"https://api.example/referrals/{referral_id}", ResourceChangeUtcDate=changed)
        request = func.HttpRequest("POST", "/api/WebhookReceiver", body=body)
        assert WebhookReceiver.main(request).status_code == 200
        (message,) = world.queue.due()
        SyncWorker.main(func.QueueMessage(body=message.text.encode()))
    finally:
        sys.setprofile(None)
    assert world.link().base["deal_value"] == 7
    stored = {"Memory": "Table", "memory": "table_ledger"}
    for mine, theirs in stored.items():
        walk.functions = [(name.replace(mine, theirs), file.replace(mine, theirs)) for name, file in walk.functions]
    assert walk.functions == WALK
