"""`cosell.py test [pytest options]`: every test. Nothing is printed after pytest's own summary line."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import cache_from_source
from pathlib import Path

from tools.local import azurite, chromium

ROOT = Path(__file__).resolve().parents[2]
NIGHTLY = "tests.simulation.nightly"
USAGE = """usage: cosell.py test [pytest options]
       cosell.py test --nightly [--until SEED]

Run every test; options and paths are passed on to pytest. With --nightly live a million random histories instead,
going on where an earlier run was interrupted, then the mutants of the pure modules and the soak on real parts."""
PARALLEL = ("-n", str(min((os.cpu_count() or 1) + 3, 8)), "--dist", "loadfile", "--no-loadscope-reorder")
"""Files side by side, three more than there are cores: tests wait for servers, and those of one file share them.

Which worker takes what is in tests/conftest.py."""


def main(args: list[str]) -> int:
    """Install Azurite and Chromium if they are missing, then become pytest."""
    if args and args[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    if args and args[0] == "--nightly":
        return subprocess.run([sys.executable, "-m", NIGHTLY, *args[1:]], cwd=ROOT, check=False).returncode
    with _compiled():
        azurite.PACKAGE.ensure_installed()
        try:
            chromium.ensure_installed()
        except chromium.ChromiumMissing as missing:
            print(missing, flush=True)  # The browser tests will fail with the same words; all others can run.
    command = [sys.executable, "-m", "pytest", *PARALLEL, *map(_absolute, args)]
    os.chdir(ROOT)
    if sys.platform == "win32":
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches pytest itself, which ends what it began
        return subprocess.run(command, check=False).returncode
    sys.stdout.flush()
    return os.execv(command[0], command)  # noqa: S606 (no shell is wanted)


@contextmanager
def _compiled() -> Iterator[None]:
    """Let pytest compile the tests meanwhile, where nobody has: each of its workers would do it for itself."""
    compiled = Path(cache_from_source(str(ROOT / "tests" / "conftest.py"))).parent
    if sys.dont_write_bytecode or any(compiled.glob("*pytest*")):
        yield
        return
    collecting = [sys.executable, "-m", "pytest", "--collect-only", "-qq"]
    with subprocess.Popen(collecting, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as compiler:
        try:
            yield
        except BaseException:  # Ctrl-C too: whoever stops us waits for nothing.
            compiler.kill()
            raise


def _absolute(arg: str) -> str:
    """Return the argument as it means the same from the repository: paths, of tests too, are the caller's."""
    path, name, test = arg.partition("::")
    return f"{Path(path).resolve()}{name}{test}" if path and Path(path).exists() else arg
