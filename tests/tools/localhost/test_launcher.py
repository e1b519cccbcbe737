"""cosell.py as a person first meets it: nothing here may need, or make, an environment."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cosell
from tools.cli.commands import COMMANDS, usage

ROOT = Path(cosell.__file__).parent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clean checkout with only what the launcher reads."""
    for name in ("cosell.py", "requirements.txt", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "tools" / "cli", tmp_path / "tools" / "cli")
    return tmp_path


def run(checkout: Path, *args: str) -> subprocess.CompletedProcess[str]:
    # -S -E: no site-packages and no environment, so that only the standard library can be imported.
    command = [sys.executable, "-S", "-E", "cosell.py", *args]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)


def test_help_explains_each_command_in_a_line(checkout: Path) -> None:
    done = run(checkout, "--help")
    assert (done.returncode, done.stdout) == (0, usage() + "\n")
    assert all(f"  {name} " in done.stdout and text in done.stdout for name, text in COMMANDS.items())
    assert not (checkout / ".venv").exists()


def test_an_unknown_command_says_which_there_are(checkout: Path) -> None:
    done = run(checkout, "tset")
    assert done.returncode == 2
    assert "'tset'" in done.stderr
    assert usage() in done.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_module(name: str) -> None:
    assert callable(importlib.import_module(f"tools.cli.{name.replace('-', '_')}").main)


def test_every_module_with_a_main_is_a_command() -> None:
    names = {path.stem for path in (cosell.ROOT / "tools" / "cli").glob("*.py") if not path.stem.startswith("__")}
    assert {name for name in names if hasattr(importlib.import_module(f"tools.cli.{name}"), "main")} == {
        name.replace("-", "_") for name in COMMANDS
    }


def test_an_old_python_gets_a_plain_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 13))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer; this is 3\.10\.13"):
        cosell.main(["test"])


def test_the_fingerprint_follows_every_list(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cosell, "ROOT", checkout)
    found = {cosell.fingerprint()}
    for name in ("requirements.txt", "constraints.txt"):
        with (checkout / name).open("a") as file:
            file.write("# more\n")
        found.add(cosell.fingerprint())
    project = checkout / "pyproject.toml"
    project.write_text(project.read_text().replace('"hypothesis",', '"hypothesis", "more",'))
    found.add(cosell.fingerprint())
    assert len(found) == 4


def test_everything_is_pinned() -> None:
    """Each name in the two lists has its exact version in constraints.txt."""
    pinned = {
        line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    }
    wanted = {line.split("==")[0].lower() for line in (ROOT / "requirements.txt").read_text().splitlines()}
    assert wanted | {name.lower() for name in cosell.dev_dependencies()} <= pinned
