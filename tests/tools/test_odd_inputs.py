"""What a person may hand a command by mistake: it says which setting or file is meant, and how to put it right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.settings.declaration import declared
from tools.admin import storage
from tools.cli import adopt, drift, explain, export, lint, release, retry, status

LEDGER = [
    (status.main, []),
    (explain.main, ["0f6f6a2e-50f7-4a39-9a6c-6f0c6f6d5a11"]),
    (retry.main, ["--all"]),
    (release.main, []),
    (drift.main, []),
    (export.main, ["--audit"]),
]
"""Commands that need the storage alone."""


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in declared().values():
        monkeypatch.delenv(setting.name, raising=False)


def settings_file(folder: Path, **values: str) -> str:
    path = folder / "mine.json"
    path.write_text(json.dumps({"Values": values}), encoding="utf-8-sig")
    return str(path)


def names(command: object) -> str:
    return str(getattr(command, "__module__", "")).rpartition(".")[2]


@pytest.mark.parametrize(("command", "args"), LEDGER, ids=names)
def test_a_connection_string_that_is_none_is_named_by_its_setting(
    command: object, args: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = settings_file(tmp_path, AzureWebJobsStorage="nonsense", SYNC_QUEUE="deals")
    assert callable(command)
    assert command([*args, "--settings", path]) == 2
    told = capsys.readouterr()
    assert "AzureWebJobsStorage: is no connection string." in told.out + told.err


@pytest.mark.parametrize(("command", "args"), LEDGER, ids=names)
def test_an_emulator_that_does_not_run_is_told_with_the_way_out(
    command: object,
    args: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(storage, "emulator_runs", lambda: False)
    path = settings_file(tmp_path, AzureWebJobsStorage=storage.DEVELOPMENT, SYNC_QUEUE="deals")
    assert callable(command)
    assert command([*args, "--settings", path]) == 2
    told = capsys.readouterr()
    assert "no storage emulator runs here" in told.out + told.err
    assert "--from-app NAME" in told.out + told.err


def test_adopt_without_a_ledger_begins_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert adopt.main(["--csv", str(tmp_path / "gone" / "deals.csv"), "--settings", settings_file(tmp_path)]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["dynamics365.yaml", "solutions.yaml", "solutions.csv"])
def test_a_file_in_a_code_page_is_to_be_saved_as_utf_8(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dynamics365.yaml").write_text("overlay: true\nversion: x\n")
    (tmp_path / name).write_bytes("id,name\n김치: 김치\n".encode("cp949"))
    assert lint.main(["--mapping", str(tmp_path), "--crm", "dynamics365"]) == 1
    assert f"{name}: cannot be read: it is not UTF-8 text. Save it as UTF-8." in capsys.readouterr().out
