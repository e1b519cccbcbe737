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
from shared.crm.port import Crm, Turns
from shared.errors import SettingsError
from shared.http import RequestsTransport, Service, Transport
from shared.ledger.port import Ledger
from shared.partner_center.port import PartnerCenter
from shared.partner_center.webhooks import Webhooks
from shared.settings import Settings, load_settings
from shared.sync.task import Ports
from shared.webhook.watchdog import Watchdog

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.storage.queue import QueueClient

    from shared.crm.salesforce.allowance import Allowance
    from shared.crm.salesforce.api import Wire
    from shared.crm.salesforce.tokens import SalesforceTokens
    from shared.mapping.field_map import FieldMap
    from shared.partner_center.signature import SignatureCheck
    from shared.partner_center.token_store import TokenStore
    from shared.partner_center.tokens import PartnerCenterTokens
    from shared.partner_center.trust import Trust
    from shared.queue.storage_queue import StorageDealQueue
    from shared.sync.worker import Work
    from shared.webhook.heartbeat import Heartbeat
    from shared.webhook.receiver import Receiver
    from shared.webhook.registration_answers import RegistrationDesk


class App:
    """The adapters that the settings ask for, each made when first needed."""

    def __init__(self, settings: Settings, clock: Clock | None = None, transport: Transport | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.transport = transport or RequestsTransport()
        self.random = random.Random()  # noqa: S311 - jitter, not a secret

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
        from shared.queue.storage_queue import StorageDealQueue

        return StorageDealQueue(self.queue_client(self.settings.queue))

    def queue_client(self, name: str) -> QueueClient:
        """Return the client of a queue in the app's storage."""
        from azure.storage.queue import QueueClient, TextBase64EncodePolicy

        settings = self.settings
        options = {**_storage_options(), "message_encode_policy": TextBase64EncodePolicy()}
        if settings.storage:
            return QueueClient.from_connection_string(settings.storage, name, **options)
        uri = settings.queue_uri or f"https://{settings.storage_account}.queue.core.windows.net"
        return QueueClient(uri, name, credential=self._storage_identity, **options)

    @functools.cached_property
    def _storage_identity(self) -> TokenCredential:
        return self.azure_identity(self.settings.storage_client_id)

    def azure_identity(self, client_id: str | None = None) -> TokenCredential:
        """Return the app's managed identity, the one with `client_id` where there are several."""
        from azure.identity import ManagedIdentityCredential

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
            return LedgerTokenStore(self.ledger, str(settings.token_encryption_key), first, clock)
        return KeyVaultTokenStore(self.key_vault_service, settings.key_vault_url, first, clock)

    @functools.cached_property
    def key_vault_service(self) -> Service:
        """Key Vault under the app's identity."""
        from shared.identity import AzureTokens
        from shared.partner_center import key_vault

        none = (None, None, None)
        tokens = AzureTokens(key_vault.SCOPE, self.settings.entra_authority, none, self.azure_identity)
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

        mapping = load_mapping(name, self.settings.mapping_dir)
        turns = LedgerTurns(self.ledger, self.clock)
        return Ports(
            self.salesforce(mapping, turns) if name == "salesforce" else self._dynamics365(mapping),
            self.partner_center,
            self.ledger,
            self.queue,
            mapping,
            self.clock,
            self.random,
            self.settings.crm_audit,
            self.settings.dry_run,
            tuple(other for other in self.settings.crms if other != name),
        )

    def _dynamics365(self, mapping: FieldMap) -> Crm:
        from shared.crm.dynamics365.records import Dynamics365

        return Dynamics365(self.dynamics_service, str(self.settings.dynamics_url), mapping, self.clock)

    @functools.cached_property
    def dynamics_service(self) -> Service:
        """Dynamics 365 under the app's identity."""
        from shared.crm.dynamics365.errors import classifier
        from shared.identity import AzureTokens

        settings = self.settings
        url = str(settings.dynamics_url)
        tokens = AzureTokens(
            f"{url}/.default",
            settings.entra_authority,
            (settings.dynamics_tenant_id, settings.dynamics_client_id, settings.dynamics_client_secret),
            self.azure_identity,
        )
        return Service("Dynamics 365", self.transport, self.clock, tokens, classifier(self.clock))

    def salesforce(self, mapping: FieldMap, turns: Turns) -> Crm:
        """Return Salesforce's client; `turns` keeps two workers from making the same account."""
        from shared.crm.salesforce.records import Salesforce

        return Salesforce(self.salesforce_wire(mapping), mapping, self.clock, turns, self.settings.salesforce_currency)

    def salesforce_wire(self, mapping: FieldMap) -> Wire:
        """Return Salesforce's REST API under the app's identity."""
        from shared.crm.salesforce.api import Wire

        key = mapping.columns.referral_identifier
        url, version = str(self.settings.salesforce_url), self.settings.salesforce_api_version
        return Wire(self.salesforce_service(key), url, version, self._salesforce_allowance, self.clock, key)

    def salesforce_service(self, key: str = "") -> Service:
        """Return Salesforce under the app's identity; a duplicate of the field `key`, else of any, means "exists"."""
        from shared.crm.salesforce.errors import classifier

        observe = self._salesforce_allowance.observe
        tokens = self.salesforce_tokens
        return Service("Salesforce", self.transport, self.clock, tokens, classifier(key), observe=observe)

    @functools.cached_property
    def _salesforce_allowance(self) -> Allowance:
        from shared.crm.salesforce.allowance import Allowance

        return Allowance(self.clock, self.settings.salesforce_api_slow_at, self.settings.salesforce_api_stop_at)

    @functools.cached_property
    def salesforce_tokens(self) -> SalesforceTokens:
        """The sign-in to Salesforce."""
        from shared.crm.salesforce.tokens import SalesforceTokens, client_credentials, jwt_bearer

        settings, client_id = self.settings, str(self.settings.salesforce_client_id)
        url = str(settings.salesforce_url)
        if settings.salesforce_client_secret:
            grant = client_credentials(client_id, settings.salesforce_client_secret)
        else:
            private_key = _text_or_file("SALESFORCE_PRIVATE_KEY", settings.salesforce_private_key or "")
            grant = jwt_bearer(client_id, str(settings.salesforce_username), private_key, url, self.clock)
        return SalesforceTokens(self.transport, self.clock, url, grant)

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


class _Crms(Mapping[str, Ports]):
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
    """Return the SDK's timeouts; its own defaults of five minutes wait_until_guard_holds a function."""
    return {"connection_timeout": 5, "read_timeout": 20, "retry_total": 3}


def _chat(transport: Transport, url: str) -> Notifier:
    from shared.chat import ChatWebhook

    return ChatWebhook(transport, url)


def _certificate(pem: str | None) -> dict[str, str]:
    """Return msal's form of a certificate given as PEM (private key and certificate) or as a path to one."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA1

    text = _text_or_file("PARTNER_CENTER_CLIENT_CERTIFICATE", pem or "")
    try:
        thumbprint = x509.load_pem_x509_certificate(text.encode()).fingerprint(SHA1()).hex()  # noqa: S303 - Entra's id
    except ValueError as error:
        raise SettingsError("PARTNER_CENTER_CLIENT_CERTIFICATE: holds no PEM certificate.") from error
    return {"private_key": text, "thumbprint": thumbprint, "public_certificate": text}


def _trust_bundle(setting: str | None) -> bytes:
    if setting is None:
        return (Path(__file__).parent / "partner_center" / "trust_bundle.pem").read_bytes()
    return _text_or_file("WEBHOOK_TRUST_BUNDLE", setting).encode()


def _text_or_file(name: str, value: str) -> str:
    if "-----BEGIN" in value:
        return value.replace("\\n", "\n")
    try:
        return Path(value).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}: is neither PEM text nor a readable file.") from error


@functools.lru_cache(maxsize=1)
def app() -> App:
    """Return this process's app. Raises SettingsError; a failed start is tried again at the next invocation."""
    for chatty in ("azure", "msal", "urllib3"):
        # Their every-request lines name tables, queues and hosts; ours say what a call was for.
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return App(load_settings())
