"""The fake and the real client of Partner Center, each with somebody at the web page."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from random import Random
from typing import Protocol

from shared.bootstrap import App
from shared.ledger.memory import MemoryLedger
from shared.partner_center.port import PartnerCenter
from shared.settings import load_settings
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.partner_center import FakePartnerCenter
from tests.support.fakes.tape import Tape
from tests.support.stages.outages import Outage, break_fake, break_server, impatient_clock
from tools.simulators.vendors import CLIENT_ID, SYNC_USER, Vendors


class PartnerCenterStage(Protocol):
    """A port, and what happens around it."""

    port: PartnerCenter

    def invites_us(self) -> str:
        """Microsoft sends an invitation; returns our row's id."""
        ...

    def edit(self, referral_id: str, changes: Mapping[str, object]) -> None:
        """A user changes a referral."""
        ...

    def microsoft_row(self, engagement_id: str) -> str:
        """Return the id of Microsoft's row."""
        ...

    def microsoft_declines(self, engagement_id: str, reason: str) -> None:
        """Let Microsoft decline, with its reason."""
        ...

    def microsoft_accepts(self, engagement_id: str, msx_id: str) -> None:
        """Microsoft's seller accepts our invitation; the deal has an id in Microsoft's CRM from then on."""
        ...

    def wins(self) -> str:
        """A user wins a deal of ours that is old enough to be registered; returns its id."""
        ...

    def microsoft_reviews(self, referral_id: str, status: str, reason: str | None) -> None:
        """Microsoft decides about a registration, or asks for something."""
        ...

    def break_down(self, outage: Outage) -> None:
        """Let the service fail."""
        ...

    def heal(self) -> None:
        """Let it work again."""
        ...

    def requests(self) -> int:
        """Return how many HTTP requests were made, or would have been."""
        ...


class FakeStage:
    """The fake."""

    def __init__(self) -> None:
        self.tape = Tape()
        self.fake = FakePartnerCenter(self.tape, FakeClock(), Random(0))
        self.port: PartnerCenter = self.fake

    def invites_us(self) -> str:
        return self.fake.invites_us()

    def edit(self, referral_id: str, changes: Mapping[str, object]) -> None:
        self.fake.edit(referral_id, changes)

    def microsoft_row(self, engagement_id: str) -> str:
        (row,) = self.fake.of_microsoft(engagement_id)
        return str(row["id"])

    def microsoft_accepts(self, engagement_id: str, msx_id: str) -> None:
        self.fake.microsoft_accepts(engagement_id, msx_id)

    def microsoft_declines(self, engagement_id: str, reason: str) -> None:
        self.fake.microsoft_declines(engagement_id, reason)

    def wins(self) -> str:
        referral_id = self.fake.registers()
        self.fake.close(referral_id, "Won")
        return referral_id

    def microsoft_reviews(self, referral_id: str, status: str, reason: str | None) -> None:
        self.fake.microsoft_reviews(referral_id, status, reason)

    def break_down(self, outage: Outage) -> None:
        break_fake(self.tape, "partner_center", outage)

    def heal(self) -> None:
        self.tape.faults.clear()

    def requests(self) -> int:
        return len(self.tape.steps)


class ClientStage:
    """The real client, over TLS, against the simulator, which is emptied first: starting one takes a while."""

    def __init__(self, vendors: Vendors) -> None:
        self.vendors = vendors
        self.server = vendors.servers["referrals"]
        self.clock = impatient_clock()
        self.simulator = vendors.partner_center
        self.simulator.store._rows.clear()
        self.simulator.store._undecided.clear()
        self.server.faults.clear()
        token = vendors.entra.issue_refresh_token(CLIENT_ID, SYNC_USER)
        settings = {**vendors.settings(), **_UNUSED, "PARTNER_CENTER_REFRESH_TOKEN": token}
        app = App(load_settings(settings), self.clock)
        app.ledger = MemoryLedger()
        self.port: PartnerCenter = app.partner_center

    def invites_us(self) -> str:
        return str(self.simulator.portal.create_referral()["id"])

    def edit(self, referral_id: str, changes: Mapping[str, object]) -> None:
        self.simulator.portal.edit(referral_id, changes)

    def microsoft_row(self, engagement_id: str) -> str:
        row = self.simulator.store.of_engagement(engagement_id, ours=False)
        assert row is not None
        return str(row["id"])

    def microsoft_accepts(self, engagement_id: str, msx_id: str) -> None:
        self.simulator.microsoft.accept(engagement_id, msx_id=msx_id)

    def microsoft_declines(self, engagement_id: str, reason: str) -> None:
        self.simulator.microsoft.decline(engagement_id, reason)

    def wins(self) -> str:
        referral_id = str(self.simulator.portal.create_referral("own")["id"])
        with self.simulator.store.update(referral_id, "service") as row:
            row["createdDateTime"] = "2026-01-05T09:12:44.5521903Z"
        self.simulator.portal.win(referral_id)
        return referral_id

    def microsoft_reviews(self, referral_id: str, status: str, reason: str | None) -> None:
        self.simulator.microsoft.review(referral_id, status, reason)

    def break_down(self, outage: Outage) -> None:
        if outage is Outage.SIGNED_OUT:
            self.vendors.entra.revoke_refresh_tokens()
        break_server(self.server, outage)

    def heal(self) -> None:
        self.server.faults.clear()
        self.clock.sleep(60)

    def requests(self) -> int:
        return self.server.log.count()


_UNUSED = {
    "CRM": "dynamics365",
    "DYNAMICS_URL": "https://unused.crm.dynamics.example",
    "AzureWebJobsStorage": "unused",
}


def nobody() -> str:
    """Return an id that exists nowhere."""
    return str(uuid.uuid4())
