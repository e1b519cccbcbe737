"""Access tokens for Partner Center by the secure application model (developer/enable-secure-app-model).

A refresh token, minted once by a person with MFA, is swapped for access tokens; each swap yields a new refresh token.
The old one stays valid beside it and dies of age (entra/identity-platform/refresh-tokens), so the newest is stored
once a day, not at each of some fifty swaps: a Key Vault keeps every version for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.errors import CosellError, SignInRequired
from shared.partner_center.entra_errors import SIGN_IN, raised_for
from shared.partner_center.token_store import KeptToken, TokenStore

Redeem = Callable[[str, str], "dict[str, object]"]
"""Swaps (refresh token, scope) for msal's result: access_token, expires_in, refresh_token; or error, error_codes."""

EARLY = timedelta(minutes=5)
"""How long before its end an access token is no longer used."""

SAVE_AFTER = timedelta(days=1)
"""How old a stored refresh token becomes before a newer one takes its place."""

REFUSED_FOR = timedelta(minutes=1)
"""How long a refused refresh token is not tried again: every waiting deal would ask Entra ID the same."""


@dataclass(frozen=True)
class _Held:
    token: str
    until: datetime


class PartnerCenterTokens:
    """Access tokens for any number of scopes; the referrals and the webhooks API each want their own audience.

    The store is read before every swap, so that a new sign-in counts at once.
    """

    def __init__(self, redeem: Redeem, store: TokenStore, clock: Clock) -> None:
        self._redeem = redeem
        self._store = store
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._newest = ("", "")
        """The stored token that this process began with, and what it has become by now."""
        self._refused: tuple[str, datetime, str] | None = None
        self._lock = threading.Lock()

    def get(self, scope: str, *, fresh: bool = False) -> str:
        """Return an access token for a scope, a new one when `fresh`.

        Raises SignInRequired when a person must sign in again, SettingsError for a wrong client secret, AccessDenied
        for missing consent, ServiceUnavailable when Entra ID does not answer.
        """
        with self._lock:
            held = self._held.get(scope)
            if held and not fresh and self._clock.now() < held.until - EARLY:
                return held.token
            kept = self._store.load()
            result = self._swap(kept, scope)
            rotated = result.get("refresh_token")
            if isinstance(rotated, str) and rotated:
                self._follow(kept, rotated)
            lifetime = timedelta(seconds=int(str(result.get("expires_in", 3599))))
            self._held[scope] = _Held(str(result["access_token"]), self._clock.now() + lifetime)
            return self._held[scope].token

    def _swap(self, kept: KeptToken, scope: str) -> dict[str, object]:
        if not kept.token:
            raise SignInRequired(f"nobody has signed in to Partner Center: {SIGN_IN}.")
        if self._refused and self._refused[0] == kept.token and self._clock.now() < self._refused[1]:
            raise SignInRequired(self._refused[2])
        began, newest = self._newest
        result = self._redeem(newest if began == kept.token else kept.token, scope)
        if "access_token" in result:
            self._refused = None
            return result
        error = _refusal(result)
        if isinstance(error, SignInRequired):
            self._refused = kept.token, self._clock.now() + REFUSED_FOR, str(error)
        raise error

    def _follow(self, kept: KeptToken, rotated: str) -> None:
        """Use the newer token from now on; store it when the stored one is a day old, or not stored by us yet."""
        if kept.saved_at is None or self._clock.now() - kept.saved_at >= SAVE_AFTER:
            self._store.save(rotated, kept)
        self._newest = kept.token, rotated


def _refusal(result: dict[str, object]) -> CosellError:
    return raised_for("the refresh token", str(result.get("error", "")), result.get("error_codes") or [])
