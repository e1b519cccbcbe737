"""Proves that a package runs: every function loads in Azure's worker library from it alone, and deals go through."""

from __future__ import annotations

import json
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.admin.package.build import PACKAGES, Package
from tools.admin.package.lock import PackageError, pins, uv
from tools.admin.package.pythons import interpreter
from tools.local.demo import EVERY_TWO_SECONDS
from tools.local.demo.run import FAILURES, Step
from tools.local.demo.steps import steps
from tools.local.localhost import isolated
from tools.local.localhost.process import Program
from tools.local.stack import Stack

RUNTIME = "azure-functions-runtime-v1"
STEPS = 4
"""The registration, and a deal in each direction."""
# In a new process each time, as a new instance does it.
_IMPORTS = """
import json, importlib, sys, time
sys.path += json.loads(sys.argv[1])
start = time.perf_counter()
for name in sys.argv[2:]: importlib.import_module(name)
print(time.perf_counter() - start)
"""


@dataclass(frozen=True)
class Verification:
    """What was seen: the functions that loaded, seconds to import them all at once, and the steps that were done."""

    functions: list[str]
    import_seconds: float
    steps: list[str]


def verify(package: Package) -> Verification:
    """Unpack and run it. Raises PackageError when a function does not load or a step fails."""
    with _unpacked(package) as (root, python, folders):
        expected = sorted(file.parent.name for file in root.glob("*/function.json"))
        seconds = min(_import(python, [*folders, str(root)], expected) for _ in range(3))
        worker = (python, "-I", "-S", "-u", str(Path(isolated.__file__)), *folders, "--")
        with Stack(poll_schedule=EVERY_TWO_SECONDS, program=Program(root, worker)) as stack:
            if stack.host.load_errors or sorted(stack.host.functions) != expected:
                raise PackageError(f"Not every function loads: {json.dumps(stack.host.load_errors, indent=2)}")
            return Verification(expected, seconds, [_done(step) for step in steps(stack)[:STEPS]])


def _done(step: Step) -> str:
    try:
        return f"{step.title}: {step.act()}"
    except FAILURES as error:
        raise PackageError(f"{step.title}: {error}") from error


@contextmanager
def _unpacked(package: Package) -> Iterator[tuple[Path, str, list[str]]]:
    """Yield the unpacked app, the Python to run it with, and the folders of packages to run it on."""
    python = interpreter(package.python)
    if python is None:
        remedy = "Install it, or build for another one with --python."
        raise PackageError(f"Python {package.python} is not on this machine, so the package cannot be tried. {remedy}")
    with tempfile.TemporaryDirectory(prefix="cosell-verify-") as folder:
        root, worker = Path(folder) / "app", Path(folder) / "worker"
        with zipfile.ZipFile(package.file) as archive:
            archive.extractall(root)
        folders = [str(root / PACKAGES)]
        if not (root / PACKAGES / RUNTIME.replace("-", "_")).exists():
            # Up to Python 3.12 the worker library is Azure's and no part of the package.
            _install_worker(worker)
            folders.append(str(worker))
        yield root, python, folders


def _install_worker(target: Path) -> None:
    """Install the worker library as locked, and nothing that it depends on."""
    wanted = target.with_suffix(".txt")
    wanted.write_text(next(pin.line() for pin in pins() if pin.name == RUNTIME), "utf-8")
    how = ["--no-deps", "--require-hashes", "--quiet", "--python-version", "3.13"]  # the oldest that it declares
    uv(["pip", "install", "--target", str(target), *how, "-r", str(wanted)])


def _import(python: str, folders: list[str], functions: list[str]) -> float:
    """Return the seconds that a new process needs to import every function. Raises PackageError when one fails."""
    command = [python, "-I", "-S", "-c", _IMPORTS, json.dumps(folders), *functions]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackageError(f"A function cannot be imported from the package alone:\n{done.stderr}")
    return float(done.stdout)
