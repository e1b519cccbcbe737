"""Partner Center: referrals API, webhooks API, event delivery, and the people who act there."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Sequence

from tools.simulators.certificates import WebhookSigner
from tools.simulators.claims import TokenVerifier
from tools.simulators.clock import SimulatorClock
from tools.simulators.partner_center.certificate_host import CertificateHost, IssuerHost
from tools.simulators.partner_center.control import Microsoft, OtherPartner, Portal
from tools.simulators.partner_center.delivery import Deliverer
from tools.simulators.partner_center.delivery_model import Delivery, DeliveryModes
from tools.simulators.partner_center.quirks import Quirks
from tools.simulators.partner_center.referrals_api import ReferralsApi
from tools.simulators.partner_center.registration import Registration, RegistrationStore
from tools.simulators.partner_center.schema import Document
from tools.simulators.partner_center.store import Change, Organization, ReferralStore
from tools.simulators.partner_center.vocabulary import EVENTS
from tools.simulators.partner_center.webhooks_api import WebhooksApi

FLOW_URL = (
    "https://prod-42.westeurope.logic.azure.com/workflows/0a1b/triggers/manual/paths/invoke?sp=%2Frun&sig=flow-key"
)
FLOW_EVENTS = ("referral-created", "referral-updated", "related-referral-created", "related-referral-updated")
"""What Microsoft's co-sell connector registers: a Power Automate flow."""

__all__ = ["Delivery", "DeliveryModes", "Organization", "PartnerCenterSimulator", "Quirks"]


class PartnerCenterSimulator:
    """One partner tenant.

    `referrals_app`, `webhooks_app`, `certificate_app` and `issuer_app` are the WSGI apps to serve. Set
    `certificate_host` to the base URL of the third, and call `publish_issuers_at` with the fourth's. `quirks` and
    `modes` may be changed at any time.
    """

    def __init__(
        self, verifier: TokenVerifier, clock: SimulatorClock, *, organization: Organization | None = None
    ) -> None:
        self.organization = organization or Organization()
        self.quirks = Quirks()
        self.signer = WebhookSigner()
        self.store = ReferralStore(clock, self.quirks, self.organization)
        self.portal = Portal(self.store, self.quirks, clock)
        self.microsoft = Microsoft(self.store, clock)
        self.other_partner = OtherPartner(self.store)
        self._clock = clock
        self._registrations = RegistrationStore()
        self._deliverer = Deliverer(self.signer, self._registrations, self.store, self.quirks, clock)
        self.referrals_app = ReferralsApi(self.store, self.quirks, verifier, clock)
        self.webhooks_app = WebhooksApi(
            self._registrations, self._deliverer, self.quirks, verifier, clock, partner_id=self.organization.id
        )
        self.certificate_app = CertificateHost(self.signer, self._deliverer)
        self.issuer_app = IssuerHost(self.signer, self._deliverer)
        self.store.listeners += [self._deliverer.on_change, self._match_later]

    # -- events ---------------------------------------------------------------------------------------------------

    @property
    def modes(self) -> DeliveryModes:
        """How deliveries go right or wrong."""
        return self._deliverer.modes

    @property
    def deliveries(self) -> list[Delivery]:
        """All deliveries so far, oldest first."""
        return list(self._deliverer.deliveries)

    @property
    def registration(self) -> Registration | None:
        """The current webhook registration."""
        return self._registrations.current

    @property
    def certificate_host(self) -> str:
        """Base URL of the certificate host, as deliveries name it."""
        return self._deliverer.certificate_host

    @certificate_host.setter
    def certificate_host(self, url: str) -> None:
        self._deliverer.certificate_host = url

    def publish_issuers_at(self, url: str) -> None:
        """Let the signing certificates say that their issuers are to be had below this base URL."""
        self._deliverer.issuer_host = url
        self.signer.publish_at(url)

    def take_over_webhook(self, url: str = FLOW_URL, events: Sequence[str] = FLOW_EVENTS) -> Registration:
        """Register another system, as Microsoft's own connector does with *overwrite* = Yes: whatever was there."""
        if unknown := set(events) - set(EVENTS):
            raise ValueError(f"not an event: {', '.join(sorted(unknown))}")
        self._registrations.current = Registration(
            str(uuid.uuid4()), url, tuple(events), signature_in_own_header=True, modified=self._clock.now()
        )
        return self._registrations.current

    def forget_webhook(self) -> None:
        """Be a tenant that never registered anything; no API can do that."""
        self._registrations.current = None

    def start(self) -> None:
        """Begin to deliver events."""
        self._deliverer.start()

    def stop(self) -> None:
        """Stop delivering."""
        self._deliverer.stop()

    def wait_idle(self, timeout: float = 10.0) -> bool:
        """Wait until no delivery is pending; tells whether that came true in time."""
        return self._deliverer.wait_idle(timeout)

    def replay(self, delivery: Delivery) -> Delivery:
        """Deliver an old event's very bytes again."""
        return self._deliverer.replay(delivery)

    # -- referrals ------------------------------------------------------------------------------------------------

    def referral(self, referral_id: str) -> Document:
        """Return the true row (no quirks applied); LookupError when there is none."""
        row = self.store.get(referral_id)
        if row is None:
            raise LookupError(f"no referral {referral_id}")
        return row

    def referrals(self) -> list[Document]:
        """Return all rows, other organizations' included."""
        return self.store.all()

    def sweep(self) -> int:
        """Expire what nobody answered within 14 days; returns how many."""
        return self.store.sweep()

    def complete_match(self, referral_id: str) -> Document:
        """Finish the asynchronous account match now: a server-side write after create, with a new eTag."""
        with self.store.update(referral_id, "service") as row:
            row["customerProfile"]["isMatchingComplete"] = True
            row["customerProfile"]["ids"] = [
                {"profileType": "Duns", "id": ""},
                {"profileType": "External", "id": "6-AB12CD34E"},
            ]
        return copy.deepcopy(row)

    def _match_later(self, change: Change) -> None:
        after = self.quirks.match_after_seconds
        if change.created and change.ours and after is not None:
            timer = threading.Timer(after, self.complete_match, [change.referral_id])
            timer.daemon = True
            timer.start()
