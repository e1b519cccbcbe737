"""App settings: every mistake at once, by name, and never a secret in what is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from shared.bootstrap import App
from shared.choices import CrmAudit, OnLoss
from shared.errors import SettingsError
from shared.settings import Settings, load_settings
from tests.support.stand_ins import ManualClock, ScriptedTransport

STORAGE = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=Q0FOQVJZ;EndpointSuffix=core.windows.net"
KEY = Fernet.generate_key().decode()
TENANT = "12345678-abcd-abcd-abcd-1234567890ab"

GOOD = {
    "AzureWebJobsStorage": STORAGE,
    "CRM": "dynamics365",
    "CRM_POLL_SCHEDULE": "*/15 * * * * *",
    "RECONCILE_SCHEDULE": "0 */10 * * * *",
    "SYNC_QUEUE": "deals",
    "PARTNER_CENTER_TENANT_ID": TENANT,
    "PARTNER_CENTER_CLIENT_ID": "client",
    "PARTNER_CENTER_CLIENT_SECRET": "CANARY-secret",
    "PARTNER_CENTER_REFRESH_TOKEN": "CANARY-refresh",
    "TOKEN_ENCRYPTION_KEY": KEY,
    "DYNAMICS_URL": "https://org.crm.dynamics.com/",
    "DYNAMICS_TENANT_ID": "contoso.onmicrosoft.com",
    "DYNAMICS_CLIENT_ID": "app",
    "DYNAMICS_CLIENT_SECRET": "CANARY-dynamics",
    "ALERT_WEBHOOK_URL": "https://chat.example/CANARY-hook",
}

SALESFORCE: dict[str, str | None] = {
    "SALESFORCE_URL": "https://org.my.salesforce.com/",
    "SALESFORCE_CLIENT_ID": "3MVG9",
    "SALESFORCE_CLIENT_SECRET": "CANARY-salesforce",
}


def load(**replaced: str | None) -> Settings:
    given = {**GOOD, **replaced}
    return load_settings({name: value for name, value in given.items() if value is not None})


def problems(**replaced: str | None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(**replaced)
    return str(caught.value).splitlines()[1:]


def named(**replaced: str | None) -> set[str]:
    return {problem.removeprefix("- ").split(":")[0] for problem in problems(**replaced)}


# --- good settings ---------------------------------------------------------------------------------------------------


def test_the_documented_defaults() -> None:
    settings = load()
    assert settings.crms == ("dynamics365",)
    assert settings.partner_center_api_url == "https://api.partner.microsoft.com/v1.0/engagements"
    assert settings.partner_center_webhooks_url == "https://api.partnercenter.microsoft.com/webhooks/v1"
    assert settings.partner_center_api_scope == "https://api.partner.microsoft.com/.default"
    assert settings.partner_center_webhooks_scope == "https://api.partnercenter.microsoft.com/.default"
    assert settings.entra_authority == "https://login.microsoftonline.com"
    assert settings.webhook_certificate_hosts == ("3psostorageacct.blob.core.windows.net",)
    assert "www.microsoft.com" in settings.webhook_issuer_hosts
    assert settings.webhook_certificate_subject == "pcnotifications-dispatch.microsoft.com"
    assert settings.webhook_certificate_organization == "Microsoft Corporation"
    assert settings.webhook_registration is OnLoss.ALERT
    assert settings.webhook_heartbeat_hours == 24
    assert settings.queue == "deals"
    assert settings.crm_audit is CrmAudit.EVERY_CHANGE
    assert settings.dry_run is False
    assert settings.mapping_dir is None


def test_what_is_set_is_taken() -> None:
    settings = load(
        CRM=" dynamics365 ",
        MAPPING_DIR="/mappings",
        SYNC_QUEUE="others",
        CRM_AUDIT="creates_and_failures",
        DRY_RUN="true",
        WEBHOOK_CERTIFICATE_HOSTS="a.example, b.example:8443,",
        WEBHOOK_ISSUER_HOSTS=" ",
    )
    assert settings.mapping_dir == Path("/mappings")
    assert settings.queue == "others"
    assert settings.crm_audit is CrmAudit.CREATES_AND_FAILURES
    assert settings.dry_run is True
    assert settings.webhook_certificate_hosts == ("a.example", "b.example:8443")
    assert settings.webhook_issuer_hosts == (), "an empty list means none"
    assert settings.dynamics_url == "https://org.crm.dynamics.com"


@pytest.mark.parametrize(("text", "minutes"), [(None, 5), ("0", 0), ("0.1", 0.1), ("1440", 1440)])
def test_the_undo_window_may_be_a_fraction_of_a_minute(text: str | None, minutes: float) -> None:
    assert load(CLOSE_DELAY_MINUTES=text).close_delay_minutes == minutes


def test_both_crms_may_be_named() -> None:
    assert load(CRM="dynamics365, salesforce", **SALESFORCE).crms == ("dynamics365", "salesforce")


def test_salesforce_by_its_documented_defaults() -> None:
    settings = load(CRM="salesforce", **SALESFORCE)
    assert settings.salesforce_url == "https://org.my.salesforce.com"
    assert settings.salesforce_api_version == "66.0"
    assert (settings.salesforce_api_slow_at, settings.salesforce_api_stop_at) == (70, 90)
    assert load().salesforce_url is None


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"SALESFORCE_URL": None, "SALESFORCE_CLIENT_ID": None}, {"SALESFORCE_URL", "SALESFORCE_CLIENT_ID"}),
        ({"SALESFORCE_CLIENT_SECRET": None}, {"SALESFORCE_CLIENT_SECRET"}),
        ({"SALESFORCE_CLIENT_SECRET": None, "SALESFORCE_USERNAME": "u"}, {"SALESFORCE_PRIVATE_KEY"}),
        ({"SALESFORCE_CLIENT_SECRET": None, "SALESFORCE_PRIVATE_KEY": "k"}, {"SALESFORCE_USERNAME"}),
        (
            {"SALESFORCE_USERNAME": "u", "SALESFORCE_PRIVATE_KEY": "k"},
            {"SALESFORCE_USERNAME", "SALESFORCE_PRIVATE_KEY"},
        ),
        ({"SALESFORCE_URL": "http://org.my.salesforce.com"}, {"SALESFORCE_URL"}),
        ({"SALESFORCE_API_VERSION": "v66"}, {"SALESFORCE_API_VERSION"}),
        ({"SALESFORCE_CURRENCY": "Euro"}, {"SALESFORCE_CURRENCY"}),
        ({"SALESFORCE_API_SLOW_AT": "95"}, {"SALESFORCE_API_SLOW_AT"}),
        ({"SALESFORCE_API_STOP_AT": "60", "SALESFORCE_URL": None}, {"SALESFORCE_API_SLOW_AT", "SALESFORCE_URL"}),
        (
            {"SALESFORCE_API_SLOW_AT": "x", "SALESFORCE_CURRENCY": "x"},
            {"SALESFORCE_API_SLOW_AT", "SALESFORCE_CURRENCY"},
        ),
        ({"SALESFORCE_API_STOP_AT": "101"}, {"SALESFORCE_API_STOP_AT"}),
    ],
)
def test_what_is_wrong_about_salesforce_is_named(given: dict[str, str | None], names: set[str]) -> None:
    assert named(CRM="dynamics365,salesforce", **{**SALESFORCE, **given}) == names


@pytest.mark.parametrize("empty", ["", "   "])
def test_an_empty_line_of_the_portal_is_not_set(empty: str) -> None:
    assert load(KEY_VAULT_URL=empty, MAPPING_DIR=empty).mapping_dir is None
    assert named(PARTNER_CENTER_TENANT_ID=empty) == {"PARTNER_CENTER_TENANT_ID"}


@pytest.mark.parametrize(
    "url",
    ["http://localhost:7071", "http://127.0.0.1:8080/x", "http://[::1]:8080", "https://127.0.0.1", "https://h.example"],
)
def test_loopback_may_be_plain_http(url: str) -> None:
    assert load(DYNAMICS_URL=url).dynamics_url == url


def test_an_identity_may_stand_in_for_the_storage_key() -> None:
    assert load(AzureWebJobsStorage=None, AzureWebJobsStorage__accountName="acct").storage_account == "acct"
    both = {
        "AzureWebJobsStorage__tableServiceUri": "https://t.example",
        "AzureWebJobsStorage__queueServiceUri": "https://q.example",
    }
    settings = load(AzureWebJobsStorage=None, **both)
    assert (settings.table_uri, settings.queue_uri) == ("https://t.example", "https://q.example")


def test_without_any_registration_dynamics_uses_the_managed_identity() -> None:
    none = {"DYNAMICS_TENANT_ID": None, "DYNAMICS_CLIENT_ID": None, "DYNAMICS_CLIENT_SECRET": None}
    assert load(**none).dynamics_client_id is None


RECEIVER = "https://fn.example/api/WebhookReceiver?code=CANARY-key"


def test_the_watchdog_may_be_told_to_keep_the_registration() -> None:
    settings = load(WEBHOOK_REGISTRATION="keep", WEBHOOK_PUBLIC_URL=RECEIVER, WEBHOOK_HEARTBEAT_HOURS="0")
    watchdog = App(settings, ManualClock(), ScriptedTransport()).watchdog
    assert (watchdog.on_loss, watchdog.public_url, watchdog.silence) == (OnLoss.KEEP, RECEIVER, None)


def test_a_dry_run_registers_nothing() -> None:
    settings = load(WEBHOOK_REGISTRATION="keep", WEBHOOK_PUBLIC_URL=RECEIVER, DRY_RUN="true")
    assert App(settings, ManualClock(), ScriptedTransport()).watchdog.on_loss is OnLoss.ALERT


# --- mistakes --------------------------------------------------------------------------------------------------------


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"CRM": "sugar", "DYNAMICS_URL": "org", "DRY_RUN": "perhaps", "TOKEN_ENCRYPTION_KEY": "short"})
    message = str(caught.value)
    for name in (
        "AzureWebJobsStorage",
        "CRM",
        "DYNAMICS_URL",
        "DRY_RUN",
        "TOKEN_ENCRYPTION_KEY",
        "PARTNER_CENTER_TENANT_ID",
        "PARTNER_CENTER_CLIENT_ID",
        "PARTNER_CENTER_CLIENT_SECRET",
        "CRM_POLL_SCHEDULE",
        "RECONCILE_SCHEDULE",
        "SYNC_QUEUE",
    ):
        assert f"\n- {name}: " in message, name
    assert message.startswith("11 app settings to correct")


@pytest.mark.parametrize(
    "wrong",
    [
        {"WEBHOOK_REGISTRATION": "fight"},
        {"WEBHOOK_HEARTBEAT_HOURS": "-1"},
        {"WEBHOOK_HEARTBEAT_HOURS": "soon"},
        *({"CLOSE_DELAY_MINUTES": text} for text in ("-1", "1440.1", "1e2", "nan", "inf", ".5", "0,5", "٣")),
    ],
)
def test_the_watchdogs_settings_are_named(wrong: dict[str, str | None]) -> None:
    assert named(**wrong) == set(wrong)


@pytest.mark.parametrize(
    "url", [None, "https://fn.example/api/WebhookReceiver", "https://fn.example/other?code=CANARY"]
)
def test_keeping_a_registration_takes_the_receivers_whole_url(url: str | None) -> None:
    (problem,) = problems(WEBHOOK_REGISTRATION="keep", WEBHOOK_PUBLIC_URL=url)
    assert problem.startswith("- WEBHOOK_PUBLIC_URL: ")
    assert "CANARY" not in problem


def test_an_unknown_crm_hides_no_other_mistake() -> None:
    assert named(CRM="dynamics365,sugar", DYNAMICS_URL=None) == {"CRM", "DYNAMICS_URL"}


def test_no_refresh_token_is_no_mistake_since_a_person_may_sign_in_later() -> None:
    assert load(PARTNER_CENTER_REFRESH_TOKEN=None).partner_center_refresh_token is None


def test_nothing_set_names_everything_that_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    # What is handed in is what counts, even when it is empty.
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match="PARTNER_CENTER_TENANT_ID"):
        load_settings({})


def test_the_environment_is_read_when_nothing_is_handed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    assert load_settings().partner_center_tenant_id == TENANT


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PARTNER_CENTER_TENANT_ID", None),
        ("PARTNER_CENTER_CLIENT_ID", None),
        ("PARTNER_CENTER_CLIENT_SECRET", None),
        ("TOKEN_ENCRYPTION_KEY", None),
        ("TOKEN_ENCRYPTION_KEY", "c2hvcnQ="),
        ("TOKEN_ENCRYPTION_KEY", "ü" * 44),
        ("CRM", None),
        ("CRM", "Dynamics"),
        ("CRM", "dynamics365,sugar"),
        ("CRM", ","),
        ("DYNAMICS_URL", None),
        ("DYNAMICS_TENANT_ID", None),
        ("DYNAMICS_CLIENT_ID", None),
        ("DYNAMICS_CLIENT_SECRET", None),
        ("AzureWebJobsStorage", None),
        ("CRM_AUDIT", "sometimes"),
        ("DRY_RUN", "perhaps"),
    ],
)
def test_a_mistake_is_told_by_name_and_alone(name: str, value: str | None) -> None:
    assert named(**{name: value}) == {name}


@pytest.mark.parametrize(
    "url",
    [
        "http://org.crm.dynamics.com",
        "http://127.evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "ftp://127.0.0.1",
        "org.crm.dynamics.com",
        "https://",
        "https:///path",
        "https://[::1",
        "https://h.example:port",
        "file:///etc/passwd",
    ],
)
def test_a_url_that_is_no_https_is_refused(url: str) -> None:
    assert named(DYNAMICS_URL=url) == {"DYNAMICS_URL"}


def test_two_missing_parts_of_a_registration_are_both_named() -> None:
    assert named(DYNAMICS_TENANT_ID=None, DYNAMICS_CLIENT_SECRET=None) == {
        "DYNAMICS_TENANT_ID",
        "DYNAMICS_CLIENT_SECRET",
    }


def test_a_table_service_without_its_queue_service_is_named() -> None:
    given = {"AzureWebJobsStorage": None, "AzureWebJobsStorage__tableServiceUri": "https://t.example"}
    assert named(**given) == {"AzureWebJobsStorage__queueServiceUri"}
