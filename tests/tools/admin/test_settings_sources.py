"""Where a command's settings come from, which of them it asks for, and who it is in Azure."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import SettingsError
from tests.support.stages.doctor import Findings
from tests.support.stages.sign_in import Machine
from tests.unit.test_settings import GOOD, TENANT
from tools.admin.asked import CRM, KEEPING, PARTNER_CENTER, STORAGE, settings_for
from tools.admin.doctor.report import Mark, Owner
from tools.admin.operator import OperatorApp
from tools.admin.references import _address
from tools.cli import doctor, local_settings
from tools.simulators.key_vault import Role, Version
from tools.simulators.vendors import SYNC_USER, Vendors


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    with Vendors() as vendors:
        yield Machine(vendors, tmp_path, monkeypatch)


def options(*args: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    local_settings.add_arguments(parser)
    return parser.parse_args(args)


# --- files -----------------------------------------------------------------------------------------------------------

FILES = {
    "as Core Tools has it": '{"IsEncrypted": false, "Values": {"A": "1", "B": "x=y", "C": "true"}, "Host": {}}',
    "with a mark and comments": '\ufeff{// why\n"Values": {"A": "1", "B": "x=y", "C": true, "D": null,}}',
    "as az lists it": '[{"name": "A", "value": "1"}, {"name": "B", "value": "x=y"}, {"name": "C", "value": "true"}]',
    "as one object": '{"A": 1, "B": "x=y", "C": true}',
    "as lines": "# comment\n\nA=1\nexport B='x=y'\nC=\"true\"\n",
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_settings_are_read_from_what_tools_write(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings").write_text(text, encoding="utf-8")
    assert local_settings.read_file(tmp_path / "settings") == {"A": "1", "B": "x=y", "C": "true"}


def test_what_azd_escapes_is_read_back(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('PEM="a\\nb \\"c\\" \\$d \\\\e"\n', encoding="utf-8")
    assert local_settings.read_file(tmp_path / ".env") == {"PEM": 'a\nb "c" $d \\e'}


@pytest.mark.parametrize("text", ["[1]", "[]x", '{"Values": []}', "{", "no line of this kind"])
def test_a_file_that_holds_no_settings_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.json").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"mine\.json"):
        local_settings.read_file(tmp_path / "mine.json")


def test_the_environment_wins(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine.folder / "s.env").write_text("CRM=salesforce\nDRY_RUN=true\n")
    monkeypatch.setenv("CRM", "dynamics365")
    monkeypatch.delenv("DRY_RUN", raising=False)
    local_settings.into_environment(options("--settings", str(machine.folder / "s.env")))
    assert (os.environ["CRM"], os.environ.pop("DRY_RUN")) == ("dynamics365", "true")


# --- a function app --------------------------------------------------------------------------------------------------


def test_the_settings_of_an_app_are_read_and_its_references_followed_as_the_operator(machine: Machine) -> None:
    vault, url = machine.make_vault(Role.USER)
    versions = [Version("0" * 32, "CANARY-old", None, {}, 0), Version("1" * 32, "CANARY-new", None, {}, 0)]
    vault.secrets["the-secret"] = versions
    machine.install_az(
        {
            "FROM_APP_PLAIN": "as it is",
            "FROM_APP_NEWEST": f"@Microsoft.KeyVault(SecretUri={url}/secrets/the-secret/)",
            "FROM_APP_VERSION": f"@Microsoft.KeyVault(SecretUri={url}/secrets/the-secret/{'0' * 32})",
        }
    )
    local_settings.into_environment(options("--from-app", "cosell-app"))
    taken = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("FROM_APP_")}
    assert taken == {
        "FROM_APP_PLAIN": "as it is",
        "FROM_APP_NEWEST": "CANARY-new",
        "FROM_APP_VERSION": "CANARY-old",
    }


def test_references_that_may_not_be_followed_are_all_named(machine: Machine) -> None:
    _, url = machine.make_vault(role=None)
    machine.install_az(dict.fromkeys(("ONE", "TWO"), f"@Microsoft.KeyVault(SecretUri={url}/secrets/x)"))
    with pytest.raises(SettingsError) as caught:
        local_settings.into_environment(options("--from-app", "cosell-app"))
    assert "- ONE: is a Key Vault reference that you cannot follow" in str(caught.value)
    assert "- TWO: is a Key Vault reference" in str(caught.value)
    assert "Key Vault Secrets User" in str(caught.value)


def test_the_two_forms_of_a_reference() -> None:
    assert _address("SecretUri=https://v.example/secrets/a/") == "https://v.example/secrets/a"
    assert _address("VaultName=v;SecretName=a") == "https://v.vault.azure.net/secrets/a"
    assert _address("VaultName=v; SecretName=a; SecretVersion=1") == "https://v.vault.azure.net/secrets/a/1"
    with pytest.raises(SettingsError):
        _address("Secret=a")


# --- which settings --------------------------------------------------------------------------------------------------


def without(*prefixes: str) -> dict[str, str]:
    return {name: value for name, value in GOOD.items() if not name.startswith(prefixes)}


def test_complete_settings_are_taken_as_they_are() -> None:
    assert settings_for(GOOD, CRM).partner_center_tenant_id == TENANT


@pytest.mark.parametrize(
    ("asked", "absent"),
    [
        ((CRM,), ("PARTNER_CENTER_", "TOKEN_", "AzureWebJobs")),
        ((PARTNER_CENTER,), ("CRM", "DYNAMICS_", "TOKEN_", "AzureWebJobs")),
        ((PARTNER_CENTER, KEEPING, STORAGE), ("CRM", "DYNAMICS_")),
    ],
)
def test_what_is_not_asked_for_may_be_absent(asked: tuple[object, ...], absent: tuple[str, ...]) -> None:
    settings_for(without(*absent), *asked)  # type: ignore[arg-type]


def test_a_mistake_elsewhere_does_not_stop_a_command() -> None:
    assert settings_for({**GOOD, "TOKEN_ENCRYPTION_KEY": "short"}, CRM).crms == ("dynamics365",)


def test_only_mistakes_in_what_is_asked_for_are_told() -> None:
    with pytest.raises(SettingsError) as caught:
        settings_for(without("DYNAMICS_URL", "PARTNER_CENTER_"), CRM)
    assert "1 app setting to correct" in str(caught.value)
    assert "DYNAMICS_URL" in str(caught.value)


# --- who the operator is ---------------------------------------------------------------------------------------------


def test_a_tool_is_in_azure_whoever_is_signed_in_to_az(machine: Machine) -> None:
    machine.install_az()
    vault, url = machine.make_vault()
    machine.run("--vault", url)
    app = OperatorApp(settings_for({**machine.settings(), "KEY_VAULT_URL": url}, PARTNER_CENTER, KEEPING))
    kept = app.partner_center_connection.token_store.load()
    assert kept.signed_in is not None
    app.partner_center_connection.token(app.settings.partner_center_api_scope)
    (version,) = next(iter(vault.secrets.values()))
    assert version.value == kept.token, "a tool stores no rotated token"


def test_everything_that_az_was_asked_for_is_free_of_secrets(machine: Machine) -> None:
    machine.install_az()
    _, url = machine.make_vault()
    machine.run("--vault", url)
    assert {" ".join(call[:2]) for call in machine.az()["calls"]} == {"account get-access-token"}
    assert "secret" not in json.dumps(machine.az()["calls"])


def test_who_is_not_signed_in_to_azure_is_told_what_to_run(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.install_az(signed_in=False)
    _, url = machine.make_vault()
    assert machine.run("--vault", url) == 2
    told = capsys.readouterr().err
    assert "Run `az login`" in told
    assert "ChainedTokenCredential" not in told


def test_doctor_asks_azure_as_the_operator(machine: Machine) -> None:
    machine.install_az()
    vault, url = machine.make_vault()
    machine.run("--vault", url)
    crm = {"CRM": "dynamics365", "DYNAMICS_URL": machine.vendors.servers["referrals"].url}
    host = {"CRM_POLL_SCHEDULE": "0 * * * * *", "RECONCILE_SCHEDULE": "0 */10 * * * *", "SYNC_QUEUE": "deals"}
    settings = {**machine.settings(), **crm, **host, "KEY_VAULT_URL": url, "AzureWebJobsStorage": "nonsense"}
    found = Findings(doctor.lines(settings))
    assert "as you (az or azd)" in found.about("identity").text
    assert found.about("sign-in").text.startswith(f"{SYNC_USER} on ")
    assert found.about("token: webhooks").mark is Mark.GOOD
    assert len(next(iter(vault.secrets.values()))) == 1
    machine.install_az(signed_in=False)
    first = Findings(doctor.lines(settings)).of(Mark.BAD)[0]
    assert (first.subject, first.owner) == ("identity", Owner.AZURE)
    assert "az login" in first.text
