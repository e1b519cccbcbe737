"""App settings: environment variables into one frozen object, with every mistake reported at once, by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from shared.choices import CrmAudit, OnLoss
from shared.errors import SettingsError
from shared.mapping.codes import is_currency
from shared.urls import is_loopback, receiver_url_problems

CrmName = Literal["dynamics365", "salesforce"]

SLOW_AT, STOP_AT = 70.0, 90.0
"""Percent of a Salesforce org's daily calls at which the app slows down, and stops, when nothing else is set."""


def _https(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("must be a URL") from None
    if not host or (parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host))):
        raise ValueError("must be an https URL")
    return value.rstrip("/")


def _words(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _fernet_key(value: str) -> str:
    try:
        Fernet(value)
    except ValueError:
        raise ValueError("must be 32 bytes in url-safe base64 (a Fernet key)") from None
    return value


def _org_currency(value: str) -> str:
    if not is_currency(value):
        raise ValueError("must be an ISO 4217 code, such as EUR")
    return value


Url = Annotated[str, AfterValidator(_https)]
Percent = Annotated[float, Field(gt=0, le=100)]
Text = Annotated[str, Field(min_length=1)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]


class Settings(BaseModel):
    """Everything that is configured, validated. Names of the settings are in the aliases."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    storage: Text | None = Field(None, alias="AzureWebJobsStorage", repr=False)
    storage_account: Text | None = Field(None, alias="AzureWebJobsStorage__accountName")
    table_uri: Url | None = Field(None, alias="AzureWebJobsStorage__tableServiceUri")
    queue_uri: Url | None = Field(None, alias="AzureWebJobsStorage__queueServiceUri")
    storage_client_id: Text | None = Field(None, alias="AzureWebJobsStorage__clientId")

    crms: Annotated[tuple[CrmName, ...], BeforeValidator(_words), Field(min_length=1)] = Field(alias="CRM")
    mapping_dir: Path | None = Field(None, alias="MAPPING_DIR")
    queue: Text = Field("deals", alias="SYNC_QUEUE")
    crm_audit: CrmAudit = Field(CrmAudit.EVERY_CHANGE, alias="CRM_AUDIT")
    dry_run: bool = Field(default=False, alias="DRY_RUN")
    alert_webhook_url: Url | None = Field(None, alias="ALERT_WEBHOOK_URL", repr=False)

    partner_center_tenant_id: Text = Field(alias="PARTNER_CENTER_TENANT_ID")
    partner_center_client_id: Text = Field(alias="PARTNER_CENTER_CLIENT_ID")
    partner_center_client_secret: Text | None = Field(None, alias="PARTNER_CENTER_CLIENT_SECRET", repr=False)
    partner_center_client_certificate: Text | None = Field(None, alias="PARTNER_CENTER_CLIENT_CERTIFICATE", repr=False)
    partner_center_refresh_token: Text = Field(alias="PARTNER_CENTER_REFRESH_TOKEN", repr=False)
    partner_center_api_url: Url = Field(
        "https://api.partner.microsoft.com/v1.0/engagements", alias="PARTNER_CENTER_API_URL"
    )
    partner_center_webhooks_url: Url = Field(
        "https://api.partnercenter.microsoft.com/webhooks/v1", alias="PARTNER_CENTER_WEBHOOKS_URL"
    )
    partner_center_api_scope: Text = Field(
        "https://api.partner.microsoft.com/.default", alias="PARTNER_CENTER_API_SCOPE"
    )
    partner_center_webhooks_scope: Text = Field(
        "https://api.partnercenter.microsoft.com/.default", alias="PARTNER_CENTER_WEBHOOKS_SCOPE"
    )
    token_encryption_key: Annotated[str, AfterValidator(_fernet_key)] | None = Field(
        None, alias="TOKEN_ENCRYPTION_KEY", repr=False
    )
    key_vault_url: Url | None = Field(None, alias="KEY_VAULT_URL")
    entra_authority: Url = Field("https://login.microsoftonline.com", alias="ENTRA_AUTHORITY")

    webhook_certificate_hosts: Words = Field(
        ("3psostorageacct.blob.core.windows.net",), alias="WEBHOOK_CERTIFICATE_HOSTS"
    )
    webhook_trust_bundle: Text | None = Field(None, alias="WEBHOOK_TRUST_BUNDLE")
    webhook_certificate_subject: Text = Field(
        "pcnotifications-dispatch.microsoft.com", alias="WEBHOOK_CERTIFICATE_SUBJECT"
    )
    webhook_certificate_organization: Text = Field("Microsoft Corporation", alias="WEBHOOK_CERTIFICATE_ORGANIZATION")
    webhook_public_url: Url | None = Field(None, alias="WEBHOOK_PUBLIC_URL", repr=False)
    webhook_registration: OnLoss = Field(OnLoss.ALERT, alias="WEBHOOK_REGISTRATION")
    webhook_heartbeat_hours: Annotated[int, Field(ge=0, le=8760)] = Field(24, alias="WEBHOOK_HEARTBEAT_HOURS")

    dynamics_url: Url | None = Field(None, alias="DYNAMICS_URL")
    dynamics_tenant_id: Text | None = Field(None, alias="DYNAMICS_TENANT_ID")
    dynamics_client_id: Text | None = Field(None, alias="DYNAMICS_CLIENT_ID")
    dynamics_client_secret: Text | None = Field(None, alias="DYNAMICS_CLIENT_SECRET", repr=False)

    salesforce_url: Url | None = Field(None, alias="SALESFORCE_URL")
    salesforce_client_id: Text | None = Field(None, alias="SALESFORCE_CLIENT_ID")
    salesforce_client_secret: Text | None = Field(None, alias="SALESFORCE_CLIENT_SECRET", repr=False)
    salesforce_username: Text | None = Field(None, alias="SALESFORCE_USERNAME")
    salesforce_private_key: Text | None = Field(None, alias="SALESFORCE_PRIVATE_KEY", repr=False)
    salesforce_api_version: Annotated[str, Field(pattern=r"^[1-9][0-9]+\.0$")] = Field(
        "66.0", alias="SALESFORCE_API_VERSION"
    )
    salesforce_currency: Annotated[str, AfterValidator(_org_currency)] | None = Field(None, alias="SALESFORCE_CURRENCY")
    salesforce_api_slow_at: Percent = Field(SLOW_AT, alias="SALESFORCE_API_SLOW_AT")
    salesforce_api_stop_at: Percent = Field(STOP_AT, alias="SALESFORCE_API_STOP_AT")


_ADVICE = {
    "missing": "is not set",
    "literal_error": "must be dynamics365 or salesforce, or both with a comma between",
    "string_pattern_mismatch": "must be a version such as 66.0",
}


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment. Raises SettingsError naming every setting that is wrong.

    An empty value counts as not set: that is how an unfilled line of the portal arrives.
    """
    given = {
        name: value for name, value in (os.environ if environment is None else environment).items() if value.strip()
    }
    problems = _combinations(given)
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        problems = [_problem(each["loc"], each["type"], each["msg"]) for each in error.errors()] + problems
    if settings is None or problems:
        count = f"{len(problems)} app setting{'s' if len(problems) != 1 else ''} to correct"
        raise SettingsError("\n- ".join([f"{count}:", *problems]))
    return settings


def _problem(location: tuple[int | str, ...], kind: str, message: str) -> str:
    return f"{location[0]}: {_ADVICE.get(kind, message.removeprefix('Value error, '))}."


def _combinations(given: Mapping[str, str]) -> list[str]:
    """Return what is wrong between settings."""
    problems = []
    storage = ("AzureWebJobsStorage", "AzureWebJobsStorage__accountName", "AzureWebJobsStorage__tableServiceUri")
    if not any(name in given for name in storage):
        problems.append("AzureWebJobsStorage: is not set, nor AzureWebJobsStorage__accountName for an identity.")
    if "AzureWebJobsStorage__tableServiceUri" in given and "AzureWebJobsStorage__queueServiceUri" not in given:
        problems.append("AzureWebJobsStorage__queueServiceUri: is not set, but __tableServiceUri is.")
    if not {"PARTNER_CENTER_CLIENT_SECRET", "PARTNER_CENTER_CLIENT_CERTIFICATE"} & given.keys():
        problems.append("PARTNER_CENTER_CLIENT_SECRET: is not set, nor PARTNER_CENTER_CLIENT_CERTIFICATE.")
    if not {"TOKEN_ENCRYPTION_KEY", "KEY_VAULT_URL"} & given.keys():
        problems.append(
            "TOKEN_ENCRYPTION_KEY: is not set, nor KEY_VAULT_URL; rotated refresh tokens need a safe place."
        )
    crms = [part.strip() for part in given.get("CRM", "").split(",")]
    if "dynamics365" in crms:
        problems += _dynamics(given)
    if "salesforce" in crms:
        problems += _salesforce(given)
    return problems + _registration(given)


def _registration(given: Mapping[str, str]) -> list[str]:
    """Return what keeps the watchdog from registering by itself, where that is asked for."""
    if given.get("WEBHOOK_REGISTRATION") != "keep":
        return []
    if "WEBHOOK_PUBLIC_URL" not in given:
        return ["WEBHOOK_PUBLIC_URL: is not set, but WEBHOOK_REGISTRATION is keep."]
    return [f"WEBHOOK_PUBLIC_URL: {problem}" for problem in receiver_url_problems(given["WEBHOOK_PUBLIC_URL"])]


def _dynamics(given: Mapping[str, str]) -> list[str]:
    problems = [] if "DYNAMICS_URL" in given else ["DYNAMICS_URL: is not set, but CRM names dynamics365."]
    registration = ("DYNAMICS_TENANT_ID", "DYNAMICS_CLIENT_ID", "DYNAMICS_CLIENT_SECRET")
    present = [name for name in registration if name in given]
    if present and len(present) < len(registration):
        absent = [name for name in registration if name not in given]
        problems += [f"{name}: is not set; set all three, or none for the managed identity." for name in absent]
    return problems


def _salesforce(given: Mapping[str, str]) -> list[str]:
    problems = [
        f"{name}: is not set, but CRM names salesforce."
        for name in ("SALESFORCE_URL", "SALESFORCE_CLIENT_ID")
        if name not in given
    ]
    key = ("SALESFORCE_USERNAME", "SALESFORCE_PRIVATE_KEY")
    present = [name for name in key if name in given]
    if "SALESFORCE_CLIENT_SECRET" in given:
        problems += [f"{name}: is set beside SALESFORCE_CLIENT_SECRET; sign in one way only." for name in present]
    elif not present:
        problems.append("SALESFORCE_CLIENT_SECRET: is not set, nor SALESFORCE_USERNAME with SALESFORCE_PRIVATE_KEY.")
    elif len(present) < len(key):
        problems += [f"{name}: is not set, but {present[0]} is." for name in key if name not in given]
    if _percent(given, "SALESFORCE_API_SLOW_AT", SLOW_AT) >= _percent(given, "SALESFORCE_API_STOP_AT", STOP_AT):
        problems.append("SALESFORCE_API_SLOW_AT: must be below SALESFORCE_API_STOP_AT.")
    return problems


def _percent(given: Mapping[str, str], name: str, default: float) -> float:
    """Return a share; one that is no number is a mistake by itself, and compares with nothing."""
    try:
        return float(given.get(name, default))
    except ValueError:
        return float("nan")
