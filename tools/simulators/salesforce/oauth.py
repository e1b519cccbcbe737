"""The org's own OAuth token endpoint, and the sessions it opened.

Sources: the OAuth client credentials and JWT bearer flows of Salesforce Help; errors are `{error, error_description}`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from werkzeug.wrappers import Request

from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.exchange import Answer
from tools.simulators.salesforce.org import Caller, Org
from tools.simulators.salesforce.records import Record

ORGANIZATION_ID = "00D5e000000AbCdEAK"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LOGIN_HOSTS = frozenset({"https://login.salesforce.com", "https://test.salesforce.com"})
_MAX_ASSERTION_LIFE = timedelta(minutes=5)
_FORM = "application/x-www-form-urlencoded"


class TokenRefused(Exception):
    """A token request that is refused, with the OAuth error and its description."""

    def __init__(self, error: str, description: str) -> None:
        self.error = error
        self.description = description
        super().__init__(f"{error}: {description}")


@dataclass(frozen=True)
class ConnectedApp:
    """An app the org's admin registered. `user_id` is the user it runs as; `public_key` (PEM) checks its assertions."""

    client_id: str
    secret: str | None
    public_key: bytes | None
    user_id: str
    customizer: bool


@dataclass
class Session:
    """An access token that is good for calls."""

    caller: Caller
    used: datetime


@dataclass
class Identity:
    """Apps, sessions and the two endpoints that give and explain them."""

    org: Org
    apps: dict[str, ConnectedApp] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    expire_after: int | None = None

    # --- calls -----------------------------------------------------------------------------------------------------

    def admit(self, authorization: str) -> Caller:
        """Return the caller behind a bearer token, or refuse with 401."""
        if self.expire_after is not None:
            self.expire_after -= 1
            if self.expire_after < 0:
                self.expire_after = None
                self.sessions.clear()
        scheme, _, token = authorization.partition(" ")
        if token and _SESSION_MARK not in token:
            raise RefusedError(Rule.AUTH_HEADER)  # taken for a JWT, and a bad one
        session = self.sessions.get(token) if scheme in {"Bearer", "OAuth"} else None
        now = self.org.now()
        if session is None or now - session.used > self.org.quirks.session_timeout:
            self.sessions.pop(token, None)
            raise RefusedError(Rule.SESSION)
        session.used = now
        return session.caller

    def open(self, user_id: str, *, customizer: bool) -> str:
        """Return a new access token for a user."""
        token = f"{ORGANIZATION_ID[:15]}{_SESSION_MARK}AQ{secrets.token_urlsafe(48).replace('-', '.')}"
        caller = Caller(user_id, customizer, session=hashlib.sha256(token.encode()).hexdigest())
        self.sessions[token] = Session(caller, self.org.now())
        return token

    # --- the token endpoint ----------------------------------------------------------------------------------------

    def token(self, request: Request) -> Answer:
        """Answer POST /services/oauth2/token."""
        try:
            app = self._granted(request)
        except TokenRefused as refusal:
            return Answer(400, {"error": refusal.error, "error_description": refusal.description}, _NO_STORE)
        return Answer(200, self._grant(app, request.host_url.rstrip("/")), _NO_STORE)

    def _granted(self, request: Request) -> ConnectedApp:
        if request.method != "POST" or request.mimetype != _FORM:
            raise TokenRefused("invalid_request", f"must be a POST of {_FORM}")
        form = request.form.to_dict()
        match form.get("grant_type"):
            case "client_credentials":
                return self._by_secret(*_client(request, form))
            case grant if grant == JWT_GRANT:
                return self._by_assertion(form.get("assertion", ""), request.host_url.rstrip("/"))
            case "password":
                return self._by_password(form, _client(request, form))
        raise TokenRefused("unsupported_grant_type", "grant type not supported")

    def _by_secret(self, client_id: str, secret: str) -> ConnectedApp:
        app = self._app(client_id)
        if app.secret is None or not hmac.compare_digest(app.secret.encode(), secret.encode()):
            raise TokenRefused("invalid_client", "invalid client credentials")
        self._require_active(app.user_id)
        return app

    def _by_password(self, form: Mapping[str, str], client: tuple[str, str]) -> ConnectedApp:
        app = self._by_secret(*client)
        user = self._user(form.get("username", ""))
        if not self.org.quirks.password_grant or user is None or user.id != app.user_id:
            raise TokenRefused("invalid_grant", "authentication failure")
        return app

    def _by_assertion(self, assertion: str, my_domain: str) -> ConnectedApp:
        claims = self._claims(assertion, verify_with=None)
        app = self._app(str(claims.get("iss", "")))
        if app.public_key is None:
            raise TokenRefused("invalid_grant", "invalid assertion")
        claims = self._claims(assertion, verify_with=app.public_key)
        self._check_claims(claims, my_domain)
        user = self._user(str(claims.get("sub", "")))
        if user is None or user.id != app.user_id:
            raise TokenRefused("invalid_grant", "user hasn't approved this consumer")
        self._require_active(user.id)
        return app

    def _claims(self, assertion: str, *, verify_with: bytes | None) -> dict[str, object]:
        """Read an assertion: first unverified, to learn whose key checks it; times are checked by the org's clock."""
        options = {f"verify_{name}": False for name in ("aud", "exp", "nbf", "iat", "iss", "sub", "jti")}
        options["verify_signature"] = verify_with is not None
        try:
            return jwt.decode(assertion, verify_with or b"", algorithms=["RS256"], options=options)  # type: ignore[arg-type]
        except (jwt.PyJWTError, ValueError):
            raise TokenRefused("invalid_grant", "invalid assertion") from None

    def _check_claims(self, claims: Mapping[str, object], my_domain: str) -> None:
        allowed = {my_domain} | (_LOGIN_HOSTS if self.org.quirks.generic_audience else set())
        audience = claims.get("aud")
        if not isinstance(audience, str) or audience.rstrip("/") not in allowed:
            raise TokenRefused("invalid_grant", "audience is invalid")
        expiry, now = claims.get("exp"), self.org.now()
        if isinstance(expiry, bool) or not isinstance(expiry, int | float):
            raise TokenRefused("invalid_grant", "invalid assertion")
        if expiry <= now.timestamp():
            raise TokenRefused("invalid_grant", "token validity expired")
        if expiry > (now + _MAX_ASSERTION_LIFE).timestamp():
            raise TokenRefused("invalid_grant", "expiration is too far in the future")

    def _grant(self, app: ConnectedApp, my_domain: str) -> dict[str, object]:
        identity = f"{my_domain}/id/{ORGANIZATION_ID}/{app.user_id}"
        issued = str(int(self.org.now().timestamp() * 1000))
        digest = hmac.new((app.secret or app.client_id).encode(), (identity + issued).encode(), hashlib.sha256).digest()
        return {
            "access_token": self.open(app.user_id, customizer=app.customizer),
            "signature": base64.b64encode(digest).decode(),
            "scope": "api",
            "instance_url": my_domain,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued,
        }

    # --- userinfo --------------------------------------------------------------------------------------------------

    def userinfo(self, caller: Caller, host_url: str) -> Answer:
        """Answer GET /services/oauth2/userinfo."""
        user = self.org.store.find(caller.user_id, self.org.now())
        values = user.values if user else {}
        identity = f"{host_url.rstrip('/')}/id/{ORGANIZATION_ID}/{caller.user_id}"
        names = {"preferred_username": "Username", "name": "Name", "email": "Email"}
        shown = {claim: values.get(name) for claim, name in names.items()}
        return Answer(200, {"sub": identity, "user_id": caller.user_id, "organization_id": ORGANIZATION_ID, **shown})

    # --- people ----------------------------------------------------------------------------------------------------

    def _app(self, client_id: str) -> ConnectedApp:
        app = self.apps.get(client_id)
        if app is None:
            raise TokenRefused("invalid_client_id", "client identifier invalid")
        return app

    def _user(self, username: str) -> Record | None:
        users = self.org.live("User")
        return next((user for user in users if str(user.values.get("Username")).lower() == username.lower()), None)

    def _require_active(self, user_id: str) -> None:
        user = self.org.store.find(user_id, self.org.now())
        if user is None or not user.values.get("IsActive"):
            raise TokenRefused("invalid_grant", "inactive user")


_SESSION_MARK = "!"
_NO_STORE = {"Cache-Control": "no-store"}


def public_key_of(pem: bytes) -> bytes:
    """Return the PEM of a public key, given it or a certificate, which is what an admin uploads for an app."""
    if b"BEGIN CERTIFICATE" not in pem:
        return pem
    key = x509.load_pem_x509_certificate(pem).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _client(request: Request, form: Mapping[str, str]) -> tuple[str, str]:
    """Return client id and secret from the form, or from the Basic header."""
    basic = request.authorization
    if basic is not None and basic.type == "basic":
        return basic.username or "", basic.password or ""
    return form.get("client_id", ""), form.get("client_secret", "")
