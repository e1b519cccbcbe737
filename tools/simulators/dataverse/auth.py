"""Who is calling: token, audience, application user, roles.

Source: the reference, A.1. An app must also exist inside the environment, as a systemuser with a role.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from werkzeug.wrappers import Request

from tools.simulators.claims import Claims, TokenVerifier
from tools.simulators.dataverse.environment import ORGANIZATION_ID, Caller, Environment
from tools.simulators.dataverse.errors import RefusedError, Rule


class UnauthorizedError(Exception):
    """No token, a bad one, or one for another audience: 401, without a JSON body."""


@dataclass(frozen=True)
class ApplicationUser:
    """An app that was made a user of the environment."""

    caller: Caller
    roles: bool


@dataclass
class Gate:
    """Lets callers in. `resource` is the audience a token must have; None lets every audience pass."""

    environment: Environment
    verifier: TokenVerifier
    resource: str | None
    application_users: dict[str, ApplicationUser] = field(default_factory=dict)

    def admit(self, request: Request) -> Caller:
        """Return the caller, or refuse with 401 or 403."""
        claims = self._claims(request)
        if claims.user is not None:
            return self._person(claims.user)
        user = self.application_users.get(claims.application_id)
        if user is None:
            raise RefusedError(Rule.NOT_A_MEMBER)
        if not user.roles:
            raise RefusedError(Rule.NO_ROLES, user=user.caller.user_id, organization=ORGANIZATION_ID)
        return user.caller

    def add_application_user(self, client_id: str, *, roles: bool, global_read: bool, customizer: bool) -> str:
        """Create or replace the application user of an app; returns its systemuserid."""
        known = self.application_users.get(client_id)
        user_id = known.caller.user_id if known else self._create_user(client_id)
        self.application_users[client_id] = ApplicationUser(
            Caller(user_id, client_id, global_read=global_read, customizer=customizer), roles
        )
        return user_id

    def _create_user(self, client_id: str) -> str:
        values: dict[str, object] = {"fullname": f"# {client_id}", "applicationid": client_id, "isdisabled": False}
        return self.environment.seed("systemuser", values | {"systemuserid": str(uuid.uuid4())})

    def _claims(self, request: Request) -> Claims:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        claims = self.verifier.verify(token) if scheme.lower() == "bearer" and token else None
        if claims is None:
            raise UnauthorizedError
        if self.resource is not None and claims.audience.rstrip("/") != self.resource.rstrip("/"):
            raise UnauthorizedError
        return claims

    def _person(self, name: str) -> Caller:
        row = self.environment.only("systemuser", "domainname", name)
        if row is None:
            raise RefusedError(Rule.NOT_A_MEMBER)
        return Caller(row.id)
