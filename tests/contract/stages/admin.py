"""An administrator's desk: a simulated world, a new CRM environment in it, and the app's settings for both."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from shared.bootstrap import App
from shared.ledger.memory import MemoryLedger
from shared.settings import load_settings
from tools.simulators.clock import SimulatorClock
from tools.simulators.dataverse import DataverseSimulator
from tools.simulators.world import CLIENT_ID, CLIENT_SECRET, World

SOMEBODY = "0c1d2e3f-0000-4000-8000-000000000001"
NO_STORAGE = "UseDevelopmentStorage=true"


class WorldTime:
    """The app's clock in step with the simulated vendors': to sleep is to move them all."""

    def __init__(self, clock: SimulatorClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self._clock.advance(timedelta(seconds=seconds))


class Desk:
    """One environment. `storage` is a connection string; without one the ledger is in memory."""

    def __init__(self, world: World, *, cosell_columns: bool = False, storage: str | None = None) -> None:
        self.world = world
        self.crm = DataverseSimulator(world.entra, world.clock, cosell_columns=cosell_columns)
        self.server = world.add(f"dataverse-{uuid.uuid4()}", self.crm)
        self.crm.resource = self.server.url
        self.crm.add_application_user(CLIENT_ID)
        world.entra.register_resource(self.server.url)
        self._storage = storage

    def settings(self, **changes: str) -> dict[str, str]:
        """Return the app settings, some of them changed."""
        return {
            **self.world.settings(),
            "AzureWebJobsStorage": self._storage or NO_STORAGE,
            # A queue, and a ledger's token, of this desk's own.
            "SYNC_QUEUE": f"deals-{uuid.uuid4()}",
            "CRM": "dynamics365",
            "DYNAMICS_URL": self.server.url,
            "DYNAMICS_TENANT_ID": self.world.entra.tenant_id,
            "DYNAMICS_CLIENT_ID": CLIENT_ID,
            "DYNAMICS_CLIENT_SECRET": CLIENT_SECRET,
            **changes,
        }

    def app(self, **changes: str) -> App:
        """Return the app with these settings."""
        app = App(load_settings(self.settings(**changes)), WorldTime(self.world.clock))
        if self._storage is None:
            app.ledger = MemoryLedger()
        return app

    def posts(self) -> int:
        """Return how many writes the environment was asked for."""
        return self.server.log.count("POST") + self.server.log.count("PUT") + self.server.log.count("PATCH")
