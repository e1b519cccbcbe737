"""The feed where no simulated org goes: rows that change while the pages of a query are fetched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

import pytest

from shared.crm.port import Record
from shared.crm.salesforce import feed as salesforce_feed
from shared.crm.salesforce.api import JsonObject, Page, SalesforceApi
from shared.crm.salesforce.feed import Feed, literal, moment
from shared.crm.together import Together
from shared.errors import ServiceUnavailable
from tests.support.stand_ins import ManualClock

EDITED = "2026-03-01T11:59:58.000+0000"


class OnePage:
    """Answers every query with the same page, of more."""

    def __init__(self, *rows: tuple[str, str]) -> None:
        self._rows = tuple({"Id": row_id, "SystemModstamp": stamp} for row_id, stamp in rows)
        self.queries: list[str] = []

    def query(self, soql: str, *, deleted: bool) -> Page:  # noqa: ARG002 - the api's signature
        self.queries.append(soql)
        return Page(self._rows, "/services/data/v66.0/query/01g-2000", datetime(2026, 3, 1, 12, 0, tzinfo=UTC))

    def query_each(self, soqls: Sequence[str]) -> list[Page | None]:
        raise AssertionError(f"there is one table: {soqls}")


def record(row: JsonObject, seen_at: datetime) -> Record:
    return Record(str(row["Id"]), str(row["SystemModstamp"]), {}, seen_at)


def test_a_row_that_is_edited_meanwhile_does_not_carry_the_cursor_past_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salesforce_feed, "PAGES", 1)
    low = "2026-02-01T08:00:00.000+0000"
    api = OnePage(("006A", low), ("006C", low), ("006B", "2026-02-01T09:00:00.000+0000"), ("006D", EDITED))
    clock = ManualClock()
    feed = Feed(cast("SalesforceApi", api), Together(clock), "Opportunity", "(Sync__c = true)", record, clock)
    (page,) = feed.follow(None, "Id")
    assert [each.id for each in page.records] == ["006A", "006C", "006B", "006D"]
    list(feed.follow(page.cursor, "Id"))
    behind = "SystemModstamp > 2026-02-01T08:00:00Z OR (SystemModstamp = 2026-02-01T08:00:00Z AND Id > '006C')"
    assert behind in api.queries[1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-05-07T22:07:19.000+0000", "2026-05-07T22:07:19Z"),
        ("2026-05-07T22:07:19Z", "2026-05-07T22:07:19Z"),
        ("2026-05-07T22:07:19", "2026-05-07T22:07:19Z"),
        ("2026-05-08T00:07:19.250+0200", "2026-05-07T22:07:19.250Z"),
    ],
)
def test_times_are_read_in_every_form_and_written_in_one(text: str, shown: str) -> None:
    assert literal(moment(text)) == shown


@pytest.mark.parametrize("text", [None, "", "yesterday", 7])
def test_what_is_no_time_is_no_answer(text: object) -> None:
    with pytest.raises(ServiceUnavailable):
        moment(text)
