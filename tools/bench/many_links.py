"""A ledger with many links, as an installation has them after years."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import cast

from azure.data.tables import TableClient

from shared.deal import RecordKey
from shared.ledger import audit
from shared.ledger.audit import Stamp
from shared.ledger.model import Due, DueKind
from shared.ledger.table_ledger import TableLedger
from shared.link import Link
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.status import Status, StatusKind
from tools.bench.indexed_table import IndexedTable

FEW, MANY = 1_000, 1_000_000
WAITING = 60
"""How many deals are parked, however many are linked."""
FLAT = 1.2
"""By how much a cost may grow between the two (design, quality bars)."""

CRM = "dynamics365"
_START = datetime(2026, 1, 1, tzinfo=UTC)


def filled(links: int) -> tuple[IndexedTable, TableLedger]:
    """Return a table into which so many deals were stored, and its ledger."""
    table = _filled(links).copy()
    return table, TableLedger(cast("TableClient", table))


@functools.cache
def _filled(links: int) -> IndexedTable:
    table = IndexedTable()
    ledger = TableLedger(cast("TableClient", table))
    for number in range(links):
        _commit(ledger, number)
        if number % 1000 == 999 or number == links - 1:
            ledger.of(CRM).survey.fold()  # As the Reconciler does.
    return table


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
