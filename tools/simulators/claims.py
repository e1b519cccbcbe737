"""What a resource server learns from an access token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Claims:
    """The verified content of an access token.

    `user` is the signed-in user's name for app+user tokens and None for app-only tokens; `mfa` whether that user was
    asked for a second factor.
    """

    audience: str
    application_id: str
    object_id: str
    user: str | None
    mfa: bool = True


class TokenVerifier(Protocol):
    """Checks a bearer token's signature and lifetime."""

    def verify(self, token: str) -> Claims | None:
        """Return the claims of a valid token, or None for one that is malformed, forged or expired."""
        ...
