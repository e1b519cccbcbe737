"""How every command behaves: in whose folder, at a pipe's end, in an old code page, and when it is stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cosell
from tests.tools.localhost.waiting import until
from tools.cli import __main__ as cli
from tools.cli import demo, host
from tools.local.azurite import AzuriteError

COMMAND = [sys.executable, "-u", "-P", "-m", "tools.cli"]
PAUSE = """
import pathlib, sys, tempfile, time
from tools.cli.manners import behave
def command():
    with tempfile.TemporaryDirectory(prefix="manners-") as folder:
        print(folder, flush=True)
        {body}
    return 0
sys.exit(behave(command))
"""


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("CRM", "MAPPING_DIR")}
    return kept | {"PYTHONPATH": str(cosell.ROOT)} | more


def run(folder: Path, *args: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *args], cwd=folder, env=environment(**more), capture_output=True, check=False)


# --- the caller's folder ----------------------------------------------------------------------------------------------


def test_a_relative_path_is_the_callers(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "dynamics365.yaml").write_text("version: 1\n")
    done = run(tmp_path, "lint", "--mapping", "mine", "--crm", "dynamics365")
    assert b"dynamics365.yaml, line 1: the file: " in done.stdout, done


def test_a_relative_path_of_the_settings_is_the_apps(tmp_path: Path) -> None:
    """As in Azure, where the settings are all there is; so it means the same from everywhere."""
    folder = Path(os.path.relpath(tmp_path / "mine", cosell.ROOT))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "dynamics365.yaml").write_text("version: 1\n")
    done = run(tmp_path, "lint", "--crm", "dynamics365", MAPPING_DIR=str(folder))
    assert b"dynamics365.yaml, line 1: the file: " in done.stdout, done


def test_the_callers_own_tools_are_not_taken_for_ours(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "__init__.py").write_text("raise RuntimeError('somebody else')")
    assert run(tmp_path, "lint").returncode == 0


def test_what_a_command_starts_does_not_find_the_repository_by_itself() -> None:
    code = "import os, tools.cli.__main__ as m; m.forget_path(); print(os.environ.get('PYTHONPATH', 'none'))"
    for given, left in (("", "none"), (os.pathsep + "other", "other")):
        path = f"{cosell.ROOT}{given}"
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment(PYTHONPATH=path), capture_output=True, check=True)
        assert done.stdout.decode().strip() == left


def test_byte_code_is_kept_and_not_beside_what_is_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr(os, "execv", lambda *_: None)
    cosell.hand_over(["anything"])
    command = [sys.executable, "-c", "import sys; print(sys.dont_write_bytecode, sys.pycache_prefix)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", str(cosell.VENV / "bytecode")]


def test_paths_of_tests_are_the_callers_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tools.cli.test import _absolute

    (tmp_path / "test_x.py").touch()
    monkeypatch.chdir(tmp_path)
    assert _absolute("test_x.py::test_y") == f"{tmp_path}/test_x.py::test_y"
    assert [_absolute(each) for each in ("-q", "", "no.py")] == ["-q", "", "no.py"]


# --- pipes and code pages ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [["--schema"], ["--mapping", "broken"]], ids=["one write", "many writes"])
def test_a_reader_that_leaves_is_no_failure_of_ours(tmp_path: Path, args: list[str]) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "dynamics365.yaml").write_text("fields:\n" + "".join(f"  no_{n}: x\n" for n in range(9)))
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(
        [*COMMAND, "lint", *args], cwd=tmp_path, env=environment(), stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    _, err = process.communicate(timeout=90)
    assert (process.returncode, err) == (141, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a disk that is always full")
@pytest.mark.parametrize("args", [["--schema"], []], ids=["one write", "line by line"])
def test_a_full_disk_is_told_in_one_line_and_is_nobodys_answer(tmp_path: Path, args: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "lint", *args], cwd=tmp_path, env=environment(), stdout=full, stderr=subprocess.PIPE, check=False
        )
    told = b"cosell.py: No space left on device: the answer is not complete."
    assert (done.returncode, done.stderr.strip()) == (74, told)


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_closed_output_is_an_output_that_nobody_reads(name: str) -> None:
    code = (
        f"import sys; sys.{name} = None; from tools.cli.manners import behave; sys.exit(behave(lambda: print(1) or 3))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (3, b"")


@pytest.mark.parametrize("encoding", ["cp949", "cp1252", "ascii", "utf-8"])
def test_what_an_encoding_lacks_is_spelled(encoding: str) -> None:
    code = "import sys; from tools.cli.manners import behave; behave(lambda: print('✔ ✖ ⚠ “a” → b… 한국 é') or 0)"
    more = {"PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], env=environment(**more), capture_output=True, check=True)
    expected = {
        "cp949": "+ x ! “a” → b… 한국 ?",
        "cp1252": "+ x ! “a” -> b… ?? é",
        "ascii": '+ x ! "a" -> b... ?? ?',
        "utf-8": "✔ ✖ ⚠ “a” → b… 한국 é",
    }
    assert done.stdout.decode(encoding).strip() == expected[encoding]


def test_doctor_speaks_in_an_old_code_page(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", PYTHONIOENCODING="cp949", CRM="dynamics365")
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"x settings: DYNAMICS_URL" in done.stdout


# --- what nobody expected ---------------------------------------------------------------------------------------------


def test_a_defect_is_no_answer_of_a_command() -> None:
    """`preview` exits with 1 when something would be cleared; so a script must not get that for a traceback."""
    code = "import sys; from tools.cli.manners import behave; sys.exit(behave(lambda: {}['x']))"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, check=False)
    assert done.returncode == 70
    assert b"KeyError: 'x'" in done.stderr
    assert done.stderr.strip().endswith(b"this is a defect of the app. Please report it with the lines above.")


LOUD = """
import logging, sys
from tools.cli import __main__ as cli, lint
def loud(_):
    for name in ("azure.identity", "msal", "urllib3", "asyncio", "shared.crm.optional"):
        logging.getLogger(name).error("%s speaks", name)
    return 3
lint.main = loud
sys.exit(cli.main(["lint"]))
"""


def test_no_library_speaks_beside_a_command() -> None:
    done = subprocess.run([sys.executable, "-c", LOUD], env=environment(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (3, b"")


def test_what_does_not_run_on_this_machine_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: list[str]) -> int:
        raise AzuriteError("npm could not install it.")

    monkeypatch.setattr(demo, "main", refuse)
    assert cli.main(["demo"]) == 2
    assert capsys.readouterr().err == "✖ npm could not install it.\n"


def test_a_file_that_cannot_be_written_is_told_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        demo.main(["--log", str(tmp_path / "gone" / "app.log")])
    assert ended.value.code == 2
    assert "gone does not exist." in capsys.readouterr().err


@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_a_port_is_one(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        host.main([f"--port={port}"])
    assert ended.value.code == 2
    assert "must be a port, 1 to 65535" in capsys.readouterr().err


# --- being stopped ----------------------------------------------------------------------------------------------------


@pytest.fixture
def paused() -> Iterator[subprocess.Popen[str]]:
    # In short naps: a signal that comes right before a nap is heard only after it.
    code = PAUSE.format(body="[time.sleep(0.1) for _ in range(600)]")
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to a single process")
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("SIGINT", "cosell.py: interrupted"),
        ("SIGTERM", "cosell.py: ended by SIGTERM"),
        ("SIGHUP", "cosell.py: ended by SIGHUP"),
    ],
)
def test_a_signal_ends_it_in_one_line_and_leaves_nothing(paused: subprocess.Popen[str], name: str, line: str) -> None:
    number = signal.Signals[name]
    assert paused.stdout is not None
    folder = Path(paused.stdout.readline().strip())
    assert folder.is_dir()
    paused.send_signal(number)
    _, err = paused.communicate(timeout=60)
    assert (paused.returncode, err.strip()) == (128 + number, line)
    assert not folder.exists()


def test_a_run_of_tests_is_ended_as_by_ctrl_c() -> None:
    """So that every fixture takes down the servers that it started, and no worker is left behind."""
    assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to a single process")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_the_demo_leaves_no_process_behind(tmp_path: Path, name: str) -> None:
    """Not even when it is killed and can end nothing itself; then its folders stay."""
    number = signal.Signals[name]
    process = subprocess.Popen(
        [*COMMAND, "demo", "--keep"],
        cwd=tmp_path,
        env=environment(TMPDIR=str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    logs = tmp_path.glob
    until(lambda: any("Executed 'Functions." in log.read_text() for log in logs("cosell-host-*/host.log")), 90)
    children = _children(process.pid)
    assert len(children) == 2  # Azurite and the host
    process.send_signal(number)
    process.communicate(timeout=90)
    assert process.returncode == (143 if number == signal.SIGTERM else -number)
    until(lambda: not any(map(_alive, children)), 90)
    if number == signal.SIGTERM:
        assert list(tmp_path.glob("cosell-*")) == []


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def _alive(pid: int) -> bool:
    """Whether it runs; without an init process to collect it, an ended orphan stays listed as a zombie."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
