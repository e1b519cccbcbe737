"""Salesforce's change feed against a simulated org: what arrives late, at once, in masses, or not at all."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from shared.crm.port import ChangePage
from shared.crm.salesforce import feed as salesforce_feed
from shared.crm.salesforce.feed import DELETIONS, OVERLAP
from shared.errors import CursorExpired, RetriableError
from tests.support.stages.salesforce import SalesforceStage
from tools.simulators.faults import Fault

DELETED = r"/deleted/"


class Follower:
    """Follows the feed from call to call, as the poller does: the cursor moves only after a whole pass."""

    def __init__(self, stage: SalesforceStage) -> None:
        self.stage = stage
        self.cursor: str | None = None
        self.poll()

    def poll(self) -> list[str]:
        """Return what a pass delivers: ids, deleted ones with a minus."""
        pages = list(self.stage.port.changes(self.cursor))
        self.cursor = pages[-1].cursor
        assert self.cursor
        return [each for page in pages for each in _told(page)]

    def advance(self, by: timedelta) -> None:
        self.stage.vendors.clock.advance(by)


def _told(page: ChangePage) -> list[str]:
    return [*(record.id for record in page.records), *(f"-{row_id}" for row_id in page.deleted_ids)]


def test_a_row_that_surfaces_late_is_delivered_once(stage: SalesforceStage) -> None:
    feed = Follower(stage)
    stage.quirks.commit_delay = timedelta(minutes=4)
    late = stage.add_deal()
    stage.quirks.commit_delay = timedelta()
    feed.advance(timedelta(minutes=3))
    on_time = stage.add_deal()
    assert feed.poll() == [on_time]
    feed.advance(timedelta(minutes=2))
    assert feed.poll() == [late]
    assert feed.poll() == []


def test_a_page_full_of_equal_stamps_neither_stalls_nor_loses(stage: SalesforceStage) -> None:
    ids = [stage.add_deal() for _ in range(3 * stage.pages + 1)]
    feed = Follower(stage)
    stage.pass_time()
    stage.simulator.seller.edit_all(ids, Description="mass update")
    assert sorted(feed.poll()) == sorted(ids)
    for _ in range(3):
        stage.pass_time()
        assert feed.poll() == []
    more = stage.add_deal()
    assert feed.poll() == [more]


def test_two_edits_within_one_second_are_both_delivered(stage: SalesforceStage) -> None:
    record_id = stage.add_deal()
    feed = Follower(stage)
    stage.edit(record_id, notes="one")
    assert feed.poll() == [record_id]
    stage.edit(record_id, notes="two")
    assert feed.poll() == [record_id]
    assert feed.poll() == []


def test_a_backlog_is_handed_over_in_passes_that_each_get_further(
    stage: SalesforceStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(salesforce_feed, "PAGES", 2)
    feed = Follower(stage)
    ids = [stage.add_deal() for _ in range(3)]
    feed.advance(OVERLAP * 2)
    ids += [stage.add_deal() for _ in range(5 * stage.pages)]
    stage.simulator.seller.edit_all(ids, Description="mass update")
    seen: list[str] = []
    for _ in range(3):
        page = feed.poll()
        assert len(page) == 2 * stage.pages
        seen += page
    assert (set(seen), feed.poll()) == (set(ids), [])
    stage.pass_time()
    stage.edit(ids[0], notes="afterwards")
    assert [page for _ in range(4) for page in feed.poll()] == [ids[0]]


def test_the_first_pass_may_be_cut_off_as_well(stage: SalesforceStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salesforce_feed, "PAGES", 1)
    ids = [stage.add_deal() for _ in range(2 * stage.pages + 1)]
    cursor, seen = None, list[str]()
    for _ in range(3):
        (page,) = stage.port.changes(cursor)
        seen, cursor = seen + _told(page), page.cursor
    assert seen == ids


def test_what_an_interrupted_pass_delivered_comes_again(stage: SalesforceStage) -> None:
    feed = Follower(stage)
    ids = [stage.add_deal() for _ in range(2 * stage.pages)]
    stage.server.faults.inject(Fault("reset_before", path=r"/query.*/01g", times=None))
    pages = stage.port.changes(feed.cursor)
    assert _told(next(pages)) == ids[: stage.pages]
    with pytest.raises(RetriableError):
        next(pages)
    stage.heal()
    assert feed.poll() == ids


def test_a_query_whose_rest_is_forgotten_starts_again_with_the_next_poll(stage: SalesforceStage) -> None:
    feed = Follower(stage)
    ids = [stage.add_deal() for _ in range(stage.pages + 1)]
    pages = stage.port.changes(feed.cursor)
    next(pages)
    stage.simulator.drop_cursors()
    with pytest.raises(RetriableError):
        next(pages)
    assert feed.poll() == ids


def test_deletions_and_returns_are_told(stage: SalesforceStage) -> None:
    record_id = stage.add_deal()
    feed = Follower(stage)
    stage.pass_time()
    stage.delete(record_id)
    assert feed.poll() == [f"-{record_id}"]
    stage.pass_time()
    stage.simulator.seller.undelete(record_id)
    assert feed.poll() == [record_id]


def test_what_left_the_recycle_bin_at_once_is_told_by_the_log(stage: SalesforceStage) -> None:
    record_id = stage.add_deal()
    feed = Follower(stage)
    feed.advance(timedelta(minutes=5))
    stage.delete(record_id)
    stage.simulator.purge_recycle_bin()
    assert feed.poll() == []
    feed.advance(DELETIONS)
    assert feed.poll() == [f"-{record_id}"]
    assert feed.poll() == []
    assert stage.server.log.count(path=DELETED) == 1


def test_a_log_that_lags_is_asked_again_from_where_it_stopped(stage: SalesforceStage) -> None:
    record_id = stage.add_deal()
    feed = Follower(stage)
    stage.quirks.coverage_lag = DELETIONS * 3
    feed.advance(DELETIONS)
    stage.delete(record_id)
    stage.simulator.purge_recycle_bin()
    feed.advance(timedelta(minutes=1))
    feed.poll()
    stage.quirks.coverage_lag = timedelta()
    feed.advance(timedelta(minutes=1))
    assert f"-{record_id}" in feed.poll()


def test_a_log_that_was_purged_means_reading_everything(stage: SalesforceStage) -> None:
    feed = Follower(stage)
    feed.advance(DELETIONS)
    stage.simulator.purge_delete_log()
    with pytest.raises(CursorExpired):
        feed.poll()


def test_so_does_a_pause_longer_than_the_log(stage: SalesforceStage) -> None:
    feed = Follower(stage)
    feed.advance(timedelta(days=16))
    with pytest.raises(CursorExpired):
        feed.poll()


def test_records_that_never_concerned_us_are_not_read(stage: SalesforceStage) -> None:
    stage.add_deal(sync=False)
    feed = Follower(stage)
    other = stage.add_deal(sync=False)
    assert feed.poll() == []
    stage.edit(other, sync=True)
    assert feed.poll() == [other]


def test_a_record_that_is_switched_off_is_told_while_it_is_tied(stage: SalesforceStage) -> None:
    record_id = stage.add_deal(identifier="7f0e9a52-0000-4000-8000-000000000001")
    feed = Follower(stage)
    stage.pass_time()
    stage.edit(record_id, sync=False)
    assert feed.poll() == [record_id]


def test_an_idle_poll_leaves_the_cursor_as_it_is_for_a_while(stage: SalesforceStage) -> None:
    stage.add_deal()
    feed = Follower(stage)
    before = feed.cursor
    stage.pass_time()
    assert (feed.poll(), feed.cursor) == ([], before)
    feed.advance(OVERLAP * 2)
    assert feed.poll() == []
    assert feed.cursor != before
    assert json.loads(str(feed.cursor))["known"] == ""


def test_a_cursor_remembers_no_more_than_fits(stage: SalesforceStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salesforce_feed, "KNOWN", 2)
    ids = [stage.add_deal() for _ in range(4)]
    feed = Follower(stage)
    assert len(json.loads(str(feed.cursor))["known"].split()) == 2
    assert set(feed.poll()) < set(ids), "the newest are known, the others come again"


@pytest.mark.parametrize("cursor", ["", "no cursor", "{}", "[]", '{"columns": 1}', "1 https://org.crm.dynamics.com/x"])
def test_a_foreign_cursor_means_reading_everything(stage: SalesforceStage, cursor: str) -> None:
    if not cursor:
        assert next(stage.port.changes(cursor)).cursor
        return
    with pytest.raises(CursorExpired):
        next(stage.port.changes(cursor))


def test_so_does_one_for_other_columns(stage: SalesforceStage) -> None:
    feed = Follower(stage)
    other = json.dumps(json.loads(str(feed.cursor)) | {"columns": "0" * 12})
    with pytest.raises(CursorExpired):
        next(stage.port.changes(other))
