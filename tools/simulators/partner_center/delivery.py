"""Signs events and POSTs them to the registered URL, with every mishap that the wild may add.

Sources: partner-center-webhooks page (signature, ten attempts), referral-connectors page (payload). Retry spacing and
timeout are undocumented, hence settings.
"""

from __future__ import annotations

import heapq
import http.client
import itertools
import json
import threading
import time
from datetime import datetime
from http import HTTPStatus

from tools.simulators.certificates import WebhookSigner
from tools.simulators.clock import SimulatorClock
from tools.simulators.partner_center.delivery_model import Attempt, Delivery, DeliveryModes
from tools.simulators.partner_center.delivery_post import post, signed_headers
from tools.simulators.partner_center.quirks import Quirks
from tools.simulators.partner_center.registration import Registration, RegistrationStore
from tools.simulators.partner_center.store import Change, ReferralStore

_RESOURCE_URIS = {
    "partnercenter": "https://api.partnercenter.microsoft.com/engagements/v1/referrals",
    "partner": "https://api.partner.microsoft.com/v1.0/engagements/referrals",
}


class Deliverer:
    """Turns changes into events and delivers them from background threads."""

    def __init__(
        self,
        signer: WebhookSigner,
        registrations: RegistrationStore,
        store: ReferralStore,
        quirks: Quirks,
        clock: SimulatorClock,
    ) -> None:
        self.modes = DeliveryModes()
        self.deliveries: list[Delivery] = []
        self.certificate_host = ""
        self.issuer_host = ""
        self._signer = signer
        self._foreign: WebhookSigner | None = None
        self._registrations = registrations
        self._store = store
        self._quirks = quirks
        self._clock = clock
        self._queue: list[tuple[float, int, Delivery]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._threads: list[threading.Thread] = []

    @property
    def foreign_signer(self) -> WebhookSigner:
        """The forger's PKI, made on first use."""
        if self._foreign is None:
            self._foreign = WebhookSigner(forger=True)
            if self.issuer_host:
                self._foreign.publish_at(f"{self.issuer_host}/foreign")
        return self._foreign

    def start(self, workers: int = 4) -> None:
        """Begin to deliver, with so many deliveries under way at once."""
        self._stopped = False
        self._threads = [threading.Thread(target=self._work, name="deliverer", daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop; what is pending stays pending."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def wait_idle(self, timeout: float = 10.0) -> bool:
        """Wait until nothing is pending; tells whether that came true in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not any(item.pending for item in self.deliveries), timeout)

    def replay(self, delivery: Delivery) -> Delivery:
        """Deliver the very same bytes once more, as an eavesdropper could."""
        copy = Delivery(delivery.event, delivery.url, delivery.body, delivery.signature_in_own_header)
        self._enqueue(copy)
        return copy

    # -- from changes to deliveries -------------------------------------------------------------------------------

    def on_change(self, change: Change) -> None:
        """Raise the event for one write, if its name is registered."""
        if change.actor == "api" and not self._quirks.own_writes_raise_events:
            return
        if not change.ours and not self._quirks.related_events:
            return
        name = f"{'' if change.ours else 'related-'}referral-{'created' if change.created else 'updated'}"
        uri = f"{_RESOURCE_URIS[self._quirks.resource_uri_host]}/{self._subject(change)}"
        registration = self._registrations.current
        if registration and name in registration.events:
            self._raise(registration, name, uri, "referral", change.at)

    def raise_test(self, registration: Registration, correlation_id: str) -> Delivery:
        """Raise the `test-created` event."""
        uri = f"http://api.partnercenter.microsoft.com/webhooks/v1/registration/validationEvents/{correlation_id}"
        return self._raise(registration, "test-created", uri, "test", self._clock.now())

    def _subject(self, change: Change) -> str:
        if change.ours or self._quirks.related_event_id == "related":
            return change.referral_id
        own = self._store.of_engagement(change.engagement_id, ours=True)
        return own["id"] if own else change.referral_id

    def _raise(self, registration: Registration, name: str, uri: str, resource: str, at: datetime) -> Delivery:
        event = {
            "EventName": name,
            "ResourceUri": uri,
            "ResourceName": resource,
            "AuditUri": None,
            "ResourceChangeUtcDate": f"{at:%Y-%m-%dT%H:%M:%S.%f}0+00:00",
        }
        body = json.dumps(event, separators=(",", ":")).encode()
        deliveries = [
            Delivery(name, registration.url, body, registration.signature_in_own_header)
            for _ in range(2 if self.modes.duplicate else 1)
        ]
        for delivery in deliveries:
            self._enqueue(delivery)
        return deliveries[0]

    def _enqueue(self, delivery: Delivery) -> None:
        number = next(self._numbers)
        held = self.modes.reorder_seconds if self.modes.reorder and number % 2 == 0 else 0.0
        with self._changed:
            self.deliveries.append(delivery)
            if self.modes.drop:
                delivery.state = "lost"
            else:
                self._push(delivery, self.modes.delay_seconds + held, number)

    def _push(self, delivery: Delivery, after: float, number: int) -> None:
        heapq.heappush(self._queue, (time.monotonic() + after, number, delivery))
        self._changed.notify()

    # -- the workers ----------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while (item := self._take()) is not None:
            number, delivery = item
            attempt = self._post(delivery)
            with self._changed:
                self._settle(delivery, attempt, number)
                self._changed.notify_all()

    def _take(self) -> tuple[int, Delivery] | None:
        with self._changed:
            while not self._stopped:
                wait = self._queue[0][0] - time.monotonic() if self._queue else None
                if wait is not None and wait <= 0:
                    _, number, delivery = heapq.heappop(self._queue)
                    return number, delivery
                self._changed.wait(wait)
        return None

    def _settle(self, delivery: Delivery, attempt: Attempt, number: int) -> None:
        delivery.attempts.append(attempt)
        if attempt.status is not None and HTTPStatus.OK <= attempt.status < HTTPStatus.MULTIPLE_CHOICES:
            delivery.state = "delivered"
        elif len(delivery.attempts) >= self.modes.attempts:
            delivery.state = "parked"  # an offline queue inside Microsoft; nothing ever comes back from there
        else:
            self._push(delivery, self.modes.retry_seconds, number)

    def _post(self, delivery: Delivery) -> Attempt:
        signer = self.foreign_signer if self.modes.foreign_certificate else self._signer
        headers = signed_headers(delivery, self.modes, signer, self.certificate_host)
        try:
            status = post(delivery.url, delivery.body, headers, self.modes.timeout_seconds)
        except (OSError, http.client.HTTPException) as error:
            return Attempt(None, f"{type(error).__name__}: {error}", self._clock.now())
        return Attempt(status, "", self._clock.now())
