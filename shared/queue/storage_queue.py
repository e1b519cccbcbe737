"""The deal queue in Azure Storage, in the encoding that the Functions host reads (host.json: base64)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ClientAuthenticationError, ResourceExistsError, ResourceNotFoundError

from shared.errors import AccessDenied, ServiceUnavailable

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

WEEK = 7 * 24 * 3600
"""The longest a message may stay invisible, in seconds; also how long it lives."""


class StorageDealQueue:
    """Implements DealQueue; creates the queue at first use. The poison queue is the host's, made when it needs one."""

    def __init__(self, queue: QueueClient, poison: QueueClient) -> None:
        self._queue = queue
        self._poison = poison
        self._ready = False
        self._lock = threading.Lock()

    def send(self, message: str, *, delay: float = 0) -> None:
        """Send one message."""
        with self._translated():
            self._queue.send_message(message, visibility_timeout=min(int(delay), WEEK - 1), time_to_live=-1)

    def waiting(self) -> int:
        """Return about how many messages wait. Raises the retriable and fatal families."""
        with self._translated():
            return int(self._queue.get_queue_properties().approximate_message_count or 0)

    def oldest(self) -> datetime | None:
        """Return since when the first message waits that could be taken now; None when there is none.

        Raises the retriable and fatal families.
        """
        with self._translated():
            first = next(iter(self._queue.peek_messages(max_messages=1)), None)
            return first.inserted_on if first else None

    def poison_length(self) -> int:
        """Return about how many messages were given up. Raises the retriable and fatal families."""
        with self._translated():
            try:
                return int(self._poison.get_queue_properties().approximate_message_count or 0)
            except ResourceNotFoundError:
                return 0  # The host makes the poison queue with its first message.

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            self._ensure()
            yield
        except ClientAuthenticationError as error:
            raise AccessDenied("the storage account refused the app's identity for its queues") from error
        except AzureError as error:
            self._ready = self._ready and not isinstance(error, ResourceNotFoundError)
            raise ServiceUnavailable(f"the queue does not answer ({type(error).__name__})") from error

    def _ensure(self) -> None:
        with self._lock:
            if not self._ready:
                try:
                    self._queue.create_queue()
                except ResourceExistsError:
                    pass  # Made by an earlier start, or by the Functions host.
                self._ready = True
