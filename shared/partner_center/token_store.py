"""The newest refresh token, where the app keeps it: what it says of itself, and the ledger's drawer for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from shared.clock import Clock
from shared.errors import SettingsError, StaleError
from shared.ledger.drawers import Drawers, Held, text

_TOKEN = text("token", "partner_center")

LIFETIME = timedelta(days=90)
"""How long a refresh token lives that nobody uses (entra/identity-platform/refresh-tokens)."""

SIGN_IN = "sign-in"
"""The origin of a token that no app has used yet: it beats whatever the setting holds."""


@dataclass(frozen=True)
class SignedIn:
    """Who signed in, and when."""

    user: str
    at: datetime

    def __str__(self) -> str:
        """The note as a setting holds it."""
        return f"{self.at.isoformat(timespec='seconds')} {self.user}"

    @classmethod
    def read(cls, text: str | None) -> Self | None:
        """Return what a note says; None for none, or for one that somebody spoilt: it is only for people."""
        moment, _, user = (text or "").partition(" ")
        try:
            at = datetime.fromisoformat(moment)
        except ValueError:
            return None
        return cls(user.strip(), at) if at.tzinfo and user.strip() else None


@dataclass(frozen=True)
class KeptToken:
    """A refresh token, since when it is kept, and whose sign-in it descends from.

    `saved_at` is None for one that this app has not stored itself. `version` is the store's own.
    """

    token: str = field(repr=False)
    saved_at: datetime | None = None
    signed_in: SignedIn | None = None
    version: str | None = None

    @property
    def ends(self) -> datetime | None:
        """When it dies if nobody uses it, as far as that is known."""
        since = self.saved_at or (self.signed_in.at if self.signed_in else None)
        return since + LIFETIME if since else None


class TokenStore(Protocol):
    """Where the newest refresh token is kept. Methods raise the retriable and fatal families."""

    def load(self) -> KeptToken:
        """Return the token to use; an empty one when nobody has signed in."""
        ...

    def save(self, token: str, kept: KeptToken) -> None:
        """Store `token`, which `kept` was swapped for, unless somebody stored another one since `kept` was loaded."""
        ...


def origin_of(first: str) -> str:
    """Return a hash of the setting a token descends from: a changed setting beats what is stored."""
    return hashlib.sha256(first.encode()).hexdigest()


@dataclass(frozen=True)
class First:
    """What the settings hold: PARTNER_CENTER_REFRESH_TOKEN, empty when it is not set, and who signed in for it."""

    token: str = field(default="", repr=False)
    signed_in: SignedIn | None = None

    def kept(self, version: str | None) -> KeptToken:
        """Return the setting's token, when it is to be used."""
        return KeptToken(self.token, None, self.signed_in, version)

    def beaten_by(self, origin: object) -> bool:
        """Whether what is stored under this origin is to be used: a setting that is not there beats nothing."""
        return origin == SIGN_IN or not self.token or origin == origin_of(self.token)


def notes_of(origin: str, signed_in: SignedIn | None, saved_at: datetime) -> dict[str, str]:
    """Return what is written beside a token: nothing of the token itself."""
    note = {"signed_in": str(signed_in)} if signed_in else {}
    return {"origin": origin, "saved_at": saved_at.isoformat(), **note}


def read_notes(notes: Mapping[str, object]) -> tuple[datetime | None, SignedIn | None]:
    """Return when an app of ours saved the token, None when none has yet, and who signed in."""
    signed_in = SignedIn.read(str(notes.get("signed_in", "")))
    if notes.get("origin") == SIGN_IN or "saved_at" not in notes:
        return None, signed_in
    return datetime.fromisoformat(str(notes["saved_at"])), signed_in


class LedgerTokenStore:
    """Keeps the newest refresh token in the ledger, encrypted with the first of the app's own keys.

    Any of the keys decrypts it: a new key is put in front of the old one, which is dropped once the token was renewed.

    A changed PARTNER_CENTER_REFRESH_TOKEN beats the stored one: the stored value remembers, as a hash, which setting
    it descends from.
    """

    def __init__(self, drawers: Drawers, keys: Sequence[str], first: First, clock: Clock) -> None:
        self._drawers = drawers
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._first = first
        self._clock = clock

    def load(self) -> KeptToken:
        """Return the token to use. Raises SettingsError when the stored one cannot be decrypted."""
        held = self._drawers.read(_TOKEN)
        content = json.loads(held.value) if held.value else {}
        if not content or not self._first.beaten_by(content["origin"]):
            return self._first.kept(held.etag)
        try:
            token = self._fernet.decrypt(content["token"].encode()).decode()
        except InvalidToken as error:
            raise SettingsError(
                "TOKEN_ENCRYPTION_KEY: does not decrypt the stored refresh token. Put the old key behind the new one, "
                "with a comma between, or sign in again: `python3 cosell.py sign-in`."
            ) from error
        return KeptToken(token, *read_notes(content), held.etag)

    def save(self, token: str, kept: KeptToken) -> None:
        """Store a rotated token. Two instances may rotate at once: both tokens are valid, and the first one stays."""
        notes = notes_of(origin_of(self._first.token), kept.signed_in, self._clock.now())
        sealed = json.dumps({**notes, "token": self._fernet.encrypt(token.encode()).decode()})
        try:
            self._drawers.replace(_TOKEN, sealed, Held("", kept.version))
        except StaleError:
            return  # Another instance stored its own, or a person signed in.


class ReadOnlyStore:
    """Another store that is never written to: for tools, which look with settings that need not be the app's."""

    def __init__(self, store: TokenStore) -> None:
        self._store = store

    def load(self) -> KeptToken:
        """Return the token to use."""
        return self._store.load()

    def save(self, token: str, kept: KeptToken) -> None:
        """Leave it: the token that was swapped stays valid beside its successor."""
