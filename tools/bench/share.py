"""In whose code the processor time of an update goes: the storage library's, the vendors' HTTP library's, or ours.

One thread of this process does what a worker's thread does for the event of an edit, on Azurite and the simulated
vendors. What the two libraries need for the calls that a change cannot do without is the bound of what a worker can
reach; the host's share, the receiver and the echoes come on top (bench `burst`).
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from shared.bootstrap import App
from shared.http import Request, RequestsTransport, Response
from shared.ledger.table_ledger import TABLE, TableLedger
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.settings.loading import load_settings
from shared.storage import table_client
from tools.bench.burst import create
from tools.bench.rows import Row
from tools.local.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.data.tables import TableClient

DEALS = 30
WARM = 10
"""Edits before the first that counts: by then tokens and connections are there."""


def run(_rounds: int) -> list[Row]:
    """Measure. Raises AssertionError when a record does not have its new value."""
    with Stack(patient=True) as stack:
        stack.partner_center.modes.delay_seconds = 0
        stack.register().raise_for_status()
        records = create(stack, DEALS)
        stack.quiet().host.stop()
        with patch.dict(os.environ, stack.settings()):
            spent = _update_all(stack, records)
    calls = spent["storage"] + spent["vendors"]
    own = spent["all"] - calls
    return [
        Row("an update by one thread, processor time", spent["all"], "ms"),
        Row("of it the storage library", spent["storage"], "ms"),
        Row("of it the vendors' HTTP library", spent["vendors"], "ms"),
        Row("of it our own code", own, "ms", peer="the libraries", peer_figure=calls),
    ]


def _update_all(stack: Stack, records: dict[str, str]) -> dict[str, float]:
    """Edit each deal in Partner Center and handle the event; returns milliseconds for each, by whose code it was."""
    meter = _Meter()
    app = App(load_settings(), transport=_Transport(meter))
    client = cast("TableClient", _Timed(table_client(app.settings, TABLE, _nobody), meter))
    app.__dict__["ledger"] = TableLedger(client)
    for number, referral_id in enumerate(records):
        if number == WARM:
            meter.spent.clear()
        stack.partner_center.portal.edit(referral_id, {"/details/dealValue": 60_000 + number})
        message = DealMessage(PARTNER_CENTER, "referral-updated", "bench", referral_id=referral_id)
        with meter.of("all"):
            app.worker.run(message.dump())
        assert stack.crm.deal(records[referral_id]).deal_value == 60_000 + number  # noqa: S101
    return {what: seconds / (len(records) - WARM) * 1000 for what, seconds in meter.spent.items()}


class _Meter:
    """Seconds of this thread's processor time, by whose code it was."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        """Count what is done within."""
        start = time.thread_time()
        try:
            yield
        finally:
            self.spent[what] += time.thread_time() - start


class _Transport:
    """Implements Transport."""

    def __init__(self, meter: _Meter) -> None:
        self._meter = meter
        self._network = RequestsTransport()

    def send(self, request: Request) -> Response:
        """Send one request over the network."""
        with self._meter.of("vendors"):
            return self._network.send(request)


class _Timed:
    """A client of Table Storage."""

    def __init__(self, client: object, meter: _Meter) -> None:
        self._client = client
        self._meter = meter

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def timed(*given: object, **named: object) -> Any:
            with self._meter.of("storage"):
                return method(*given, **named)

        return timed


def _nobody() -> Any:
    raise AssertionError("Azurite takes a connection string")
