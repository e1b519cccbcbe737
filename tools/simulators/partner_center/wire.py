"""What both APIs do alike over HTTP: bearer tokens, JSON bodies, error answers."""

from __future__ import annotations

import json
from typing import Any

from werkzeug import Request, Response

from tools.simulators.claims import Claims, TokenVerifier
from tools.simulators.partner_center.errors import ApiError


def authorize(request: Request, verifier: TokenVerifier, audience: str) -> Claims:
    """Return the caller's claims; 401 without a valid token for exactly this audience."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    claims = verifier.verify(token.strip()) if scheme.casefold() == "bearer" else None
    if claims is None or claims.audience.rstrip("/") != audience:
        raise ApiError(
            401,
            "unauthenticated",
            "The token is missing, expired, or was not issued for this resource.",
            headers={"WWW-Authenticate": f'Bearer realm="{audience}"'},
        )
    if claims.user is not None and not claims.mfa:
        # Since 2026 every app+user call must carry MFA (partner-center/security, partner-security-requirements).
        raise ApiError(401, "900421", "MFA required.")
    return claims


def read_json(request: Request) -> Any:
    """Return the JSON body; 415 for another content type, 400 for what does not parse."""
    if request.mimetype != "application/json":
        raise ApiError(415, "invalidRequest", "The content type must be application/json.", target="Content-Type")
    try:
        return json.loads(request.get_data())
    except ValueError:
        raise ApiError(400, "invalidRequest", "The body is not valid JSON.", target="body") from None


def method_not_allowed(request: Request, *allowed: str) -> ApiError:
    """405, naming what is allowed."""
    return ApiError(
        405, "invalidRequest", f"{request.method} is not supported here.", headers={"Allow": ", ".join(allowed)}
    )


def json_response(body: object, status: int = 200) -> Response:
    """Answer JSON."""
    return Response(json.dumps(body), status, content_type="application/json; charset=utf-8")


def error_response(error: ApiError) -> Response:
    """Answer a refusal."""
    response = json_response(error.body(), error.status)
    response.headers.extend(error.headers)
    return response
