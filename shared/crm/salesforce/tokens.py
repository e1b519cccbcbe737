"""Access tokens for Salesforce, from the org's own My Domain (help: remoteaccess_oauth_flows).

The library's own sign-in is not used: it sends a request again without its guard headers (crm-apis B.3).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from shared.clock import Clock
from shared.errors import CosellError, ServiceUnavailable, SettingsError, Throttled
from shared.http import Request, Response, Transport, retry_after

log = logging.getLogger(__name__)

Grant = Callable[[], Mapping[str, str]]
"""Returns the form fields that prove who we are."""

ASSERTION = timedelta(minutes=3)
"""How long a signed assertion is valid; Salesforce takes no longer one."""

_PASSING = {"unknown_error", "server_error", "temporarily_unavailable"}
"""Errors of the token endpoint after which the same request may succeed."""


def client_credentials(client_id: str, client_secret: str) -> Grant:
    """Prove by client secret; the app's run-as user is who we are then."""
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    return lambda: form


def jwt_bearer(client_id: str, username: str, private_key: str, audience: str, clock: Clock) -> Grant:
    """Prove by an assertion signed with the key whose certificate the app holds; `audience` is the My Domain URL."""

    def grant() -> Mapping[str, str]:
        import jwt

        claims = {"iss": client_id, "sub": username, "aud": audience, "exp": clock.now() + ASSERTION}
        try:
            assertion = jwt.encode(claims, private_key, algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise SettingsError(
                "SALESFORCE_PRIVATE_KEY: holds no RSA private key in PEM without a password."
            ) from error
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}

    return grant


@dataclass(frozen=True)
class Identity:
    """Who a token is for (help: remoteaccess_using_openid): ids of org and user, and the org's own host."""

    organization_id: str
    user_id: str
    host: str


class SalesforceTokens:
    """One access token for all threads. It has no known end, so it is used until Salesforce refuses it.

    `identity` comes with the token; None before the first, or when none came.
    """

    def __init__(self, transport: Transport, clock: Clock, url: str, grant: Grant) -> None:
        self._transport = transport
        self._clock = clock
        self._url = url
        self._grant = grant
        self._token: str | None = None
        self.identity: Identity | None = None
        self._given = threading.local()
        self._lock = threading.Lock()

    def __call__(self, fresh: bool) -> str:  # noqa: FBT001 - the shape Service asks for
        """Return an access token; a newer one than this thread was given last when `fresh`.

        Raises SettingsError, Throttled or ServiceUnavailable.
        """
        with self._lock:
            refused = fresh and self._token == getattr(self._given, "token", None)
            if self._token is None or refused:
                self._token = self._fetch()
            self._given.token = self._token
            return self._token

    def _fetch(self) -> str:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        body = urlencode(self._grant()).encode()
        answer = self._transport.send(Request("POST", f"{self._url}/services/oauth2/token", headers, body))
        log.info("Salesforce POST /services/oauth2/token -> %s", answer.status)
        content = answer.json()
        if answer.status != 200 or not isinstance(content, dict) or not content.get("access_token"):
            raise self._refusal(answer, content)
        named = urlsplit(str(content.get("instance_url") or self._url)).netloc
        if named.casefold() != urlsplit(self._url).netloc.casefold():
            log.warning("Salesforce names %s as the org's host, but SALESFORCE_URL has another", named)
        ids = urlsplit(str(content.get("id") or "")).path.rstrip("/").split("/")[-2:]
        self.identity = Identity(ids[0], ids[1], named) if len(ids) == 2 and all(ids) else None
        return str(content["access_token"])

    def _refusal(self, answer: Response, content: object) -> CosellError:
        body = content if isinstance(content, dict) else {}
        code, words = str(body.get("error") or ""), str(body.get("error_description") or "")[:300]
        pause = retry_after(answer, self._clock)
        if answer.status == 429 or code == "login_rate_exceeded":
            return Throttled("Salesforce asked us to sign in less often", retry_after=pause)
        if not 400 <= answer.status < 500 or code in _PASSING:
            return ServiceUnavailable(f"Salesforce answered {answer.status} {code} without a token", retry_after=pause)
        return SettingsError(
            f"Salesforce gives no token ({code}: {words}). Check SALESFORCE_URL, which must be the My Domain, "
            "SALESFORCE_CLIENT_ID with its secret or key, and that the app's policies allow its user."
        )
