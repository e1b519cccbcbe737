"""The one command of this repository: `python3 cosell.py <command>`.

Standard library only. On first use, and whenever a list of dependencies changes, it makes `.venv` beside itself
and installs the pinned dependencies there; then the command runs inside that environment (`tools/cli`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "cosell.stamp"
OLDEST = (3, 11)
# Azure's own Python 3.13 worker library; it declares >= 3.13 and runs unchanged on 3.11 and 3.12 without its dependency
# on a newer azure-functions, so there it is installed alone. requirements.txt installs it from 3.13 on.
RUNTIME = "azure-functions-runtime-v1"


def main(argv: list[str]) -> int:
    """Print the help, or prepare the environment and run the command in it."""
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit(f"cosell.py needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is {found} ({sys.executable}).")
    from tools.cli.commands import COMMANDS, usage

    if not argv or argv[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if argv else 2
    if argv[0] not in COMMANDS:
        print(f"cosell.py: no command {argv[0]!r}\n\n{usage()}", file=sys.stderr)
        return 2
    prepare()
    return hand_over(argv)


def prepare() -> None:
    """Make or refresh `.venv`; costs two file reads when it is current."""
    wanted = fingerprint()
    if current() == wanted:
        return
    with locked(ROOT / ".cosell" / "venv.lock"):
        if current() == wanted:  # another first use was faster
            return
        STAMP.unlink(missing_ok=True)
        say(f"preparing {VENV.name} (first use, or the dependencies changed)")
        make_venv()
        install()
        STAMP.write_text(wanted)
        say(f"{VENV.name} is ready")


def fingerprint() -> str:
    """A hash of everything that decides what the environment holds."""
    lists = (ROOT / "requirements.txt").read_text() + (ROOT / "constraints.txt").read_text()
    whole = f"{sys.version_info[:2]} {lists} {dev_dependencies()}"
    return hashlib.sha256(whole.encode()).hexdigest()


def current() -> str:
    """The fingerprint `.venv` was made for; empty when there is none or it is unfinished."""
    return STAMP.read_text() if STAMP.exists() and venv_python().exists() else ""


def dev_dependencies() -> list[str]:
    """The dev list of pyproject.toml."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return list(project["optional-dependencies"]["dev"])


def make_venv() -> None:
    """Create `.venv`, or keep the one there if the same Python still answers in it."""
    probe = [str(venv_python()), "-c", "import sys, pip; print(sys.version_info[:2])"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        answer = subprocess.run(probe, check=True, capture_output=True, text=True).stdout
        if answer.strip() == str(sys.version_info[:2]):
            return
    run([sys.executable, "-m", "venv", "--clear", str(VENV)])


def install() -> None:
    """Install the app's and the tools' dependencies as constraints.txt pins them; pip shows the progress."""
    pip = [str(venv_python()), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    pinned = [*pip, "-c", str(ROOT / "constraints.txt")]
    run([*pinned, "-r", str(ROOT / "requirements.txt"), *dev_dependencies()])
    if sys.version_info < (3, 13):
        run([*pinned, "--no-deps", "--ignore-requires-python", RUNTIME])


def run(command: list[str]) -> None:
    """Run one step with its output shown; a failure ends the program with the step's name."""
    code = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode
    if code:
        sys.exit(f"cosell.py: this step failed with exit code {code}: {' '.join(command)}")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that the system drops by itself when this process ends, however it ends."""
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def hand_over(argv: list[str]) -> int:
    """Become `.venv`'s `python -m tools.cli`; on Windows, where exec detaches, wait for it instead."""
    command = [str(venv_python()), "-u", "-m", "tools.cli", *argv]
    os.chdir(ROOT)
    if sys.platform != "win32":
        sys.stdout.flush()
        os.execv(command[0], command)  # noqa: S606 (no shell is wanted)
    return subprocess.run(command, check=False).returncode


def venv_python() -> Path:
    """The environment's interpreter."""
    return VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def say(text: str) -> None:
    """One line of progress, at once."""
    print(f"cosell.py: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
