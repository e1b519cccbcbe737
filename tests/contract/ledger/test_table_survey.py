"""What only Table Storage has of the survey: its price, answers that get lost, and rows from before it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from shared.ledger import serialize
from shared.ledger.survey import Standing
from shared.ledger.table import Table, entity, etag_of
from shared.ledger.table_ledger import TableLedger
from shared.link import LinkState
from shared.status import Status, StatusKind
from tests.contract.ledger.samples import CRM, entry, link, record
from tests.contract.ledger.tables import LossyTransport, broken, gateway_timeout, table_client

pytestmark = pytest.mark.slow

Lossy = tuple[TableLedger, LossyTransport]
ATTENTION = Status(StatusKind.ATTENTION, "✖")


@pytest.fixture
def stored(azurite: str) -> Iterator[tuple[TableLedger, Table]]:
    """A ledger, and its table."""
    with table_client(azurite) as client:
        yield TableLedger(client), Table(client)


def looks(ledger: TableLedger, transport: LossyTransport) -> int:
    survey, before = ledger.of(CRM).survey, transport.sent
    survey.counts()
    survey.listed(Standing.ATTENTION, 10)
    survey.links(10)
    survey.newest(10)
    return transport.sent - before


def test_looking_costs_the_same_with_ten_times_as_many_links(lossy: Lossy) -> None:
    ledger, transport = lossy
    part = ledger.of(CRM)

    def commit(numbers: range) -> None:
        for number in numbers:
            part.links.commit(link(f"r{number}", f"c{number}", status=ATTENTION), [entry(str(number))])
        part.survey.fold()

    commit(range(20))
    few = looks(ledger, transport)
    commit(range(20, 200))
    assert looks(ledger, transport) == few == 5


def test_what_leads_to_a_link_is_stored_when_it_changes_and_not_at_each_commit(
    stored: tuple[TableLedger, Table],
) -> None:
    ledger, table = stored
    links = ledger.of(CRM).links
    held = links.commit(link(), [])
    written = [etag_of(table.get(CRM, f"record:{record().deal}"))]
    for members in ({"settled": True}, {"state": LinkState.PAUSED}, {"record": record("c9")}):
        held = links.commit(replace(held, **members), [entry("b")])
        written.append(etag_of(table.get(CRM, f"record:{(held.record or record()).deal}")))
    assert [new == old for old, new in itertools.pairwise(written)] == [True, False, False]
    found = links.of_referral("r1")
    assert found
    assert found.etag == held.etag


def test_the_way_from_the_engagement_is_stored_once_and_made_up_for_in_links_from_before(
    stored: tuple[TableLedger, Table],
) -> None:
    ledger, table = stored
    part = ledger.of(CRM)
    for number in range(2):
        old = link(f"r{number}", f"c{number}", engagement_id=f"e{number}")
        standing = str(Standing.SYNCHRONIZED)
        table.upsert(entity(CRM, f"link:r{number}", serialize.dump_link(old), Standing=standing))
    assert part.links.of_engagement("e0") is None
    held = part.links.of_referral("r0")
    assert held
    held = part.links.commit(replace(held, settled=True), [])
    assert part.links.of_engagement("e0") == held
    written = etag_of(table.get(CRM, "engagement:e0"))
    part.survey.complete("", 100)
    found = part.links.of_engagement("e1")
    assert found
    part.links.commit(replace(held, settled=False), [])
    part.links.commit(replace(found, settled=True), [])
    assert etag_of(table.get(CRM, "engagement:e0")) == written
    assert not any(part.survey.counts().values()), "they were counted before"


def test_a_commit_is_one_request_however_the_link_stands_afterwards(lossy: Lossy) -> None:
    ledger, transport = lossy
    links = ledger.of(CRM).links
    held = links.commit(link(), [entry("a")])
    for members in ({"settled": True}, {"status": ATTENTION}, {"state": LinkState.PAUSED}, {"state": LinkState.LINKED}):
        before = transport.sent
        held = links.commit(replace(held, **members), [entry("b")])
        assert transport.sent - before == 1


@pytest.mark.parametrize("loss", [gateway_timeout, broken])
def test_a_commit_whose_answer_got_lost_is_counted_once(lossy: Lossy, loss: Callable[[Any], Any]) -> None:
    ledger, transport = lossy
    part = ledger.of(CRM)
    transport.lose = [loss]
    held = part.links.commit(link(), [])
    transport.lose = [loss]
    part.links.commit(replace(held, status=ATTENTION), [])
    transport.lose = [loss]
    part.survey.fold()
    assert {name: count for name, count in part.survey.counts().items() if count} == {Standing.ATTENTION: 1}


def test_a_deal_goes_on_when_its_row_in_a_list_was_taken_away_by_hand(stored: tuple[TableLedger, Table]) -> None:
    ledger, table = stored
    part = ledger.of(CRM)
    held = part.links.commit(link(status=ATTENTION), [])
    table.delete(CRM, "stands:attention:r1")
    part.links.commit(replace(held, status=None), [entry("a")])
    assert part.survey.counts()[Standing.SYNCHRONIZED] == 1
    assert [each.id for each in part.audit.of("r1")] == ["a"]


def test_what_was_stored_before_there_was_a_survey_comes_into_it_step_by_step(
    stored: tuple[TableLedger, Table],
) -> None:
    ledger, table = stored
    part = ledger.of(CRM)
    for number in range(5):
        old = link(f"r{number}", f"c{number}", status=ATTENTION if number else None)
        table.upsert(entity(CRM, f"link:r{number}", serialize.dump_link(old)))
        table.upsert(entity(CRM, f"record:opportunity:c{number}", ReferralId=f"r{number}"))
        table.upsert(
            entity(CRM, f"audit:opportunity:c{number}:00-e{number}", serialize.dump_entry(entry(f"e{number}")))
        )
    begun = part.links.of_referral("r3")
    assert begun
    part.links.commit(replace(begun, settled=True), [entry("new", 9)])  # One of them is committed meanwhile.
    place, calls = part.survey.complete("", 2), 1
    while place:
        place, calls = part.survey.complete(place, 2), calls + 1
    assert calls == 7
    for _ in range(2):
        assert {name: count for name, count in part.survey.counts().items() if count} == {
            Standing.SYNCHRONIZED: 1,
            Standing.ATTENTION: 4,
        }
        part.survey.fold()
        part.survey.complete("", 100)  # Again, by another instance.
    assert [each.referral_id for each in part.survey.listed(Standing.ATTENTION, 9)] == ["r1", "r2", "r3", "r4"]
    told = part.survey.newest(9)
    assert [told[0].key, told[0].record] == ["r3", record("c3")]
    assert sorted(each.key for each in told[1:]) == [f"opportunity:c{number}" for number in range(5)]
    again = part.links.of_referral("r1")
    assert again
    part.links.commit(replace(again, status=None), [])
    assert part.survey.counts()[Standing.ATTENTION] == 3
