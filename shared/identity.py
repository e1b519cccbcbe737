"""Access tokens for Azure resources by azure-identity."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from shared.errors import ServiceUnavailable, SettingsError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.exceptions import ClientAuthenticationError

PUBLIC_AUTHORITY = "login.microsoftonline.com"
_BUSY = re.compile(r"HTTP (?:Error|status): (429|5\d\d)")


class Identity(Protocol):
    """As whom Azure is asked."""

    @property
    def remedy(self) -> str:
        """What to tell an administrator when there is no token."""
        ...

    def credential(self) -> TokenCredential:
        """Return azure-identity's credential, which is imported only now: it costs start-up time."""
        ...


@dataclass(frozen=True)
class Registration:
    """An app registration with its secret. `remedy` is what to tell an administrator when it is refused."""

    authority: str
    tenant: str
    client_id: str
    secret: str = field(repr=False)
    remedy: str

    def credential(self) -> TokenCredential:
        """Return the credential of the client secret."""
        from azure.identity import ClientSecretCredential

        public = urlsplit(self.authority).hostname == PUBLIC_AUTHORITY
        return ClientSecretCredential(
            self.tenant,
            self.client_id,
            self.secret,
            authority=self.authority,
            disable_instance_discovery=not public,
        )


@dataclass(frozen=True)
class ManagedIdentity:
    """The function app's own identity: the user-assigned one with this client id, else the system-assigned one."""

    client_id: str | None = None

    @property
    def remedy(self) -> str:
        """What to tell an administrator when there is no token."""
        if self.client_id:
            return "Check that AZURE_CLIENT_ID is the client id of an identity that this function app has."
        return "Switch the function app's identity on, or set AZURE_CLIENT_ID to that of a user-assigned one."

    def credential(self) -> TokenCredential:
        """Return the managed identity's credential."""
        from azure.identity import ManagedIdentityCredential

        # Without a client id it is the system-assigned identity: azure-identity reads AZURE_CLIENT_ID in
        # DefaultAzureCredential only.
        return ManagedIdentityCredential(client_id=self.client_id)


class AzureTokens:
    """Tokens for one scope, for an app registration or whoever this process is in Azure."""

    def __init__(self, scope: str, identity: Identity) -> None:
        self._scope = scope
        self._identity = identity
        self._credential: TokenCredential | None = None
        self._lock = threading.Lock()

    def __call__(self, fresh: bool) -> str:  # noqa: FBT001 - the shape Service asks for
        """Return an access token; a new one when `fresh`. Raises SettingsError or ServiceUnavailable."""
        from azure.core.exceptions import AzureError, ClientAuthenticationError

        lacks = f"no token for {self._scope}"
        with self._lock:
            if fresh or self._credential is None:
                self._credential = self._identity.credential()
            try:
                return self._credential.get_token(self._scope).token
            except ClientAuthenticationError as error:
                if cause := _unanswered(error):
                    raise ServiceUnavailable(f"{lacks}: Entra ID does not answer ({cause})") from error
                reason = str(error.message).splitlines()[0][:300].rstrip(".")
                raise SettingsError(f"{lacks}: {reason}. {self._identity.remedy}".rstrip()) from error
            except AzureError as error:
                raise ServiceUnavailable(f"{lacks} ({type(error).__name__})") from error


def busy(error: BaseException) -> str:
    """Return the status (429 or 5xx) by which Entra ID said that it has no time; empty when it said something else.

    msal keeps it in its words only.
    """
    return next((found[1] for each in _causes(error) if (found := _BUSY.search(str(each)))), "")


def _unanswered(error: ClientAuthenticationError) -> str:
    """Return why nobody has answered; empty when Entra ID did, and refused.

    azure-identity calls every failure one of authentication (its `wrap_exceptions`), also a network that is down.
    """
    from azure.core.exceptions import ServiceRequestError, ServiceResponseError
    from azure.identity import CredentialUnavailableError

    if isinstance(error, CredentialUnavailableError):
        return ""
    silent = (each for each in _causes(error) if isinstance(each, (ServiceRequestError, ServiceResponseError)))
    return next((type(each).__name__ for each in silent), "") or busy(error)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__
