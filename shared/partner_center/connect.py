"""From settings to Partner Center: the sign-in, the two APIs, and whose events are believed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from shared.clock import Clock
from shared.errors import SettingsError
from shared.http import Service, Terms, Transport
from shared.identity import Identity
from shared.ledger.drawers import Drawers
from shared.partner_center.port import PartnerCenter
from shared.partner_center.webhooks import Webhooks
from shared.pem import text_or_file

if TYPE_CHECKING:
    from shared.partner_center.organization import Organization
    from shared.partner_center.signature import SignatureCheck
    from shared.partner_center.token_store import TokenStore
    from shared.partner_center.tokens import PartnerCenterTokens
    from shared.partner_center.trust import Trust


class Settings(Protocol):
    """The settings that Partner Center's clients read."""

    @property
    def partner_center_tenant_id(self) -> str: ...  # noqa: D102 - the setting of that name
    @property
    def partner_center_client_id(self) -> str: ...  # noqa: D102
    @property
    def partner_center_client_secret(self) -> str | None: ...  # noqa: D102
    @property
    def partner_center_client_certificate(self) -> str | None: ...  # noqa: D102
    @property
    def partner_center_refresh_token(self) -> str | None: ...  # noqa: D102
    @property
    def partner_center_organization_id(self) -> str | None: ...  # noqa: D102
    @property
    def partner_center_api_url(self) -> str: ...  # noqa: D102
    @property
    def partner_center_api_scope(self) -> str: ...  # noqa: D102
    @property
    def partner_center_webhooks_url(self) -> str: ...  # noqa: D102
    @property
    def partner_center_webhooks_scope(self) -> str: ...  # noqa: D102
    @property
    def entra_authority(self) -> str: ...  # noqa: D102
    @property
    def partner_center_signed_in(self) -> str | None: ...  # noqa: D102
    @property
    def key_vault_url(self) -> str | None: ...  # noqa: D102
    @property
    def token_encryption_keys(self) -> tuple[str, ...] | None: ...  # noqa: D102
    @property
    def webhook_trust_bundle(self) -> str | None: ...  # noqa: D102
    @property
    def webhook_certificate_hosts(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def webhook_certificate_subject(self) -> str: ...  # noqa: D102
    @property
    def webhook_certificate_organization(self) -> str: ...  # noqa: D102
    @property
    def webhook_certificate_issuers(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def webhook_issuer_hosts(self) -> tuple[str, ...]: ...  # noqa: D102


class PartnerCenterConnection:
    """Partner Center under the app's sign-in, and Key Vault, which keeps it, under `identity`.

    `drawers` opens the part of the ledger that keeps tokens and ids.
    """

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        clock: Clock,
        identity: Identity,
        drawers: Callable[[], Drawers],
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._clock = clock
        self._identity = identity
        self._drawers = drawers

    # --- signing in ------------------------------------------------------------------------------------------------

    def token(self, scope: str, *, fresh: bool = False) -> str:
        """Return an access token for one of Partner Center's APIs, a new one when `fresh`."""
        return self._tokens.get(scope, fresh=fresh)

    @functools.cached_property
    def _tokens(self) -> PartnerCenterTokens:
        from shared.partner_center.entra import redeemer
        from shared.partner_center.tokens import PartnerCenterTokens

        settings = self._settings
        redeem = redeemer(
            settings.entra_authority,
            settings.partner_center_tenant_id,
            settings.partner_center_client_id,
            self.client_credential(),
        )
        return PartnerCenterTokens(redeem, self.token_store, self._clock)

    def client_credential(self) -> object:
        """Return the app registration's secret, or its certificate as msal takes it. Raises SettingsError."""
        settings = self._settings
        return settings.partner_center_client_secret or _certificate(settings.partner_center_client_certificate)

    @functools.cached_property
    def token_store(self) -> TokenStore:
        """Where the newest refresh token is kept."""
        from shared.partner_center.key_vault import KeyVaultTokenStore
        from shared.partner_center.token_store import First, LedgerTokenStore, SignedIn

        settings, clock = self._settings, self._clock
        first = First(settings.partner_center_refresh_token or "", SignedIn.read(settings.partner_center_signed_in))
        if not settings.key_vault_url:
            return LedgerTokenStore(self._drawers(), settings.token_encryption_keys or (), first, clock)
        return KeyVaultTokenStore(self.key_vault, settings.key_vault_url, first, clock)

    @functools.cached_property
    def key_vault(self) -> Service:
        """Key Vault under the app's identity."""
        from shared.identity import AzureTokens
        from shared.partner_center import key_vault

        tokens = AzureTokens(key_vault.SCOPE, self._identity)
        return self._service(Terms("Key Vault", tokens, key_vault.classifier(self._clock)))

    def _service(self, terms: Terms) -> Service:
        return Service(terms, self._transport, self._clock)

    # --- the APIs --------------------------------------------------------------------------------------------------

    @functools.cached_property
    def referrals(self) -> PartnerCenter:
        """The referrals client."""
        from shared.partner_center import referrals

        scope, classify = self._settings.partner_center_api_scope, referrals.classifier(self._clock)
        headers = referrals.headers_for_partner_center
        terms = Terms("Partner Center", lambda fresh: self.token(scope, fresh=fresh), classify, headers)
        return referrals.ReferralsClient(self._service(terms), self._settings.partner_center_api_url, self._clock)

    @functools.cached_property
    def webhooks(self) -> Webhooks:
        """The webhooks client."""
        from shared.partner_center import referrals, webhooks

        scope, classify = self._settings.partner_center_webhooks_scope, webhooks.classifier(self._clock)
        headers = referrals.headers_for_partner_center
        terms = Terms("Partner Center webhooks", lambda fresh: self.token(scope, fresh=fresh), classify, headers)
        return webhooks.WebhooksClient(self._service(terms), self._settings.partner_center_webhooks_url)

    @functools.cached_property
    def organization(self) -> Organization:
        """Which organization's referrals are ours."""
        from shared.partner_center.organization import Organization

        return Organization(self.referrals, self._drawers(), self._settings.partner_center_organization_id)

    # --- the webhook's trust ---------------------------------------------------------------------------------------

    @functools.cached_property
    def trust(self) -> Trust:
        """Whose events are believed."""
        from shared.partner_center.trust import Trust, load_bundle

        settings = self._settings
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

    def signature_check(self) -> SignatureCheck:
        """Return what authenticates events."""
        from shared.partner_center.certificates import NetworkFetcher
        from shared.partner_center.issuers import Issuers
        from shared.partner_center.signature import SignatureCheck

        fetcher, hosts = NetworkFetcher(), self._settings.webhook_issuer_hosts
        issuers = Issuers(hosts, fetcher, self._drawers) if hosts else None
        return SignatureCheck(self.trust, fetcher, self._clock, issuers)


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
        return (Path(__file__).parent / "trust_bundle.pem").read_bytes()
    return text_or_file("WEBHOOK_TRUST_BUNDLE", setting).encode()
