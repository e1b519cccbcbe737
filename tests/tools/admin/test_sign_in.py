"""`cosell.py sign-in`: the whole way of a refresh token, and everything that must stop it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import certifi
import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shared.partner_center.key_vault import SECRET
from shared.partner_center.token_store import SignedIn
from tests.support.pki import issue, rsa_key
from tests.support.sign_in import press
from tests.support.stages.sign_in import ROOT, SAMPLE, Machine, mode
from tools.admin import jsonc
from tools.simulators.key_vault import Role
from tools.simulators.server import Fault
from tools.simulators.vendors import CLIENT_ID, CLIENT_SECRET, SYNC_USER, Vendors

REFERRALS, WEBHOOKS = "https://api.partner.microsoft.com", "https://api.partnercenter.microsoft.com"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    with Vendors() as vendors:
        yield Machine(vendors, tmp_path, monkeypatch)


def kept(machine: Machine) -> dict[str, str]:
    values: dict[str, str] = json.loads(jsonc.plain(machine.file.read_text()))["Values"]
    return values


def redeems(machine: Machine, token: str) -> bool:
    return token in machine.vendors.entra._directory.refresh_tokens


# --- the way it goes -------------------------------------------------------------------------------------------------


def test_the_token_goes_into_the_local_settings_and_nowhere_else(
    machine: Machine, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    machine.write()
    assert machine.run() == 0
    values, told = kept(machine), capsys.readouterr()
    token = values["PARTNER_CENTER_REFRESH_TOKEN"]
    assert redeems(machine, token)
    signed_in = SignedIn.read(values["PARTNER_CENTER_SIGNED_IN"])
    assert signed_in is not None
    assert signed_in.user == SYNC_USER
    for secret in (token, CLIENT_SECRET):
        assert secret not in told.out + told.err + caplog.text + machine.shown
    assert mode(machine.file) == "-rw-------"
    assert [each.name for each in machine.folder.iterdir()] == ["local.settings.json"]
    for line in (f"{SYNC_USER} signed in, with MFA", REFERRALS, WEBHOOKS, "referrals can be listed", "kept in local.s"):
        assert line in told.out
    assert "You can close this window" in machine.shown


def test_every_other_character_of_the_local_settings_stays(machine: Machine) -> None:
    machine.write()
    machine.run()
    values = kept(machine)
    before = SAMPLE.replace('TOKEN": ""', f'TOKEN": "{values["PARTNER_CENTER_REFRESH_TOKEN"]}"')
    note = f'    "PARTNER_CENTER_SIGNED_IN": {json.dumps(values["PARTNER_CENTER_SIGNED_IN"])},\n'
    assert machine.file.read_text().replace(note, "") == before


def test_the_token_serves_both_apis_at_the_end(machine: Machine) -> None:
    machine.write()
    machine.vendors.entra.single_use = True  # Only the newest token of each swap is good for anything.
    assert machine.run() == 0
    token = kept(machine)["PARTNER_CENTER_REFRESH_TOKEN"]
    assert not machine.vendors.entra._directory.refresh_tokens[token].revoked


def test_a_certificate_does_as_well_as_a_secret(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    issued = issue(None, rsa_key("client"))
    key = issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem = (key + issued.pem).decode()
    machine.vendors.entra.register_app(
        CLIENT_ID, "another", certificate_pem=issued.pem, redirect_uris=("http://localhost/",)
    )
    monkeypatch.delenv("PARTNER_CENTER_CLIENT_SECRET")
    monkeypatch.setenv("PARTNER_CENTER_CLIENT_CERTIFICATE", pem)
    machine.write()
    assert machine.run() == 0


def test_a_tenant_may_be_named_by_its_domain(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTNER_CENTER_TENANT_ID", machine.vendors.entra.domain)
    machine.write()
    assert machine.run() == 0


def test_the_vault_of_the_app_comes_first(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.write()
    machine.install_az()
    vault, url = machine.make_vault()
    assert machine.run("--vault", url) == 0
    (version,) = vault.secrets[SECRET]
    assert redeems(machine, version.value)
    assert version.tags["origin"] == "sign-in"
    assert SYNC_USER in version.tags["signed_in"]
    assert version.value not in json.dumps(dict(version.tags))
    assert "without a restart" in capsys.readouterr().out
    assert machine.file.read_text() == SAMPLE


def test_the_settings_of_an_app_are_set_without_the_token_as_an_argument(machine: Machine) -> None:
    machine.install_az({"OTHER": "stays"})
    assert machine.run("--app", "cosell-app") == 0
    state = machine.az()
    token = state["settings"]["PARTNER_CENTER_REFRESH_TOKEN"]
    assert redeems(machine, token)
    assert state["settings"]["OTHER"] == "stays"
    assert SYNC_USER in state["settings"]["PARTNER_CENTER_SIGNED_IN"]
    assert token not in json.dumps(state["calls"])
    assert state["modes"] == "0o600"
    (given,) = [call[call.index("--settings") + 1] for call in state["calls"] if "set" in call]
    assert not Path(given[1:]).exists()


def test_the_command_as_it_is_typed_with_a_browser_of_its_own(machine: Machine) -> None:
    machine.install_az()
    browser = f"{shlex.quote(sys.executable)} -m tests.support.sign_in %s"
    environment = {**os.environ, "BROWSER": browser, "BROWSER_LOGIN": SYNC_USER}
    command = [sys.executable, "-m", "tools.cli", "sign-in", "--app", "cosell-app"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    token = machine.az()["settings"]["PARTNER_CENTER_REFRESH_TOKEN"]
    assert redeems(machine, token)
    assert token not in done.stdout + done.stderr


def test_without_a_browser_the_address_is_pasted(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Person:
        """Reads the URL that is printed, signs in elsewhere, and types what the browser then shows."""

        def isatty(self) -> bool:
            return False

        def readline(self) -> str:
            told = capsys.readouterr().out
            (url,) = [line.strip() for line in told.splitlines() if line.strip().startswith("https://")]
            with requests.Session() as session:
                page = session.get(url, timeout=10)
                return press(session, page, "Sign in", login=SYNC_USER).headers["Location"] + "\n"

    machine.write()
    monkeypatch.setattr("sys.stdin", Person())
    assert machine.run("--no-browser") == 0
    assert redeems(machine, kept(machine)["PARTNER_CENTER_REFRESH_TOKEN"])


# --- what stops it ---------------------------------------------------------------------------------------------------


def no_consent(machine: Machine) -> None:
    machine.vendors.entra.withdraw_consent(CLIENT_ID, REFERRALS)
    machine.presses = ["Sign in", "Return"]


def no_second_consent(machine: Machine) -> None:
    machine.vendors.entra.withdraw_consent(CLIENT_ID, WEBHOOKS)


def cancelled(machine: Machine) -> None:
    machine.presses = ["Cancel"]


def no_mfa(machine: Machine) -> None:
    machine.vendors.entra.add_user(SYNC_USER, mfa=False)


def guest(machine: Machine) -> None:
    machine.vendors.entra.add_user(SYNC_USER, home="another-tenant")


def no_role(machine: Machine) -> None:
    body = '{"error": {"code": "accessDenied", "message": "no"}}'
    machine.vendors.servers["referrals"].faults.inject(Fault("status", status=403, body=body, times=None))


def wrong_secret(machine: Machine) -> None:
    machine.vendors.entra.register_app(CLIENT_ID, "another", redirect_uris=("http://localhost/",))


def other_user(machine: Machine) -> None:
    machine.vendors.entra.add_user("bob@fabrikam.example")
    machine.login = "bob@fabrikam.example"


STOPPED: list[tuple[Callable[[Machine], None], tuple[str, ...]]] = [
    (no_consent, ("AADSTS65004", "rant admin consent to both")),
    (no_second_consent, ("AADSTS65001", "rant admin consent to both")),
    (cancelled, ("AADSTS65004",)),
    (no_mfa, ("without MFA", "mfasetup")),
    (guest, ("is a guest",)),
    (no_role, ("may not read referrals", "Referrals admin", "up to an hour")),
    (wrong_secret, ("AADSTS7000215", "not its id")),
    (other_user, ("bob@fabrikam.example", "--user names")),
]


@pytest.mark.parametrize(("wrong", "parts"), STOPPED)
def test_what_is_wrong_is_told_with_its_remedy_and_nothing_is_stored(
    machine: Machine, capsys: pytest.CaptureFixture[str], wrong: Callable[[Machine], None], parts: tuple[str, ...]
) -> None:
    machine.write()
    wrong(machine)
    assert machine.run("--user", SYNC_USER) == 1
    told = capsys.readouterr().err
    assert told.startswith("✖ Nothing was stored: ")
    for part in parts:
        assert part in told
    assert machine.file.read_text() == SAMPLE


def test_a_redirect_uri_that_is_not_registered_is_told_by_entra_and_by_us_when_nobody_comes_back(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.write()
    machine.vendors.entra.register_app(CLIENT_ID, CLIENT_SECRET)
    machine.presses = []
    assert machine.run("--minutes", "0.03") == 1
    assert "AADSTS50011" in machine.shown
    told = capsys.readouterr().err
    assert "AADSTS50011" in told
    assert "http://localhost/" in told
    assert "platform Web" in told


FORGED: list[tuple[dict[str, object], str]] = [
    ({"aud": "another-app"}, "issued to another app"),
    ({"iss": "https://login.microsoftonline.com/another/v2.0"}, "another tenant"),
    ({"tid": "another"}, "another tenant"),
    ({"nonce": "another"}, "not the answer to this sign-in"),
    ({"exp": 1_000_000_000}, "not valid at this time"),
    ({"nbf": 4_102_444_800}, "not valid at this time"),
]


@pytest.mark.parametrize(("claims", "part"), FORGED)
def test_an_id_token_that_does_not_belong_here_is_not_believed(
    machine: Machine, capsys: pytest.CaptureFixture[str], claims: dict[str, object], part: str
) -> None:
    machine.write()
    machine.vendors.entra.forged = claims
    assert machine.run() == 1
    assert part in capsys.readouterr().err
    assert machine.file.read_text() == SAMPLE


def test_partner_centers_own_demand_for_mfa_is_told(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.write()
    body = '{"error": {"code": "900421", "message": "MFA required."}}'
    machine.vendors.servers["referrals"].faults.inject(Fault("status", status=401, body=body, times=None))
    assert machine.run() == 1
    assert "asks for MFA (900421)" in capsys.readouterr().err


# --- what cannot begin -----------------------------------------------------------------------------------------------


def unstarted(machine: Machine, capsys: pytest.CaptureFixture[str], *args: str) -> str:
    def never(url: str) -> bool:
        raise AssertionError(f"a browser was opened for {url}")

    machine._patch.setattr("webbrowser.open", never)
    assert machine.run(*args) == 2
    return capsys.readouterr().err


def test_without_a_place_nobody_signs_in(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert "KEY_VAULT_URL" in unstarted(machine, capsys)


def test_without_az_the_command_to_run_elsewhere_is_told(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    told = unstarted(machine, capsys, "--app", "cosell-app", "--resource-group", "rg")
    assert "az functionapp config appsettings set --name cosell-app --resource-group rg --settings @" in told


def test_an_az_that_is_not_signed_in_says_so(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.install_az(signed_in=False)
    assert "az login" in unstarted(machine, capsys, "--app", "cosell-app")


def test_an_app_that_az_does_not_find(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.install_az()
    assert "finds no function app named other" in unstarted(machine, capsys, "--app", "other")


def test_a_reference_is_not_overwritten(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.install_az({"PARTNER_CENTER_REFRESH_TOKEN": "@Microsoft.KeyVault(SecretUri=https://v/secrets/x)"})
    assert "sign in with --vault" in unstarted(machine, capsys, "--app", "cosell-app")


def test_a_vault_without_a_role(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.install_az()
    _, url = machine.make_vault(role=None)
    assert "Key Vault Secrets Officer" in unstarted(machine, capsys, "--vault", url)


def test_a_vault_that_may_only_be_read(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.install_az()
    vault, url = machine.make_vault(role=Role.USER)
    assert machine.run("--vault", url) == 1
    assert "Key Vault Secrets Officer" in capsys.readouterr().err
    assert vault.secrets == {}


@pytest.mark.parametrize("text", ["[]", "{", '{"Values": []}', ""])
def test_a_file_that_cannot_be_changed(machine: Machine, capsys: pytest.CaptureFixture[str], text: str) -> None:
    machine.write(text)
    told = unstarted(machine, capsys, "--local")
    assert "local.settings.json" in told
    assert machine.file.read_text() == text


def test_a_file_that_is_not_there_is_told_in_words(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    told = unstarted(machine, capsys, "--local")
    assert "local.settings.json: cannot be changed: No such file or directory." in told


def test_only_the_settings_of_the_app_registration_are_asked_for(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.write()
    monkeypatch.delenv("PARTNER_CENTER_TENANT_ID")
    monkeypatch.delenv("PARTNER_CENTER_CLIENT_SECRET")
    told = unstarted(machine, capsys)
    assert "2 app settings to correct" in told
    assert "PARTNER_CENTER_TENANT_ID" in told
    assert "PARTNER_CENTER_CLIENT_SECRET" in told
    assert "CRM" not in told


@pytest.mark.parametrize("tenant", ["common", "organizations"])
def test_a_word_for_any_tenant_is_no_tenant(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tenant: str
) -> None:
    machine.write()
    monkeypatch.setenv("PARTNER_CENTER_TENANT_ID", tenant)
    assert machine.run() == 2
    assert "PARTNER_CENTER_TENANT_ID: must be the tenant's id" in capsys.readouterr().err


def test_a_tenant_that_is_not_there_is_a_setting_and_no_outage(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.write()
    monkeypatch.setenv("PARTNER_CENTER_TENANT_ID", "nosuch.example")
    assert machine.run() == 1
    assert "PARTNER_CENTER_TENANT_ID: localhost knows no tenant 'nosuch.example'" in capsys.readouterr().err


def test_inspected_tls_is_named(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.write()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    assert machine.run() == 1
    assert "REQUESTS_CA_BUNDLE" in capsys.readouterr().err
