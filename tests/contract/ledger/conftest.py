"""The same promises, in memory and in Table Storage."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.ledger.memory import MemoryLedger
from shared.ledger.port import Ledger
from shared.ledger.table_ledger import TableLedger
from tests.contract.ledger.samples import CRM
from tests.contract.ledger.tables import LossyTransport, table_client


@pytest.fixture(params=["memory", pytest.param("table", marks=pytest.mark.slow)])
def ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    """A ledger without anything in it."""
    if request.param == "memory":
        yield MemoryLedger()
        return
    with table_client(request.getfixturevalue("azurite")) as client:
        yield TableLedger(client)


@pytest.fixture
def lossy(azurite: str) -> Iterator[tuple[TableLedger, LossyTransport]]:
    """A ledger in Table Storage, and the network it is reached by."""
    transport = LossyTransport()
    with table_client(azurite, transport) as client:
        ledger = TableLedger(client)
        ledger.of(CRM).links.of_referral("warm-up")  # makes the table
        transport.sent = 0
        yield ledger, transport
