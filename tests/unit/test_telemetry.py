"""Log lines: the ids of the work in hand, in the one place that Azure keeps: the message."""

from __future__ import annotations

import contextlib
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared import telemetry
from shared.bootstrap import App
from shared.errors import GoneError
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.settings import load_settings
from shared.timers import run_poll, run_reconcile
from tests.support.fakes.world import World
from tests.support.stand_ins import ManualClock, ScriptedTransport, answer, lower
from tests.unit.test_settings import GOOD
from tools.local.localhost import logs

OURS = logging.getLogger("shared.sync.example")
ID = "0f6f6a2e-50f7-4a39-9a6c-6f0c6f6d5a11"


class Kept(logging.Handler):
    """Keeps what a handler of the worker would forward: level and message."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    @property
    def only(self) -> str:
        (line,) = self.lines
        return line


@pytest.fixture
def kept() -> Iterator[Kept]:
    root, handler = logging.getLogger(), Kept()
    level = root.level
    before = {each: list(each.filters) for each in root.handlers}
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    telemetry.install()
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)
    for each, filters in before.items():
        each.filters = filters


def pairs(line: str) -> list[tuple[str, str]]:
    """Read the ids behind a message as a query would."""
    named = [word.partition("=") for word in line.rpartition(" | ")[2].split(" ")]
    return [(name, value) for name, _, value in named]


def test_ids_and_own_values_stand_behind_the_message_once(kept: Kept) -> None:
    with telemetry.work(ID, crm="dynamics365", deal="r1", nothing=None):
        OURS.info("handled %s of %d", "one", 2, extra={"ms": 0, "family": ""})
    assert kept.only == f"handled one of 2 | crm=dynamics365 deal=r1 correlation_id={ID} ms=0"


def test_a_line_outside_of_any_work_is_as_it_was_written(kept: Kept) -> None:
    OURS.info("100 %% sure, %s", "or so")
    OURS.info("100 % sure")
    assert kept.lines == ["100 % sure, or so", "100 % sure"]


def test_a_lines_own_value_beats_the_works(kept: Kept) -> None:
    with telemetry.work(ID, deal="theirs"):
        OURS.info("x", extra={"deal": "its own", "correlation_id": "other"})
    assert pairs(kept.only) == [("deal", "its_own"), ("correlation_id", "other")]


@pytest.mark.parametrize(
    "value", ["a b", "a\nINFO forged", "a\r\n", "a\tb", "a\u2028b", "a\u00a0b", "\u202ea", "a\x1b[0m"]
)
def test_a_value_cannot_split_a_line_nor_forge_a_pair(kept: Kept, value: str) -> None:
    with telemetry.work(ID, deal=f"{value} correlation_id=forged"):
        OURS.info("x")
    assert kept.only.isprintable()
    assert [name for name, _ in pairs(kept.only)] == ["deal", "correlation_id"]
    assert dict(pairs(kept.only))["correlation_id"] == ID


def test_a_message_cannot_forge_a_line_either(kept: Kept) -> None:
    with telemetry.work(ID):
        OURS.warning("refused: %s", "x\nERROR alert raised | correlation_id=forged")
    assert "\n" not in kept.only
    assert kept.only.endswith(f" | correlation_id={ID}")


def test_a_long_value_is_cut(kept: Kept) -> None:
    with telemetry.work(ID, deal="x" * 10_000):
        OURS.info("x")
    assert len(kept.only) < 400


@pytest.mark.parametrize("name", ["msrest.core", "sharedlibrary", "shared_x.y", "tools.simulators", "root"])
def test_records_of_other_libraries_are_untouched(kept: Kept, name: str) -> None:
    with telemetry.work(ID, crm="salesforce"):
        logging.getLogger(name).warning("theirs %s", "x", extra={"mine": 1})
    assert kept.only == "theirs x"


def test_every_handler_sees_one_completion(kept: Kept) -> None:
    other = Kept()
    logging.getLogger().addHandler(other)
    try:
        telemetry.install()
        telemetry.install()
        with telemetry.work(ID):
            OURS.info("x")
    finally:
        logging.getLogger().removeHandler(other)
    assert kept.lines == other.lines == [f"x | correlation_id={ID}"]


def test_work_within_work_adds_its_ids_and_gives_the_outer_ones_back(kept: Kept) -> None:
    with telemetry.work("outer", crm="salesforce", deal="a"):
        with contextlib.suppress(ValueError), telemetry.work("inner", deal="b", reason="retry"):
            OURS.info("1")
            raise ValueError("x")
        OURS.info("2")
    OURS.info("3")
    assert kept.lines == [
        "1 | crm=salesforce deal=b reason=retry correlation_id=inner",
        "2 | crm=salesforce deal=a correlation_id=outer",
        "3",
    ]


def test_threads_do_not_see_each_others_work(kept: Kept) -> None:
    barrier = threading.Barrier(4)

    def work(number: int) -> None:
        with telemetry.work(f"id-{number}", deal=number):
            barrier.wait()
            OURS.info("handled %d", number)
            barrier.wait()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(kept.lines) == [f"handled {n} | deal={n} correlation_id=id-{n}" for n in range(4)]


def test_the_local_host_writes_the_same_lines(tmp_path: Path, kept: Kept) -> None:
    root, file = logging.getLogger(), tmp_path / "host.log"
    handlers, levels = list(root.handlers), {name: logging.getLogger(name).level for name in ("", *logs.NOISY)}
    try:
        logs.log_to(file)
        telemetry.install()  # as the first invocation does
        with telemetry.work(ID, deal="r1"):
            OURS.info("handled")
    finally:
        for handler in [each for each in root.handlers if each not in handlers]:
            root.removeHandler(handler)
            handler.close()
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    assert file.read_text(encoding="utf-8").rstrip().endswith(f"INFO shared.sync.example: {kept.only}")
    assert kept.only == f"handled | deal=r1 correlation_id={ID}"


# --- one id for everything that one message causes -------------------------------------------------------------------


def test_every_call_carries_the_correlation_id_of_its_work(kept: Kept) -> None:
    transport = ScriptedTransport(*[answer(404, {"code": "NotFound"})] * 3)
    app = App(load_settings({name: value for name, value in GOOD.items() if value}), ManualClock(), transport)
    app.partner_center_connection.token = lambda _scope, **_: "token"  # type: ignore[method-assign]
    with telemetry.work(ID, deal="r1"):
        with pytest.raises(GoneError):
            app.partner_center.read(str(uuid.uuid4()))
        assert app.webhooks.registration() is None
    with pytest.raises(GoneError):
        app.partner_center.read(str(uuid.uuid4()))
    told = [lower(request.headers) for request in transport.requests]
    assert [each["ms-correlationid"] for each in told] == [each["x-ms-correlation-id"] for each in told]
    assert [each["ms-correlationid"] == ID for each in told] == [True, True, False]
    assert [dict(pairs(line)).get("correlation_id") for line in kept.lines] == [ID, ID, None]


def test_the_worker_works_under_the_messages_id(kept: Kept) -> None:
    world = World()
    seen: list[str] = []
    world.tape.before.append(lambda _step: seen.append(telemetry.correlation.get()))
    message = DealMessage(PARTNER_CENTER, "event", ID, referral_id=world.partner_center.invites_us())
    world.worker.run(message.dump())
    assert set(seen) == {ID}
    handled = [line for line in kept.lines if line.startswith("deal handled")]
    assert [dict(pairs(line))["correlation_id"] for line in handled] == [ID]
    assert telemetry.correlation.get() == ""


def test_a_tick_of_a_timer_has_one_id_which_its_messages_carry_on() -> None:
    world = World()
    seen: list[str] = []
    world.tape.before.append(lambda _step: seen.append(telemetry.correlation.get()))
    world.crm.add_deal()
    ticks: list[Callable[[], None]] = [
        lambda: run_poll(world.tasks, world.alerts, world.pace, world.freshness),
        lambda: run_reconcile(world.tasks, world.alerts, world.watchdog, world.queue),
    ]
    world.partner_center.invites_us()
    ids = []
    for tick in ticks:
        seen.clear()
        before = len(world.queue.messages)
        tick()
        (of_calls,) = set(seen)
        assert {DealMessage.load(each.text).correlation_id for each in world.queue.messages[before:]} == {of_calls}
        ids.append(uuid.UUID(of_calls))
    assert len(set(ids)) == 2
    assert telemetry.correlation.get() == ""
