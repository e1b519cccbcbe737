"""The queue port."""

from __future__ import annotations

from typing import Protocol


class DealQueue(Protocol):
    """Where deal messages wait for the worker. When `send` returns, the message is durably stored."""

    def send(self, message: str, *, delay: float = 0) -> None:
        """Put a message on the queue, invisible for `delay` seconds. Raises the retriable and fatal families."""
        ...


class PoisonQueue(Protocol):
    """Where the Functions host puts messages that it has given up: <queue>-poison, read by nobody."""

    def poison_length(self) -> int:
        """Return about how many messages were given up. Raises the retriable and fatal families."""
        ...
