"""The app on an administrator's machine: in Azure as the operator, and replacing nothing that the app keeps."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from shared.bootstrap import App
from shared.identity import AzureTokens, Identity
from shared.partner_center import key_vault
from shared.partner_center.connect import PartnerCenterConnection
from shared.partner_center.token_store import ReadOnlyStore, TokenStore

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


class OperatorApp(App):
    """An App whose identity in Azure is whoever is signed in to `az` or `azd`: a managed identity exists only there.

    What is tried with it is the operator's right, not the app's.
    """

    def azure_identity(self, client_id: str | None = None) -> Identity:  # noqa: ARG002 - the app's, not ours
        """Return the operator."""
        return Operator()

    @functools.cached_property
    def partner_center_connection(self) -> PartnerCenterConnection:
        """The app's, but for the token store."""
        return _ReadOnlyConnection(
            self.settings, self.transport, self.clock, self.azure_identity(), lambda: self.ledger.drawers
        )

    @property
    def by_operator(self) -> bool:
        """Whether storage or Key Vault is reached under the operator's sign-in."""
        return self.settings.storage_by_identity or bool(self.settings.key_vault_url)

    def check_operator(self) -> None:
        """Raise SettingsError when nobody is signed in to Azure here."""
        AzureTokens(key_vault.SCOPE, self.azure_identity())(fresh=True)


class _ReadOnlyConnection(PartnerCenterConnection):
    @functools.cached_property
    def token_store(self) -> TokenStore:
        """The app's, read only: its newest token must descend from the app's settings, which need not be these."""
        return ReadOnlyStore(super().token_store)


class Operator:
    """Whoever is signed in to the Azure CLI, or else to the Azure Developer CLI. Implements Identity."""

    remedy = ""
    """The credential's own words hold it."""

    def credential(self) -> TokenCredential:
        """Return the operator's credential."""
        return _credential()


def _credential() -> TokenCredential:
    from azure.core.credentials import AccessToken
    from azure.core.exceptions import ClientAuthenticationError
    from azure.identity import AzureCliCredential, AzureDeveloperCliCredential, ChainedTokenCredential

    class Either(ChainedTokenCredential):
        """Says what to do instead of what each of the two said."""

        def get_token(self, *scopes: str, **options: Any) -> AccessToken:
            try:
                return super().get_token(*scopes, **options)
            except ClientAuthenticationError as error:
                raise ClientAuthenticationError(message=NOT_SIGNED_IN) from error

    return Either(AzureCliCredential(), AzureDeveloperCliCredential())


NOT_SIGNED_IN = "nobody is signed in to Azure on this machine. Run `az login`, or `azd auth login`"
