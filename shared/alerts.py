"""Tells a person: once when something needs them, again when the cause changes, once when it is well again."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from shared.card import Card
from shared.clock import Clock, SystemClock
from shared.errors import CosellError, StaleError
from shared.ledger.drawers import Drawer, Drawers, Held, document
from shared.messages import Messages

log = logging.getLogger(__name__)

TELLING = timedelta(minutes=2)
"""How long a process that raised an alert may take to send it. After that, the next one to meet the cause sends it."""

_KIND = "alert"


class Notifier(Protocol):
    """Where alerts go."""

    def notify(self, card: Card) -> None:
        """Deliver one message. Raises the retriable and fatal families."""
        ...


@dataclass(frozen=True)
class Raised:
    """An alert in the ledger: why, whether it was sent, and since when a process is sending it (our clock)."""

    reason: str
    notified: bool
    since: datetime


class Alerts:
    """Alerts by who raises them, a row of the ledger each, so that every instance alerts only once.

    One cause may be met in several places: the same text is sent once, and resolved when the last of them is clear.
    The row is stored before the text is sent and marked afterwards. An alert that never arrived, because the process
    died or the chat did not take it, is sent when its cause is met again.
    """

    def __init__(
        self,
        drawers: Drawers,
        notifier: Notifier | None,
        messages: Messages | None = None,
        clock: Clock | None = None,
        status_page: str = "",
    ) -> None:
        """`status_page` is the address of the page of deals, where it is known: each message leads there."""
        self._drawers = drawers
        self._notifier = notifier
        self.messages = messages or Messages()
        self._clock = clock or SystemClock()
        self._links = ((self.messages.text("news.open_status"), status_page),) if status_page else ()

    @property
    def reaches_people(self) -> bool:
        """Whether there is a channel: without one, alerts are only in the ledger and the log."""
        return self._notifier is not None

    def alert(self, key: str, reason: str) -> None:
        """Raise an alert, or raise it anew with another reason. The same one again is not sent.

        Raises the retriable and fatal families when the ledger fails.
        """
        drawer, now = alert_drawer(key), self._clock.now()
        held = self._drawers.read(drawer)
        known = held.value is not None and held.value.reason == reason
        if known and held.value and (held.value.notified or now - held.value.since < TELLING):
            return
        claim = Raised(reason, notified=self._notifier is None, since=now)
        try:
            mine = self._drawers.replace(drawer, claim, held)
        except StaleError:
            return  # Another instance raised or cleared it at this moment.
        if not known:
            log.error("alert %s raised", key)
        if self._notifier is not None:
            self._tell(drawer, claim, mine)

    def clear(self, key: str, *, often: bool = False) -> bool:
        """Say that it is well again, if the alert was raised; tells whether it was.

        With `often` it is said again and again: that nobody raised it may be known from a minute ago. Raises the
        retriable and fatal families when the ledger fails.
        """
        drawer = alert_drawer(key)
        if often and self._drawers.recent(drawer, self._clock.now()) is None:
            return False
        held = self._drawers.read(drawer)
        if held.value is None:
            return False
        try:
            # Emptied first, which only one of several instances can do; a removal is silent to all of them.
            emptied = self._drawers.replace(drawer, None, held)
        except StaleError:
            return False  # Raised anew, or resolved by another instance, at this moment.
        log.info("alert %s resolved", key)
        self._forget(drawer, emptied)
        if not self._elsewhere(key, held.value.reason):
            self._notify(key, self.messages.text("alert.resolved", text=held.value.reason))
        return True

    def raised(self) -> dict[str, str]:
        """Return every raised alert: the reason by who raised it. Raises the retriable and fatal families."""
        return {key: row.reason for key, row in self._rows().items()}

    def _rows(self) -> dict[str, Raised]:
        return {key: row for key, row in self._drawers.all(alert_drawer, _KIND) if row is not None}

    def _elsewhere(self, key: str, reason: str) -> list[Raised]:
        return [row for other, row in self._rows().items() if other != key and row.reason == reason]

    def _tell(self, drawer: Drawer[Raised | None], claim: Raised, mine: Held[Raised | None]) -> None:
        """Send it, unless the same cause was sent for another key, or is being sent."""
        others = self._elsewhere(drawer.name, claim.reason)
        if not any(row.notified for row in others):
            if any(claim.since - row.since < TELLING for row in others):
                return
            if not self._notify(drawer.name, self.messages.text("alert.raised", text=claim.reason)):
                return
        try:
            self._drawers.replace(drawer, replace(claim, notified=True), mine)
        except StaleError:
            pass  # It was resolved, or raised anew, in the meantime.

    def _forget(self, drawer: Drawer[Raised | None], emptied: Held[Raised | None]) -> None:
        try:
            self._drawers.clear(drawer, emptied)
        except StaleError:
            pass  # Raised anew at this moment.

    def _notify(self, key: str, message: str) -> bool:
        """Send a message; tells whether it arrived."""
        if self._notifier is None:
            return False
        try:
            self._notifier.notify(Card(message, links=self._links))
        except CosellError as error:
            # The alert stands in the ledger and the log; a chat that cannot be reached must not stop the sync.
            log.error("alert %s not delivered: %s", key, type(error).__name__)
            return False
        return True


def alert_drawer(key: str) -> Drawer[Raised | None]:
    """Return where an alert is kept."""
    return document(_KIND, key, None, _dump, _load)


def _dump(row: Raised | None) -> object:
    return [row.reason, row.notified, row.since.isoformat()] if row else None


def _load(stored: object) -> Raised | None:
    return Raised(stored[0], stored[1], datetime.fromisoformat(stored[2])) if isinstance(stored, list) else None
