"""The only place where settings become adapters. Made once per process, at the first invocation."""

from __future__ import annotations

import functools
import logging
import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared import telemetry
from shared.alerts import Alerts, Notifier
from shared.choices import OnLoss
from shared.clock import Clock, SystemClock
from shared.crm.dynamics365.connect import Dynamics365Connection
from shared.crm.port import Connection
from shared.crm.salesforce.connect import SalesforceConnection
from shared.errors import SettingsError
from shared.http import RequestsTransport, Service, Transport
from shared.identity import Identity
from shared.ledger.port import Ledger
from shared.partner_center.port import PartnerCenter
from shared.partner_center.webhooks import Webhooks
from shared.pem import text_or_file
from shared.settings import Settings, load_settings
from shared.webhook.watchdog import Watchdog

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.storage.queue import QueueClient

    from shared.crm.port import Records
    from shared.partner_center.organization import Organization
    from shared.partner_center.signature import SignatureCheck
    from shared.partner_center.token_store import TokenStore
    from shared.partner_center.tokens import PartnerCenterTokens
    from shared.partner_center.trust import Trust
    from shared.queue.storage_queue import StorageDealQueue
    from shared.sync.gate import Gate
    from shared.sync.task import Choices, Task
    from shared.sync.worker import Tasks, Worker
    from shared.webhook.heartbeat import Heartbeat
    from shared.webhook.receiver import Receiver
    from shared.webhook.registration_answers import RegistrationAnswers


CONNECTORS: Mapping[str, Callable[[Settings, Transport, Clock, Identity], Connection]] = {
    "dynamics365": Dynamics365Connection,
    "salesforce": SalesforceConnection,
}
"""The CRMs that there are. Another one is an entry here, and a folder of its own."""


class App:
    """The adapters that the settings ask for, each made when first needed."""

    def __init__(self, settings: Settings, clock: Clock | None = None, transport: Transport | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.transport = transport or RequestsTransport()
        self.random = random.Random()  # noqa: S311 - jitter, not a secret
        self._connections: dict[str, Connection] = {}

    # --- storage ---------------------------------------------------------------------------------------------------

    @functools.cached_property
    def ledger(self) -> Ledger:
        """The ledger in Table Storage."""
        from azure.data.tables import TableClient

        from shared.ledger.table_ledger import TABLE, TableLedger

        settings = self.settings
        if settings.storage_by_identity:
            uri = settings.table_uri or f"https://{settings.storage_account}.table.core.windows.net"
            return TableLedger(TableClient(uri, TABLE, credential=self._storage_identity, **_storage_options()))
        return TableLedger(TableClient.from_connection_string(str(settings.storage), TABLE, **_storage_options()))

    @functools.cached_property
    def queue(self) -> StorageDealQueue:
        """The deal queue, written as the Functions host reads it, and the poison queue that the host makes."""
        from shared.queue.storage_queue import StorageDealQueue

        name = self.settings.queue
        return StorageDealQueue(self.queue_client(name), self.queue_client(f"{name}-poison"))

    def queue_client(self, name: str) -> QueueClient:
        """Return the client of a queue in the app's storage."""
        from azure.storage.queue import QueueClient, TextBase64EncodePolicy

        settings = self.settings
        options = {**_storage_options(), "message_encode_policy": TextBase64EncodePolicy()}
        if settings.storage_by_identity:
            uri = settings.queue_uri or f"https://{settings.storage_account}.queue.core.windows.net"
            return QueueClient(uri, name, credential=self._storage_identity, **options)
        return QueueClient.from_connection_string(str(settings.storage), name, **options)

    @functools.cached_property
    def _storage_identity(self) -> TokenCredential:
        return self.azure_identity(self.settings.storage_client_id).credential()

    def azure_identity(self, client_id: str | None = None) -> Identity:
        """Return as whom Azure is asked: the app's managed identity, the one with `client_id` where that is given."""
        from shared.identity import ManagedIdentity

        return ManagedIdentity(client_id or self.settings.identity_client_id)

    # --- Partner Center --------------------------------------------------------------------------------------------

    @functools.cached_property
    def _tokens(self) -> PartnerCenterTokens:
        from shared.partner_center.entra import redeemer
        from shared.partner_center.tokens import PartnerCenterTokens

        settings = self.settings
        redeem = redeemer(
            settings.entra_authority,
            settings.partner_center_tenant_id,
            settings.partner_center_client_id,
            self.client_credential(),
        )
        return PartnerCenterTokens(redeem, self.token_store, self.clock)

    def client_credential(self) -> object:
        """Return the app registration's secret, or its certificate as msal takes it. Raises SettingsError."""
        settings = self.settings
        return settings.partner_center_client_secret or _certificate(settings.partner_center_client_certificate)

    def partner_center_token(self, scope: str, *, fresh: bool = False) -> str:
        """Return an access token for one of Partner Center's APIs, a new one when `fresh`."""
        return self._tokens.get(scope, fresh=fresh)

    @functools.cached_property
    def token_store(self) -> TokenStore:
        """Where the newest refresh token is kept."""
        from shared.partner_center.key_vault import KeyVaultTokenStore
        from shared.partner_center.token_store import First, LedgerTokenStore, SignedIn

        settings, clock = self.settings, self.clock
        first = First(settings.partner_center_refresh_token or "", SignedIn.read(settings.partner_center_signed_in))
        if not settings.key_vault_url:
            return LedgerTokenStore(self.ledger.drawers, settings.token_encryption_keys or (), first, clock)
        return KeyVaultTokenStore(self.key_vault_service, settings.key_vault_url, first, clock)

    @functools.cached_property
    def key_vault_service(self) -> Service:
        """Key Vault under the app's identity."""
        from shared.identity import AzureTokens
        from shared.partner_center import key_vault

        tokens = AzureTokens(key_vault.SCOPE, self.azure_identity())
        return Service("Key Vault", self.transport, self.clock, tokens, key_vault.classifier(self.clock))

    @functools.cached_property
    def partner_center(self) -> PartnerCenter:
        """The referrals client."""
        from shared.partner_center import referrals

        scope = self.settings.partner_center_api_scope
        service = Service(
            "Partner Center",
            self.transport,
            self.clock,
            lambda fresh: self.partner_center_token(scope, fresh=fresh),
            referrals.classifier(self.clock),
            identity_headers=referrals.headers_for_partner_center,
        )
        return referrals.ReferralsClient(service, self.settings.partner_center_api_url, self.clock)

    @functools.cached_property
    def webhooks(self) -> Webhooks:
        """The webhooks client."""
        from shared.partner_center import referrals, webhooks

        scope = self.settings.partner_center_webhooks_scope
        service = Service(
            "Partner Center webhooks",
            self.transport,
            self.clock,
            lambda fresh: self.partner_center_token(scope, fresh=fresh),
            webhooks.classifier(self.clock),
            identity_headers=referrals.headers_for_partner_center,
        )
        return webhooks.WebhooksClient(service, self.settings.partner_center_webhooks_url)

    @functools.cached_property
    def trust(self) -> Trust:
        """Whose events are believed."""
        from shared.partner_center.trust import Trust, load_bundle

        settings = self.settings
        try:
            bundle = load_bundle(_trust_bundle(settings.webhook_trust_bundle))
        except ValueError as error:
            raise SettingsError("WEBHOOK_TRUST_BUNDLE: holds a certificate that is not PEM.") from error
        return Trust(
            hosts=frozenset(host.casefold() for host in settings.webhook_certificate_hosts),
            bundle=bundle,
            subject=settings.webhook_certificate_subject,
            organization=settings.webhook_certificate_organization,
            issuers=settings.webhook_certificate_issuers,
        )

    @functools.cached_property
    def signature_check(self) -> SignatureCheck:
        """What authenticates events."""
        from shared.partner_center.certificates import NetworkFetcher
        from shared.partner_center.issuers import Issuers
        from shared.partner_center.signature import SignatureCheck

        fetcher, hosts = NetworkFetcher(), self.settings.webhook_issuer_hosts
        issuers = Issuers(hosts, fetcher, lambda: self.ledger.drawers) if hosts else None
        return SignatureCheck(self.trust, fetcher, self.clock, issuers)

    @functools.cached_property
    def receiver(self) -> Receiver:
        """What takes events in."""
        from shared.webhook.events import Intake
        from shared.webhook.receiver import Receiver
        from shared.webhook.security_audit import SecurityAudit

        audit = SecurityAudit(lambda: self.ledger, self.clock)
        return Receiver(self.signature_check, Intake(self.queue, self.clock), audit, self.heartbeat)

    # --- CRMs ------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def tasks(self) -> Tasks:
        """What handling deals takes, by CRM."""
        return _CrmTasks(self.settings.crms, self._task_of)

    @functools.cached_property
    def organization(self) -> Organization:
        """Which organization's referrals are ours."""
        from shared.partner_center.organization import Organization

        configured = self.settings.partner_center_organization_id
        return Organization(self.partner_center, self.ledger.drawers, configured)

    def _task_of(self, name: str) -> Task:
        from shared.ledger.turns import LedgerTurns
        from shared.mapping.loading import load_mapping
        from shared.sync.task import Task

        field_map = load_mapping(name, self.settings.mapping_dir)
        crm = self.connection(name).records(field_map, LedgerTurns(self.ledger.drawers, self.clock))
        return Task(
            crm,
            self.partner_center,
            self.organization,
            self.ledger.of(name),
            self.ledger.drawers,
            self.queue,
            field_map,
            self.clock,
            self.random,
            self._choices(crm),
            tuple(other for other in self.settings.crms if other != name),
        )

    def _choices(self, crm: Records) -> Choices:
        from shared.decide.deal import Policy
        from shared.messages import Messages
        from shared.sync.task import Choices

        settings = self.settings
        return Choices(
            settings.crm_audit,
            settings.dry_run,
            Policy(timedelta(minutes=settings.close_delay_minutes), crm.closed_rows_are_read_only),
            Messages(settings.message_language),
            settings.mass_change_deals,
            settings.mass_change_percent,
        )

    def connection(self, name: str) -> Connection:
        """Return the CRM of this name under the app's identity: one for the whole process."""
        if name not in self._connections:
            self._connections[name] = CONNECTORS[name](self.settings, self.transport, self.clock, self.azure_identity())
        return self._connections[name]

    # --- use cases -------------------------------------------------------------------------------------------------

    @functools.cached_property
    def alerts(self) -> Alerts:
        """Alerts to the configured chat, and to the log."""
        from shared.messages import Messages

        url = self.settings.alert_webhook_url
        chat = _chat(self.transport, url) if url else None
        return Alerts(self.ledger.drawers, chat, Messages(self.settings.message_language), self.clock)

    @functools.cached_property
    def heartbeat(self) -> Heartbeat:
        """What notes that events come."""
        from shared.webhook.heartbeat import Heartbeat

        hours = self.settings.webhook_heartbeat_hours
        return Heartbeat(lambda: self.ledger.drawers, self.clock, timedelta(hours=hours))

    @functools.cached_property
    def watchdog(self) -> Watchdog:
        """What looks after the webhook; a dry run registers nothing."""
        from shared.messages import Messages

        settings = self.settings
        return Watchdog(
            self.webhooks,
            self.ledger.drawers,
            self.alerts,
            self.clock,
            settings.webhook_public_url,
            OnLoss.ALERT if settings.dry_run else settings.webhook_registration,
            timedelta(hours=settings.webhook_heartbeat_hours) or None,
            Messages(settings.message_language),
        )

    @functools.cached_property
    def registration_answers(self) -> RegistrationAnswers:
        """What answers a person who registers the webhook."""
        from shared.webhook.registration_answers import RegistrationAnswers

        return RegistrationAnswers(self.webhooks, self.ledger.drawers, self.clock, self.settings.webhook_public_url)

    @functools.cached_property
    def worker(self) -> Worker:
        """The handler of queue messages."""
        from shared.sync.worker import Worker

        return Worker(self.tasks, self.alerts, self.queue)

    @functools.cached_property
    def gate(self) -> Gate:
        """What lets queue messages through to the handler, so many at once."""
        from shared.ledger.slots import Slots
        from shared.sync.gate import Gate

        slots = Slots(self.ledger.drawers, self.clock, self.settings.slots, self.random)
        return Gate(self.worker.run, slots, self.queue, self.random)


class _CrmTasks:
    """Makes each CRM's task when it is asked for, so that a mistake in one CRM's mapping stops only it."""

    def __init__(self, names: tuple[str, ...], make: Callable[[str], Task]) -> None:
        self.names = names
        self._make = functools.lru_cache(maxsize=None)(make)

    def of(self, crm: str) -> Task:
        """Return a configured CRM's task. Raises FatalError when its mapping or settings cannot be used."""
        return self._make(crm)


def _storage_options() -> dict[str, Any]:
    """Return the SDK's timeouts; its own defaults of five minutes outlast a function."""
    return {"connection_timeout": 5, "read_timeout": 20, "retry_total": 3}


def _chat(transport: Transport, url: str) -> Notifier:
    from shared.chat import ChatWebhook

    return ChatWebhook(transport, url)


def _certificate(pem: str | None) -> dict[str, str]:
    """Return msal's form of a certificate given as PEM (private key and certificate) or as a path to one."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA1

    text = text_or_file("PARTNER_CENTER_CLIENT_CERTIFICATE", pem or "")
    try:
        thumbprint = x509.load_pem_x509_certificate(text.encode()).fingerprint(SHA1()).hex()  # noqa: S303 - Entra's id
    except ValueError:
        thumbprint = ""
    if not thumbprint:
        raise SettingsError("PARTNER_CENTER_CLIENT_CERTIFICATE: holds no PEM certificate.")
    return {"private_key": text, "thumbprint": thumbprint, "public_certificate": text}


def _trust_bundle(setting: str | None) -> bytes:
    if setting is None:
        return (Path(__file__).parent / "partner_center" / "trust_bundle.pem").read_bytes()
    return text_or_file("WEBHOOK_TRUST_BUNDLE", setting).encode()


@functools.lru_cache(maxsize=1)
def app() -> App:
    """Return this process's app. Raises SettingsError; a failed start is tried again at the next invocation."""
    telemetry.install()
    for chatty in ("azure", "msal", "urllib3"):
        # Their every-request lines name tables, queues and hosts; ours say what a call was for.
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return App(load_settings())
