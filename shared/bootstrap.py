"""The only place where settings become adapters. Made once per process, at the first invocation."""

from __future__ import annotations

import functools
import logging
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.alerts import Alerts, Notifier
from shared.choices import OnLoss
from shared.clock import Clock, SystemClock
from shared.crm.dynamics365.connect import Dynamics365Connection
from shared.crm.port import Connection
from shared.crm.salesforce.connect import SalesforceConnection
from shared.errors import SettingsError
from shared.http import RequestsTransport, Service, Transport
from shared.ledger.port import Ledger
from shared.partner_center.port import PartnerCenter
from shared.partner_center.webhooks import Webhooks
from shared.pem import text_or_file
from shared.settings import Settings, load_settings
from shared.webhook.watchdog import Watchdog

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from shared.partner_center.signature import SignatureCheck
    from shared.partner_center.tokens import PartnerCenterTokens, TokenStore
    from shared.partner_center.trust import Trust
    from shared.queue.storage_queue import StorageDealQueue
    from shared.sync.task import Ports
    from shared.sync.worker import Work
    from shared.webhook.heartbeat import Heartbeat
    from shared.webhook.receiver import Receiver
    from shared.webhook.registration_answers import RegistrationDesk


CONNECTORS: Mapping[str, Callable[[Settings, Transport, Clock], Connection]] = {
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

        from shared.ledger.table_storage import TABLE, TableLedger

        settings = self.settings
        if settings.storage:
            return TableLedger(TableClient.from_connection_string(settings.storage, TABLE, **_storage_options()))
        uri = settings.table_uri or f"https://{settings.storage_account}.table.core.windows.net"
        return TableLedger(TableClient(uri, TABLE, credential=self._storage_identity, **_storage_options()))

    @functools.cached_property
    def queue(self) -> StorageDealQueue:
        """The deal queue, written as the Functions host reads it."""
        from azure.storage.queue import QueueClient, TextBase64EncodePolicy

        from shared.queue.storage_queue import StorageDealQueue

        settings, name = self.settings, self.settings.queue
        options = {**_storage_options(), "message_encode_policy": TextBase64EncodePolicy()}
        if settings.storage:
            return StorageDealQueue(QueueClient.from_connection_string(settings.storage, name, **options))
        uri = settings.queue_uri or f"https://{settings.storage_account}.queue.core.windows.net"
        return StorageDealQueue(QueueClient(uri, name, credential=self._storage_identity, **options))

    @functools.cached_property
    def _storage_identity(self) -> TokenCredential:
        from azure.identity import ManagedIdentityCredential

        client_id = self.settings.storage_client_id
        return ManagedIdentityCredential(client_id=client_id) if client_id else ManagedIdentityCredential()

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
            settings.partner_center_client_secret or _certificate(settings.partner_center_client_certificate),
        )
        return PartnerCenterTokens(redeem, self._token_store, self.clock)

    def partner_center_token(self, scope: str, *, fresh: bool = False) -> str:
        """Return an access token for one of Partner Center's APIs, a new one when `fresh`."""
        return self._tokens.get(scope, fresh=fresh)

    @functools.cached_property
    def _token_store(self) -> TokenStore:
        from shared.identity import AzureTokens
        from shared.partner_center import key_vault
        from shared.partner_center.tokens import RefreshTokenStore

        settings, first = self.settings, self.settings.partner_center_refresh_token
        if not settings.key_vault_url:
            return RefreshTokenStore(self.ledger, str(settings.token_encryption_key), first)
        tokens = AzureTokens(key_vault.SCOPE, settings.entra_authority, (None, None, None))
        service = Service("Key Vault", self.transport, self.clock, tokens, key_vault.classifier(self.clock))
        return key_vault.KeyVaultTokenStore(service, settings.key_vault_url, first)

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
        )

    @functools.cached_property
    def signature_check(self) -> SignatureCheck:
        """What authenticates events."""
        from shared.partner_center.certificates import HttpsFetcher
        from shared.partner_center.signature import SignatureCheck

        return SignatureCheck(self.trust, HttpsFetcher(), self.clock)

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
    def ports(self) -> Mapping[str, Ports]:
        """The collaborators of the use cases, by CRM. Getting one raises FatalError when its mapping is wrong."""
        return _Crms(self.settings.crms, self._ports_of)

    def _ports_of(self, name: str) -> Ports:
        from shared.ledger.turns import LedgerTurns
        from shared.mapping.loading import load_mapping
        from shared.sync.task import Ports

        field_map = load_mapping(name, self.settings.mapping_dir)
        return Ports(
            self.connection(name).records(field_map, LedgerTurns(self.ledger, self.clock)),
            self.partner_center,
            self.ledger,
            self.queue,
            field_map,
            self.clock,
            self.random,
            self.settings.crm_audit,
            self.settings.dry_run,
            tuple(other for other in self.settings.crms if other != name),
        )

    def connection(self, name: str) -> Connection:
        """Return the CRM of this name under the app's identity: one for the whole process."""
        if name not in self._connections:
            self._connections[name] = CONNECTORS[name](self.settings, self.transport, self.clock)
        return self._connections[name]

    # --- use cases -------------------------------------------------------------------------------------------------

    @functools.cached_property
    def alerts(self) -> Alerts:
        """Alerts to the configured chat, and to the log."""
        url = self.settings.alert_webhook_url
        return Alerts(self.ledger, _chat(self.transport, url) if url else None)

    @functools.cached_property
    def heartbeat(self) -> Heartbeat:
        """What notes that events come."""
        from shared.webhook.heartbeat import Heartbeat

        return Heartbeat(lambda: self.ledger, self.clock)

    @functools.cached_property
    def watchdog(self) -> Watchdog:
        """What looks after the webhook; a dry run registers nothing."""
        settings = self.settings
        return Watchdog(
            self.webhooks,
            self.ledger,
            self.alerts,
            self.clock,
            settings.webhook_public_url,
            OnLoss.ALERT if settings.dry_run else settings.webhook_registration,
            timedelta(hours=settings.webhook_heartbeat_hours) or None,
        )

    @functools.cached_property
    def registration_desk(self) -> RegistrationDesk:
        """What answers a person who registers the webhook."""
        from shared.webhook.registration_answers import RegistrationDesk

        return RegistrationDesk(self.webhooks, self.ledger, self.clock, self.settings.webhook_public_url)

    @functools.cached_property
    def work(self) -> Work:
        """The handler of queue messages."""
        from shared.sync.worker import Work

        return Work(self.ports, self.alerts, self.random, self.queue)


class _Crms(Mapping[str, "Ports"]):
    """Makes each CRM's collaborators when they are asked for, so that a mistake in one CRM's mapping stops only it."""

    def __init__(self, names: Iterable[str], make: Callable[[str], Ports]) -> None:
        self._names = tuple(names)
        self._make = functools.lru_cache(maxsize=None)(make)

    def __getitem__(self, name: str) -> Ports:
        if name not in self._names:
            raise KeyError(name)
        return self._make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


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
    except ValueError as error:
        raise SettingsError("PARTNER_CENTER_CLIENT_CERTIFICATE: holds no PEM certificate.") from error
    return {"private_key": text, "thumbprint": thumbprint, "public_certificate": text}


def _trust_bundle(setting: str | None) -> bytes:
    if setting is None:
        return (Path(__file__).parent / "partner_center" / "trust_bundle.pem").read_bytes()
    return text_or_file("WEBHOOK_TRUST_BUNDLE", setting).encode()


@functools.lru_cache(maxsize=1)
def app() -> App:
    """Return this process's app. Raises SettingsError; a failed start is tried again at the next invocation."""
    for chatty in ("azure", "msal", "urllib3"):
        # Their every-request lines name tables, queues and hosts; ours say what a call was for.
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return App(load_settings())
