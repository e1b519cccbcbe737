"""msal, as the secure application model uses it."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from shared.errors import ServiceUnavailable, SettingsError
from shared.http import CONNECT_TIMEOUT, READ_TIMEOUT, untrusted
from shared.identity import busy
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
        return confidential_client(authority, tenant, client_id, credential)

    def redeem(refresh_token: str, scope: str) -> dict[str, object]:
        with reaching(authority):
            return dict(application().acquire_token_by_refresh_token(refresh_token, scopes=[scope]))

    return redeem


def confidential_client(
    authority: str, tenant: str, client_id: str, credential: object
) -> msal.ConfidentialClientApplication:
    """Return msal's client, which asks the authority for the tenant's metadata.

    Raises SettingsError for a tenant or an authority that is not there; and what `reaching` reads.
    """
    import msal

    try:
        return msal.ConfidentialClientApplication(
            client_id,
            client_credential=credential,
            authority=f"{authority.rstrip('/')}/{tenant}",
            instance_discovery=urlsplit(authority).hostname == PUBLIC_AUTHORITY,
            http_client=_TimedSession(),
        )
    except ValueError as error:
        # msal says so of any metadata that it cannot use; what is no JSON at all came from somebody in between.
        if isinstance(error.__context__, json.JSONDecodeError):
            raise error.__context__ from error
        if status := busy(error):
            raise ServiceUnavailable(f"Entra ID does not answer ({status})") from error
        raise SettingsError(
            f"PARTNER_CENTER_TENANT_ID: {urlsplit(authority).hostname} knows no tenant {tenant!r}. Set the tenant's "
            "id as Entra ID's overview shows it; for a national cloud, set ENTRA_AUTHORITY."
        ) from error


@contextlib.contextmanager
def reaching(authority: str) -> Iterator[None]:
    """Turn what msal and requests raise about the way to Entra ID into ServiceUnavailable."""
    from msal.exceptions import MsalError

    host = urlsplit(authority).hostname
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise ServiceUnavailable(untrusted(str(host))) from error
    except json.JSONDecodeError as error:
        text = f"{host} did not answer as Entra ID does; is a proxy or a sign-in page of the network in between?"
        raise ServiceUnavailable(text) from error
    except (requests.RequestException, MsalError, RuntimeError, ValueError) as error:
        raise ServiceUnavailable(f"Entra ID does not answer ({busy(error) or type(error).__name__})") from error


class _TimedSession(requests.Session):
    """msal passes no timeout."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", (CONNECT_TIMEOUT, READ_TIMEOUT))
        return super().request(*args, **kwargs)
