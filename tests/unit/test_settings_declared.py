"""What is declared about settings holds for each of them, and what is told about a value is told without it."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import get_args, get_type_hints
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bootstrap import App
from shared.errors import CosellError, SettingsError
from shared.paths import APP_ROOT, app_path
from shared.pem import text_or_file
from shared.settings import Mistakes, Settings
from shared.settings.declaration import declared
from shared.settings.kinds import QUEUE, SCHEDULE, crm_names
from shared.settings.loading import REFERENCE
from tests.support.stand_ins import UNHURRIED, ManualClock, ScriptedTransport, answer
from tests.unit.test_settings import GOOD, KEY, SALESFORCE, load, problems
from tools.admin.dynamics365.admin import connection
from tools.local.localhost.app import AppError
from tools.local.localhost.ncrontab import parse

ROOT = Path(__file__).resolve().parents[2]
ALL = sorted(setting.name for setting in declared().values())


# --- the declaration -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", declared())
def test_defaults_and_examples_keep_their_own_rule_and_type(field: str) -> None:
    setting = declared()[field]
    hint = get_type_hints(Settings)[field]
    kinds = tuple(getattr(each, "__origin__", None) or each for each in (get_args(hint) or (hint,)))
    if getattr(hint, "__origin__", None) is tuple:
        kinds = (tuple,)
    for text in filter(None, (setting.default, setting.example, setting.in_azure)):
        assert isinstance(setting.kind.parse(text), kinds), text


def test_a_setting_that_may_be_absent_says_so_in_its_type() -> None:
    for field, hint in get_type_hints(Settings).items():
        setting = declared()[field]
        always = setting.required or bool(setting.default)
        assert (type(None) in get_args(hint)) != always, field


def test_the_functions_that_the_host_starts_by_a_setting_are_those_named() -> None:
    wanted = {
        (file.parent.name, name)
        for file in ROOT.glob("*/function.json")
        for name in re.findall(r"%(\w+)%", file.read_text())
    }
    assert {(each.starts, each.name) for each in declared().values() if each.starts} == wanted


# --- what is told ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_a_key_vault_reference_that_was_not_resolved_is_refused_by_name(name: str) -> None:
    given = {**GOOD, **SALESFORCE, "CRM": "dynamics365,salesforce", name: f"{REFERENCE}SecretUri=https://v/CANARY)"}
    problem = next(each for each in problems(**given) if name in each)
    assert problem.startswith(f"- {name}: is a Key Vault reference that was not resolved.")
    assert "Key Vault Secrets User" in problem
    assert "CANARY" not in problem


TOLD = {
    ("DRY_RUN", "perhaps"): "must be true or false.",
    ("CRM_AUDIT", "x"): "must be every_change, creates_and_failures or off.",
    ("WEBHOOK_HEARTBEAT_HOURS", "x"): "must be a whole number from 0 to 8760, such as 24.",
    (
        "SYNC_QUEUE",
        "Deals_1",
    ): "must be 3 to 56 lower-case letters, digits and single dashes, beginning and ending with "
    "a letter or digit, such as deals.",
    ("PARTNER_CENTER_TENANT_ID", "nosuch"): "must be the tenant's id, a GUID, or one of its domain names, such as "
    "00000000-0000-0000-0000-000000000000.",
    ("CRM_POLL_SCHEDULE", "every-minute"): "must be six fields (second minute hour day month weekday, an NCRONTAB "
    "expression, in UTC), such as */15 * * * * *.",
    ("CRM_POLL_SCHEDULE", None): "is not set. The Functions host reads it itself and does not start CrmPoller without "
    "it; set it to */15 * * * * *.",
    ("DYNAMICS_URL", "https://<org>.crm.dynamics.com"): "still holds the sample's placeholder; put your own value "
    "there, such as https://contoso.crm.dynamics.com.",
    ("PARTNER_CENTER_CLIENT_ID", None): "is not set; for example 00000000-0000-0000-0000-000000000000.",
    ("DYNAMICS_URL", None): "is not set, but CRM names dynamics365; for example https://contoso.crm.dynamics.com.",
    ("CRM", "Zoho"): "must be dynamics365 or salesforce, or both with a comma between, such as dynamics365.",
}


@pytest.mark.parametrize(("name", "value"), TOLD)
def test_a_rule_is_told_with_an_example(name: str, value: str | None) -> None:
    assert problems(**{name: value}) == [f"- {name}: {TOLD[name, value]}"]


def test_it_is_told_where_settings_are_kept() -> None:
    with pytest.raises(Mistakes, match=r"in Azure among the function app's environment.*local\.settings\.json"):
        load(DRY_RUN="perhaps")


@UNHURRIED
@given(st.sampled_from(ALL), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=12))
def test_any_text_is_taken_or_refused_without_being_repeated(name: str, text: str) -> None:
    given = {**GOOD, **SALESFORCE, "CRM": "dynamics365,salesforce", name: f"CANARY{text}"}
    assert "CANARY" not in _refusal(given)


def _refusal(given: dict[str, str | None]) -> str:
    """Everything that a traceback could show; any other error fails the test."""
    try:
        load(**given)
    except Mistakes as error:
        return f"{error} {error!r} {error.__cause__} {error.__context__}"
    return ""


def test_names_of_crms_are_read_in_any_case() -> None:
    assert load(CRM="Dynamics365, SALESFORCE,salesforce", **SALESFORCE).crms == ("dynamics365", "salesforce")
    assert crm_names("Salesforce") == ("salesforce",)


# --- schedules and queues --------------------------------------------------------------------------------------------

FIELD = st.from_regex(r"(\*|[0-9]{1,2}|mon|Feb)(-([0-9]{1,2}|fri))?(/[0-9]{1,2})?(,[0-9]{1,2})?", fullmatch=True)


@UNHURRIED
@given(st.lists(FIELD, min_size=6, max_size=6))
def test_a_schedule_is_accepted_where_the_local_host_accepts_it(fields: list[str]) -> None:
    text = " ".join(fields)
    assert _accepts(text) == _runs(text)


def _accepts(text: str) -> bool:
    try:
        SCHEDULE.parse(text)
    except ValueError:
        return False
    return True


def _runs(text: str) -> bool:
    try:
        parse(text)
    except AppError:
        return False
    return True


@pytest.mark.parametrize(
    "text", ["* * * * *", "00:05:00", "0 * * * *", "60 * * * * *", "0 0 0 1 jan-13 *", "0 */0 * * * *"]
)
def test_schedules_that_azure_would_not_run_are_refused(text: str) -> None:
    # The host also takes five fields, which are easily misread, and on some plans a time span.
    assert not _accepts(text)


@pytest.mark.parametrize(
    "name", ["de", "Deals", "deals_1", "-deals", "deals-", "de--als", "d" * 57, "dëals", "deals\n"]
)
def test_names_that_azure_refuses_for_a_queue(name: str) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        QUEUE.parse(name)


# --- identity and paths ----------------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str | None]]]:
    """What App Service's identity endpoint was asked for: resource and client id (how-to-use-managed-identity)."""
    questions: list[tuple[str, str | None]] = []

    class Endpoint(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            questions.append((query["resource"][0], query.get("client_id", [None])[0]))
            content = {"access_token": "token", "expires_on": str(int(time.time()) + 3600), "token_type": "Bearer"}
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{server.server_port}/token")
        monkeypatch.setenv("IDENTITY_HEADER", "header")
        yield questions
        server.shutdown()


BY_IDENTITY = {"DYNAMICS_TENANT_ID": None, "DYNAMICS_CLIENT_ID": None, "DYNAMICS_CLIENT_SECRET": None}


def test_the_identity_wins_over_a_connection_string_that_some_tool_added() -> None:
    app = App(load(AzureWebJobsStorage__accountName="acct"), ManualClock(), ScriptedTransport())
    for client in (app.ledger._table._unready, app.queue._queue, app.queue._poison):  # type: ignore[attr-defined]
        assert client.url.startswith("https://acct.")
        assert client.credential is app._storage_identity
    assert app.queue._poison.queue_name == "deals-poison"


@pytest.mark.parametrize(
    ("storage", "given", "wanted"),
    [(None, "app", "app"), ("storage", "app", "storage"), ("storage", None, "storage"), (None, None, None)],
)
def test_storage_is_reached_by_the_user_assigned_identity(
    storage: str | None, given: str | None, wanted: str | None, asked: list[tuple[str, str | None]]
) -> None:
    names = {"AzureWebJobsStorage__clientId": storage, "AZURE_CLIENT_ID": given}
    app = App(load(AzureWebJobsStorage__accountName="acct", **names), ManualClock(), ScriptedTransport())
    app._storage_identity.get_token("https://storage.azure.com/.default")
    assert asked == [("https://storage.azure.com", wanted)]


@pytest.mark.parametrize("given", ["app", None])
def test_the_vault_and_dynamics_are_reached_by_it_too(given: str | None, asked: list[tuple[str, str | None]]) -> None:
    vault, record = answer(200, {"value": "stored", "tags": {}}), answer(200, {})
    transport = ScriptedTransport(vault, record)
    settings = load(AZURE_CLIENT_ID=given, KEY_VAULT_URL="https://vault.example", **BY_IDENTITY)
    app = App(settings, ManualClock(), transport)
    app.partner_center_connection.token_store.load()
    connection(app).api.get("WhoAmI")
    assert asked == [("https://vault.azure.net", given), ("https://org.crm.dynamics.com", given)]


def test_relative_paths_start_at_the_apps_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(MAPPING_DIR="mapping").mapping_dir == ROOT / "mapping"
    assert APP_ROOT == ROOT
    assert text_or_file("WEBHOOK_TRUST_BUNDLE", "shared/partner_center/trust_bundle.pem").startswith("#")
    assert app_path("/elsewhere") == Path("/elsewhere")


@pytest.mark.parametrize("value", ["MIIE" + "CANARY" * 500, "CANARY\0", "CANARY/none", "CANARY-----"])
@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("PARTNER_CENTER_CLIENT_CERTIFICATE", lambda app: app.partner_center_connection._tokens),
        ("SALESFORCE_PRIVATE_KEY", lambda app: app.connection("salesforce").tokens),
        ("WEBHOOK_TRUST_BUNDLE", lambda app: app.partner_center_connection.trust),
    ],
)
def test_a_pem_mistake_never_quotes_what_may_be_a_key(name: str, value: str, use: object) -> None:
    given = {
        **SALESFORCE,
        "CRM": "dynamics365,salesforce",
        "SALESFORCE_CLIENT_SECRET": None,
        "SALESFORCE_USERNAME": "u",
        "SALESFORCE_PRIVATE_KEY": "k",
        "PARTNER_CENTER_CLIENT_SECRET": None,
        "PARTNER_CENTER_CLIENT_CERTIFICATE": "c",
    }
    app = App(load(**{**given, name: value}), ManualClock(), ScriptedTransport())
    with pytest.raises(SettingsError, match=name) as caught:
        use(app)  # type: ignore[operator]
    cause: BaseException | None = caught.value
    while cause is not None:
        assert "CANARY" not in f"{cause}{cause!r}"
        cause = cause.__cause__ or cause.__context__


def test_several_keys_may_decrypt_the_stored_token() -> None:
    assert load(TOKEN_ENCRYPTION_KEY=f"{KEY}, {KEY}").token_encryption_keys == (KEY, KEY)
    with pytest.raises(CosellError, match="TOKEN_ENCRYPTION_KEY"):
        load(TOKEN_ENCRYPTION_KEY=f"{KEY},short")
