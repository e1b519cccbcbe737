"""Access tokens for Azure resources by azure-identity."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.errors import ServiceUnavailable, SettingsError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

PUBLIC_AUTHORITY = "login.microsoftonline.com"


class AzureTokens:
    """Tokens for one scope: by client secret when there is one, else by the app's own identity in Azure.

    azure-identity is imported at the first token: it costs start-up time.
    """

    def __init__(
        self,
        scope: str,
        authority: str,
        registration: tuple[str | None, str | None, str | None],
        identity: Callable[[], TokenCredential],
    ) -> None:
        """`registration` is tenant, client id and secret; absent ones mean the `identity` that Azure gives."""
        self._scope = scope
        self._authority = authority
        self._registration = registration
        self._identity = identity
        self._credential: TokenCredential | None = None
        self._lock = threading.Lock()

    def __call__(self, fresh: bool) -> str:  # noqa: FBT001 - the shape Service asks for
        """Return an access token; a new one when `fresh`. Raises SettingsError or ServiceUnavailable."""
        from azure.core.exceptions import AzureError, ClientAuthenticationError, ServiceRequestError

        with self._lock:
            if fresh or self._credential is None:
                self._credential = self._make()
            try:
                return self._credential.get_token(self._scope).token
            except ClientAuthenticationError as error:
                reason = str(error.message).splitlines()[0][:300]
                raise SettingsError(f"no token for {self._scope}: {reason}") from error
            except (ServiceRequestError, AzureError) as error:
                raise ServiceUnavailable(f"no token for {self._scope} ({type(error).__name__})") from error

    def _make(self) -> TokenCredential:
        from azure.identity import ClientSecretCredential

        tenant, client_id, secret = self._registration
        if not (tenant and client_id and secret):
            return self._identity()
        public = urlsplit(self._authority).hostname == PUBLIC_AUTHORITY
        return ClientSecretCredential(
            tenant, client_id, secret, authority=self._authority, disable_instance_discovery=not public
        )
