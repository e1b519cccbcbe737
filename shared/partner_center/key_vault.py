"""The refresh token in Azure Key Vault (learn.microsoft.com/rest/api/keyvault/secrets)."""

from __future__ import annotations

from collections.abc import Callable

from shared.clock import Clock
from shared.errors import AccessDenied, CosellError, GoneError, ServiceUnavailable, SettingsError
from shared.http import Response, Service, retry_after
from shared.partner_center.tokens import origin_of

SCOPE = "https://vault.azure.net/.default"
SECRET = "cosell-partner-center-refresh-token"  # noqa: S105 - the secret's name
API_VERSION = "7.4"


class KeyVaultTokenStore:
    """Keeps the newest refresh token as versions of one secret; needs the role Key Vault Secrets Officer."""

    def __init__(self, service: Service, vault_url: str, first: str) -> None:
        self._service = service
        self._url = f"{vault_url.rstrip('/')}/secrets/{SECRET}?api-version={API_VERSION}"
        self._first = first

    def load(self) -> str:
        """Return the stored token, or the setting when nothing that descends from it is stored."""
        try:
            content = self._service.call("GET", self._url).json()
        except GoneError:
            return self._first
        if not isinstance(content, dict) or (content.get("tags") or {}).get("origin") != origin_of(self._first):
            return self._first
        return str(content["value"])

    def save(self, token: str) -> None:
        """Store a rotated token as the secret's newest version."""
        self._service.call("PUT", self._url, content={"value": token, "tags": {"origin": origin_of(self._first)}})


def classifier(clock: Clock) -> Callable[[Response], CosellError]:
    """Return the reading of Key Vault's error answers."""

    def classify(response: Response) -> CosellError:
        if response.status == 404:
            return GoneError("there is no such secret")
        if response.status == 403:
            return AccessDenied("Key Vault: the app's identity needs the role Key Vault Secrets Officer")
        if response.status < 500:
            return SettingsError(f"KEY_VAULT_URL: Key Vault answered {response.status}")
        reason = f"Key Vault answered {response.status}"
        return ServiceUnavailable(reason, retry_after=retry_after(response, clock))

    return classify
