"""msal, as the secure application model uses it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from shared.errors import ServiceUnavailable
from shared.http import CONNECT_TIMEOUT, READ_TIMEOUT
from shared.partner_center.tokens import Redeem

if TYPE_CHECKING:
    import msal

PUBLIC_AUTHORITY = "login.microsoftonline.com"


def redeemer(authority: str, tenant: str, client_id: str, credential: object) -> Redeem:
    """Return a function that redeems refresh tokens at Entra ID.

    `credential` is a client secret, or msal's dictionary for a certificate. msal is imported at the first redemption:
    most invocations find a token in hand, and it costs start-up time.
    """

    @functools.lru_cache(maxsize=1)
    def application() -> msal.ConfidentialClientApplication:
        import msal

        return msal.ConfidentialClientApplication(
            client_id,
            client_credential=credential,
            authority=f"{authority.rstrip('/')}/{tenant}",
            instance_discovery=urlsplit(authority).hostname == PUBLIC_AUTHORITY,
            http_client=_TimedSession(),
        )

    def redeem(refresh_token: str, scope: str) -> dict[str, object]:
        try:
            result = application().acquire_token_by_refresh_token(refresh_token, scopes=[scope])
        except (requests.RequestException, ValueError) as error:
            # ValueError is how msal reports that the authority's metadata could not be read.
            raise ServiceUnavailable(f"Entra ID does not answer ({type(error).__name__})") from error
        return dict(result)

    return redeem


class _TimedSession(requests.Session):
    """msal passes no timeout of its own."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", (CONNECT_TIMEOUT, READ_TIMEOUT))
        return super().request(*args, **kwargs)
