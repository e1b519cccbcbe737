"""What the simulated Entra ID knows: applications, users' refresh tokens and resources; and how it refuses."""

from __future__ import annotations

import hmac
import secrets
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import jwt
from cryptography import x509

from tools.simulators.clock import SimulatorClock

REFRESH_TOKEN_LIFETIME = timedelta(days=90)
"""Entra's default: a refresh token dies after 90 days without use."""


class TokenRefused(Exception):
    """A refusal by the token endpoint: OAuth error, AADSTS number, HTTP status."""

    def __init__(self, error: str, number: int, text: str, status: int = 400, *, suberror: str = "") -> None:
        super().__init__(text)
        self.error = error
        self.number = number
        self.status = status
        self.suberror = suberror


@dataclass(frozen=True)
class Application:
    """A registered app: authenticates by secret, or by an assertion signed with its certificate's key.

    `redirect_uris` are those of the platform Web.
    """

    client_id: str
    secret: str
    object_id: str
    certificate_pem: bytes | None = None
    redirect_uris: tuple[str, ...] = ()


MFA = ("pwd", "mfa")
"""How a person authenticated (the claim amr) who was asked for a second factor."""


@dataclass(frozen=True)
class User:
    """A user. `amr` is how they authenticate; `home` is the tenant of a guest."""

    name: str
    amr: tuple[str, ...] = MFA
    home: str | None = None
    enabled: bool = True


@dataclass
class RefreshToken:
    """A refresh token: bound to a client and a user, not to a resource."""

    client_id: str
    user: str
    expires: datetime
    amr: tuple[str, ...] = MFA
    revoked: bool = False
    used: bool = False


@dataclass
class Directory:
    """The mutable state of a tenant.

    `single_use` makes a rotated refresh token die with its first use; Entra itself leaves old ones alive.
    """

    clock: SimulatorClock
    single_use: bool = False
    applications: dict[str, Application] = field(default_factory=dict)
    resources: set[str] = field(default_factory=set)
    users: dict[str, User] = field(default_factory=dict)
    unconsented: set[tuple[str, str]] = field(default_factory=set)
    """Apps and resources for which nobody consents; to the others an administrator has."""
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def issue(self, client_id: str, user: str, amr: tuple[str, ...] = MFA) -> str:
        """Create a refresh token; it carries how the user authenticated."""
        token = f"1.{secrets.token_urlsafe(48)}"
        with self.lock:
            self.refresh_tokens[token] = RefreshToken(client_id, user, self.clock.now() + REFRESH_TOKEN_LIFETIME, amr)
        return token

    def consented(self, client_id: str, resource: str) -> bool:
        """Whether somebody consented to the app's use of a resource."""
        return (client_id, resource.rstrip("/")) not in self.unconsented

    def revoke(self, user: str | None) -> int:
        """Revoke the refresh tokens of a user (None: of everybody); returns how many."""
        with self.lock:
            hit = [token for token in self.refresh_tokens.values() if user is None or token.user == user]
            for token in hit:
                token.revoked = True
        return len(hit)

    def redeem(self, client_id: str, value: str) -> tuple[RefreshToken, str]:
        """Exchange a refresh token; returns it and the next one."""
        with self.lock:
            token = self.refresh_tokens.get(value)
            _check_refresh_token(token, client_id, self.clock.now())
            assert token is not None  # noqa: S101 -- the check above refuses None; this tells the type checker
            token.used = True
            token.revoked = token.revoked or self.single_use
        return token, self.issue(client_id, token.user, token.amr)

    def check_consent(self, client_id: str, resource: str) -> None:
        """Refuse a token for a resource to which nobody consented."""
        if not self.consented(client_id, resource):
            raise TokenRefused(
                "invalid_grant",
                65001,
                f"The user or administrator has not consented to use the application with ID '{client_id}'.",
                suberror="consent_required",
            )

    def authenticate(self, form: Mapping[str, str]) -> Application:
        """Return the app that the form's credentials prove."""
        client_id = form.get("client_id", "")
        application = self.applications.get(client_id)
        if application is None:
            raise TokenRefused(
                "unauthorized_client",
                700016,
                f"Application with identifier '{client_id}' was not found in the directory.",
            )
        if "client_assertion" in form:
            _check_assertion(application, form["client_assertion"], self.clock.now())
        elif "client_secret" not in form:
            raise TokenRefused(
                "invalid_client",
                7000218,
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
                401,
            )
        elif not hmac.compare_digest(form["client_secret"], application.secret):
            raise TokenRefused(
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret"
                f" value, not the client secret ID, for a secret added to app '{client_id}'.",
                401,
            )
        return application

    def audience(self, resource: str) -> str:
        """Return the audience for a requested resource, if this tenant knows it."""
        if resource.rstrip("/") not in self.resources:
            raise TokenRefused(
                "invalid_resource", 500011, f"The resource principal named {resource} was not found in the tenant."
            )
        return resource

    def object_id_of(self, user: str) -> str:
        """Return a user's stable object id."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, user))


def _check_refresh_token(token: RefreshToken | None, client_id: str, now: datetime) -> None:
    if token is None:
        raise TokenRefused(
            "invalid_grant", 70008, "The provided authorization code or refresh token has expired due to inactivity."
        )
    if token.revoked:
        raise TokenRefused(
            "invalid_grant",
            50173,
            "The provided grant has expired due to it being revoked, a fresh auth token is needed."
            " The user might have changed or reset their password.",
        )
    if token.client_id != client_id:
        raise TokenRefused("invalid_grant", 70000, "The provided value for the 'refresh_token' is not valid.")
    if token.expires <= now:
        raise TokenRefused("invalid_grant", 700082, "The refresh token has expired due to inactivity.")


def _check_assertion(application: Application, assertion: str, now: datetime) -> None:
    """Verify a certificate credential; its lifetime goes by the simulated clock, its audience is not judged."""
    refused = TokenRefused("invalid_client", 700027, "Client assertion failed signature validation.", 401)
    if application.certificate_pem is None:
        raise refused
    key = x509.load_pem_x509_certificate(application.certificate_pem).public_key()
    try:
        claims = jwt.decode(
            assertion,
            key,  # type: ignore[arg-type]  # an RSA key; PyJWT refuses the others itself
            algorithms=["RS256", "PS256"],
            options={"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )
    except jwt.PyJWTError as error:
        raise refused from error
    if claims.get("iss") != application.client_id or claims.get("sub") != application.client_id:
        raise refused
    if float(claims.get("exp", 0)) < now.timestamp():
        raise TokenRefused("invalid_client", 700024, "Client assertion is not within its valid time range.", 401)
