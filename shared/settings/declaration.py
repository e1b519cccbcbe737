"""Every app setting, declared once.

To add one: write one field of Settings, with its type and its Setting, below those of its group; then
`python3 cosell.py settings --write`, which renews README's table, local.settings.sample.json, the parameters and app
settings of infra/main.bicep and infra/main.parameters.json. A test fails until that is done. What must hold between
two settings goes to rules.py, a new kind of value to kinds.py. A setting comes with the feature that reads it.

The file may grow longer than others: it is one list, and every setting is looked for here.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, get_args, get_type_hints

from shared.choices import ChatFormat, CrmAudit, OnLoss
from shared.messages import ENGLISH, LANGUAGES
from shared.settings.kinds import (
    BOOLEAN,
    CRMS,
    CURRENCY,
    DAYS,
    FERNET_KEYS,
    HOSTS,
    LIST,
    PATH,
    PERCENT,
    QUEUE,
    SCHEDULE,
    TENANT,
    TEXT,
    URL,
    VERSION,
    choice,
    number,
    one_of,
    whole,
)
from shared.settings.model import Azure, Group, Setting

STORAGE, SYNC, PARTNER_CENTER, WEBHOOK, DYNAMICS365, SALESFORCE = Group

_GUID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, kw_only=True, repr=False)
class Settings:
    """Everything that is configured, validated. A setting that is optional and not set is None."""

    # A setting is a few lines, not twelve.
    # fmt: off

    # --- storage and identity --------------------------------------------------------------------------------------

    storage: Annotated[str | None, Setting(
        "AzureWebJobsStorage", TEXT, STORAGE,
        "The storage account's connection string. Leave it out where an identity is used",
        secret=True, sample="UseDevelopmentStorage=true", azure=Azure.LEFT_OUT, needed="or an identity",
    )]
    storage_account: Annotated[str | None, Setting(
        "AzureWebJobsStorage__accountName", TEXT, STORAGE,
        "Name of the storage account, reached by identity with *Storage Blob Data Owner*, *Storage Queue "
        "Data Contributor* and *Storage Table Data Contributor*; wins over a connection string",
        example="cosellstorage", azure=Azure.COMPUTED, needed="or a connection string",
    )]
    table_uri: Annotated[str | None, Setting(
        "AzureWebJobsStorage__tableServiceUri", URL, STORAGE,
        "The table service's address, in clouds and networks where the account's name alone does not lead "
        "to it; by identity, too",
        example="https://cosellstorage.table.core.windows.net", azure=Azure.LEFT_OUT,
    )]
    queue_uri: Annotated[str | None, Setting(
        "AzureWebJobsStorage__queueServiceUri", URL, STORAGE,
        "The queue service's address, beside the table service's",
        example="https://cosellstorage.queue.core.windows.net", azure=Azure.LEFT_OUT,
    )]
    storage_client_id: Annotated[str | None, Setting(
        "AzureWebJobsStorage__clientId", TEXT, STORAGE,
        "Client id of the user-assigned identity that the storage account is reached by",
        example=_GUID, azure=Azure.COMPUTED,
    )]
    identity_client_id: Annotated[str | None, Setting(
        "AZURE_CLIENT_ID", TEXT, STORAGE,
        "Client id of the user-assigned identity for Key Vault, Dynamics 365 and, unless "
        "`AzureWebJobsStorage__clientId` says otherwise, storage; without it the system-assigned identity "
        "is used",
        example=_GUID, azure=Azure.COMPUTED,
    )]
    key_vault_url: Annotated[str | None, Setting(
        "KEY_VAULT_URL", URL, STORAGE,
        "The vault that keeps the newest refresh token; needs the role *Key Vault Secrets Officer*",
        example="https://cosell.vault.azure.net", azure=Azure.COMPUTED,
    )]
    token_encryption_keys: Annotated[tuple[str, ...] | None, Setting(
        "TOKEN_ENCRYPTION_KEY", FERNET_KEYS, STORAGE,
        "Without a vault: encrypts the newest refresh token in Table Storage. 32 random bytes in url-safe "
        'base64: `python3 -c "import base64, os; '
        'print(base64.urlsafe_b64encode(os.urandom(32)).decode())"`. Several with a comma between: the '
        "first encrypts, all decrypt",
        secret=True, sample="", needed="without a vault",
    )]

    # --- what is synchronized, and when ------------------------------------------------------------------------------

    crms: Annotated[tuple[str, ...], Setting(
        "CRM", CRMS, SYNC,
        "`dynamics365`, `salesforce`, or both with a comma between",
        example="dynamics365", required=True, sample="dynamics365",
    )]
    poll_schedule: Annotated[str, Setting(
        "CRM_POLL_SCHEDULE", SCHEDULE, SYNC,
        "When the CRMs are asked for changes: second, minute, hour, day, month, weekday, in UTC; each no more often "
        "than `DYNAMICS_POLL_SECONDS` and `SALESFORCE_POLL_SECONDS` say",
        default="*/15 * * * * *", starts="CrmPoller", sample="*/15 * * * * *",
    )]
    reconcile_schedule: Annotated[str, Setting(
        "RECONCILE_SCHEDULE", SCHEDULE, SYNC,
        "When missed events and waiting deals are looked for",
        default="0 */10 * * * *", starts="Reconciler", sample="0 */10 * * * *",
    )]
    queue: Annotated[str, Setting(
        "SYNC_QUEUE", QUEUE, SYNC,
        "Name of the queue of deals",
        default="deals", starts="SyncWorker", sample="deals",
    )]
    slots: Annotated[int, Setting(
        "SYNC_SLOTS", whole(1, 100), SYNC,
        "How many processes may work on several deals at once (six each, host.json); every other one works on one",
        default="8",
    )]
    mapping_dir: Annotated[Path | None, Setting(
        "MAPPING_DIR", PATH, SYNC,
        "Folder with your own mapping file, whole or naming only what differs "
        "([docs/MAPPING.md](docs/MAPPING.md)); a relative one starts at the folder of host.json",
        example="mapping",
    )]
    close_delay_minutes: Annotated[float, Setting(
        "CLOSE_DELAY_MINUTES", number(0, 1440), SYNC,
        "Minutes that Won, Lost and Declined wait before they go to Partner Center, where they are final; moving "
        "the record back meanwhile cancels it. `0` sends at once, `0.5` after half a minute",
        default="5",
    )]
    mass_change_deals: Annotated[int, Setting(
        "MASS_CHANGE_DEALS", whole(0, 1_000_000), SYNC,
        "When more deals than this, and a larger share than `MASS_CHANGE_PERCENT`, are closed, cleared, switched off "
        "or deleted within an hour, the rest is held until an administrator releases it",
        default="25",
    )]
    mass_change_percent: Annotated[int, Setting(
        "MASS_CHANGE_PERCENT", whole(0, 100), SYNC,
        "The share of all linked deals that goes with `MASS_CHANGE_DEALS`",
        default="10",
    )]
    audit_retention_days: Annotated[int, Setting(
        "AUDIT_RETENTION_DAYS", whole(0, 3650), SYNC,
        "For how many days the ledger keeps the audit of deals and of refused requests; the record's Audit column is "
        "its own. 0 is for ever",
        default="730",
    )]
    deadline_days: Annotated[tuple[int, ...], Setting(
        "DEADLINE_DAYS", DAYS, SYNC,
        "How many days before an invitation expires, or a win can no longer be registered, people are reminded",
        default="7,3,1",
    )]
    registration_days: Annotated[int, Setting(
        "REGISTRATION_DAYS", whole(0, 365), SYNC,
        "How many days a won co-sell deal of enough value may wait for its registration; `0` for none",
        default="60",
    )]
    message_language: Annotated[str, Setting(
        "MESSAGE_LANGUAGE", one_of(LANGUAGES), SYNC,
        "The language of what sellers read on the record, and of alerts: `en` or `ko`",
        default=ENGLISH,
    )]
    crm_audit: Annotated[CrmAudit, Setting(
        "CRM_AUDIT", choice(CrmAudit), SYNC,
        "When the record's Audit and status are written: `every_change`, `creates_and_failures` or `off`",
        default="every_change",
    )]
    dry_run: Annotated[bool, Setting(
        "DRY_RUN", BOOLEAN, SYNC,
        "`true` observes, plans and records, and writes nothing to either side",
        default="false", in_azure="true",
    )]
    alert_webhook_url: Annotated[str | None, Setting(
        "ALERT_WEBHOOK_URL", URL, SYNC,
        "Teams Workflows or Slack incoming webhook for alerts, new invitations, reminders and the daily digest",
        example="https://chat.example/hook", secret=True,
    )]

    alert_format: Annotated[ChatFormat, Setting(
        "ALERT_FORMAT", choice(ChatFormat), SYNC,
        "What that chat understands: `teams`, `slack`, or `auto`, by the address: Slack's own, else Teams",
        default="auto",
    )]
    alert_details: Annotated[bool, Setting(
        "ALERT_DETAILS", BOOLEAN, SYNC,
        "`true` names the deal, its customer and its value in the chat; else a message has ids, days and links alone",
        default="false",
    )]
    digest_hour: Annotated[int, Setting(
        "DIGEST_HOUR", whole(0, 24), SYNC,
        "The hour (UTC) from which on the daily digest of what needs a person is sent to the chat; `24` for none",
        default="7",
    )]

    # --- Partner Center ----------------------------------------------------------------------------------------------

    partner_center_tenant_id: Annotated[str, Setting(
        "PARTNER_CENTER_TENANT_ID", TENANT, PARTNER_CENTER,
        "The partner tenant of the app registration of step 1",
        example=_GUID, required=True, sample="",
    )]
    partner_center_client_id: Annotated[str, Setting(
        "PARTNER_CENTER_CLIENT_ID", TEXT, PARTNER_CENTER,
        "The app registration's application (client) id",
        example=_GUID, required=True, sample="",
    )]
    partner_center_client_secret: Annotated[str | None, Setting(
        "PARTNER_CENTER_CLIENT_SECRET", TEXT, PARTNER_CENTER,
        "The app registration's client secret",
        secret=True, sample="", needed="or a certificate",
    )]
    partner_center_client_certificate: Annotated[str | None, Setting(
        "PARTNER_CENTER_CLIENT_CERTIFICATE", TEXT, PARTNER_CENTER,
        "Instead of the secret: private key and certificate, as PEM text or a path to it",
        secret=True,
    )]
    partner_center_organization_id: Annotated[str | None, Setting(
        "PARTNER_CENTER_ORGANIZATION_ID", TEXT, PARTNER_CENTER,
        "Our organization's id on referrals; without it the app learns it from our own ones, and `doctor` shows it",
        example=_GUID,
    )]
    partner_center_refresh_token: Annotated[str | None, Setting(
        "PARTNER_CENTER_REFRESH_TOKEN", TEXT, PARTNER_CENTER,
        "The refresh token of step 4; later ones are kept by the app. Not needed where `cosell.py sign-in` has put it "
        "into the key vault",
        secret=True, sample="", needed="without a vault",
    )]
    partner_center_signed_in: Annotated[str | None, Setting(
        "PARTNER_CENTER_SIGNED_IN", TEXT, PARTNER_CENTER,
        "Who signed in for the refresh token and when, for `doctor`; `cosell.py sign-in` writes it",
        secret=True, azure=Azure.LEFT_OUT,
    )]
    partner_center_api_url: Annotated[str, Setting(
        "PARTNER_CENTER_API_URL", URL, PARTNER_CENTER,
        "The referrals API",
        default="https://api.partner.microsoft.com/v1.0/engagements",
    )]
    partner_center_webhooks_url: Annotated[str, Setting(
        "PARTNER_CENTER_WEBHOOKS_URL", URL, PARTNER_CENTER,
        "The webhooks API",
        default="https://api.partnercenter.microsoft.com/webhooks/v1",
    )]
    partner_center_api_scope: Annotated[str, Setting(
        "PARTNER_CENTER_API_SCOPE", TEXT, PARTNER_CENTER,
        "What a token for the referrals API is asked for",
        default="https://api.partner.microsoft.com/.default",
    )]
    partner_center_webhooks_scope: Annotated[str, Setting(
        "PARTNER_CENTER_WEBHOOKS_SCOPE", TEXT, PARTNER_CENTER,
        "What a token for the webhooks API is asked for",
        default="https://api.partnercenter.microsoft.com/.default",
    )]
    entra_authority: Annotated[str, Setting(
        "ENTRA_AUTHORITY", URL, PARTNER_CENTER,
        "Entra ID; any other host switches instance discovery off",
        default="https://login.microsoftonline.com",
    )]

    # --- the webhook -------------------------------------------------------------------------------------------------

    webhook_certificate_hosts: Annotated[tuple[str, ...], Setting(
        "WEBHOOK_CERTIFICATE_HOSTS", HOSTS, WEBHOOK,
        "Hosts (`host` or `host:port`, comma between) that may serve the signing certificate",
        default="3psostorageacct.blob.core.windows.net",
    )]
    webhook_trust_bundle: Annotated[str | None, Setting(
        "WEBHOOK_TRUST_BUNDLE", TEXT, WEBHOOK,
        "PEM (text or path) in place of the roots that the app ships, with intermediates where none may be fetched; "
        "see below",
        example="trust/bundle.pem",
    )]
    webhook_certificate_subject: Annotated[str, Setting(
        "WEBHOOK_CERTIFICATE_SUBJECT", TEXT, WEBHOOK,
        "The name that the signing certificate bears",
        default="pcnotifications-dispatch.microsoft.com",
    )]
    webhook_certificate_organization: Annotated[str, Setting(
        "WEBHOOK_CERTIFICATE_ORGANIZATION", TEXT, WEBHOOK,
        "The organization that issues the signing certificate",
        default="Microsoft Corporation",
    )]
    webhook_certificate_issuers: Annotated[tuple[str, ...], Setting(
        "WEBHOOK_CERTIFICATE_ISSUERS", LIST, WEBHOOK,
        "The organizations (comma between) that may have issued the signing certificate",
        default="Microsoft Corporation, DigiCert Inc",
    )]
    webhook_issuer_hosts: Annotated[tuple[str, ...], Setting(
        "WEBHOOK_ISSUER_HOSTS", HOSTS, WEBHOOK,
        "Hosts (comma between) from which the issuers of the signing certificate may be fetched, on port 80; an empty "
        "value for none; see below",
        default="www.microsoft.com, caissuers.microsoft.com, cacerts.digicert.com, cacerts.geotrust.com",
        none_when_empty=True,
    )]
    webhook_public_url: Annotated[str | None, Setting(
        "WEBHOOK_PUBLIC_URL", URL, WEBHOOK,
        "The receiver's URL with its key, so that `doctor` and the watchdog can tell whether events go "
        "there; else the watchdog expects what was registered last",
        example="https://app.azurewebsites.net/api/WebhookReceiver?code=key", secret=True,
    )]
    webhook_registration: Annotated[OnLoss, Setting(
        "WEBHOOK_REGISTRATION", choice(OnLoss), WEBHOOK,
        "When another system takes the registration: `alert`, or `keep`, which registers again, at most "
        "every six hours, and needs `WEBHOOK_PUBLIC_URL`",
        default="alert",
    )]
    webhook_heartbeat_hours: Annotated[int, Setting(
        "WEBHOOK_HEARTBEAT_HOURS", whole(0, 8760), WEBHOOK,
        "Hours after which it alerts when referrals change and no event has come; `0` for never",
        default="24",
    )]

    # --- Dynamics 365 ------------------------------------------------------------------------------------------------

    dynamics_url: Annotated[str | None, Setting(
        "DYNAMICS_URL", URL, DYNAMICS365,
        "The environment's address",
        example="https://contoso.crm.dynamics.com", sample="https://<org>.crm.dynamics.com", needed="with Dynamics 365",
    )]
    dynamics_poll_seconds: Annotated[int, Setting(
        "DYNAMICS_POLL_SECONDS", whole(1, 3600), DYNAMICS365,
        "The least seconds between two looks for changes, however often `CRM_POLL_SCHEDULE` wakes the app",
        default="15",
    )]
    dynamics_tenant_id: Annotated[str | None, Setting(
        "DYNAMICS_TENANT_ID", TENANT, DYNAMICS365,
        "The app registration of step 5a: all three, or none for the managed identity",
        example=_GUID, sample="",
    )]
    dynamics_client_id: Annotated[str | None, Setting(
        "DYNAMICS_CLIENT_ID", TEXT, DYNAMICS365,
        "Its application (client) id",
        example=_GUID, sample="",
    )]
    dynamics_client_secret: Annotated[str | None, Setting(
        "DYNAMICS_CLIENT_SECRET", TEXT, DYNAMICS365,
        "Its client secret",
        secret=True, sample="",
    )]

    # --- Salesforce --------------------------------------------------------------------------------------------------

    salesforce_url: Annotated[str | None, Setting(
        "SALESFORCE_URL", URL, SALESFORCE,
        "The org's My Domain address (step 5b)",
        example="https://contoso.my.salesforce.com", sample="https://<org>.my.salesforce.com", needed="with Salesforce",
    )]
    salesforce_poll_seconds: Annotated[int, Setting(
        "SALESFORCE_POLL_SECONDS", whole(1, 3600), SALESFORCE,
        "The least seconds between two looks for changes; each is one call of the org's daily allowance",
        default="60",
    )]
    salesforce_client_id: Annotated[str | None, Setting(
        "SALESFORCE_CLIENT_ID", TEXT, SALESFORCE,
        "Consumer key of the app of step 5b",
        example="3MVG9...", sample="", needed="with Salesforce",
    )]
    salesforce_client_secret: Annotated[str | None, Setting(
        "SALESFORCE_CLIENT_SECRET", TEXT, SALESFORCE,
        "Consumer secret of the app (client credentials)",
        secret=True, sample="", needed="or a key",
    )]
    salesforce_username: Annotated[str | None, Setting(
        "SALESFORCE_USERNAME", TEXT, SALESFORCE,
        "Instead of the secret (JWT bearer): the user that the app acts as",
        example="cosell@contoso.com", sample="",
    )]
    salesforce_private_key: Annotated[str | None, Setting(
        "SALESFORCE_PRIVATE_KEY", TEXT, SALESFORCE,
        "Beside `SALESFORCE_USERNAME`: the private key, as PEM text or a path to it",
        secret=True, sample="",
    )]
    salesforce_api_version: Annotated[str, Setting(
        "SALESFORCE_API_VERSION", VERSION, SALESFORCE,
        "Version of Salesforce's API",
        default="66.0",
    )]
    salesforce_currency: Annotated[str | None, Setting(
        "SALESFORCE_CURRENCY", CURRENCY, SALESFORCE,
        "The ISO code of an org without multiple currencies, when it does not tell it",
        example="EUR", sample="",
    )]
    salesforce_api_slow_at: Annotated[float, Setting(
        "SALESFORCE_API_SLOW_AT", PERCENT, SALESFORCE,
        "Percent of the org's daily API calls at which the app slows down",
        default="70",
    )]
    salesforce_api_stop_at: Annotated[float, Setting(
        "SALESFORCE_API_STOP_AT", PERCENT, SALESFORCE,
        "Percent at which it stops with an alert, so that other integrations can go on",
        default="90",
    )]

    # fmt: on

    @property
    def storage_by_identity(self) -> bool:
        """Whether storage is reached by identity. Some tools add a connection string beside the account's name."""
        return bool(self.storage_account or self.table_uri)

    def __repr__(self) -> str:
        """The settings without their secrets."""
        shown = (f"{each}={getattr(self, each)!r}" for each, said in declared().items() if not said.secret)
        return f"Settings({', '.join(shown)})"


@functools.cache
def declared() -> dict[str, Setting]:
    """Return what is declared, by field of Settings, in the order of this file."""
    hints = get_type_hints(Settings, include_extras=True)
    return {
        each.name: next(a for a in get_args(hints[each.name]) if isinstance(a, Setting)) for each in fields(Settings)
    }
