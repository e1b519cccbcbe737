"""Tells a person: once when something needs them, once when it is well again."""

from __future__ import annotations

import logging
from typing import Protocol

from shared.errors import CosellError, StaleError
from shared.ledger.port import Ledger

log = logging.getLogger(__name__)


class Notifier(Protocol):
    """Where alerts go."""

    def notify(self, text: str) -> None:
        """Deliver one message. Raises the retriable and fatal families."""
        ...


class Alerts:
    """Alerts by key; the ledger remembers which are raised, so that every instance alerts only once."""

    def __init__(self, ledger: Ledger, notifier: Notifier | None) -> None:
        self._ledger = ledger
        self._notifier = notifier

    def alert(self, key: str, text: str) -> None:
        """Raise an alert unless it is raised already."""
        self._change(key, text, f"Co-sell sync needs attention: {text}")

    def clear(self, key: str) -> None:
        """Say that it is well again, if the alert was raised."""
        self._change(key, "", f"Co-sell sync is well again: {key}")

    def _change(self, key: str, state: str, text: str) -> None:
        held = self._ledger.value("alert", key)
        if bool(held.value) == bool(state):
            return
        try:
            self._ledger.replace_value("alert", key, state, held)
        except StaleError:
            return  # Another instance told already.
        log.log(logging.ERROR if state else logging.INFO, "alert %s %s", key, "raised" if state else "cleared")
        if self._notifier is None:
            return
        try:
            self._notifier.notify(text)
        except CosellError as error:
            # The alert stands in the ledger and the log; a chat that cannot be reached must not stop the sync.
            log.error("alert %s not delivered: %s", key, type(error).__name__)
