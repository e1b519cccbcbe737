"""What a look at the status page costs with a thousand links and with a hundred thousand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from azure.data.tables import TableClient

from shared.alerts import Alerts
from shared.clock import SystemClock
from shared.deal import RecordKey
from shared.desk.answers import look
from shared.desk.desk import Desk
from shared.desk.pages.conversation import respond
from shared.errors import SettingsError
from shared.ledger import audit
from shared.ledger.audit import Stamp
from shared.ledger.model import Due, DueKind
from shared.ledger.table_ledger import TableLedger
from shared.link import Link
from shared.pages.web import Visit
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.status import Status, StatusKind
from shared.sync.task import Task
from shared.sync.worker import LazyTasks
from tools.bench.indexed_table import IndexedTable
from tools.bench.rounds import medians
from tools.bench.rows import Row

FEW, MANY = 1_000, 100_000
WAITING = 60
"""How many deals are parked, however many are linked."""
FLAT = 1.2
"""By how much the cost may grow between the two (design, quality bars)."""

CRM = "dynamics365"
_START = datetime(2026, 1, 1, tzinfo=UTC)
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
        self._links, self._table = links, IndexedTable()
        ledger = TableLedger(cast("TableClient", self._table))
        for number in range(links):
            _commit(ledger, number)
            if number % 1000 == 999 or number == links - 1:
                ledger.of(CRM).survey.fold()  # As the Reconciler does.
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


def _commit(ledger: TableLedger, number: int) -> None:
    """Store a deal as its worker does; some of them are parked."""
    part, referral_id = ledger.of(CRM), f"{number:08x}-0000-4000-8000-000000000000"
    status = Status(StatusKind.SYNCHRONIZED, "✔ Synchronized 2026-01-01")
    record = RecordKey(CRM, "opportunity", referral_id)
    link = Link(CRM, referral_id, record, base={"name": f"Deal {number}"}, status=status)
    entry = audit.entry(Stamp(_START + timedelta(seconds=number)), referral_id, audit.TO_CRM, "created")
    part.links.commit(link, [entry])
    if number < WAITING:
        message = DealMessage(PARTNER_CENTER, "retry", "", referral_id=referral_id).dump()
        part.agenda.put(Due(DueKind.PARKED, referral_id, _START, _START, message, family="data", reason="no street"))


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

    def poison_length(self) -> int:
        """Return that nothing was given up."""
        return 0
