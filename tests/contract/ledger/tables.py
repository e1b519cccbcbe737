"""Tables in Azurite, and a network that counts requests and loses answers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from azure.core.exceptions import IncompleteReadError, ServiceResponseError
from azure.core.pipeline.transport import RequestsTransport
from azure.data.tables import TableClient

from shared.ledger.transactions import TransactionClient


class LossyTransport(RequestsTransport):  # type: ignore[misc] # the SDK is untyped here
    """The network, losing the answers of the requests that were armed: they reach the service all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.lose: list[Callable[[Any], Any]] = []
        self.sent = 0

    def send(self, request: Any, **options: Any) -> Any:
        """Send a request, and lose its answer when told to."""
        response = super().send(request, **options)
        self.sent += 1
        return self.lose.pop(0)(response) if self.lose else response


def gateway_timeout(response: Any) -> Any:
    """What a load balancer answers when the service took too long."""
    response.status_code = 504
    return response


def broken(_response: Any) -> Any:
    """What the SDK sees of a connection that breaks."""
    raise ServiceResponseError("the connection broke")


def cut(response: Any) -> Any:
    """What the SDK sees of a connection that breaks in the middle of the answer to a transaction."""

    def read() -> bytes:
        raise IncompleteReadError("the answer was cut")

    response.read = read
    return response


def too_large(response: Any) -> Any:
    """How the service refuses a transaction of more than 4 MiB, which the emulator takes."""
    response.status_code = 413
    return response


def table_client(connection: str, transport: LossyTransport | None = None) -> TableClient:
    """Return a client of a table that is not there yet."""
    options: dict[str, Any] = {"transport": transport} if transport else {}
    name = f"t{uuid.uuid4().hex}"
    return TransactionClient.from_connection_string(
        connection, name, retry_backoff_factor=0.01, retry_total=3, **options
    )
