import json
import threading
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.tools.localhost import toyapp
from tests.tools.localhost.waiting import until
from tools.local.localhost.app import Retry
from tools.local.localhost.messages import TypedData
from tools.local.localhost.ncrontab import parse
from tools.local.localhost.process import HostProcess
from tools.local.localhost.runtime import Outcome
from tools.local.localhost.timers import Status, first_status, monitored, run_with_retries

NOW = datetime(2026, 11, 22, 10, 11, 12, tzinfo=UTC)
FIVE = parse("0 */5 * * * *")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-22T{text}+00:00")


@pytest.mark.parametrize(
    ("stored", "due"),
    [
        (None, at("10:15:00")),
        (Status(at("10:00:00"), at("10:05:00")), at("10:05:00")),  # past due
        (Status(at("10:10:00"), at("10:15:00")), at("10:15:00")),
        (Status(at("09:00:00"), at("10:00:00")), at("10:15:00")),  # written by an hourly schedule: not past due
        (Status(None, at("10:05:00")), at("10:15:00")),  # never ran
    ],
)
def test_where_a_timer_begins_after_a_start(stored: Status | None, due: datetime) -> None:
    assert first_status(stored, FIVE, NOW).next == due


def test_status_is_kept_only_for_timers_that_are_not_too_fast() -> None:
    assert monitored(FIVE, None, NOW)
    assert monitored(parse("0 * * * * *"), True, NOW)
    assert not monitored(parse("*/30 * * * * *"), True, NOW)
    assert not monitored(FIVE, False, NOW)


def test_status_survives_the_file(tmp_path: Path) -> None:
    status = Status(at("10:10:00"), at("10:15:00"))
    status.write(tmp_path / "new" / "timer.json")
    assert Status.read(tmp_path / "new" / "timer.json") == status
    assert Status.read(tmp_path / "none.json") is None


@pytest.mark.parametrize(("count", "expected"), [(0, [0]), (2, [0, 1, 2]), (-1, [0, 1, 2, 3])])
def test_retries_stop_with_the_first_success_or_the_last_attempt(count: int, expected: list[int]) -> None:
    seen: list[int] = []

    def invoke(_data: TypedData, retry: tuple[int, int]) -> Future[Outcome]:
        seen.append(retry[0])
        future: Future[Outcome] = Future()
        future.set_result(Outcome("" if retry[0] == 3 else "not yet"))
        return future

    outcome = run_with_retries(invoke, TypedData(), Retry(count, timedelta(), timedelta()), threading.Event())
    assert (seen, outcome.ok) == (expected, count == -1)


def test_exponential_back_off_doubles_up_to_its_maximum() -> None:
    retry = Retry(9, timedelta(seconds=2), timedelta(seconds=10))
    assert [retry.delay(n) for n in (1, 2, 3, 4, 99)] == [2, 4, 8, 10, 10]


FAILING = """
import azure.functions as func
from toylib import record
def main(timer: func.TimerRequest, context: func.Context) -> None:
    record(name="failing", attempt=context.retry_context.retry_count, most=context.retry_context.max_retry_count)
    raise ValueError("again")
"""
SLOW = """
import time
import azure.functions as func
from toylib import record
def main(timer: func.TimerRequest) -> None:
    record(name="slow", begins=time.time(), past_due=timer.past_due)
    time.sleep(2.5)
    record(name="slow", ends=time.time())
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app whose timers ran for a while; `out` holds what they recorded."""
    folder = tmp_path_factory.mktemp("timers")
    yearly = toyapp.TIMER.replace("record(", "record(name='yearly', ")
    functions = {
        "Yearly": (toyapp.timer("%YEARLY%"), yearly),
        "Failing": (toyapp.timer("0 0 0 1 1 *", runOnStartup=True), FAILING),
        "Slow": (toyapp.timer("* * * * * *"), SLOW),
        "Unset": (toyapp.timer("%NOT_SET%"), toyapp.TIMER),
        "Nonsense": (toyapp.timer("0 0 99 * * *"), toyapp.TIMER),
    }
    retry = {"strategy": "fixedDelay", "maxRetryCount": 2, "delayInterval": "00:00:01"}
    root = toyapp.write(folder / "app", functions, extra={"Failing": {"retry": retry}})
    state = folder / "state"
    Status(datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)).write(state / "timer-Yearly.json")
    settings = {"TOY_OUT": str(folder / "out"), "YEARLY": "0 0 0 1 1 *"}
    with HostProcess(root, settings, state=state, log=folder / "log") as host:
        (folder / "errors").write_text(json.dumps(host.load_errors))
        until(lambda: len(found(folder, "failing")) == 3 and len(found(folder, "slow")) >= 4)
        assert host.stop() == 0
    return folder


def found(folder: Path, name: str) -> list[dict[str, Any]]:
    return [row for row in toyapp.records(folder / "out") if row["name"] == name]


def test_a_missed_occurrence_runs_once_as_past_due(folder: Path) -> None:
    rows = found(folder, "yearly")
    assert [row["past_due"] for row in rows] == [True]
    assert rows[0]["last"] == "2024-01-01T00:00:00+00:00"
    status = Status.read(folder / "state" / "timer-Yearly.json")
    assert status is not None
    assert status.last is not None
    assert status.last < datetime.now(UTC) < status.next


def test_a_failing_timer_is_retried_by_its_policy(folder: Path) -> None:
    assert [(row["attempt"], row["most"]) for row in found(folder, "failing")] == [(0, 2), (1, 2), (2, 2)]
    assert "ValueError: again" in (folder / "log").read_text()


def test_runs_never_overlap_and_missed_ticks_fold_into_one(folder: Path) -> None:
    rows = found(folder, "slow")
    assert [list(row)[1] for row in rows[:4]] == ["begins", "ends", "begins", "ends"]
    assert rows[2]["begins"] - rows[1]["ends"] < 0.5
    assert rows[2]["past_due"] is False


def test_bad_schedules_are_errors_of_their_function_only(folder: Path) -> None:
    errors = json.loads((folder / "errors").read_text())
    assert errors == {
        "Unset": "function.json: the app setting NOT_SET is not set",
        "Nonsense": "hour: 99 is more than 23",
    }
