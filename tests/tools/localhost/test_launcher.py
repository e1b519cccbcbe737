"""cosell.py as a person first meets it: nothing here may need, or make, an environment."""

import importlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import cosell
from tests.tools.localhost.waiting import until
from tools.cli.commands import COMMANDS, usage

ROOT = Path(cosell.__file__).parent
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


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
    assert cosell.too_old() == ""
    monkeypatch.setattr(sys, "version_info", (3, 10, 13))
    assert cosell.too_old().startswith("cosell.py needs Python 3.11 or newer; this is 3.10.13 (")


def test_the_version_names_release_and_python(checkout: Path) -> None:
    done = run(checkout, "--version")
    assert done.returncode == 0
    assert re.fullmatch(rf"cosell\.py 0\.\d+\.\d+, Python {platform.python_version()}\n", done.stdout)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert f"({commit[:12]})" in run(ROOT, "--version").stdout


def test_the_fingerprint_follows_the_lock(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cosell, "LOCK", checkout / "constraints.txt")
    before = cosell.fingerprint()
    with cosell.LOCK.open("a") as file:
        file.write("# more\n")
    assert cosell.fingerprint() != before


def test_a_step_that_fails_shows_the_end_of_its_output_and_keeps_all_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cosell, "LOG", tmp_path / ".cosell" / "install.log")
    noisy = "import sys\nfor n in range(30): print('line', n)\nsys.exit(3)"
    with pytest.raises(SystemExit) as caught:
        cosell.run([sys.executable, "-c", noisy])
    message = str(caught.value)
    assert "this step failed with exit code 3" in message
    assert message.endswith("line 29\n")
    assert "line 14\n" not in message
    assert len(cosell.LOG.read_text().splitlines()) == 30
    assert capsys.readouterr().out == ""


def test_pip_refuses_a_file_that_the_lock_does_not_know(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cosell, "LOG", tmp_path / ".cosell" / "install.log")
    wheel = tmp_path / "toy-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {
            "METADATA": "Metadata-Version: 2.1\nName: toy\nVersion: 1\n",
            "WHEEL": WHEEL,
            "RECORD": "",
        }.items():
            archive.writestr(f"toy-1.dist-info/{name}", text)
    with pytest.raises(SystemExit, match="THESE PACKAGES DO NOT MATCH THE HASHES"):
        cosell.install_entries(
            [f"toy==1 --hash=sha256:{'0' * 64}"], "--dry-run", "--no-index", "--find-links", str(tmp_path)
        )


@pytest.mark.skipif(sys.platform == "win32", reason="a Windows console has no process group to interrupt from a test")
def test_ctrl_c_during_the_first_use_is_one_line(checkout: Path) -> None:
    naps = "[time.sleep(0.1) for _ in range(600)]"  # A signal right before a nap is heard only after it.
    (checkout / "venv.py").write_text(f"import time\nprint('making', flush=True)\n{naps}\n")
    # The folder of cosell.py is first on its children's path, too: this stands in for the making of an environment.
    command = [sys.executable, "cosell.py", "lint"]
    process = subprocess.Popen(
        command, cwd=checkout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until(lambda: "making" in text_of(checkout / ".cosell" / "install.log"))
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err.strip()) == (130, "cosell.py: interrupted")
    assert out.startswith("cosell.py: preparing .venv")


def text_of(file: Path) -> str:
    return file.read_text() if file.exists() else ""
