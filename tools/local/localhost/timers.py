"""Timer triggers: one listener per function, its status kept between starts."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from tools.local.localhost.app import Function, Retry
from tools.local.localhost.messages import TypedData
from tools.local.localhost.ncrontab import Schedule, parse
from tools.local.localhost.runtime import Outcome, Runtime

Invoke = Callable[[TypedData, tuple[int, int]], Future[Outcome]]


@dataclass(frozen=True)
class Status:
    """When a timer last ran (None: never) and when it is next due, as last written."""

    last: datetime | None
    next: datetime

    @classmethod
    def read(cls, file: Path) -> Self | None:
        """The status in `file`, if there is one."""
        if not file.exists():
            return None
        document = json.loads(file.read_text())
        last = document["Last"]
        return cls(datetime.fromisoformat(last) if last else None, datetime.fromisoformat(document["Next"]))

    def write(self, file: Path) -> None:
        """Replace `file`, whole or not at all."""
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".new")
        draft.write_text(json.dumps(self.to_json()))
        draft.replace(file)

    def to_json(self) -> dict[str, str | None]:
        """As function code sees it in `TimerRequest.schedule_status`."""
        last = self.last.isoformat() if self.last else None
        return {"Last": last, "Next": self.next.isoformat(), "LastUpdated": last}


def first_status(stored: Status | None, schedule: Schedule, now: datetime) -> Status:
    """Where to begin after a start; the run is past due when the answer's `next` is not after `now`.

    A schedule that changed since the status was written never counts as past due (ScheduleMonitor.CheckPastDueAsync in
    azure-webjobs-sdk-extensions).
    """
    fresh = Status(stored.last if stored else None, schedule.after(now))
    if stored is None or stored.last is None:
        return fresh
    return stored if stored.next == schedule.after(stored.last) else fresh


def monitored(schedule: Schedule, wanted: object, now: datetime) -> bool:
    """Whether the status is kept: not when switched off, nor for timers that fire more than once a minute."""
    first = schedule.after(now)
    return wanted is not False and schedule.after(first) - first >= timedelta(minutes=1)


def run_with_retries(invoke: Invoke, data: TypedData, retry: Retry | None, stopping: threading.Event) -> Outcome:
    """Invoke until it goes well, the policy is used up or the host stops; returns the last outcome."""
    most = retry.count if retry else 0
    attempt = 0
    while True:
        outcome = invoke(data, (attempt, most)).result()
        attempt += 1
        if outcome.ok or retry is None or (most != -1 and attempt > most):
            return outcome
        if stopping.wait(retry.delay(attempt)):
            return outcome


class TimerListener:
    """Fires one timer function. Ticks missed during a run fold into a single run right after it."""

    def __init__(self, runtime: Runtime, function: Function, state: Path) -> None:
        self._runtime = runtime
        self._function = function
        self._options = function.trigger.options
        self._schedule = parse(str(self._options["schedule"]))
        self._file = state / f"timer-{function.name}.json"
        self._monitored = monitored(self._schedule, self._options.get("useMonitor"), _now())
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._listen, name=f"timer-{function.name}", daemon=True)

    def start(self) -> None:
        """Begin to wait for the next occurrence."""
        self._thread.start()

    def stop(self) -> None:
        """Fire no more; a run in progress goes on."""
        self._stopping.set()

    def join(self, patience: float) -> None:
        """Wait for a run in progress."""
        self._thread.join(patience)

    def fire(self) -> None:
        """Run once, out of turn, without touching the schedule."""
        self._runtime.invoke(
            self._function, self._data(None, past_due=False), "This function was called by the host API."
        )

    def _listen(self) -> None:
        now = _now()
        status = first_status(Status.read(self._file) if self._monitored else None, self._schedule, now)
        self._save(status)
        past_due = status.next <= now
        if past_due or self._options.get("runOnStartup") is True:
            status = self._run(status, now, past_due=past_due)
        while not self._stopping.wait(max(0.0, (status.next - _now()).total_seconds())):
            status = self._run(status, max(_now(), status.next), past_due=False)

    def _run(self, status: Status, moment: datetime, *, past_due: bool) -> Status:
        def invoke(data: TypedData, retry: tuple[int, int]) -> Future[Outcome]:
            return self._runtime.invoke(self._function, data, f"Timer fired at {moment.isoformat()}", retry=retry)

        data = self._data(status if self._monitored else None, past_due=past_due)
        run_with_retries(invoke, data, self._function.retry, self._stopping)
        status = Status(moment, self._schedule.after(moment))
        self._save(status)
        return status

    def _save(self, status: Status) -> None:
        if self._monitored:
            status.write(self._file)

    @staticmethod
    def _data(status: Status | None, *, past_due: bool) -> TypedData:
        document: dict[str, Any] = {
            "IsPastDue": past_due,
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": status.to_json() if status else None,
        }
        return TypedData(json=json.dumps(document))


def _now() -> datetime:
    return datetime.now(UTC)
