"""One sign-in by authorization code with PKCE, for a confidential client, and the checks of what it yields.

Sources: entra/identity-platform/v2-oauth2-auth-code-flow and id-tokens; OpenID Connect Core 3.1.3.7. msal makes state,
nonce and verifier and compares state and nonce; since 1.38 it validates nothing else of an id token.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import jwt
import msal

from shared.bootstrap import App
from shared.errors import AccessDenied, ServiceUnavailable, SettingsError, SignInRequired
from shared.http import Request
from shared.partner_center.entra import confidential_client, reaching
from shared.partner_center.entra_errors import raised_for
from shared.partner_center.token_store import SignedIn

SKEW = timedelta(minutes=2)
"""How far our clock and Entra ID's may be apart."""

_NUMBER = re.compile(r"AADSTS([0-9]+)")
_NO_TENANT = ("common", "organizations", "consumers")


@dataclass(frozen=True)
class Minted:
    """What a sign-in yielded, checked: who signed in, and the refresh token."""

    signed_in: SignedIn
    refresh_token: str = field(repr=False)


class SignInFlow:
    """Begin, let the person go to `url`, finish with what the browser brought back."""

    def __init__(self, app: App, redirect_uri: str, response_mode: str, user: str = "") -> None:
        """`user` is who is expected; empty for anybody. Raises SettingsError, and ServiceUnavailable."""
        settings = app.settings
        self._app = app
        self._user = user
        self._tenant = settings.partner_center_tenant_id
        if self._tenant.casefold() in _NO_TENANT:
            raise SettingsError(f"PARTNER_CENTER_TENANT_ID: {self._tenant} is no tenant. Set the partner tenant's id.")
        with reaching(settings.entra_authority):
            self._client: msal.ConfidentialClientApplication = confidential_client(
                settings.entra_authority,
                self._tenant,
                settings.partner_center_client_id,
                app.partner_center_connection.client_credential(),
            )
        hint = {"login_hint": user} if user else {}
        with warnings.catch_warnings():
            # msal warns of every response mode but form_post; a person without a browser here can only copy an address.
            warnings.simplefilter("ignore")
            self._flow = self._client.initiate_auth_code_flow(
                [settings.partner_center_api_scope],
                redirect_uri=redirect_uri,
                response_mode=response_mode,
                prompt="login",
                **hint,
            )

    @property
    def url(self) -> str:
        """Where the person signs in."""
        return str(self._flow["auth_uri"])

    @property
    def state(self) -> str:
        """What the answer must repeat."""
        return str(self._flow["state"])

    def finish(self, answer: Mapping[str, str]) -> Minted:
        """Redeem what the browser brought back.

        Raises AccessDenied, SettingsError or SignInRequired with the remedy when it is refused or is not what was asked
        for, ServiceUnavailable when Entra ID does not answer.
        """
        result = self._redeem(dict(answer))
        if "access_token" not in result:
            raise raised_for("the sign-in", str(result.get("error", "")), _numbers(result))
        claims = result.get("id_token_claims")
        if not isinstance(claims, Mapping):
            raise ServiceUnavailable("Entra ID sent no id token")
        self._check_id_token(claims)
        check_mfa(str(result["access_token"]))
        user = str(claims.get("preferred_username", ""))
        self._check_user(user, claims)
        if not result.get("refresh_token"):
            raise ServiceUnavailable("Entra ID sent no refresh token")
        return Minted(SignedIn(user, self._app.clock.now()), str(result["refresh_token"]))

    def _redeem(self, answer: dict[str, str]) -> dict[str, object]:
        if answer.get("state") != self.state:
            raise AccessDenied("what the browser brought back is not the answer to this sign-in. Start again.")
        with reaching(self._app.settings.entra_authority):
            try:
                return dict(self._client.acquire_token_by_auth_code_flow(self._flow, answer))
            except RuntimeError as error:  # msal's word for a wrong nonce
                raise AccessDenied("the id token is not the answer to this sign-in. Start again.") from error

    def _check_id_token(self, claims: Mapping[str, object]) -> None:
        """It came from the token endpoint over TLS, which stands for its signature (3.1.3.7, point 6)."""
        settings, now = self._app.settings, self._app.clock.now().timestamp()
        if claims.get("aud") != settings.partner_center_client_id:
            raise AccessDenied("the id token was issued to another app. Start again.")
        if claims.get("iss") != self._issuer() or str(claims.get("tid")) not in str(claims.get("iss")):
            raise AccessDenied(
                f"the id token was issued by another tenant ({claims.get('tid')}), not by PARTNER_CENTER_TENANT_ID. "
                "Sign in with a user of the partner tenant."
            )
        begins, ends = _moment(claims, "nbf", now), _moment(claims, "exp", 0)
        if not begins - SKEW.total_seconds() <= now <= ends + SKEW.total_seconds():
            raise AccessDenied("the id token is not valid at this time. Set this machine's clock, and start again.")

    def _issuer(self) -> str:
        """Return the tenant's issuer, which names it by id also where the setting names it by domain."""
        settings = self._app.settings
        url = f"{settings.entra_authority}/{self._tenant}/v2.0/.well-known/openid-configuration"
        content = self._app.transport.send(Request("GET", url, {})).json()
        return str(content.get("issuer", "")) if isinstance(content, dict) else ""

    def _check_user(self, user: str, claims: Mapping[str, object]) -> None:
        if self._user and user.casefold() != self._user.casefold():
            raise AccessDenied(f"{user} signed in, but --user names {self._user}. Sign in as that user.")
        if claims.get("idp") or "#EXT#" in user.upper():
            raise AccessDenied(f"{user} is a guest in the partner tenant. Sign in with a user of the tenant itself.")


def check_mfa(access_token: str) -> None:
    """Raise SignInRequired when an access token says that no second factor was asked for.

    Partner Center refuses such tokens (401, 900421). Its own APIs take tokens of version 1.0, which hold `amr`; one
    that cannot be read, or says nothing, is left for Partner Center to judge.
    """
    try:
        claims = jwt.decode(access_token, options={"verify_signature": False, "verify_exp": False, "verify_aud": False})
    except jwt.PyJWTError:
        return
    if "amr" in claims and "mfa" not in claims["amr"]:
        raise SignInRequired(
            "the sign-in was without MFA, and Partner Center accepts no such token. Register the service user for MFA "
            "(https://aka.ms/mfasetup), let Conditional Access or the security defaults demand it, and sign in again."
        )


def _numbers(result: Mapping[str, object]) -> list[int]:
    """Return the AADSTS numbers; the authorize endpoint writes them only into the description."""
    codes = result.get("error_codes")
    if isinstance(codes, list) and codes:
        return codes
    return [int(number) for number in _NUMBER.findall(str(result.get("error_description", "")))]


def _moment(claims: Mapping[str, object], name: str, default: float) -> float:
    value = claims.get(name, default)
    return float(value) if isinstance(value, (int, float)) else default
