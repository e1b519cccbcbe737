"""`cosell.py doctor` about the host: what it needs, and where the settings come from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.stages.admin import DynamicsDesk as Desk
from tests.support.stages.doctor import see
from tools.admin.doctor.installation import diagnose_installation
from tools.admin.doctor.report import Mark, Owner
from tools.cli import doctor

pytestmark = pytest.mark.slow

# --- what the host needs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("CRM_POLL_SCHEDULE", "", "does not start CrmPoller without it"),
        ("CRM_POLL_SCHEDULE", "every-minute", "must be six fields"),
        ("RECONCILE_SCHEDULE", "00:10:00", "must be six fields"),
        ("SYNC_QUEUE", "", "does not start SyncWorker without it"),
        ("SYNC_QUEUE", "Deals_1", "must be 3 to 56 lower-case"),
        ("SYNC_QUEUE", "d" * 60, "must be 3 to 56 lower-case"),
    ],
)
def test_a_function_that_would_not_start(desk: Desk, name: str, value: str, part: str) -> None:
    first = see(desk.settings(**{name: value})).of(Mark.BAD)[0]
    assert (first.subject, first.owner) == ("settings", Owner.AZURE)
    assert first.text.startswith(f"{name}: ")
    assert part in first.text


@pytest.mark.parametrize(
    ("host", "part"),
    [
        (None, "cannot be read"),
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"version": "1.0", "extensionBundle": {"id": "x"}}', "version must be 2.0"),
        ('{"version": "2.0"}', "extensionBundle is missing"),
        (
            '{"version": "2.0", "extensionBundle": {"id": "x"}, "extensions": {"queues": {"messageEncoding": "none"}}}',
            "must be base64",
        ),
        (
            '{"version": "2.0", "extensionBundle": {"id": "x"}, "extensions": {"http": {"routePrefix": ""}}}',
            "must be api",
        ),
    ],
)
def test_a_host_file_that_stops_every_function(tmp_path: Path, host: str | None, part: str) -> None:
    if host is not None:
        (tmp_path / "host.json").write_text(host)
    (line,) = list(diagnose_installation(tmp_path))
    assert (line.mark, line.subject) == (Mark.BAD, "host.json")
    assert part in line.text


def test_secrets_that_others_may_read(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0", "extensionBundle": {"id": "x"}}')
    file = tmp_path / "local.settings.json"
    file.write_text("{}")
    file.chmod(0o640)
    *_, line = diagnose_installation(tmp_path)
    assert (line.subject, line.remedy) == ("local.settings.json", "chmod 600 local.settings.json")
    file.chmod(0o600)
    assert [line.subject for line in diagnose_installation(tmp_path)] == ["host.json"]


# --- where the settings come from ------------------------------------------------------------------------------------


def test_an_emulator_that_does_not_run_hides_only_the_storage(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.admin.doctor.diagnosis.emulator_runs", lambda: False)
    found = see(desk.settings(AzureWebJobsStorage="UseDevelopmentStorage=true"))
    assert found.bad == []
    assert "no storage emulator runs here" in found.about("storage").text
    assert found.about("Partner Center").mark is Mark.GOOD
    assert found.about("Dynamics 365: mapping").mark is Mark.GOOD


def test_without_any_settings_the_file_to_copy_is_named_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.cli.local_settings.FILE", tmp_path / "local.settings.json")
    for name in list(os.environ):
        if name.startswith(("PARTNER_CENTER_", "DYNAMICS_", "SALESFORCE_", "AzureWebJobsStorage", "CRM", "KEY_VAULT")):
            monkeypatch.delenv(name)
    assert doctor.main([]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("cp local.settings.sample.json local.settings.json") == 1
