"""The worker process: one app in Azure's own worker library, `azure-functions-runtime-v1`, by its public names.

`python -m tools.local.localhost.worker` is started by the host, as in Azure. It reads what to do from its standard
input, and ends with it, so also when its host is killed.
"""

import argparse
import asyncio
import importlib
import os
import signal
import sys
import threading
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.local.localhost import absent
from tools.local.localhost.frames import Frames
from tools.local.localhost.logs import log_to
from tools.local.localhost.messages import PROTOS, Message, ParameterBinding, StatusResult, TypedData, invocation

Ending = tuple[str, TypedData | None, Mapping[str, TypedData]]
"""How an invocation ended: what went wrong, what the function returned, and its other outputs by binding."""


class Worker:
    """One loaded app. The library keeps process-wide state, so there is one per process."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="functions-worker", daemon=True)

    def load(self, root: str, functions: Mapping[str, Message]) -> dict[str, str]:
        """Import the library and every function, by id; returns what is wrong with those that cannot be loaded."""
        if root not in sys.path:
            sys.path.append(root)  # last, as the real worker does it
        self._library = importlib.import_module("azure_functions_runtime_v1")
        self._library.start_threadpool_executor()
        self._thread.start()
        return asyncio.run_coroutine_threadsafe(self._load(root, functions), self._loop).result()

    async def _load(self, root: str, functions: Mapping[str, Message]) -> dict[str, str]:
        errors = {}
        hello = Message(worker_init_request=Message(capabilities={}, function_app_directory=root))
        properties = {"protos": PROTOS, "host": "127.0.0.1"}
        await self._library.worker_init_request(Message(request=hello, properties=properties))
        for number, metadata in functions.items():
            request = Message(function_load_request=Message(function_id=number, metadata=metadata))
            answer = await self._library.function_load_request(Message(request=request))
            if answer.result.status != StatusResult.Success:
                errors[number] = answer.result.exception.message
        return errors

    def invoke(
        self,
        number: str,
        function_id: str,
        parameter: str,
        data: TypedData,
        metadata: Mapping[str, TypedData],
        retry: Sequence[int],
    ) -> None:
        """Start an invocation; how it ended is told when it has."""
        trigger = ParameterBinding(name=parameter, data=data)
        request = invocation(number, function_id, trigger, metadata, (retry[0], retry[1]))
        asyncio.run_coroutine_threadsafe(self._run(number, request), self._loop)

    async def _run(self, number: str, request: Message) -> None:
        self._frames.write("ended", number, *await _guarded(self._answer(request)))

    async def _answer(self, request: Message) -> Ending:
        answer = await self._library.invocation_request(Message(request=Message(invocation_request=request)))
        if answer.result.status != StatusResult.Success:
            exception = answer.result.exception
            return f"{exception.message}\n{exception.stack_trace}".rstrip(), None, {}
        return "", answer.return_value, {output.name: output.data for output in answer.output_data}


async def _guarded(work: Coroutine[Any, Any, Ending]) -> Ending:
    try:
        return await work
    except SystemExit as stop:  # takes Azure's worker process down; here it must not take the loop
        return f"SystemExit: the function called sys.exit({stop.code!r})", None, {}
    except Exception as error:  # noqa: BLE001 (whatever the library raises fails the invocation)
        return f"{type(error).__name__}: {error}", None, {}


def serve(frames: Frames) -> None:
    """Do what the frames say until they end."""
    worker = Worker(frames)
    while frame := frames.read():
        what, *rest = frame
        if what == "load":
            frames.write("loaded", worker.load(*rest))
        else:
            worker.invoke(*rest)


def main(arguments: Sequence[str]) -> int:
    """Serve standard input. What the app prints goes to standard error: the output is the host's."""
    parser = argparse.ArgumentParser(prog="python -m tools.local.localhost.worker")
    parser.add_argument("--log", type=Path, help="log file; default: standard error")
    options = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # Both may reach the whole group; the host lets what runs end first.
    frames = Frames(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    log_to(options.log)
    absent.hide()
    serve(frames)
    os._exit(0)  # Nobody hears any more what still runs, and it must not hold the process.


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
