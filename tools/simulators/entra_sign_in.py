"""The interactive half of the simulated Entra ID: the authorize endpoint, its pages, and authorization codes.

Sources: entra/identity-platform/v2-oauth2-auth-code-flow, reply-url, reference-error-codes; RFC 7636.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from werkzeug import Request, Response

from tools.simulators.entra_directory import Application, Directory, TokenRefused, User

CODE_LIFETIME = timedelta(minutes=10)
_CHALLENGE = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
_LOOPBACK = "localhost"


@dataclass(frozen=True)
class Asked:
    """A valid authorization request, while its page is shown."""

    client_id: str
    redirect_uri: str
    resource: str
    scopes: frozenset[str]
    response_mode: str
    state: str | None
    nonce: str | None
    challenge: str | None
    method: str
    login_hint: str


@dataclass
class _Code:
    asked: Asked
    user: User
    expires: datetime
    redeemed: bool = False


class _Shown(Exception):
    """An error that is shown to the person: the app that asks is not known well enough to be told."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"AADSTS{number}: {text}")


class _Returned(Exception):
    """An error that is sent back to the app."""

    def __init__(self, error: str, number: int, text: str) -> None:
        super().__init__(f"AADSTS{number}: {text}")
        self.error = error


class SignInPages:
    """Serves a tenant's sign-in. `resource_of` reads the one resource that a scope names."""

    def __init__(self, tenant_id: str, directory: Directory, resource_of: Callable[[Mapping[str, str]], str]) -> None:
        self._login = f"/{tenant_id}/login"
        self._directory = directory
        self._resource_of = resource_of
        self._pending: dict[str, Asked] = {}
        self._codes: dict[str, _Code] = {}

    # --- pages -------------------------------------------------------------------------------------------------------

    def authorize(self, request: Request) -> Response:
        """GET authorize: the page that asks who is there, an error page, or an error for the app."""
        query = request.args
        try:
            application, redirect_uri = self._client(query)
        except _Shown as error:
            return _page(f"<p>Sorry, but we're having trouble signing you in.</p><p>{html.escape(str(error))}</p>", 400)
        mode = query.get("response_mode", "query")
        try:
            asked = self._asked(query, application, redirect_uri, mode)
        except _Returned as error:
            told = {"error": error.error, "error_description": str(error)}
            return _back(redirect_uri, mode, told, query.get("state"))
        context = secrets.token_urlsafe(16)
        self._pending[context] = asked
        return _page(self._sign_in_form(context, asked.login_hint))

    def sign_in(self, request: Request) -> Response:
        """POST login: what the person did on the page."""
        asked = self._pending.get(request.form.get("ctx", ""))
        if asked is None:
            return _page("<p>AADSTS165000: Invalid Request: request tokens do not match the user context.</p>", 400)
        if request.form.get("action") == "cancel":
            told = {"error": "access_denied", "error_description": "AADSTS65004: User declined to consent."}
            return _back(asked.redirect_uri, asked.response_mode, told, asked.state)
        name, context = request.form.get("login", "").strip().casefold(), request.form["ctx"]
        user = self._directory.users.get(name)
        if user is None:
            text = f"AADSTS50034: The user account {html.escape(name)} does not exist in this directory."
            return _page(f"<p>{text}</p>{self._sign_in_form(context, name)}")
        if not user.enabled:
            return _page(f"<p>AADSTS50057: The user account is disabled.</p>{self._sign_in_form(context, name)}")
        if not self._directory.consented(asked.client_id, asked.resource):
            return _page(f"<p>Need admin approval</p><p>AADSTS90094</p>{self._form(context, 'cancel', 'Return')}")
        del self._pending[context]
        code = f"1.{secrets.token_urlsafe(64)}"
        self._codes[code] = _Code(asked, user, self._directory.clock.now() + CODE_LIFETIME)
        return _back(asked.redirect_uri, asked.response_mode, {"code": code}, asked.state)

    def _sign_in_form(self, context: str, login: str) -> str:
        name = f'<input name="login" value="{html.escape(login)}">'
        return self._form(context, "sign_in", "Sign in", name) + self._form(context, "cancel", "Cancel")

    def _form(self, context: str, action: str, label: str, more: str = "") -> str:
        known = {"ctx": context, "action": action}
        hidden = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in known.items())
        return f'<form method="POST" action="{self._login}">{hidden}{more}<button>{label}</button></form>'

    # --- what is asked ---------------------------------------------------------------------------------------------

    def _client(self, query: Mapping[str, str]) -> tuple[Application, str]:
        client_id = query.get("client_id", "")
        application = self._directory.applications.get(client_id)
        if application is None:
            raise _Shown(700016, f"Application with identifier '{client_id}' was not found in the directory.")
        redirect_uri = query.get("redirect_uri")
        if not redirect_uri:
            raise _Shown(900971, "No reply address provided.")
        if not any(_matches(each, redirect_uri) for each in application.redirect_uris):
            raise _Shown(
                50011,
                f"The redirect URI '{redirect_uri}' specified in the request does not match the redirect URIs"
                f" configured for the application '{client_id}'.",
            )
        return application, redirect_uri

    def _asked(self, query: Mapping[str, str], application: Application, redirect_uri: str, mode: str) -> Asked:
        if "response_type" not in query:
            raise _Returned("invalid_request", 900144, "The request must contain the parameter: 'response_type'.")
        if query["response_type"] != "code":
            raise _Returned("unsupported_response_type", 700054, "response_type is not enabled for the application.")
        if mode not in ("query", "form_post"):
            raise _Returned("invalid_request", 90100, "response_mode parameter is not valid.")
        if query.get("prompt") == "none":
            raise _Returned("login_required", 50058, "Session information is not sufficient for single-sign-on.")
        challenge, method = query.get("code_challenge"), query.get("code_challenge_method", "plain")
        if challenge is not None and not _CHALLENGE.fullmatch(challenge):
            raise _Returned("invalid_request", 501491, "Invalid size of Code_Challenge parameter.")
        if method not in ("plain", "S256"):
            raise _Returned("invalid_request", 501491, "The Code_Challenge method is not supported.")
        try:
            resource = self._directory.audience(self._resource_of(query))
        except TokenRefused as refused:
            raise _Returned(refused.error, refused.number, str(refused)) from refused
        return Asked(
            application.client_id,
            redirect_uri,
            resource,
            frozenset(query.get("scope", "").split()),
            mode,
            query.get("state"),
            query.get("nonce"),
            challenge,
            method,
            query.get("login_hint", ""),
        )

    # --- codes -------------------------------------------------------------------------------------------------------

    def redeem(self, form: Mapping[str, str], application: Application, resource: str) -> tuple[Asked, User]:
        """Return what a code stands for. Raises TokenRefused, as the token endpoint does."""
        if not form.get("code"):
            raise TokenRefused("invalid_request", 900144, "The request body must contain the parameter: 'code'.")
        code = self._codes.get(form["code"])
        if code is None or code.asked.client_id != application.client_id:
            raise TokenRefused("invalid_grant", 70000, "The provided value for the 'code' parameter is not valid.")
        if code.redeemed:
            raise TokenRefused("invalid_grant", 54005, "OAuth2 Authorization code was already redeemed.")
        if code.expires <= self._directory.clock.now():
            raise TokenRefused("invalid_grant", 70008, "The provided authorization code has expired.")
        if form.get("redirect_uri") != code.asked.redirect_uri:
            raise TokenRefused(
                "invalid_grant", 500112, "The reply address does not match the one of the authorization request."
            )
        if not _proven(code.asked, form.get("code_verifier")):
            raise TokenRefused("invalid_grant", 501481, "The Code_Verifier does not match the code_challenge.")
        if resource.rstrip("/") != code.asked.resource.rstrip("/"):
            raise TokenRefused("invalid_grant", 70000, "The scope is not one of the authorization request.")
        code.redeemed = True
        return code.asked, code.user


def _matches(registered: str, given: str) -> bool:
    """Whether a redirect URI is the registered one: to the letter; for localhost over http, whatever the port."""
    if registered == given:
        return True
    theirs, ours = urlsplit(given), urlsplit(registered)
    if not (theirs.scheme == ours.scheme == "http" and theirs.hostname == ours.hostname == _LOOPBACK):
        return False
    return (theirs.path or "/", theirs.query) == (ours.path or "/", ours.query)


def _proven(asked: Asked, verifier: str | None) -> bool:
    if asked.challenge is None:
        return True
    if not verifier:
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return hmac.compare_digest(asked.challenge, digest if asked.method == "S256" else verifier)


def _back(redirect_uri: str, mode: str, told: Mapping[str, str], state: str | None) -> Response:
    """Send the browser back to the app: by its address, or by a form that submits itself."""
    members = {**told, **({"state": state} if state is not None else {}), "session_state": secrets.token_hex(8)}
    if mode == "form_post":
        fields = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in members.items()
        )
        form = f'<form method="POST" action="{html.escape(redirect_uri)}">{fields}</form>'
        return _page(f"{form}<script>document.forms[0].submit()</script>")
    parts = urlsplit(redirect_uri)
    address = parts._replace(path=parts.path or "/", query=urlencode(members)).geturl()
    return Response("", 302, headers={"Location": address})


def _page(body: str, status: int = 200) -> Response:
    response = Response(f"<!doctype html><title>Sign in</title>{body}", status, mimetype="text/html")
    response.headers["Cache-Control"] = "no-store, no-cache"
    return response
