"""The host: HTTP, timers and queues in this process, in front of one app's functions in a worker process."""

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from tools.local.localhost.app import AppError, Function, load_app
from tools.local.localhost.http import Front, HttpServer, http_functions
from tools.local.localhost.keys import Keys
from tools.local.localhost.logs import logger
from tools.local.localhost.messages import TypedData
from tools.local.localhost.queues import QueueListener, QueueOptions, QueueOutputs, connection_string
from tools.local.localhost.routes import Routes
from tools.local.localhost.runtime import WORKER, Outcome, Runtime
from tools.local.localhost.timers import TimerListener

PATIENCE = 30.0
"""Seconds that running functions get to finish after a stop."""


class Listener(Protocol):
    """What waits for something to happen and then runs a function."""

    def start(self) -> None:
        """Begin to wait."""

    def stop(self) -> None:
        """Begin nothing new."""

    def join(self, patience: float) -> None:
        """Wait for what is in progress."""


class LocalHost:
    """Serves the app at `root` on loopback.

    `settings` are the app settings; the worker has them in its environment. `port` 0 takes a free one. With `auth`
    keys are checked: those given, else those in `keys_file`. `state` is the folder for that file and for the timers'
    status, default `<root>/.cosell/localhost`. `lock` is for how many seconds a queue's message in progress is hidden.
    `worker` is the command that runs the app, and `log_file` where its log goes, by default standard error.
    """

    def __init__(
        self,
        root: Path,
        settings: Mapping[str, str],
        *,
        port: int = 0,
        keys: Keys | None = None,
        auth: bool = True,
        state: Path | None = None,
        lock: int | None = None,
        worker: Sequence[str] = WORKER,
        log_file: Path | None = None,
        log: Callable[[str], None] = logger.info,
    ) -> None:
        self.root = root.resolve()
        self.auth = auth
        self.load_errors: dict[str, str] = {}
        self.load_seconds = 0.0
        self._settings = {**os.environ, **settings}
        self._worker = worker
        self._log_file = log_file
        self._port = port
        self._keys = keys
        self._state = state or self.root / ".cosell" / "localhost"
        self._lock = lock
        self._log = log
        self._listeners: dict[str, Listener] = {}
        self._stop_asked = threading.Event()

    def start(self) -> None:
        """Load the functions and begin to serve; functions that cannot be served are named in `load_errors`."""
        self._app = load_app(self.root, self._settings)
        self._options = QueueOptions.read(self._app.extension("queues"))
        if self._lock is not None:
            self._options = replace(self._options, lock=timedelta(seconds=self._lock))
        self._outputs = QueueOutputs(self._settings, self._options)
        self._runtime = Runtime(
            self._app,
            self._outputs.send,
            self._log,
            self._settings,
            command=self._worker,
            log_file=self._log_file,
            gone=self.ask_to_stop,
        )
        begun = time.monotonic()
        self._runtime.start()
        self.load_seconds = time.monotonic() - begun
        self.load_errors = self._app.errors | self._runtime.load_errors
        self._serve_http()
        for function in self._app.functions.values():
            if function.name not in self.load_errors:
                self._listen(function)
        for name, error in self.load_errors.items():
            self._log(f"The '{name}' function is in error: {error}")

    def _serve_http(self) -> None:
        self.http_functions = http_functions(self._app.functions.values())
        prefix = str(self._app.extension("http").get("routePrefix", "api"))
        self._routes = Routes(self.http_functions, prefix)
        self.load_errors |= self._routes.errors
        self.keys = self._keys or Keys.load(self.keys_file, [f.name for f in self.http_functions])
        self.keys.complete(f.name for f in self.http_functions)
        front = Front(self._runtime, self._routes, self.keys if self.auth else None, self.fire)
        self._http = HttpServer(front, self._port, self._log)
        self._http.start()

    def _listen(self, function: Function) -> None:
        try:
            if function.kind == "timertrigger":
                listener: Listener = TimerListener(self._runtime, function, self._state)
            elif function.kind == "queuetrigger":
                listener = self._queue_listener(function)
            else:
                return
        except (AppError, ValueError) as error:
            self.load_errors[function.name] = str(error)
            return
        self._listeners[function.name] = listener
        listener.start()

    def _queue_listener(self, function: Function) -> QueueListener:
        def invoke(data: TypedData, metadata: Mapping[str, TypedData]) -> Future[Outcome]:
            return self._runtime.invoke(function, data, f"New queue message on '{queue}'", metadata=metadata)

        queue = str(function.trigger.options["queueName"])
        connection = connection_string(function.trigger.options, self._settings)
        return QueueListener(queue, connection, self._options, invoke, self._log)

    def fire(self, name: str, text: str) -> bool:
        """Run a timer function, or a queue function with `text` as its message; False when there is none so named."""
        names = {known.lower(): known for known in self._listeners}
        listener = self._listeners.get(names.get(name.lower(), ""))
        if isinstance(listener, TimerListener):
            listener.fire()
        elif listener is not None:
            function = self._app.functions[names[name.lower()]]
            metadata = {"Id": TypedData(string=""), "DequeueCount": TypedData(json="1")}
            data = TypedData(string=text)
            self._runtime.invoke(function, data, "This function was called by the host API.", metadata=metadata)
        return listener is not None

    @property
    def url(self) -> str:
        """Where it listens, without a trailing slash."""
        return self._http.url

    @property
    def worker_pid(self) -> int:
        """The id of the process that runs the app."""
        return self._runtime.pid

    @property
    def functions(self) -> list[str]:
        """The names of the functions that were loaded."""
        return [name for name in self._app.functions if name not in self.load_errors]

    @property
    def keys_file(self) -> Path:
        """Where generated keys are kept."""
        return self._state / "keys.json"

    def route_url(self, name: str) -> str:
        """An HTTP function's address as a template, without a key."""
        return f"{self.url}/{self._routes.template(name)}"

    def function_url(self, name: str) -> str:
        """An HTTP function's address with its key, to give to a caller."""
        code = f"?code={self.keys.functions[name]['default']}" if self.auth else ""
        return self.route_url(name) + code

    def stop(self) -> bool:
        """Begin nothing new and wait for what is running; False when something is still running after PATIENCE."""
        for listener in self._listeners.values():
            listener.stop()
        self._http.stop(PATIENCE)
        for listener in self._listeners.values():
            listener.join(PATIENCE)
        if not self._runtime.stop(PATIENCE):
            return False
        self._outputs.close()
        return True

    def ask_to_stop(self) -> None:
        """End `run_forever`, from any thread."""
        self._stop_asked.set()

    def run_forever(self) -> bool:
        """Serve until SIGTERM or SIGINT, then `stop()`; a second SIGINT ends the process. Main thread only."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop_asked.set())
        self._stop_asked.wait()
        self._log("Stopping. What runs is finished first; Ctrl+C again ends it.")
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        return self.stop()
