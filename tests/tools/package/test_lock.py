"""The lock satisfies what the app and its tools want, on every Python, and pip can check every file of it."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import cosell
from tools.admin.package import lock
from tools.admin.package.build import PYTHONS

OURS = {"azure-functions", "azure-data-tables", "azure-identity", "requests", "simple-salesforce"}
"""Packages that the project has promised to be built on."""


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_is_fresh(python: str) -> None:
    assert lock.unmet(python) == []
    assert set(lock.deployed(python)) >= OURS


@pytest.mark.parametrize(
    ("python", "functions", "runtime"), [("3.11", "1.", False), ("3.12", "1.", False), ("3.13", "2.", True)]
)
def test_each_python_gets_the_library_that_azure_runs_it_with(python: str, functions: str, runtime: bool) -> None:
    found = lock.deployed(python)
    assert found["azure-functions"].version.startswith(functions)
    assert ("azure-functions-runtime-v1" in found) == runtime


@pytest.mark.parametrize("name", [lock.DEPLOYED, lock.EVERYTHING])
def test_every_package_has_a_version_and_hashes_and_no_address(name: str) -> None:
    pins = lock.pins(name)
    assert len(pins) > 30
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for pin in pins for value in pin.hashes)
    assert "://" not in (lock.ROOT / name).read_text("utf-8")


def test_the_tools_run_on_what_azure_installs() -> None:
    everything = {(pin.name, pin.version): pin for pin in lock.pins(lock.EVERYTHING)}
    assert all(everything[pin.name, pin.version] == pin for pin in lock.pins())


def test_the_lock_has_every_tool() -> None:
    extras = tomllib.loads((lock.ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    wanted = {canonicalize_name(Requirement(each).name) for extra in lock.EXTRAS for each in extras[extra]}
    assert wanted <= {pin.name for pin in lock.pins(lock.EVERYTHING)}


def test_the_launcher_reads_the_same_lock() -> None:
    entries = cosell.lock_entries()
    assert set(entries) == {pin.name for pin in lock.pins(lock.EVERYTHING)}
    assert {cosell.RUNTIME, cosell.ON_DEMAND} <= set(entries)
    assert all("--hash=sha256:" in entry and "#" not in entry for entry in entries.values())
    assert entries["azure-functions"].count("azure-functions==") == 2


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "wanted", lambda: [Requirement("requests>=99"), Requirement("flask")])
    assert lock.unmet("3.13") == ["requests>=99", "flask"]


def test_an_entry_without_a_hash_is_refused() -> None:
    with pytest.raises(lock.PackageError, match="requests==2: the lock has no exact version with hashes"):
        lock._pin("requests==2")


def test_the_hooks_have_the_same_tools() -> None:
    hooks = (lock.ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    locked = {pin.name: pin.version for pin in lock.pins(lock.EVERYTHING)}
    used = dict(re.findall(r"\[(ruff|codespell)==([\w.]+)\]", hooks))
    assert used == {name: locked[name] for name in ("ruff", "codespell")}
