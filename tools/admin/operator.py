"""The app on an administrator's machine: in Azure as the operator, and replacing nothing that the app keeps."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from shared.bootstrap import App
from shared.partner_center.token_store import ReadOnlyStore, TokenStore

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


class OperatorApp(App):
    """An App whose identity in Azure is whoever is signed in to `az` or `azd`: a managed identity exists only there.

    What is tried with it is the operator's right, not the app's.
    """

    def azure_identity(self, client_id: str | None = None) -> TokenCredential:  # noqa: ARG002 - the app's, not ours
        """Return the operator's credential."""
        return operator_credential()

    @functools.cached_property
    def token_store(self) -> TokenStore:
        """The app's, read only: its newest token must descend from the app's settings, which need not be these."""
        return ReadOnlyStore(super().token_store)

    @property
    def by_operator(self) -> bool:
        """Whether storage or Key Vault is reached under the operator's sign-in."""
        return not self.settings.storage or bool(self.settings.key_vault_url)


def operator_credential() -> TokenCredential:
    """Return the credential of the Azure CLI, or else of the Azure Developer CLI."""
    from azure.identity import AzureCliCredential, AzureDeveloperCliCredential, ChainedTokenCredential

    return ChainedTokenCredential(AzureCliCredential(), AzureDeveloperCliCredential())
