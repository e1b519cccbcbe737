"""`cosell.py lint`: which files it checks, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.mapping.loading import BUILT_IN, load_mapping
from tools.cli import lint as command
from tools.cli import preview

FILE = "dynamics365.yaml"
DEFAULT = (BUILT_IN / FILE).read_text(encoding="utf-8")


def test_the_command_fails_for_an_error_and_not_for_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.cli.local_settings.FILE", tmp_path / "none.json")
    monkeypatch.setenv("MAPPING_DIR", "")
    assert command.main([]) == 0
    for row, code in (("referral: details.note", 1), ("to_partner_center: [create, update]", 0)):
        field = "notes" if code else "name"
        text = f"overlay: true\nversion: ours\nfields:\n  - {{field: {field}, {row}}}\n"
        (tmp_path / FILE).write_text(text, encoding="utf-8")
        assert command.main(["--mapping", str(tmp_path)]) == code
    (tmp_path / FILE).write_text("version: 1\n", encoding="utf-8")
    assert command.main(["--mapping", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "dynamics365.yaml, line 4: error: notes: a referral has no details.note. Did you mean" in printed
    assert "0 errors, 1 warnings" in printed
    assert "dynamics365.yaml, line 1: the file: table, columns, fields" in printed


def test_a_folder_that_is_none_is_named_as_it_was_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = str(tmp_path / "gone")
    assert command.main(["--mapping", gone]) == 1
    assert preview.main(["--mapping", gone, "--settings", str(settings_without_values(tmp_path))]) == 2
    assert capsys.readouterr().out.splitlines() == [f"--mapping: {gone} is not a folder."] * 2


def settings_without_values(folder: Path) -> Path:
    path = folder / "some.json"
    path.write_text('{"Values": {"CRM": "dynamics365"}}', encoding="utf-8")
    return path


def test_the_command_checks_the_file_of_every_crm_that_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.cli.local_settings.FILE", tmp_path / "none.json")
    for name, version in (("dynamics365", "ours"), ("salesforce", "theirs")):
        (tmp_path / f"{name}.yaml").write_text(DEFAULT.replace('version: "1"', f"version: {version}"), encoding="utf-8")
    monkeypatch.setenv("MAPPING_DIR", str(tmp_path))
    printed = {
        crm: f"{crm}.yaml version {load_mapping(crm, tmp_path).version}" for crm in ("dynamics365", "salesforce")
    }
    assert ["version ours (" in printed["dynamics365"], "version theirs (" in printed["salesforce"]] == [True, True]
    for setting, options, crms in (
        ("", [], ["dynamics365"]),
        ("salesforce", [], ["salesforce"]),
        ("salesforce, dynamics365", [], ["salesforce", "dynamics365"]),
        ("salesforce, dynamics365", ["--crm", "dynamics365"], ["dynamics365"]),
    ):
        monkeypatch.setenv("CRM", setting)
        assert command.main(options) == 0
        assert capsys.readouterr().out == "".join(f"{printed[crm]}: 0 errors, 0 warnings\n" for crm in crms)


def test_the_command_fails_when_one_of_several_files_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.cli.local_settings.FILE", tmp_path / "none.json")
    (tmp_path / "salesforce.yaml").write_text("version: 1\n", encoding="utf-8")
    monkeypatch.setenv("MAPPING_DIR", str(tmp_path))
    monkeypatch.setenv("CRM", "salesforce,dynamics365")
    assert command.main([]) == 1
    version = load_mapping("dynamics365").version
    assert f"dynamics365.yaml version {version}: 0 errors, 0 warnings" in capsys.readouterr().out
    monkeypatch.setenv("CRM", "dynamics365,hubspot")
    assert command.main([]) == 1
    assert capsys.readouterr().out == "CRM: must be dynamics365 or salesforce, or both with a comma between.\n"


def test_a_program_is_given_every_finding_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.cli.local_settings.FILE", tmp_path / "none.json")
    monkeypatch.setenv("MAPPING_DIR", "")
    monkeypatch.setenv("CRM", "dynamics365,salesforce")
    wrong = "overlay: true\nversion: x\nfields:\n  - {field: deal_valu, column: x}\n"
    (tmp_path / "dynamics365.yaml").write_text(wrong, encoding="utf-8")
    (tmp_path / "salesforce.yaml").write_text("overlay: true\nversion: x\nsync_when: {record: a}\n", encoding="utf-8")
    assert command.main(["--mapping", str(tmp_path), "--json"]) == 1
    one, other = json.loads(capsys.readouterr().out)["files"]
    assert (one["crm"], other["crm"]) == ("dynamics365", "salesforce")
    assert "deal_valu" in one["failure"]
    assert (other["failure"], other["errors"]) == ("", sum(each["severity"] == "error" for each in other["findings"]))
    monkeypatch.setenv("CRM", "oracle")
    assert command.main(["--json"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("CRM: ")
