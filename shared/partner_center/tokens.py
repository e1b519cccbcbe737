"""Access tokens for Partner Center by the secure application model (developer/enable-secure-app-model).

A refresh token, minted once by a person with MFA, is swapped for access tokens; each swap yields a new refresh token,
which is stored before the access token is used: the old one dies of age even while it is in use.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from shared.clock import Clock
from shared.errors import AccessDenied, FatalError, ServiceUnavailable, SettingsError, SignInRequired, StaleError
from shared.ledger.port import Ledger

Redeem = Callable[[str, str], "dict[str, object]"]
"""Swaps (refresh token, scope) for msal's result: access_token, expires_in, refresh_token; or error, error_codes."""

EARLY = timedelta(minutes=5)
"""How long before its end an access token is no longer used."""


class TokenStore(Protocol):
    """Where the newest refresh token is kept."""

    def load(self) -> str:
        """Return the token to use. Raises SettingsError when the stored one cannot be read."""
        ...

    def save(self, token: str) -> None:
        """Store a rotated token. Raises the retriable and fatal families."""
        ...


def origin_of(first: str) -> str:
    """Return a hash of the setting a token descends from: a changed setting beats what is stored."""
    return hashlib.sha256(first.encode()).hexdigest()


class RefreshTokenStore:
    """Keeps the newest refresh token in the ledger, encrypted with the first of the app's own keys.

    Any of the keys decrypts it: a new key is put in front of the old one, which is dropped once the token was renewed.

    A changed PARTNER_CENTER_REFRESH_TOKEN beats the stored one: the stored value remembers, as a hash, which setting
    it descends from.
    """

    def __init__(self, ledger: Ledger, keys: Sequence[str], first: str) -> None:
        self._ledger = ledger
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._first = first
        self._origin = origin_of(first)

    def load(self) -> str:
        """Return the token to use. Raises SettingsError when the stored one cannot be decrypted."""
        text = self._ledger.value("token", "partner_center").value
        if not text:
            return self._first
        content = json.loads(text)
        if content["origin"] != self._origin:
            return self._first
        try:
            return self._fernet.decrypt(content["token"].encode()).decode()
        except InvalidToken as error:
            raise SettingsError(
                "TOKEN_ENCRYPTION_KEY: does not decrypt the stored refresh token. Put the old key behind the new one, "
                "with a comma between, or set a new PARTNER_CENTER_REFRESH_TOKEN."
            ) from error

    def save(self, token: str) -> None:
        """Store a rotated token. Two instances may rotate at once; both tokens stay valid, and the last one stays."""
        sealed = json.dumps({"origin": self._origin, "token": self._fernet.encrypt(token.encode()).decode()})
        for _ in range(3):
            try:
                held = self._ledger.value("token", "partner_center")
                self._ledger.replace_value("token", "partner_center", sealed, held)
            except StaleError:
                continue
            return
        raise ServiceUnavailable("the rotated refresh token could not be stored")


@dataclass(frozen=True)
class _Held:
    token: str
    until: datetime


class PartnerCenterTokens:
    """Access tokens for any number of scopes; the referrals and the webhooks API each want their own audience."""

    def __init__(self, redeem: Redeem, store: TokenStore, clock: Clock) -> None:
        self._redeem = redeem
        self._store = store
        self._clock = clock
        self._held: dict[str, _Held] = {}
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
            result = self._redeem(self._store.load(), scope)
            if "access_token" not in result:
                raise _refusal(result)
            rotated = result.get("refresh_token")
            if isinstance(rotated, str) and rotated:
                self._store.save(rotated)
            lifetime = timedelta(seconds=int(str(result.get("expires_in", 3599))))
            self._held[scope] = _Held(str(result["access_token"]), self._clock.now() + lifetime)
            return self._held[scope].token


def _refusal(result: dict[str, object]) -> FatalError | ServiceUnavailable:
    error = str(result.get("error", ""))
    codes = result.get("error_codes") or []
    numbers = ", ".join(f"AADSTS{code}" for code in codes) if isinstance(codes, list) else ""
    told = f"{error} {numbers}".strip()
    if error in ("invalid_grant", "interaction_required"):
        return SignInRequired(
            f"Entra ID refused the refresh token ({told}). The Partner Center service user must sign in again, with "
            "MFA, and PARTNER_CENTER_REFRESH_TOKEN must be set to the new refresh token."
        )
    if error in ("invalid_client", "unauthorized_client"):
        return SettingsError(
            f"Entra ID refused the app registration ({told}). Check PARTNER_CENTER_CLIENT_ID and the client secret or "
            "certificate; secrets expire."
        )
    if error in ("temporarily_unavailable", "server_error", ""):
        return ServiceUnavailable(f"Entra ID does not answer ({told})")
    return AccessDenied(f"Entra ID refused the token ({told}). Check the app's permissions and admin consent.")
