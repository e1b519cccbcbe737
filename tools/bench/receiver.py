"""How many requests a second the receiver answers on the local host: one worker process, clients beside it.

An event on the queue, one that is a duplicate, one that is refused, and, for comparison, a request that the host itself
turns away for want of a key. Host, worker, Azurite and clients share this machine's cores; in Azure they do not.
"""

from __future__ import annotations

import base64
import http.client
import itertools
import statistics
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from tools.bench.rows import Row
from tools.bench.signature import BODY
from tools.local.stack import Stack
from tools.simulators.certificates import DISPATCH_HOST

CLIENTS = 8
BATCH = 80
"""Requests per round and kind."""

BARE = "refused by the host"
"""The peer: a request without a key, which none of our code sees."""

Request = tuple[str, bytes, Mapping[str, str]]
"""Path, body and headers."""


def run(rounds: int) -> list[Row]:
    """Measure. Raises AssertionError when a request is not answered as its kind has to be."""
    with Stack(patient=True, settings={"AzureWebJobs.SyncWorker.Disabled": "true"}) as stack:
        sender = Sender(stack)
        times: dict[str, list[float]] = {name: [] for name in sender.kinds}
        for _ in range(rounds):
            for name, (make, status) in sender.kinds.items():
                requests = [make() for _ in range(BATCH)]  # Signed before the clock runs.
                start = time.perf_counter()
                answers = sender.send(requests)
                times[name].append(BATCH / (time.perf_counter() - start))
                assert set(answers) == {status}, f"{name}: answered {sorted(set(answers))}"  # noqa: S101
    rates = {name: statistics.median(each) for name, each in times.items()}
    bare = rates.pop(BARE)
    return [
        Row(f"events: {name}", rate, "/s", peer=BARE, peer_figure=bare, more_is_better=True)
        for name, rate in rates.items()
    ]


class Sender:
    """Makes requests of each kind and sends them from several clients at once."""

    def __init__(self, stack: Stack) -> None:
        self._stage = stack
        url = urlsplit(stack.url_of("WebhookReceiver"))
        self._address, self._keyless, self._path = url.netloc, url.path, f"{url.path}?{url.query}"
        self._known = self._event()
        self._bodies = itertools.count()
        self.kinds: dict[str, tuple[Callable[[], Request], int]] = {
            "signed, queued": (self._event, 200),
            "signed, repeated": (lambda: self._known, 200),
            "forged, refused": (self._forged, 401),
            BARE: (lambda: (self._keyless, BODY, {}), 401),
        }
        self.send([self._known])

    def send(self, requests: Sequence[Request]) -> list[int]:
        """Send them all; returns the statuses."""
        with ThreadPoolExecutor(CLIENTS) as clients:
            return list(clients.map(self._post, requests))

    def _post(self, request: Request) -> int:
        path, body, headers = request
        connection = http.client.HTTPConnection(self._address, timeout=30)
        try:
            connection.request("POST", path, body, dict(headers))
            return connection.getresponse().status
        finally:
            connection.close()

    def _event(self) -> Request:
        body = BODY.replace(b"2c7f6a2e-50f7-4a39-9a6c-6f0c6f6d5a11", str(uuid.uuid4()).encode())
        return self._path, body, self._headers(self._stage.partner_center.signer.sign(body))

    def _forged(self) -> Request:
        return self._path, BODY, self._headers(next(self._bodies).to_bytes(256, "big"))

    def _headers(self, signature: bytes) -> Mapping[str, str]:
        return {
            "x-ms-signature": f"Signature {base64.b64encode(signature).decode()}",
            "x-ms-certificate-url": f"{self._stage.partner_center.certificate_host}/cert/{DISPATCH_HOST}.cer",
            "x-ms-signature-algorithm": "rsa-sha256",
        }
