"""What reaches people beside the record: the chat of the settings, and who speaks in it. Part of the bootstrap."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.alerts import Alerts, Notifier
from shared.clock import Clock
from shared.http import Transport
from shared.ledger.drawers import Drawers
from shared.messages import Messages
from shared.settings import Settings
from shared.urls import status_page

if TYPE_CHECKING:
    from shared.feeds.digest import Digest
    from shared.sync.news import Newsroom

NO_DIGEST = 24
"""The hour of DIGEST_HOUR that never comes."""


class Channel:
    """The chat and its speakers, each made when first needed."""

    def __init__(self, settings: Settings, transport: Transport, clock: Clock, drawers: Callable[[], Drawers]) -> None:
        self._settings = settings
        self._transport = transport
        self._clock = clock
        self._drawers = drawers
        self._messages = Messages(settings.message_language)
        self._status_page = status_page(settings.webhook_public_url)

    @functools.cached_property
    def chat(self) -> Notifier | None:
        """The configured chat, if there is one."""
        from shared.chat import ChatWebhook

        url = self._settings.alert_webhook_url
        return ChatWebhook(self._transport, url, self._clock, self._settings.alert_format) if url else None

    @functools.cached_property
    def alerts(self) -> Alerts:
        """Alerts to the configured chat, and to the log."""
        return Alerts(self._drawers(), self.chat, self._messages, self._clock, self._status_page)

    @functools.cached_property
    def newsroom(self) -> Newsroom:
        """What tells the chat of news about deals."""
        from shared.sync.news import Newsroom

        return Newsroom(self.chat, self._settings.alert_details, self._status_page, self._messages)

    @functools.cached_property
    def digest(self) -> Digest | None:
        """What tells the chat once a day; None where there is no chat, or nobody wants it."""
        from shared.feeds.digest import Digest

        hour = self._settings.digest_hour
        if self.chat is None or hour == NO_DIGEST:
            return None
        return Digest(self.chat, self._drawers(), hour, self._status_page)
