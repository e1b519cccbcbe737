"""Azure's own worker library, `azure-functions-runtime-v1`, driven in this process through its public names.

The library keeps process-wide state, so there is one Runtime per process.
"""

import asyncio
import importlib
import sys
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any

from tools.local.localhost.app import App, Function
from tools.local.localhost.messages import PROTOS, Message, ParameterBinding, StatusResult, TypedData, invocation

Sender = Callable[[Function, Mapping[str, TypedData]], None]
"""Delivers a function's outputs, by binding name; raises when it cannot."""


_WORKERS = "ThreadPoolExecutor-"
"""How Python names the threads of a pool whose maker, like the library, names none; the host's own have other names."""


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended: `error` is empty when it went well."""

    error: str
    returned: TypedData | None = None

    @property
    def ok(self) -> bool:
        """Whether the function returned and its outputs were delivered."""
        return not self.error


class Runtime:
    """One loaded app. `start()` loads every function; `invoke()` runs one from any thread."""

    def __init__(self, app: App, send: Sender, log: Callable[[str], None]) -> None:
        self._app = app
        self._send = send
        self._log = log
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="functions-worker", daemon=True)
        self._pending: set[Future[Outcome]] = set()
        self.load_errors: dict[str, str] = {}

    def start(self) -> None:
        """Import the library and every function; a function that fails is named in `load_errors`."""
        root = str(self._app.root)
        if root not in sys.path:
            sys.path.append(root)  # last, as the real worker does it
        self._library = importlib.import_module("azure_functions_runtime_v1")
        self._library.start_threadpool_executor()
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._load(root), self._loop).result()

    async def _load(self, root: str) -> None:
        hello = Message(worker_init_request=Message(capabilities={}, function_app_directory=root))
        properties = {"protos": PROTOS, "host": "127.0.0.1"}
        await self._library.worker_init_request(Message(request=hello, properties=properties))
        for function in self._app.functions.values():
            request = Message(function_load_request=Message(function_id=function.id, metadata=_metadata(function)))
            answer = await self._library.function_load_request(Message(request=request))
            if answer.result.status != StatusResult.Success:
                self.load_errors[function.name] = answer.result.exception.message

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
        future = asyncio.run_coroutine_threadsafe(self._run(function, data, reason, metadata or {}, retry), self._loop)
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)
        return future

    async def _run(
        self,
        function: Function,
        data: TypedData,
        reason: str,
        metadata: Mapping[str, TypedData],
        retry: tuple[int, int],
    ) -> Outcome:
        number = str(uuid.uuid4())
        start = time.monotonic()
        self._log(f"Executing 'Functions.{function.name}' (Reason='{reason}', Id={number})")
        trigger = ParameterBinding(name=function.trigger.name, data=data)
        request = invocation(number, function.id, trigger, metadata, retry)
        outcome = await self._guarded(self._answer(function, request))
        verdict = f"Succeeded, Id={number}" if outcome.ok else f"Failed, Id={number}"
        milliseconds = (time.monotonic() - start) * 1000
        self._log(
            f"Executed 'Functions.{function.name}' ({verdict}, Duration={milliseconds:.0f}ms) {outcome.error}".rstrip()
        )
        return outcome

    async def _answer(self, function: Function, request: Message) -> Outcome:
        answer = await self._library.invocation_request(Message(request=Message(invocation_request=request)))
        if answer.result.status != StatusResult.Success:
            exception = answer.result.exception
            return Outcome(f"{exception.message}\n{exception.stack_trace}".rstrip())
        outputs = {output.name: output.data for output in answer.output_data}
        if outputs:
            await self._loop.run_in_executor(None, self._send, function, outputs)
        return Outcome("", answer.return_value)

    @staticmethod
    async def _guarded(work: Coroutine[Any, Any, Outcome]) -> Outcome:
        try:
            return await work
        except SystemExit as stop:  # takes Azure's worker process down; here it must not take the loop
            return Outcome(f"SystemExit: the function called sys.exit({stop.code!r})")
        except Exception as error:  # noqa: BLE001 (an output that cannot be delivered fails the invocation)
            return Outcome(f"{type(error).__name__}: {error}")

    def processor_seconds(self) -> float:
        """Return the processor time of the app so far: that of the library's loop and threads, without this host's.

        What Azure's worker process spends besides on its gRPC channel is not in it. On Linux only.
        """
        threads = [each for each in threading.enumerate() if each is self._thread or each.name.startswith(_WORKERS)]
        clocks = [time.pthread_getcpuclockid(each.ident) for each in threads if each.ident is not None]
        return sum(map(time.clock_gettime, clocks))

    def stop(self, patience: float) -> bool:
        """Wait for what is running, at most `patience` seconds; says whether all of it ended."""
        left = wait(set(self._pending), patience).not_done
        if not left:
            self._library.stop_threadpool_executor()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        if not left:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()
        return not left


def _metadata(function: Function) -> Message:
    bindings = {b.name: Message(type=b.type, data_type=0, direction=int(b.out)) for b in function.bindings}
    return Message(
        name=function.name,
        directory=str(function.directory),
        script_file=str(function.script_file),
        entry_point=function.entry_point,
        bindings=bindings,
    )
