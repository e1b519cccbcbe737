"""The files of `cosell.py preview`: one CRM's never replaces another's, and a wrong name is told before any work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stages.admin import DynamicsDesk, SalesforceDesk
from tools.cli import preview
from tools.local.azurite import Azurite
from tools.simulators.vendors import Vendors

pytestmark = pytest.mark.slow


Both = tuple[DynamicsDesk, SalesforceDesk]


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    """A storage of its own: preview looks at every deal that is there, and other tests leave theirs."""
    with Azurite() as own:
        yield own.connection_string


@pytest.fixture
def both(storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Both]:
    with Vendors() as vendors:
        dynamics, salesforce = DynamicsDesk(vendors, storage=storage), SalesforceDesk(vendors, storage=storage)
        dynamics.crm.provision_cosell_columns()
        monkeypatch.setattr("tools.cli.local_settings.FILE", tmp_path / "none.json")
        monkeypatch.setenv("MAPPING_DIR", "")
        settings = {**salesforce.settings(), **dynamics.settings(), "CRM": "dynamics365,salesforce"}
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        assert salesforce.provision(apply=True) == 0
        yield dynamics, salesforce


def test_each_crm_has_files_of_its_own(both: Both, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [desk.name for desk in both] == ["dynamics365", "salesforce"]
    assert preview.main(["--json", str(tmp_path / "r.json"), "--csv", str(tmp_path / "r.csv")]) == preview.UNTOUCHED
    for crm in ("dynamics365", "salesforce"):
        assert json.loads((tmp_path / f"r.{crm}.json").read_text())["crm"] == crm
        assert (tmp_path / f"r.{crm}.csv").exists()
        assert f"Written: {tmp_path / f'r.{crm}.json'}" in capsys.readouterr().out or crm == "salesforce"
    assert not (tmp_path / "r.json").exists()
    assert preview.main(["--crm", "salesforce", "--json", str(tmp_path / "r.json")]) == preview.UNTOUCHED
    assert json.loads((tmp_path / "r.json").read_text())["crm"] == "salesforce"


@pytest.mark.parametrize(("option", "name"), [("--json", "none/r.json"), ("--csv", "none/r.csv"), ("--csv", "")])
def test_a_file_that_cannot_be_written_is_told_before_any_deal_is_read(
    both: Both,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    name: str,
) -> None:
    asked = len(both[0].server.log.entries)
    assert preview.main(["--crm", "dynamics365", option, str(tmp_path / name)]) == preview.NOT_MADE
    assert str(tmp_path / name) in capsys.readouterr().out
    assert len(both[0].server.log.entries) == asked


def test_a_count_is_a_whole_number(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        preview.main(["--sample", "x"])
    assert "must be a whole number, 1 or more" in capsys.readouterr().err
