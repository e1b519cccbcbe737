"""`updated` and `deleted` in the simulated Salesforce: windows of whole minutes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.tools.simulators.salesforce_stage import Stage
from tools.simulators.salesforce import Quirks


@pytest.fixture
def stage() -> Stage:
    """A stage in the middle of a minute, so that truncation shows."""
    stage = Stage()
    stage.pass_time(seconds=90 - stage.clock.now().second)
    return stage


def window(stage: Stage, start: timedelta, end: timedelta) -> str:
    now = stage.clock.now()
    return urlencode({"start": (now + start).isoformat(), "end": (now + end).isoformat()})


def feed(stage: Stage, name: str, start: timedelta, end: timedelta, sobject: str = "Opportunity") -> dict[str, Any]:
    document: dict[str, Any] = stage.get(f"sobjects/{sobject}/{name}/?{window(stage, start, end)}")
    return document


MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def test_updated_lists_the_ids_within_the_window(stage: Stage) -> None:
    deal = stage.create()
    stage.create("Account", Name="Contoso")
    assert feed(stage, "updated", -MINUTE, MINUTE)["ids"] == [deal]
    stage.seller.delete(deal)
    assert feed(stage, "updated", -MINUTE, MINUTE)["ids"] == []


def test_seconds_do_not_count(stage: Stage) -> None:
    deal = stage.create()
    # The record was written half a minute after the start of this minute; the window's end is cut to that start.
    assert feed(stage, "updated", -MINUTE, timedelta(seconds=20))["ids"] == []
    assert feed(stage, "updated", timedelta(seconds=20), MINUTE)["ids"] == [deal]


def test_deleted_tells_what_is_gone(stage: Stage) -> None:
    kept, gone = stage.create(), stage.create()
    for deal in (kept, gone):
        stage.seller.delete(deal)
    stage.seller.undelete(kept)
    document = feed(stage, "deleted", -MINUTE, MINUTE)
    (entry,) = document["deletedRecords"]
    assert entry["id"] == gone
    assert entry["deletedDate"].endswith(".000+0000")
    assert datetime.fromisoformat(document["earliestDateAvailable"]) < stage.clock.now() - timedelta(days=14)


def test_deletions_stay_listed_when_the_recycle_bin_is_purged(stage: Stage) -> None:
    deal = stage.create()
    stage.seller.delete(deal)
    stage.simulator.purge_recycle_bin()
    assert [row["id"] for row in feed(stage, "deleted", -MINUTE, MINUTE)["deletedRecords"]] == [deal]


def test_coverage_ends_now_or_where_a_transaction_is_open(stage: Stage) -> None:
    def covered() -> datetime:
        return datetime.fromisoformat(feed(stage, "updated", -DAY, DAY)["latestDateCovered"])

    assert timedelta() <= stage.clock.now() - covered() < MINUTE
    stage.quirks.coverage_lag = timedelta(hours=3)
    assert stage.clock.now() - covered() >= timedelta(hours=3)
    stage.quirks.coverage_lag = timedelta()
    stage.quirks.commit_delay = timedelta(hours=1)
    opened = stage.clock.now()
    late = stage.seller.create_opportunity(Name="Slow")
    stage.pass_time(minutes=30)
    assert covered() <= opened
    assert late not in feed(stage, "updated", -DAY, DAY)["ids"]
    stage.pass_time(minutes=31)
    assert covered() > opened
    assert late in feed(stage, "updated", -DAY, DAY)["ids"]


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("updated", timedelta(), timedelta()),
        ("updated", MINUTE, timedelta()),
        ("updated", timedelta(seconds=1), timedelta(seconds=2)),
        ("updated", -31 * DAY, timedelta()),
        ("deleted", timedelta(seconds=1), timedelta(seconds=2)),
        ("deleted", -16 * DAY, timedelta()),
    ],
)
def test_refused_windows(stage: Stage, name: str, start: timedelta, end: timedelta) -> None:
    path = f"sobjects/Opportunity/{name}?{window(stage, start, end)}"
    stage.refused(400, "INVALID_REPLICATION_DATE", "GET", path)


def test_the_longest_windows_that_are_allowed(stage: Stage) -> None:
    assert feed(stage, "updated", -30 * DAY, timedelta())["ids"] == []
    assert feed(stage, "deleted", -15 * DAY + MINUTE, timedelta())["deletedRecords"] == []


@pytest.mark.parametrize("start", ["", "yesterday", "2026-01-01T00:00:00", "2026-01-01"])
def test_dates_need_a_zone(stage: Stage, start: str) -> None:
    query = urlencode({"start": start, "end": stage.clock.now().isoformat()})
    stage.refused(400, "INVALID_REPLICATION_DATE", "GET", f"sobjects/Opportunity/deleted?{query}")


def test_a_purged_delete_log_refuses_earlier_windows(stage: Stage) -> None:
    stage.seller.delete(stage.create())
    stage.pass_time(hours=3)
    stage.sign_in()
    stage.simulator.purge_delete_log()
    path = f"sobjects/Opportunity/deleted?{window(stage, -timedelta(hours=4), timedelta())}"
    stage.refused(400, "INVALID_REPLICATION_DATE", "GET", path)
    document = feed(stage, "deleted", timedelta(), MINUTE)
    assert document["deletedRecords"] == []
    assert stage.clock.now() - datetime.fromisoformat(document["earliestDateAvailable"]) < MINUTE


def test_only_replicateable_objects_have_feeds(stage: Stage) -> None:
    path = f"sobjects/OpportunityContactRole/updated?{window(stage, -MINUTE, MINUTE)}"
    stage.refused(404, "NOT_FOUND", "GET", path)
    assert stage.get("sobjects/OpportunityContactRole/describe")["replicateable"] is False
    assert stage.get("sobjects/Opportunity/describe")["replicateable"] is True


def test_an_unusual_lag_is_a_switch() -> None:
    stage = Stage(quirks=Quirks(coverage_lag=timedelta(minutes=10)))
    document = feed(stage, "deleted", -MINUTE, MINUTE)
    assert datetime.fromisoformat(document["latestDateCovered"]) <= stage.clock.now() - timedelta(minutes=10)
