"""What a poll and a look of the Reconciler cost where nothing changed, with a thousand links and with a million."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from unittest.mock import patch

from shared.bootstrap import App
from shared.feeds.upkeep import DONE
from shared.ledger.drawers import surveyed
from shared.pace import Pace
from shared.settings import load_settings
from shared.timers import run_poll, run_reconcile
from tools.bench.many_links import CRM, FEW, FLAT, MANY, filled
from tools.bench.rows import Row
from tools.simulators.sellers.dynamics365 import Dynamics365Seller
from tools.simulators.vendors import Vendors

_MOST_RUNS = 100
"""Within so many the cost must be the same twice: the first ones get tokens and cursors, and queue what waits."""


def run(_rounds: int) -> list[Row]:
    """Measure."""
    with Vendors() as vendors:
        vendors.configure(Dynamics365Seller(vendors).settings())
        with patch.dict(os.environ, vendors.settings()):
            few, many = _Installation(vendors, FEW).costs(), _Installation(vendors, MANY).costs()
    return [
        Row(f"{what}: {unit}", figure, "", FLAT, at_most=True, peer=f"{FEW:,} links", peer_figure=few[what][unit])
        for what, figures in many.items()
        for unit, figure in figures.items()
    ]


class _Installation(App):
    """The app with so many links, beside vendors where nothing happens."""

    def __init__(self, vendors: Vendors, links: int) -> None:
        storage = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", "CRM": CRM}
        super().__init__(load_settings({**vendors.settings(), **storage}), _StandingClock())
        (self._table, ledger), self._waiting = filled(links), _Queue()
        # In place of what would be made from the settings.
        vars(self).update(ledger=ledger, queue=self._waiting)
        self.ledger.drawers.change(surveyed(CRM), lambda _held: DONE)

    def costs(self) -> dict[str, dict[str, int]]:
        """Return what a run of each costs where nothing is left to do."""
        return {"idle poll": self._cost(self._poll), "idle look of the Reconciler": self._cost(self._look)}

    def _poll(self) -> None:
        run_poll(self.tasks, self.alerts, Pace(self.clock), self.freshness)

    def _look(self) -> None:
        run_reconcile(self.tasks, self.alerts, self.watchdog, self._waiting)

    def _cost(self, act: Callable[[], None]) -> dict[str, int]:
        costs = [self._counted(act) for _ in range(2)]
        while costs[-2] != costs[-1]:
            if len(costs) == _MOST_RUNS:
                raise AssertionError(f"a run costs now this, now that: {costs[-3:]}")
            costs.append(self._counted(act))
        requests, rows = costs[-1]
        return {"requests to the ledger": requests, "rows read": rows}

    def _counted(self, act: Callable[[], None]) -> tuple[int, int]:
        requests, rows = self._table.requests, self._table.entities
        act()
        return self._table.requests - requests, self._table.entities - rows


class _StandingClock:
    """Implements Clock: no time passes, so that what is stored each minute does not depend on how quick a run is."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def now(self) -> datetime:
        """Return the moment at which the clock was made."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Go on at once."""


class _Queue:
    """Implements Queue and PoisonQueue: what waits is sent once, and never handled here."""

    def send(self, message: str, *, delay: float = 0) -> None:
        """Forget a message."""

    def waiting(self) -> int:
        """Return that nothing waits."""
        return 0

    def poison_length(self) -> int:
        """Return that nothing was given up."""
        return 0
