"""The lock: `requirements.txt`, which is what Azure installs, and `constraints.txt`, the same with the tools' packages.

Both hold every package with its version and its hashes, for every Python and platform that the app supports.
"""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from uv import find_uv_bin

ROOT = Path(__file__).resolve().parents[3]
WANTED = "requirements.in"
DEPLOYED = "requirements.txt"
EVERYTHING = "constraints.txt"
OLDEST = "3.11"
COMMAND = "python3 cosell.py package --lock"
EXTRAS = ("dev", "node")


class PackageError(Exception):
    """The package cannot be built, or is not what it should be; the message says why and what to do."""


@dataclass(frozen=True)
class Pin:
    """One package of the lock: its exact version, where it is wanted, and the hashes that its files may have."""

    name: str
    version: str
    marker: Marker | None
    hashes: tuple[str, ...]

    def wanted(self, environment: Mapping[str, str]) -> bool:
        """Whether this environment (the names of PEP 508) gets the package."""
        return self.marker is None or self.marker.evaluate(dict(environment))

    def line(self) -> str:
        """Return the entry as pip reads it, without its marker."""
        return " \\\n    ".join([f"{self.name}=={self.version}", *(f"--hash={value}" for value in self.hashes)])


def renew(*, upgrade: bool = False) -> None:
    """Resolve both files anew; pins that still fit stay, unless `upgrade`. Raises PackageError when that fails."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    newest = ["--upgrade"] if upgrade else []
    _compile([WANTED, *newest, "-o", DEPLOYED])
    tools = "\n".join(name for extra in EXTRAS for name in extras[extra])
    _compile([WANTED, "-", "-c", DEPLOYED, *newest, "-o", EVERYTHING], tools)


def _compile(options: Sequence[str], listed: str = "") -> None:
    how = ["--universal", "--generate-hashes", "--annotation-style", "line", "--custom-compile-command", COMMAND]
    uv(["pip", "compile", "--quiet", "--python-version", OLDEST, *how, *options], listed)


def uv(arguments: Sequence[str], text: str = "") -> None:
    """Run uv in the repository with `text` as its input. Raises PackageError with its words when it fails."""
    done = subprocess.run(
        [find_uv_bin(), *arguments], cwd=ROOT, input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise PackageError(f"uv {' '.join(arguments[:2])} failed:\n{done.stderr.strip()}")


def pins(name: str = DEPLOYED) -> tuple[Pin, ...]:
    """Return the entries of a lock. Raises PackageError when a package has no exact version or no hash."""
    return tuple(map(_pin, _entries((ROOT / name).read_text("utf-8"))))


def _entries(text: str) -> Iterator[str]:
    """Yield each entry as one line, without comments."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    yield from filter(None, (entry.strip() for entry in "\n".join(lines).replace("\\\n", " ").splitlines()))


def _pin(entry: str) -> Pin:
    wanted, *hashes = (part.strip() for part in entry.split("--hash="))
    requirement = Requirement(wanted)
    exact = [each.version for each in requirement.specifier if each.operator == "=="]
    if len(exact) != 1 or not hashes:
        raise PackageError(f"{wanted}: the lock has no exact version with hashes. Run `{COMMAND}`.")
    return Pin(canonicalize_name(requirement.name), exact[0], requirement.marker, tuple(hashes))


def environment(python: str) -> dict[str, str]:
    """Return the environment of an Azure Functions instance (Linux, 64-bit Intel) with this Python, for markers."""
    return {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }


def deployed(python: str) -> dict[str, Pin]:
    """Return what Azure installs for this Python, by name. Raises PackageError when a name has two versions."""
    found: dict[str, Pin] = {}
    for pin in pins():
        if pin.wanted(environment(python)):
            if pin.name in found:
                raise PackageError(f"{pin.name}: the lock has two versions for Python {python}. Run `{COMMAND}`.")
            found[pin.name] = pin
    return found


def unmet(python: str) -> list[str]:
    """Return the lines of requirements.in that the lock does not satisfy for this Python."""
    locked = deployed(python)
    return [str(each) for each in wanted() if _applies(each, python) and not _met(each, locked)]


def wanted() -> list[Requirement]:
    """Return the lines of requirements.in."""
    return [Requirement(entry) for entry in _entries((ROOT / WANTED).read_text("utf-8"))]


def _applies(each: Requirement, python: str) -> bool:
    return each.marker is None or each.marker.evaluate(dict(environment(python)))


def _met(each: Requirement, locked: Mapping[str, Pin]) -> bool:
    pin = locked.get(canonicalize_name(each.name))
    return pin is not None and each.specifier.contains(Version(pin.version))
