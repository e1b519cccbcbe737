"""The clients of the app's storage account: by identity where the settings name one, else by connection string.

Both raise SettingsError for a text that is no connection string.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from shared.errors import SettingsError
from shared.session import Session
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.data.tables import TableClient
    from azure.storage.queue import QueueClient

Identity = Callable[[], "TokenCredential"]
"""Who asks; only called where the settings choose an identity."""

_TIMEOUTS: dict[str, Any] = {"connection_timeout": 5, "read_timeout": 20}
"""The SDK's own timeouts of five minutes outlast a function."""
_RETRIES = 3


def table_client(settings: Settings, name: str, identity: Identity) -> TableClient:
    """Return the client of a table. No call."""
    from shared.ledger.transactions import TransactionClient

    if settings.storage_by_identity:
        uri = settings.table_uri or f"https://{settings.storage_account}.table.core.windows.net"
        return TransactionClient(uri, name, credential=identity(), **_options())
    with _named():
        return TransactionClient.from_connection_string(str(settings.storage), name, **_options())


def queue_client(settings: Settings, name: str, identity: Identity) -> QueueClient:
    """Return the client of a queue, written as the Functions host reads it. No call."""
    from azure.storage.queue import QueueClient, TextBase64EncodePolicy

    options = {**_options(), "message_encode_policy": TextBase64EncodePolicy()}
    if settings.storage_by_identity:
        uri = settings.queue_uri or f"https://{settings.storage_account}.queue.core.windows.net"
        return QueueClient(uri, name, credential=identity(), **options)
    with _named():
        return QueueClient.from_connection_string(str(settings.storage), name, **options)


def _options() -> dict[str, Any]:
    from azure.core.pipeline.transport import RequestsTransport

    session = Session()
    never = Retry(total=False, redirect=False, raise_on_status=False)  # The SDK's own policy tries again.
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=never))
    return {"transport": RequestsTransport(session=session, **_TIMEOUTS), "retry_total": _RETRIES}


@contextmanager
def _named() -> Iterator[None]:
    """Name the setting whose text the SDK cannot use."""
    try:
        yield
    except ValueError:
        raise SettingsError(
            "AzureWebJobsStorage: is no connection string. Copy it from the storage account (Access keys), or name the "
            "account in AzureWebJobsStorage__accountName and use an identity."
        ) from None
