"""The app's worker process as the host sees it: what is to be run goes to it, and how that ended comes back."""

import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.local.localhost.app import App, AppError, Function
from tools.local.localhost.frames import Frames
from tools.local.localhost.messages import Message, TypedData

Sender = Callable[[Function, Mapping[str, TypedData]], None]
"""Delivers a function's outputs, by binding name; raises when it cannot."""

ROOT = Path(__file__).resolve().parents[3]

WORKER = (sys.executable, "-P", "-m", "tools.local.localhost.worker")
"""The worker in this environment."""


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended: `error` is empty when it went well."""

    error: str
    returned: TypedData | None = None

    @property
    def ok(self) -> bool:
        """Whether the function returned and its outputs were delivered."""
        return not self.error


_GONE = Outcome("the worker process has ended")


@dataclass(frozen=True)
class _Invocation:
    """What runs: which function, since when (monotonic), and who waits for it."""

    function: Function
    start: float
    future: Future[Outcome]


class Runtime:
    """One loaded app in a process of its own. `start()` loads every function; `invoke()` runs one from any thread.

    `settings` is the environment of the worker process, `command` runs it, and `log_file` is where the app's log goes,
    by default standard error. `gone` is called when the process ends by itself; then nothing can be run any more.
    """

    def __init__(
        self,
        app: App,
        send: Sender,
        log: Callable[[str], None],
        settings: Mapping[str, str],
        *,
        command: Sequence[str] = WORKER,
        log_file: Path | None = None,
        gone: Callable[[], None] = lambda: None,
    ) -> None:
        self._app = app
        self._send = send
        self._log = log
        self._settings = settings
        self._command = [*command, *(["--log", str(log_file)] if log_file else [])]
        self._running: dict[str, _Invocation] = {}
        self._gone = gone
        self._ended = self._stopping = False
        self._lock = threading.Lock()
        self._senders = ThreadPoolExecutor(thread_name_prefix="outputs")
        self._reader = threading.Thread(target=self._read, name="worker-answers", daemon=True)
        self.load_errors: dict[str, str] = {}

    def start(self) -> None:
        """Start the worker and load every function; one that fails is named in `load_errors`. Raises AppError."""
        path = os.pathsep.join(filter(None, (str(ROOT), self._settings.get("PYTHONPATH"))))
        environment = {**self._settings, "PYTHONPATH": path}
        root = str(self._app.root)
        self._process = subprocess.Popen(
            self._command, cwd=root, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin  # noqa: S101 - stdin=PIPE above
        assert self._process.stdout  # noqa: S101 - stdout=PIPE above
        self._frames = Frames(self._process.stdout, self._process.stdin)
        functions = {each.id: each for each in self._app.functions.values()}
        with suppress(OSError):  # Where it has ended already there is nothing to read either.
            self._frames.write("load", root, {number: _metadata(each) for number, each in functions.items()})
        loaded = self._frames.read()
        if loaded is None:
            raise AppError(f"the worker process ended with {self._process.wait()} before it had loaded the functions")
        self.load_errors = {functions[number].name: error for number, error in loaded[1].items()}
        self._reader.start()

    @property
    def pid(self) -> int:
        """The id of the worker process."""
        return self._process.pid

    def invoke(
        self,
        function: Function,
        data: TypedData,
        reason: str,
        *,
        metadata: Mapping[str, TypedData] | None = None,
        retry: tuple[int, int] = (0, 0),
    ) -> Future[Outcome]:
        """Start one invocation; the future is done when its outputs are delivered too. It never raises."""
        number, future = str(uuid.uuid4()), Future[Outcome]()
        self._log(f"Executing 'Functions.{function.name}' (Reason='{reason}', Id={number})")
        with self._lock:
            self._running[number] = _Invocation(function, time.monotonic(), future)
            gone = self._ended
        try:
            if not gone:
                self._frames.write("invoke", number, function.id, function.trigger.name, data, metadata or {}, retry)
        except OSError:
            gone = True
        if gone:
            self._finish(number, _GONE)
        return future

    def _read(self) -> None:
        while frame := self._frames.read():
            _, number, error, returned, outputs = frame
            if outputs and not error:
                self._senders.submit(self._deliver, number, returned, outputs)
            else:
                self._finish(number, Outcome(error, returned))
        with self._lock:
            self._ended = True
            left = list(self._running)
        for number in left:
            self._finish(number, _GONE)
        if not self._stopping:
            self._log(f"The worker process has ended with {self._process.wait()}, which Azure would start again")
            self._gone()

    def _deliver(self, number: str, returned: TypedData | None, outputs: Mapping[str, TypedData]) -> None:
        outcome = Outcome("", returned)
        try:
            self._send(self._running[number].function, outputs)
        except Exception as error:  # noqa: BLE001 (an output that cannot be delivered fails the invocation)
            outcome = Outcome(f"{type(error).__name__}: {error}")
        self._finish(number, outcome)

    def _finish(self, number: str, outcome: Outcome) -> None:
        with self._lock:
            run = self._running.pop(number, None)
        if run is None:
            return  # The process has ended meanwhile, and everything that ran with it.
        verdict = f"Succeeded, Id={number}" if outcome.ok else f"Failed, Id={number}"
        milliseconds = (time.monotonic() - run.start) * 1000
        name = run.function.name
        self._log(f"Executed 'Functions.{name}' ({verdict}, Duration={milliseconds:.0f}ms) {outcome.error}".rstrip())
        run.future.set_result(outcome)

    def stop(self, patience: float) -> bool:
        """Wait for what is running, at most `patience` seconds, and end the worker; says whether all of it ended."""
        with self._lock:
            self._stopping = True
            pending = {run.future for run in self._running.values()}
            by_itself = self._ended
        left = wait(pending, patience).not_done
        if left:
            self._process.kill()
        self._frames.end()
        self._process.wait()
        self._reader.join()
        self._senders.shutdown()
        self._frames.close()
        return not (left or by_itself)


def _metadata(function: Function) -> Message:
    bindings: dict[str, Any] = {
        b.name: Message(type=b.type, data_type=0, direction=int(b.out)) for b in function.bindings
    }
    return Message(
        name=function.name,
        directory=str(function.directory),
        script_file=str(function.script_file),
        entry_point=function.entry_point,
        bindings=bindings,
    )
