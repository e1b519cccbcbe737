"""Tells a person: once when something needs them, once when it is well again."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Protocol

from shared.errors import CosellError, StaleError
from shared.ledger.port import Ledger

log = logging.getLogger(__name__)

_ROUNDS = 5


class Notifier(Protocol):
    """Where alerts go."""

    def notify(self, text: str) -> None:
        """Deliver one message. Raises the retriable and fatal families."""
        ...


class Alerts:
    """Alerts by who raises them; the ledger remembers which are raised, so that every instance alerts only once.

    One cause may be met in several places: the same text is told once, and healed when the last of them is clear.
    """

    def __init__(self, ledger: Ledger, notifier: Notifier | None) -> None:
        self._ledger = ledger
        self._notifier = notifier

    def alert(self, key: str, text: str) -> None:
        """Raise an alert unless it is raised already."""
        if self._change(key, text):
            log.error("alert %s raised", key)
            self._notify(key, f"Co-sell sync needs attention: {text}")

    def clear(self, key: str) -> None:
        """Say that it is well again, if the alert was raised."""
        if text := self._change(key, None):
            log.info("alert %s cleared", key)
            self._notify(key, f"Co-sell sync is well again ({key}): {text}")

    def _change(self, key: str, text: str | None) -> str | None:
        """Store that `key` is raised with `text`, or not raised; returns the text to tell about, if there is one."""
        for _ in range(_ROUNDS):
            held = self._ledger.value("alert", "raised")
            present = _read(held.value)
            if (key in present) == (text is not None):
                return None
            others = {other: told for other, told in present.items() if other != key}
            wanted = others if text is None else {**others, key: text}
            try:
                self._ledger.replace_value("alert", "raised", json.dumps(wanted), held)
            except StaleError:
                continue  # Another instance changed an alert, perhaps this one.
            told = present[key] if text is None else text
            return None if told in others.values() else told
        return None

    def _notify(self, key: str, text: str) -> None:
        if self._notifier is None:
            return
        try:
            self._notifier.notify(text)
        except CosellError as error:
            # The alert stands in the ledger and the log; a chat that cannot be reached must not stop the sync.
            log.error("alert %s not delivered: %s", key, type(error).__name__)


def raised(ledger: Ledger) -> Mapping[str, str]:
    """Return the text of each alert that is raised, by who raised it. Raises the retriable and fatal families."""
    return _read(ledger.value("alert", "raised").value)


def _read(value: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(value) if value else {}
    return found
