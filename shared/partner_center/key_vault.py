"""The refresh token in Azure Key Vault (learn.microsoft.com/rest/api/keyvault/secrets)."""

from __future__ import annotations

from collections.abc import Callable

from shared.clock import Clock
from shared.errors import AccessDenied, CosellError, GoneError, ServiceUnavailable, SettingsError
from shared.http import Response, Service, retry_after
from shared.partner_center.token_store import SIGN_IN, First, KeptToken, SignedIn, notes_of, origin_of, read_notes

SCOPE = "https://vault.azure.net/.default"
SECRET = "cosell-partner-center-refresh-token"  # noqa: S105 - the secret's name
API_VERSION = "7.4"


class KeyVaultTokenStore:
    """Keeps the newest refresh token as versions of one secret; needs the role Key Vault Secrets Officer.

    Notes about it are the secret's tags.
    """

    def __init__(self, service: Service, vault_url: str, first: First, clock: Clock) -> None:
        self._service = service
        self._url = f"{vault_url.rstrip('/')}/secrets/{SECRET}?api-version={API_VERSION}"
        self._first = first
        self._clock = clock

    def load(self) -> KeptToken:
        """Return the stored token, or the setting's when that was changed or nothing is stored."""
        try:
            content = self._service.call("GET", self._url).json()
        except GoneError:
            return self._first.kept(None)
        if not isinstance(content, dict):
            raise ServiceUnavailable("Key Vault answered without a secret")
        tags, version = content.get("tags") or {}, str(content.get("id"))
        if not self._first.beaten_by(tags.get("origin")):
            return self._first.kept(version)
        return KeptToken(str(content["value"]), *read_notes(tags), version)

    def save(self, token: str, kept: KeptToken) -> None:
        """Store a rotated token as the secret's newest version.

        Key Vault has no guarded write: what is stored is read again right before, which leaves a moment in which a
        sign-in could be overwritten by the token that it was to replace.
        """
        if self.load().version == kept.version:
            self._put(token, origin_of(self._first.token), kept.signed_in)

    def sign_in(self, token: str, signed_in: SignedIn) -> None:
        """Store the token that a person has just signed in for; the app uses it at its next swap."""
        self._put(token, SIGN_IN, signed_in)

    def _put(self, token: str, origin: str, signed_in: SignedIn | None) -> None:
        tags = notes_of(origin, signed_in, self._clock.now())
        self._service.call("PUT", self._url, content={"value": token, "contentType": "text/plain", "tags": tags})


def classifier(clock: Clock) -> Callable[[Response], CosellError]:
    """Return the reading of Key Vault's error answers."""

    def classify(response: Response) -> CosellError:
        if response.status == 404:
            return GoneError("there is no such secret")
        if response.status == 403:
            return AccessDenied("Key Vault: the identity that asks needs the role Key Vault Secrets Officer")
        if response.status < 500:
            return SettingsError(f"KEY_VAULT_URL: Key Vault answered {response.status}")
        reason = f"Key Vault answered {response.status}"
        return ServiceUnavailable(reason, retry_after=retry_after(response, clock))

    return classify
