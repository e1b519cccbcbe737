"""The local host as a child process, for the demo and for tests."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.local import NotStarted
from tools.local.localhost.runtime import WORKER

ROOT = Path(__file__).resolve().parents[3]

KILL = signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL


@dataclass(frozen=True)
class Program:
    """An app to run: its folder, and the command that runs it."""

    root: Path
    worker: Sequence[str] = WORKER


class HostProcess:
    """A running `python -m tools.local.localhost`: `with HostProcess(root, settings) as host: host.url`.

    The host's log is in the file `log`, by default in a temporary folder. `env` replaces the child's environment. The
    process stops when this one ends, however it ends: its standard input is a leash.
    """

    def __init__(
        self,
        root: Path,
        settings: Mapping[str, str],
        *,
        auth: bool = False,
        port: int = 0,
        state: Path | None = None,
        log: Path | None = None,
        env: Mapping[str, str] | None = None,
        worker: Sequence[str] = WORKER,
        lock: int | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="cosell-host-")
        folder = Path(self._folder.name)
        self.log = log or folder / "host.log"
        self._settings = folder / "settings.json"
        self._settings.write_text(json.dumps(dict(settings)))
        self._settings.chmod(0o600)
        options = ["--root", str(root), "--port", str(port), "--settings", str(self._settings), "--log", str(self.log)]
        options += ["--leash", "--state", str(state or folder / "state")] + (["--auth"] if auth else [])
        options += ["--lock", str(lock)] if lock is not None else []
        self._command = [sys.executable, "-m", "tools.local.localhost", *options, "--worker", json.dumps(worker)]
        self._env = env
        self.url = ""
        self.keys: dict[str, str] = {}
        self.function_keys: dict[str, str] = {}
        self.functions: list[str] = []
        self.load_errors: dict[str, str] = {}
        self.load_seconds = 0.0
        self.worker_pid = 0

    def start(self) -> Self:
        """Start it and wait until it serves; raises NotStarted with its words when it does not."""
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, env=self._env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None  # noqa: S101 (stdout=PIPE above)
        line = self._process.stdout.readline()
        if not line:
            raise NotStarted(f"the local host ended with {self.stop()} before it was ready:\n{self.log_text()}")
        ready = json.loads(line)
        self.url = ready["url"]
        self.function_keys = ready["keys"].pop("functions")
        self.keys = ready["keys"]
        self.functions = ready["functions"]
        self.load_errors = ready["load_errors"]
        self.load_seconds = ready["load_seconds"]
        self.worker_pid = ready["worker_pid"]
        return self

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def stop(self, patience: float = 40) -> int:
        """Ask it to finish and return its exit code (0: everything in flight ended); kills it after `patience`."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(patience)
        except subprocess.TimeoutExpired:
            return self.kill()
        finally:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()

    def wait(self) -> int:
        """Wait until it ends, and return its exit code."""
        return self._process.wait()

    def kill(self) -> int:
        """End it and its worker at once, as a crash would, and return its exit code."""
        self._process.kill()
        with suppress(OSError):
            os.kill(self.worker_pid, KILL)  # It ends with its host, a moment later: a crash has no such moments.
        return self._process.wait()

    def close(self) -> None:
        """Stop it, if it runs, and remove its temporary folder; its log goes too, unless it was given a file."""
        self.stop()
        self._folder.cleanup()

    def log_text(self) -> str:
        """What it has logged so far."""
        return self.log.read_text() if self.log.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
