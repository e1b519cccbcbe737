"""The rows of `cosell.py bench`: what is judged, and how."""

import json
from collections import Counter

import pytest

from shared.ledger.survey import Standing, standing_of
from shared.ledger.table_survey import TableSurvey
from tools.bench import feeds, share, status
from tools.bench.rows import Row, table
from tools.cli import bench


@pytest.mark.parametrize(
    ("row", "ratio", "met"),
    [
        (Row("faster than a peer", 10, "µs", 5, peer="peer", peer_figure=50), 5, True),
        (Row("not fast enough", 10, "µs", 5, peer="peer", peer_figure=49), 4.9, False),
        (Row("contains the peer's work", 25, "µs", 2.5, at_most=True, peer="peer", peer_figure=10), 2.5, True),
        (Row("takes too much longer", 26, "µs", 2.5, at_most=True, peer="peer", peer_figure=10), 2.6, False),
        (Row("more a second", 30, "/s", 1.7, peer="one", peer_figure=20, more_is_better=True), 1.5, False),
        (Row("enough", 15, "/s", 15), None, True),
        (Row("too few", 14.9, "/s", 15), None, False),
        (Row("too long", 351, "ms", 350, at_most=True), None, False),
        (Row("no target", 7, "s"), None, True),
        (Row("no figure", 0, "µs", 5, peer="peer", peer_figure=50), None, False),
    ],
    ids=lambda each: each.name if isinstance(each, Row) else "",
)
def test_the_ratio_is_judged_where_there_is_a_peer(row: Row, ratio: float | None, met: bool) -> None:
    assert row.ratio == (pytest.approx(ratio) if ratio is not None else None)
    assert row.met is met


def test_a_missed_target_is_said_and_fails_only_when_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [Row("too few", 14.9, "/s", 15), Row("no target", 1234, "s")]
    monkeypatch.setattr("tools.bench.imports.run", lambda _rounds: rows)
    assert bench.main(["imports"]) == 0
    assert capsys.readouterr().out.rstrip("\n") == table(rows)
    assert "at least 15 /s: MISSED" in table(rows)
    assert bench.main(["imports", "--assert", "--json"]) == 1
    assert [row["met"] for row in json.loads(capsys.readouterr().out)] == [False, True]


@pytest.mark.parametrize("wrong", [["nosuch"], ["--rounds", "0"], ["--rounds", "many"]])
def test_a_wrong_use_is_told(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        bench.main(wrong)
    assert "usage: cosell.py bench" in capsys.readouterr().err


def test_the_status_page_is_measured_with_few_links_and_with_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "FEW", 100)
    monkeypatch.setattr(status, "MANY", 2_500)
    requests, read, time = status.run(rounds=1)
    assert requests.figure == requests.peer_figure
    assert 100 < requests.figure < 300, "two looks"
    assert read.figure == read.peer_figure
    assert time.figure > 0


def test_the_feeds_are_measured_with_few_links_and_with_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "FEW", 100)
    monkeypatch.setattr(feeds, "MANY", 1_500)
    rows = feeds.run(1)
    assert [row.figure == row.peer_figure and row.met for row in rows] == [True] * 4


def test_a_poll_that_reads_every_link_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "FEW", 100)
    monkeypatch.setattr(feeds, "MANY", 1_500)
    monkeypatch.setattr("shared.timers.notice", lambda task: list(task.links.all()))
    assert not next(row for row in feeds.run(1) if row.name == "idle poll: rows read").met


def test_a_page_that_reads_every_link_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def count_all(self: TableSurvey) -> dict[Standing, int]:
        return Counter(standing_of(each) for each in self.links(10**6))

    monkeypatch.setattr(status, "FEW", 100)
    monkeypatch.setattr(status, "MANY", 2_500)
    monkeypatch.setattr(TableSurvey, "counts", count_all)
    requests, read, _ = status.run(rounds=1)
    assert not read.met
    assert requests.met


def test_an_update_is_shared_out_among_those_whose_code_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "DEALS", 3)
    monkeypatch.setattr(share, "WARM", 1)
    whole, storage, vendors, own = (row.figure for row in share.run(1))
    assert min(storage, vendors, own) > 0
    assert storage + vendors + own == pytest.approx(whole)
