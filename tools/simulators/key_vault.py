"""Azure Key Vault's secrets, version 7.4 of the data plane, with role-based access.

Sources: learn.microsoft.com/rest/api/keyvault/secrets (Get Secret, Set Secret), key-vault/general/rbac-guide and
service-limits, key-vault/general/authentication-requests-and-responses.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from werkzeug import Request, Response

from tools.simulators.claims import TokenVerifier
from tools.simulators.clock import SimulatorClock

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

RESOURCE = "https://vault.azure.net"

_PATH = re.compile(r"/secrets/(?P<name>[0-9a-zA-Z-]{1,127})(?:/(?P<version>[0-9a-f]{32})?)?")
_VERSIONS = {"7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01"}
_MAX_VALUE, _MAX_TAGS, _MAX_TAG = 25 * 1024, 15, 256


class Role(Enum):
    """Built-in roles, by what they may do to secrets."""

    USER = frozenset({"getSecret"})
    OFFICER = frozenset({"getSecret", "setSecret"})


@dataclass(frozen=True)
class Version:
    """One version of a secret."""

    id: str
    value: str = field(repr=False)
    content_type: str | None
    tags: Mapping[str, str]
    created: int


class _Refused(Exception):
    def __init__(self, status: int, code: str, text: str, inner: str | None = None) -> None:
        super().__init__(text)
        self.status, self.code, self.inner = status, code, inner


class KeyVaultSimulator:
    """One vault as a WSGI app. `roles` is by the caller's object id."""

    def __init__(self, verifier: TokenVerifier, clock: SimulatorClock, tenant_id: str) -> None:
        self.roles: dict[str, Role] = {}
        self.secrets: dict[str, list[Version]] = {}
        self._verifier = verifier
        self._clock = clock
        self._tenant_id = tenant_id

    def grant(self, object_id: str, role: Role) -> None:
        """Assign a role to a principal."""
        self.roles[object_id] = role

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (WSGI)."""
        request = Request(environ)
        try:
            response = _json(self._serve(request))
        except _Refused as refused:
            error: dict[str, Any] = {"code": refused.code, "message": str(refused)}
            if refused.inner:
                error["innererror"] = {"code": refused.inner}
            response = _json({"error": error}, refused.status)
            if refused.status == 401:
                challenge = f'Bearer authorization="https://login.microsoftonline.com/{self._tenant_id}"'
                response.headers["WWW-Authenticate"] = f'{challenge}, resource="{RESOURCE}"'
        return response(environ, start_response)

    def _serve(self, request: Request) -> Mapping[str, Any]:
        if request.args.get("api-version") not in _VERSIONS:
            raise _Refused(400, "BadParameter", "The specified version is not recognized. Consider using 7.4.")
        found = _PATH.fullmatch(request.path)
        if found is None:
            raise _Refused(404, "ResourceNotFound", "The resource was not found.")
        match request.method:
            case "GET":
                self._authorize(request, "getSecret")
                return self._get(request, found["name"], found["version"])
            case "PUT" if found["version"] is None:
                self._authorize(request, "setSecret")
                return self._set(request, found["name"])
        raise _Refused(405, "MethodNotAllowed", "The method is not allowed.")

    def _authorize(self, request: Request, action: str) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        claims = self._verifier.verify(token) if scheme.casefold() == "bearer" else None
        if claims is None or claims.audience.rstrip("/") != RESOURCE:
            raise _Refused(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
        role = self.roles.get(claims.object_id)
        if role is None or action not in role.value:
            text = f"Caller is not authorized to perform action on resource. Action: '{action}'."
            raise _Refused(403, "Forbidden", text, "ForbiddenByRbac")

    def _get(self, request: Request, name: str, version: str | None) -> Mapping[str, Any]:
        versions = self.secrets.get(name, [])
        chosen = [each for each in versions if version in (None, each.id)]
        if not chosen:
            raise _Refused(404, "SecretNotFound", f"A secret with (name/id) {name} was not found in this key vault.")
        return _bundle(request, name, chosen[-1])

    def _set(self, request: Request, name: str) -> Mapping[str, Any]:
        content = json.loads(request.get_data() or b"null")
        if not isinstance(content, dict) or not isinstance(content.get("value"), str):
            raise _Refused(400, "BadParameter", "Property  has invalid value")
        tags = content.get("tags") or {}
        if len(content["value"].encode()) > _MAX_VALUE:
            raise _Refused(400, "BadParameter", "The secret value is too large.")
        if len(tags) > _MAX_TAGS or any(len(str(part)) > _MAX_TAG for pair in tags.items() for part in pair):
            raise _Refused(400, "BadParameter", "The tags are too many or too long.")
        now = int(self._clock.now().timestamp())
        version = Version(uuid.uuid4().hex, content["value"], content.get("contentType"), dict(tags), now)
        self.secrets.setdefault(name, []).append(version)
        return _bundle(request, name, version)


def _bundle(request: Request, name: str, version: Version) -> Mapping[str, Any]:
    attributes = {
        "enabled": True,
        "created": version.created,
        "updated": version.created,
        "recoveryLevel": "Recoverable",
    }
    told = {
        "value": version.value,
        "id": f"{request.host_url}secrets/{name}/{version.id}",
        "attributes": attributes,
        "tags": dict(version.tags),
    }
    return told | ({"contentType": version.content_type} if version.content_type else {})


def _json(body: Mapping[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json")
