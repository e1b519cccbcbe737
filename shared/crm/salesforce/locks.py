"""Locks that keep this process's writes on one account from waiting for one another inside Salesforce."""

from __future__ import annotations

import threading

_STRIPES = 64


class AccountLocks:
    """Opportunities lock their account while they are written, so writes on one account take turns."""

    def __init__(self) -> None:
        self._locks = [threading.Lock() for _ in range(_STRIPES)]

    def of(self, account_id: object) -> threading.Lock:
        """Return an account's lock; accounts share locks by hash."""
        return self._locks[hash(account_id) % _STRIPES]
