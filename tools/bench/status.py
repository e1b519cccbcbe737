"""What a look at the status page costs with a thousand links and with a million."""

from __future__ import annotations

from typing import Any

from shared.alerts import Alerts
from shared.clock import SystemClock
from shared.desk.answers import look
from shared.desk.desk import Desk
from shared.desk.pages.conversation import respond
from shared.errors import SettingsError
from shared.pages.web import Visit
from shared.sync.task import Task
from shared.sync.worker import LazyTasks
from tools.bench.many_links import CRM, FEW, FLAT, MANY, filled
from tools.bench.rounds import medians
from tools.bench.rows import Row

_VISIT = Visit("GET", "https://app.example/api/StatusPage?code=key", {"accept": "text/html"}, {"code": "key"})


def run(rounds: int) -> list[Row]:
    """Measure. Raises AssertionError when the page does not show what is stored."""
    few, many = _Installation(FEW), _Installation(MANY)
    (little, least), (much, most) = few.cost(), many.cost()
    times = medians({"many": many.look, "few": few.look}, rounds, batch=2)
    figures = (
        ("requests to the ledger", much, "", little),
        ("rows read", most, "", least),
        ("time without the network", times["many"] / 1e3, "ms", times["few"] / 1e3),
    )
    return [
        Row(f"status page: {what}", figure, unit, FLAT, at_most=True, peer=f"{FEW:,} links", peer_figure=peer)
        for what, figure, unit, peer in figures
    ]


class _Installation:
    """A ledger with so many links, and its status page."""

    def __init__(self, links: int) -> None:
        self._links = links
        self._table, ledger = filled(links)
        tasks, alerts = LazyTasks((CRM,), _no_task), Alerts(ledger.drawers, None)
        self._desk = Desk((CRM,), tasks, ledger, alerts, _Empty(), SystemClock())

    def cost(self) -> tuple[int, int]:
        """Return how many requests a look makes, and how many rows it reads."""
        content: Any = look(self._desk, {}).content
        shown = content["crms"][CRM]["linked"], len(content["parked"])
        if shown != (self._links, 50):
            raise AssertionError(f"the status page shows {shown}, not {self._links} links")
        before = self._table.requests, self._table.entities
        self.look()
        return self._table.requests - before[0], self._table.entities - before[1]

    def look(self) -> None:
        """Look at the page, and at the list of all deals."""
        for params in ({}, {"standing": "all"}):
            respond(Visit(_VISIT.method, _VISIT.url, _VISIT.headers, {**_VISIT.params, **params}), lambda: self._desk)


def _no_task(_crm: str) -> Task:
    raise SettingsError("nothing is read from a CRM here")


class _Empty:
    """Implements Queue."""

    def send(self, message: str, *, delay: float = 0) -> None:
        """Looking sends nothing."""
        raise AssertionError((message, delay))

    def waiting(self) -> int:
        """Return that nothing waits."""
        return 0

    def oldest(self) -> None:
        """Return since when a message waits: none does."""

    def poison_length(self) -> int:
        """Return that nothing was given up."""
        return 0
