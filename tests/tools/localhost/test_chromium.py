"""Where the browser for the tests comes from: PATH, or Debian's archive when we are root there; nowhere else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.local import chromium


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put(folder: Path, name: str, script: str = "exit 0") -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("name", ["chromium", "google-chrome"])
def test_the_one_on_path_is_taken(path: Path, name: str) -> None:
    program = put(path, name)
    assert chromium.ensure_installed() == program


def test_without_one_a_single_line_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    put(path, "apt-get", "exit 1")
    with pytest.raises(chromium.ChromiumMissing) as caught:
        chromium.ensure_installed()
    assert "apt-get install chromium" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_debian_installs_its_own_package_for_root(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def apt(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        calls.append(command)
        if "install" in command:
            put(path, "chromium")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"ID": "debian"})
    monkeypatch.setattr("subprocess.run", apt)
    put(path, "apt-get")
    assert chromium.ensure_installed() == path / "chromium"
    assert [command[:2] for command in calls] == [["apt-get", "update"], ["apt-get", "install"]]
    assert calls[1][-1] == "chromium"


def test_an_install_that_fails_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"ID": "debian"})
    put(path, "apt-get", "exit 100")
    with pytest.raises(chromium.ChromiumMissing, match="update failed"):
        chromium.ensure_installed()
