"""The survey: counts, lists and the newest audit, kept with every commit, and read without reading the links."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.ledger.port import Ledger
from shared.ledger.survey import Listed, Standing, Told
from shared.link import Link, LinkState
from shared.status import Status, StatusKind
from tests.contract.ledger.samples import CRM, NOW, entry, intent, link, record, together

ATTENTION = Status(StatusKind.ATTENTION, "✖ Fill in the street")
DIFFERS = Status(StatusKind.DIFFERS, "◐ name differs")


def counted(ledger: Ledger) -> dict[str, int]:
    return {str(name): count for name, count in ledger.of(CRM).survey.counts().items() if count}


def many(ledger: Ledger, count: int, **members: object) -> list[Link]:
    return [
        ledger.of(CRM).links.commit(link(f"r{number:03d}", f"c{number:03d}", **members), []) for number in range(count)
    ]


def test_an_empty_ledger_counts_and_lists_nothing(ledger: Ledger) -> None:
    survey = ledger.of(CRM).survey
    assert counted(ledger) == {}
    assert list(survey.listed(Standing.ATTENTION, 10)) == []
    assert list(survey.links(10)) == []
    assert list(survey.newest(10)) == []
    survey.fold()
    assert counted(ledger) == {}


@pytest.mark.parametrize("folds", [False, True])
def test_a_link_is_counted_as_it_stands_once(ledger: Ledger, *, folds: bool) -> None:
    part = ledger.of(CRM)
    held = part.links.commit(link(), [entry("a")])
    for members, standing in (
        ({"settled": True}, "synchronized"),
        ({"status": ATTENTION}, "attention"),
        ({"settled": False}, "attention"),
        ({"status": DIFFERS}, "differs"),
        ({"status": Status(StatusKind.PENDING, "⏳")}, "pending"),
        ({"state": LinkState.PAUSED}, "paused"),
        ({"state": LinkState.ORPHANED}, "orphaned"),
        ({"state": LinkState.IGNORED}, "ignored"),
        ({"state": LinkState.LINKED, "status": None}, "synchronized"),
    ):
        held = part.links.commit(replace(held, **members), [])
        if folds:
            part.survey.fold()
        assert counted(ledger) == {standing: 1}


def test_what_was_read_again_is_counted_as_one(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    part.links.commit(link(status=ATTENTION), [])
    for found in (part.links.of_referral("r1"), part.links.of_record(record()), *part.survey.links(5)):
        assert found
        assert found.etag
    found = part.links.of_record(record())
    assert found
    part.links.commit(replace(found, status=DIFFERS), [])
    (paged,) = part.survey.links(5)
    part.links.commit(replace(paged, status=None), [])
    assert counted(ledger) == {"synchronized": 1}
    assert list(part.survey.listed(Standing.ATTENTION, 5)) == []
    assert list(part.survey.listed(Standing.DIFFERS, 5)) == []


def test_a_list_names_both_sides_and_the_newest_text(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    held = part.links.commit(link(status=ATTENTION), [])
    assert list(part.survey.listed(Standing.ATTENTION, 5)) == [
        Listed("r1", record(), Standing.ATTENTION, ATTENTION.text)
    ]
    part.links.commit(replace(held, status=Status(StatusKind.ATTENTION, "✖ Fill in the city")), [])
    assert [each.text for each in part.survey.listed(Standing.ATTENTION, 5)] == ["✖ Fill in the city"]
    part.links.commit(Link(CRM, "r2", None, state=LinkState.ORPHANED), [])
    assert list(part.survey.listed(Standing.ORPHANED, 5)) == [Listed("r2", None, Standing.ORPHANED, "")]


def test_lists_are_read_by_pages(ledger: Ledger) -> None:
    many(ledger, 7, status=ATTENTION)
    survey = ledger.of(CRM).survey
    first = [each.referral_id for each in survey.listed(Standing.ATTENTION, 3)]
    second = [each.referral_id for each in survey.listed(Standing.ATTENTION, 3, first[-1])]
    third = [each.referral_id for each in survey.listed(Standing.ATTENTION, 3, second[-1])]
    assert first + second + third == [f"r{number:03d}" for number in range(7)]
    assert [each.referral_id for each in survey.links(3, "r002")] == ["r003", "r004", "r005"]
    assert list(survey.links(3, "r006")) == []


def test_many_at_once_are_all_counted(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    part.links.of_referral("warm-up")
    _, errors = together(8, lambda number: part.links.commit(link(f"r{number}", f"c{number}"), [entry(str(number))]))
    assert errors == []
    _, errors = together(3, lambda _: part.survey.fold())
    assert counted(ledger) == {"synchronized": 8}
    assert len(part.survey.newest(20)) == 8


def test_a_refused_commit_counts_nothing(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    part.links.commit(link(), [])
    _, errors = together(1, lambda _: part.links.commit(link(status=ATTENTION), [entry("a")]))
    assert len(errors) == 1
    begun = replace(intent(), etag="gone")
    _, errors = together(1, lambda _: part.links.commit(link("r9", "c9", status=ATTENTION), [], begun))
    assert len(errors) == 1
    assert counted(ledger) == {"synchronized": 1}
    assert list(part.survey.newest(5)) == []


def test_more_changes_than_a_transaction_holds_are_summed_up(ledger: Ledger) -> None:
    many(ledger, 110)
    survey = ledger.of(CRM).survey
    survey.fold()
    survey.fold()
    assert counted(ledger) == {"synchronized": 110}


def test_the_newest_audit_of_all_deals_comes_first(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    part.links.commit(link(), [entry("a", 1)])
    part.audit.add("opportunity:c9", entry("c", 3))
    part.links.commit(link("r2", "c2"), [entry("b", 2)])
    told = list(part.survey.newest(2))
    assert told == [
        Told(NOW + timedelta(minutes=3), "opportunity:c9", None, "CRM → Partner Center", "text of c"),
        Told(NOW + timedelta(minutes=2), "r2", record("c2"), "CRM → Partner Center", "text of b"),
    ]


def test_old_audit_is_dropped_so_much_at_a_time(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    for minute in range(5):
        part.audit.add("r1", entry(str(minute), minute))
    before = NOW + timedelta(minutes=3)
    dropped = part.survey.forget(before, 2)
    assert dropped == 2
    assert part.survey.forget(before, 2) == 1
    assert part.survey.forget(before, 2) == 0
    assert [each.id for each in part.audit.of("r1")] == ["4", "3"]
    assert [each.text for each in part.survey.newest(9)] == ["text of 4", "text of 3"]


def test_crms_are_counted_apart(ledger: Ledger) -> None:
    many(ledger, 2, status=ATTENTION)
    other = ledger.of("salesforce").survey
    assert not any(other.counts().values())
    assert list(other.listed(Standing.ATTENTION, 5)) == []
