"""What only Table Storage has: limits, answers that get lost, and a price for each request."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from azure.data.tables import TableClient

from shared.errors import DataError, ServiceUnavailable, StaleError
from shared.ledger.drawers import Held, text
from shared.ledger.model import DueKind
from shared.ledger.table import UNITS
from shared.ledger.table_ledger import TableLedger
from tests.contract.ledger.samples import CRM, NOW, due, entry, intent, link, record, status
from tests.contract.ledger.tables import LossyTransport, broken, cut, gateway_timeout, too_large

pytestmark = pytest.mark.slow

Lossy = tuple[TableLedger, LossyTransport]
LATER = NOW + timedelta(hours=1)
CURSOR = text("cursor", CRM)

losses = pytest.mark.parametrize("loss", [gateway_timeout, broken])


# --- limits ----------------------------------------------------------------------------------------------------------


def test_a_deal_that_is_too_large_is_refused_and_nothing_is_stored(lossy: Lossy) -> None:
    part = lossy[0].of(CRM)
    begun = part.intents.begin(intent())
    with pytest.raises(DataError):
        part.links.commit(link(base={"notes": "x" * UNITS}), [entry("a")], begun)
    assert part.links.of_referral("r1") is None
    assert list(part.audit.of("r1")) == []
    assert part.intents.of(record()) == begun


def test_a_transaction_that_the_service_calls_too_large_is_a_matter_of_the_deal(lossy: Lossy) -> None:
    ledger, transport = lossy
    transport.lose = [too_large]
    with pytest.raises(DataError) as caught:
        ledger.of(CRM).audit.add("r1", entry("a"))
    assert caught.value.problems[0].code == "deal.too_large"


# --- answers that get lost -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [gateway_timeout, broken, cut])
@pytest.mark.parametrize("first", [True, False], ids=["first commit", "later commit"])
def test_a_commit_whose_answer_got_lost_is_recognized_as_ones_own(
    lossy: Lossy, loss: Callable[[Any], Any], *, first: bool
) -> None:
    ledger, transport = lossy
    part = ledger.of(CRM)
    begun = part.intents.begin(intent())
    before = link() if first else part.links.commit(link(), [])
    transport.lose = [loss]
    stored = part.links.commit(replace(before, status=status("new")), [entry("a")], begun)
    assert part.links.of_referral("r1") == stored
    assert stored.status == status("new")
    assert [each.id for each in part.audit.of("r1")] == ["a"]
    assert part.intents.of(record()) is None
    assert part.links.commit(replace(stored, settled=True), []).etag != stored.etag


@losses
def test_a_lost_answer_to_a_drawer_or_an_intent_is_recognized_as_ones_own(
    lossy: Lossy, loss: Callable[[Any], Any]
) -> None:
    ledger, transport = lossy
    transport.lose = [loss]
    first = ledger.drawers.replace(CURSOR, "1", Held("", None))
    assert ledger.drawers.read(CURSOR) == first
    transport.lose = [loss]
    second = ledger.drawers.replace(CURSOR, "2", first)
    assert ledger.drawers.read(CURSOR) == second
    transport.lose = [loss]
    mine = ledger.of(CRM).intents.begin(intent("mine"))
    assert mine.owner == "mine"
    assert ledger.of(CRM).intents.of(record()) == mine


@losses
def test_what_was_taken_is_taken_although_the_answer_got_lost(lossy: Lossy, loss: Callable[[Any], Any]) -> None:
    ledger, transport = lossy
    agenda = ledger.of(CRM).agenda
    agenda.put(due())
    (held,) = agenda.due(NOW)
    transport.lose = [loss]
    assert agenda.postpone(held, LATER)
    assert list(agenda.due(NOW)) == []
    assert [each.key for each in agenda.due(LATER)] == ["r1"]


@pytest.mark.parametrize("act", ["put", "drop", "clear", "add"])
def test_what_may_be_done_twice_is_done_although_the_answer_got_lost(lossy: Lossy, act: str) -> None:
    ledger, transport = lossy
    part = ledger.of(CRM)
    part.agenda.put(due())
    held = ledger.drawers.replace(CURSOR, "1", Held("", None))
    transport.lose = [gateway_timeout]
    acts: dict[str, tuple[Callable[[], object], Callable[[], bool]]] = {
        "put": (
            lambda: part.agenda.put(due(attempts=2)),
            lambda: [each.attempts for each in part.agenda.due(NOW)] == [2],
        ),
        "drop": (lambda: part.agenda.drop(DueKind.PARKED, "r1"), lambda: not list(part.agenda.due(NOW))),
        "clear": (lambda: ledger.drawers.clear(CURSOR, held), lambda: ledger.drawers.read(CURSOR).value == ""),
        "add": (lambda: part.audit.add("r1", entry("a")), lambda: len(part.audit.of("r1")) == 1),
    }
    do, done = acts[act]
    do()
    assert transport.lose == []
    assert done()


def test_somebody_elses_commit_is_not_taken_for_ones_own(lossy: Lossy) -> None:
    ledger, transport = lossy
    links = ledger.of(CRM).links
    held = links.commit(link(), [])
    links.commit(replace(held, status=status("theirs")), [])
    transport.lose = [gateway_timeout]
    with pytest.raises(StaleError):
        links.commit(replace(held, status=status("mine")), [])
    again = links.of_referral("r1")
    assert again is not None
    assert again.status == status("theirs")


def test_a_storage_that_does_not_answer_is_retriable() -> None:
    connection = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:9/a;"
    with TableClient.from_connection_string(connection, "none", retry_total=0) as client:
        ledger = TableLedger(client)
        part = ledger.of(CRM)
        started = time.monotonic()
        for call in (
            lambda: part.links.of_referral("r1"),
            lambda: list(part.links.all()),
            lambda: part.links.commit(link(), []),
            lambda: part.intents.begin(intent()),
            lambda: part.agenda.put(due()),
            lambda: part.agenda.drop(DueKind.PARKED, "r1"),
            lambda: list(part.agenda.due(NOW)),
            lambda: ledger.drawers.read(CURSOR),
            lambda: ledger.drawers.clear(CURSOR, Held("1", "e")),
            lambda: list(ledger.drawers.all(partial(text, "cursor"), "cursor")),
        ):
            with pytest.raises(ServiceUnavailable):
                call()
        assert time.monotonic() - started < 30, "five seconds are the client's own limit, and nothing listens there"


# --- what it costs ---------------------------------------------------------------------------------------------------


def test_each_operation_costs_what_it_says(lossy: Lossy) -> None:
    ledger, transport = lossy
    part = ledger.of(CRM)
    begun = part.intents.begin(intent())

    def cost(action: Callable[[], object]) -> int:
        before = transport.sent
        action()
        return transport.sent - before

    assert cost(lambda: part.links.commit(link(), [entry("a"), entry("b", 1)], begun)) == 1
    assert cost(lambda: part.links.of_referral("r1")) == 1
    assert cost(lambda: part.links.of_record(record())) == 2
    assert cost(lambda: part.links.of_record(record("unknown"))) == 1
    assert cost(lambda: part.audit.of("r1")) == 1
    assert cost(lambda: part.agenda.put(due())) == 1
    (held,) = part.agenda.due(NOW)
    assert cost(lambda: part.agenda.postpone(held, LATER)) == 1
    assert cost(lambda: list(part.agenda.due(NOW))) == 1, "its old time is cleaned up already"
    assert cost(lambda: part.agenda.drop(DueKind.PARKED, "r1")) == 1
    assert cost(lambda: ledger.drawers.change(CURSOR, lambda _: "1")) == 2
    assert cost(lambda: ledger.drawers.change(CURSOR, lambda held: held)) == 1


def test_what_is_due_costs_by_what_is_due_and_not_by_what_waits(lossy: Lossy) -> None:
    ledger, transport = lossy
    agenda = ledger.of(CRM).agenda

    def cost() -> tuple[list[str], int]:
        before = transport.sent
        found = [each.key for each in agenda.due(NOW)]
        return found, transport.sent - before

    assert cost() == ([], 1)
    for number in range(50):
        agenda.put(due(f"waiting-{number}", minutes=1 + number))
    assert cost() == ([], 1)
    for number in range(3):
        agenda.put(due(f"due-{number}", minutes=-number))
    assert cost() == (["due-2", "due-1", "due-0"], 1 + 3)
    for number in range(50, 100):
        agenda.put(due(f"waiting-{number}", minutes=1 + number))
    assert cost() == (["due-2", "due-1", "due-0"], 1 + 3)


def test_a_pointer_that_is_out_of_date_costs_once(lossy: Lossy) -> None:
    ledger, transport = lossy
    agenda = ledger.of(CRM).agenda
    agenda.put(due("moved"))
    agenda.put(due("moved", minutes=5))
    agenda.put(due("dropped"))
    agenda.drop(DueKind.PARKED, "dropped")
    before = transport.sent
    assert list(agenda.due(NOW)) == []
    assert transport.sent == before + 1 + 2 * 2, "a read and a removal each"
    assert list(agenda.due(NOW)) == []
    assert transport.sent == before + 6
