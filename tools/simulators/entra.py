"""Microsoft Entra ID: discovery, authorize and token endpoints, and verification of the tokens it issued.

Sources: the OAuth 2.0 flows and error-code pages of learn.microsoft.com/entra/identity-platform.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import jwt
from jwt.algorithms import RSAAlgorithm
from werkzeug import Request, Response

from tools.simulators.claims import Claims
from tools.simulators.clock import SimulatorClock
from tools.simulators.entra_directory import MFA, Application, Directory, TokenRefused, User
from tools.simulators.entra_sign_in import Asked, SignInPages
from tools.simulators.keys import key_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

DEFAULT_TENANT = "9d1c52f4-3f53-4b1e-8f0a-6a5d4c3b2a10"
DEFAULT_DOMAIN = "fabrikam.example"

_OIDC_SCOPES = frozenset({"openid", "profile", "offline_access", "email"})
_KEY_ID = "simulated-entra-key"


@dataclass(frozen=True)
class _Grant:
    """What a successful grant yields, before it is written in the endpoint's dialect."""

    audience: str
    application: Application
    user: str | None = None
    refresh_token: str | None = None
    amr: tuple[str, ...] = MFA
    asked: Asked | None = None
    """The authorization request, when a code was redeemed."""


class EntraSimulator:
    """One tenant's Entra ID as a WSGI app and as a `TokenVerifier`."""

    def __init__(self, clock: SimulatorClock, *, tenant_id: str = DEFAULT_TENANT) -> None:
        self.tenant_id = tenant_id
        self.domain = DEFAULT_DOMAIN
        self.token_lifetime = timedelta(seconds=3599)
        self.forged: dict[str, object] = {}
        """Claims that every id token gets instead of the right ones: what a client must not believe."""
        self._clock = clock
        self._directory = Directory(clock)
        self._pages = SignInPages(tenant_id, self._directory, _resource_of_scope)
        self._key = key_of(tenant_id)

    # -- what an administrator does -------------------------------------------------------------------------------

    def register_app(
        self,
        client_id: str,
        secret: str,
        *,
        object_id: str | None = None,
        certificate_pem: bytes | None = None,
        redirect_uris: tuple[str, ...] = (),
    ) -> Application:
        """Register an application; registering again replaces its credentials and redirect URIs."""
        application = Application(client_id, secret, object_id or str(uuid.uuid4()), certificate_pem, redirect_uris)
        self._directory.applications[client_id] = application
        return application

    def register_resource(self, uri: str) -> None:
        """Make `uri` an audience for which tokens are granted."""
        self._directory.resources.add(uri.rstrip("/"))

    def add_user(self, name: str, *, mfa: bool = True, home: str | None = None, enabled: bool = True) -> User:
        """Add a user who can sign in; adding again replaces. `home` is the tenant of a guest."""
        user = User(name, MFA if mfa else ("pwd",), home, enabled)
        self._directory.users[name.casefold()] = user
        return user

    def withdraw_consent(self, client_id: str, resource: str) -> None:
        """Take back an administrator's consent to one of the app's permissions."""
        self._directory.unconsented.add((client_id, resource.rstrip("/")))

    def issue_refresh_token(self, client_id: str, user: str) -> str:
        """Return a refresh token as an interactive sign-in of `user` would have."""
        return self._directory.issue(client_id, user)

    def revoke_refresh_tokens(self, user: str | None = None) -> int:
        """Revoke the refresh tokens of `user`, or all; returns how many."""
        return self._directory.revoke(user)

    @property
    def single_use(self) -> bool:
        """Whether a refresh token dies when it is rotated (default: it stays valid, as with Entra)."""
        return self._directory.single_use

    @single_use.setter
    def single_use(self, value: bool) -> None:
        self._directory.single_use = value

    def issue_access_token(
        self, client_id: str, audience: str, *, user: str | None = None, amr: tuple[str, ...] = MFA
    ) -> str:
        """Return an access token without going through the token endpoint."""
        return self._sign(_Grant(audience, self._directory.applications[client_id], user, amr=amr))

    # -- what a resource server asks ------------------------------------------------------------------------------

    def verify(self, token: str) -> Claims | None:
        """Return the claims of a token that this Entra signed and that has not expired."""
        try:
            claims = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["RS256"],
                options={"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except jwt.PyJWTError:
            return None
        if claims["exp"] <= self._clock.now().timestamp():
            return None
        mfa = "mfa" in claims.get("amr", ())
        return Claims(claims["aud"], claims["appid"], claims["oid"], claims.get("upn"), mfa)

    # -- HTTP -----------------------------------------------------------------------------------------------------

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (WSGI)."""
        request = Request(environ)
        try:
            page = self._page(request)
            body = None if page else self._route(request)
        except TokenRefused as refusal:
            return self._refusal(refusal, request)(environ, start_response)
        if page:
            return page(environ, start_response)
        response = Response("<html><body>404</body></html>", 404, mimetype="text/html") if body is None else _json(body)
        return response(environ, start_response)

    def _page(self, request: Request) -> Response | None:
        tenant, _, rest = request.path.strip("/").partition("/")
        self._check_tenant(tenant)
        match request.method, rest:
            case "GET", "oauth2/v2.0/authorize":
                return self._pages.authorize(request)
            case "POST", "login":
                return self._pages.sign_in(request)
        return None

    def _route(self, request: Request) -> dict[str, Any] | None:
        tenant, _, rest = request.path.strip("/").partition("/")
        match request.method, rest:
            case "GET", "v2.0/.well-known/openid-configuration":
                return _discovery(f"{request.host_url}{tenant}", self._issuer(request, tenant), "/oauth2/v2.0")
            case "GET", ".well-known/openid-configuration":
                issuer = f"https://sts.windows.net/{self.tenant_id}/"
                return _discovery(f"{request.host_url}{tenant}", issuer, "/oauth2")
            case "GET", "discovery/v2.0/keys" | "discovery/keys":
                return {"keys": [self._public_jwk()]}
            case "POST", "oauth2/v2.0/token":
                return self._v2_body(self._grant(request.form, _resource_of_scope(request.form)), request)
            case "POST", "oauth2/token":
                return self._v1_body(self._grant(request.form, _resource_of_form(request.form)))
        return None

    def _check_tenant(self, tenant: str) -> None:
        if tenant not in {self.tenant_id, self.domain, "common", "organizations"}:
            raise TokenRefused("invalid_tenant", 90002, f"Tenant '{tenant}' not found.")

    def _issuer(self, request: Request, tenant: str) -> str:
        """The v2.0 issuer by tenant id, also where a domain was asked for; where no tenant was, a template."""
        known = tenant in {self.tenant_id, self.domain}
        return f"{request.host_url}{self.tenant_id if known else '{tenantid}'}/v2.0"

    def _grant(self, form: Mapping[str, str], resource: str) -> _Grant:
        application = self._directory.authenticate(form)
        match form.get("grant_type"):
            case None:
                raise TokenRefused(
                    "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'."
                )
            case "client_credentials":
                return _Grant(self._directory.audience(resource), application)
            case "refresh_token":
                audience = self._directory.audience(resource)
                self._directory.check_consent(application.client_id, audience)
                old, following = self._directory.redeem(application.client_id, form.get("refresh_token", ""))
                return _Grant(audience, application, old.user, following, old.amr)
            case "authorization_code":
                return self._code_grant(form, application, resource)
            case other:
                raise TokenRefused("unsupported_grant_type", 70003, f"The grant type '{other}' is not supported.")

    def _code_grant(self, form: Mapping[str, str], application: Application, resource: str) -> _Grant:
        asked, user = self._pages.redeem(form, application, resource)
        lasting = "offline_access" in asked.scopes
        token = self._directory.issue(application.client_id, user.name, user.amr) if lasting else None
        return _Grant(asked.resource, application, user.name, token, user.amr, asked)

    def _v2_body(self, grant: _Grant, request: Request) -> dict[str, Any]:
        seconds = int(self.token_lifetime.total_seconds())
        body: dict[str, Any] = {
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": self._sign(grant),
        }
        if grant.refresh_token:
            body |= {"scope": f"{grant.audience}/user_impersonation", "refresh_token": grant.refresh_token}
        if grant.asked and "openid" in grant.asked.scopes:
            body["id_token"] = self._id_token(grant, grant.asked, request)
        return body

    def _id_token(self, grant: _Grant, asked: Asked, request: Request) -> str:
        """The claims of a v2.0 id token (entra/identity-platform/id-token-claims-reference); amr is not one of them."""
        now, user = self._clock.now(), self._directory.users[str(grant.user).casefold()]
        guest = {"idp": f"https://sts.windows.net/{user.home}/"} if user.home else {}
        claims = {
            "aud": asked.client_id,
            "iss": self._issuer(request, self.tenant_id),
            "iat": _unix(now),
            "nbf": _unix(now),
            "exp": _unix(now + self.token_lifetime),
            "name": user.name,
            "preferred_username": user.name,
            "oid": self._directory.object_id_of(user.name),
            "sub": uuid.uuid5(uuid.NAMESPACE_DNS, f"{asked.client_id} {user.name}").hex,
            "tid": self.tenant_id,
            "ver": "2.0",
            **({"nonce": asked.nonce} if asked.nonce else {}),
            **guest,
            **self.forged,
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": _KEY_ID})

    def _v1_body(self, grant: _Grant) -> dict[str, Any]:
        """The v1 dialect: numbers are strings (sample 7.1 of the Partner Center notes)."""
        now = self._clock.now()
        seconds = str(int(self.token_lifetime.total_seconds()))
        body = {
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "expires_on": str(_unix(now + self.token_lifetime)),
            "not_before": str(_unix(now)),
            "resource": grant.audience,
            "access_token": self._sign(grant),
        }
        if grant.refresh_token:
            body |= {"scope": "user_impersonation", "refresh_token": grant.refresh_token}
        return body

    def _sign(self, grant: _Grant) -> str:
        now = self._clock.now()
        claims: dict[str, Any] = {
            "aud": grant.audience,
            "iss": f"https://sts.windows.net/{self.tenant_id}/",
            "iat": _unix(now),
            "nbf": _unix(now),
            "exp": _unix(now + self.token_lifetime),
            "appid": grant.application.client_id,
            "tid": self.tenant_id,
            "jti": uuid.uuid4().hex,
        }
        if grant.user is None:
            claims |= {"oid": grant.application.object_id, "idtyp": "app"}
        else:
            claims |= {
                "oid": self._directory.object_id_of(grant.user),
                "upn": grant.user,
                "amr": list(grant.amr),
                "idtyp": "user",
                "scp": "user_impersonation",
            }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": _KEY_ID})

    def _public_jwk(self) -> dict[str, Any]:
        jwk: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        return jwk | {"kid": _KEY_ID, "use": "sig"}

    def _refusal(self, refusal: TokenRefused, request: Request) -> Response:
        trace, timestamp = str(uuid.uuid4()), f"{self._clock.now():%Y-%m-%d %H:%M:%SZ}"
        correlation = request.headers.get("client-request-id") or str(uuid.uuid4())
        body = {
            "error": refusal.error,
            "error_description": f"AADSTS{refusal.number}: {refusal} Trace ID: {trace}"
            f" Correlation ID: {correlation} Timestamp: {timestamp}",
            "error_codes": [refusal.number],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"{request.host_url}error?code={refusal.number}",
            **({"suberror": refusal.suberror} if refusal.suberror else {}),
        }
        return _json(body, refusal.status)


def _resource_of_scope(form: Mapping[str, str]) -> str:
    """Return the one resource that a v2 `scope` names; app-only requests must ask for `/.default`."""
    wanted = [scope for scope in form.get("scope", "").split() if scope not in _OIDC_SCOPES]
    resources = {scope.rpartition("/")[0] for scope in wanted}
    if len(resources) > 1:
        raise TokenRefused("invalid_request", 28000, "The scope includes more than one resource.")
    if not wanted or "" in resources:
        raise TokenRefused("invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid.")
    if form.get("grant_type") == "client_credentials" and not wanted[0].endswith("/.default"):
        raise TokenRefused(
            "invalid_scope", 1002012, f"The provided value for scope {wanted[0]} is not valid for client credentials."
        )
    return resources.pop()


def _resource_of_form(form: Mapping[str, str]) -> str:
    if "resource" not in form:
        raise TokenRefused(
            "invalid_request", 900144, "The request body must contain the following parameter: 'resource'."
        )
    return form["resource"]


def _discovery(authority: str, issuer: str, oauth: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{authority}{oauth}/authorize",
        "token_endpoint": f"{authority}{oauth}/token",
        "device_authorization_endpoint": f"{authority}{oauth}/devicecode",
        "end_session_endpoint": f"{authority}{oauth}/logout",
        "jwks_uri": f"{authority}/discovery/v2.0/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "response_types_supported": ["code", "id_token", "code id_token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": sorted(_OIDC_SCOPES),
    }


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())


def _json(body: Mapping[str, Any], status: int = 200) -> Response:
    response = Response(json.dumps(body), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store, no-cache"
    return response
