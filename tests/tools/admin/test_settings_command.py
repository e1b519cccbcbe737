"""`cosell.py settings`: the files made from the declaration, and a machine's settings for Azure."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from shared.settings import load_settings
from shared.settings.declaration import declared
from shared.settings.loading import REFERENCE
from tests.unit.test_settings import GOOD
from tools.admin import settings_files
from tools.admin.settings_files import MADE, ROOT
from tools.cli import settings as command

HERE = {
    **GOOD,
    "FUNCTIONS_WORKER_RUNTIME": "python",
    "DRY_RUN": "",
    "WEBHOOK_ISSUER_HOSTS": "",
    "DYNAMIC_URL": "https://contoso.crm.dynamics.com",
    "PARTNER_CENTER_CLIENT_SECRET": f"{REFERENCE}SecretUri=https://vault.example/secrets/partner-center-client-secret)",
}
ONLY_HERE = ("FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage", "DYNAMIC_URL")
SECRETS = ("PARTNER_CENTER_REFRESH_TOKEN", "TOKEN_ENCRYPTION_KEY", "DYNAMICS_CLIENT_SECRET", "ALERT_WEBHOOK_URL")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for setting in declared().values():
        monkeypatch.delenv(setting.name, raising=False)
    path = tmp_path / "local.settings.json"
    path.write_text(json.dumps({"Values": HERE}))
    monkeypatch.setattr("tools.cli.local_settings.FILE", path)
    return path


@pytest.mark.parametrize("made", MADE, ids=lambda made: made.path)
def test_what_is_made_from_the_declaration_is_current(made: settings_files.Made) -> None:
    assert made.is_current(), "run `python3 cosell.py settings --write`"


@pytest.mark.parametrize("made", MADE, ids=lambda made: made.path)
def test_a_file_that_was_edited_by_hand_is_noticed_and_renewed(made: settings_files.Made, tmp_path: Path) -> None:
    (tmp_path / made.path).parent.mkdir(exist_ok=True)
    edited = (ROOT / made.path).read_text().replace("SYNC_QUEUE", "SYNC_QUEUES").replace("Functions", "Function")
    (tmp_path / made.path).write_text(edited)
    assert not made.is_current(tmp_path)
    made.write(tmp_path)
    assert made.is_current(tmp_path)


def test_a_file_without_its_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="must be there once"):
        MADE[0].renew("# README\n")


def test_readme_explains_each_setting_once() -> None:
    text = (ROOT / "README.md").read_text()
    for setting in declared().values():
        assert len(re.findall(rf"^\| `{setting.name}` \|", text, re.MULTILINE)) == 1, setting.name


def test_the_declaration_is_printed_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--json"]) == 0
    listed = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert list(listed) == [setting.name for setting in declared().values()]
    assert listed["SYNC_QUEUE"]["required"] is True
    assert listed["DRY_RUN"]["choices"] == ["true", "false"]


def test_secrets_and_what_is_only_for_this_machine_stay_here(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--for-azure", str(file)]) == 0
    shown = capsys.readouterr()
    sent = {each["name"]: each["value"] for each in json.loads(shown.out)}
    assert not set(sent) & {*ONLY_HERE, *SECRETS, "DRY_RUN"}
    assert "CANARY" not in shown.out + shown.err
    assert sent["DYNAMICS_URL"] == HERE["DYNAMICS_URL"]
    assert sent["WEBHOOK_ISSUER_HOSTS"] == "", "which means none"
    assert sent["PARTNER_CENTER_CLIENT_SECRET"].startswith(REFERENCE)
    for name in (*ONLY_HERE, *SECRETS):
        assert f"left out: {name} " in shown.err
    assert "DYNAMIC_URL is no setting of this app; do you mean DYNAMICS_URL?" in shown.err


def test_the_samples_placeholders_are_not_sent(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--for-azure", str(ROOT / "local.settings.sample.json")]) == 0
    shown = capsys.readouterr()
    assert "<org>" not in shown.out
    assert "left out: SALESFORCE_URL still holds the sample's placeholder" in shown.err


def test_with_secrets_the_app_starts_on_what_is_sent(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(json.dumps({"Values": {**HERE, **GOOD}}))
    assert command.main(["--for-azure", "--with-secrets"]) == 0
    sent = {each["name"]: each["value"] for each in json.loads(capsys.readouterr().out)}
    assert load_settings({**sent, "AzureWebJobsStorage__accountName": "acct"}).queue == "deals"
    assert set(SECRETS) <= set(sent)


def test_the_command_of_the_azure_cli_says_the_same(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--for-azure", str(file), "--az"]) == 0
    words = shlex.split(capsys.readouterr().out)
    assert words[:5] == ["az", "functionapp", "config", "appsettings", "set"]
    assert f"CRM_POLL_SCHEDULE={HERE['CRM_POLL_SCHEDULE']}" in words
    assert not any("CANARY" in word for word in words)


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--for-azure", str(tmp_path / "none.json")]) == 1
    assert "none.json does not exist" in capsys.readouterr().err
