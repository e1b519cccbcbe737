"""Azurite, Microsoft's storage emulator: installed on first use, started on free ports, ended with its owner."""

import itertools
import os
import re
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.local import NotStarted
from tools.local.npm import HOME, Package

PACKAGE = Package("azurite", "3.35.0", "dist/src/azurite.js", megabytes=190)
"""The newest that runs on Node.js 20 (3.37.0 asks for 22)."""
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account and key that every emulator has; published in Microsoft's Azurite documentation, no secret."""

_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (http://\S+)")
_REQUEST = re.compile(r'"([A-Z]+) (\S+) HTTP/1\.1"')
_numbers = itertools.count(1)


class AzuriteError(NotStarted):
    """Azurite could not be started."""


class Azurite:
    """A running Azurite: `with Azurite() as storage: storage.connection_string`.

    Data lives in memory, or in `location` when one is given. `log` names the log file; without it a file under
    `.cosell/logs` is used and removed again after a clean stop. With `requests` every request is logged. `accounts`
    is how many more accounts there are, empty, for `account()` to give away.
    """

    def __init__(
        self, location: Path | None = None, log: Path | None = None, *, requests: bool = False, accounts: int = 0
    ) -> None:
        self._location = location
        self._told = requests
        self._keep_log = log is not None
        self._log = log or HOME / "logs" / f"azurite-{os.getpid()}-{next(_numbers)}.log"
        self._names = [f"{ACCOUNT}{number}" for number in range(2, accounts + 2)]
        self._given = iter(self._names)
        self._process: subprocess.Popen[bytes] | None = None
        self.connection_string = ""

    def start(self, timeout: float = 30) -> Self:
        """Start blob, queue and table services on free loopback ports; returns when all three answer."""
        command = PACKAGE.command(*self._options())
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._log.parent,
            )
        try:
            self.connection_string = self._wait(timeout)
        except BaseException:  # Ctrl-C too: no emulator runs on without us, and whatever it was is raised again.
            self._end()  # the log stays: it is the explanation
            raise
        return self

    def stop(self) -> None:
        """End the process; safe to call twice."""
        self._end()
        if not self._keep_log:
            self._log.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def requests(self) -> list[tuple[str, str]]:
        """Return method and path of every request so far, when they are logged."""
        return _REQUEST.findall(self._text())

    def account(self) -> str:
        """Return the connection string of an account that nobody has had. Raises StopIteration when there is none."""
        return self.connection_string.replace(ACCOUNT, next(self._given))

    def _environment(self) -> dict[str, str]:
        keys = ";".join(f"{name}:{KEY}" for name in (ACCOUNT, *self._names))
        return {**os.environ, "AZURITE_ACCOUNTS": keys}

    def _options(self) -> list[str]:
        store = ["--location", str(self._location)] if self._location else ["--inMemoryPersistence"]
        ports = [word for service in ("blob", "queue", "table") for word in (f"--{service}Port", "0")]
        # Today's SDKs send an API version that this Azurite does not list, hence the skip.
        silent = [] if self._told else ["--silent"]
        return [*store, *ports, *silent, "--skipApiVersionCheck", "--disableTelemetry"]

    def _wait(self, timeout: float) -> str:
        deadline = time.monotonic() + timeout
        while True:
            found = dict(_LISTENING.findall(self._text()))
            if len(found) == 3:
                return _connection_string(found)
            if self._process is None or self._process.poll() is not None:
                raise AzuriteError(f"Azurite ended while starting. The end of {self._log}:\n{self._text()[-2000:]}")
            if time.monotonic() > deadline:
                raise AzuriteError(f"Azurite is not up after {timeout:g} s. {self._log}:\n{self._text()[-2000:]}")
            time.sleep(0.02)

    def _text(self) -> str:
        return self._log.read_text(errors="replace")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin:
            process.stdin.close()


def _connection_string(addresses: dict[str, str]) -> str:
    ends = [f"{name}Endpoint={address}/{ACCOUNT}" for name, address in addresses.items()]
    return ";".join(["DefaultEndpointsProtocol=http", f"AccountName={ACCOUNT}", f"AccountKey={KEY}", *ends]) + ";"
