"""The agenda: what is due, the earliest first, and each of it to one taker."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta, timezone

import pytest

from shared.ledger.model import DueKind
from shared.ledger.port import Ledger
from shared.problems import problem
from tests.contract.ledger.samples import CRM, NOW, due, entry, link, together

LATER = NOW + timedelta(hours=1)


def keys(ledger: Ledger, minutes: float = 0) -> list[str]:
    return [each.key for each in ledger.of(CRM).agenda.due(NOW + timedelta(minutes=minutes))]


def test_nothing_waits_at_first(ledger: Ledger) -> None:
    agenda = ledger.of(CRM).agenda
    assert agenda.of(DueKind.PARKED, "r1") is None
    assert list(agenda.due(NOW)) == []
    assert list(agenda.all(DueKind.PARKED)) == []


def test_an_entry_comes_back_as_it_was_and_is_replaced(ledger: Ledger) -> None:
    agenda = ledger.of(CRM).agenda
    problems = (problem("deal.too_large", "notes", limit=7),)
    first = due(family="data", reason="ü" * 1000, problems=problems, attempts=3, record_version='W/"1"')
    agenda.put(first)
    held = agenda.of(DueKind.PARKED, "r1")
    assert held
    assert replace(held, etag=None) == first
    agenda.put(due(minutes=5, attempts=4))
    (only,) = agenda.all(DueKind.PARKED)
    assert replace(only, etag=None) == due(minutes=5, attempts=4)
    assert keys(ledger, 4) == []
    assert keys(ledger, 5) == ["r1"]


def test_the_earliest_comes_first_and_what_is_not_due_does_not_come(ledger: Ledger) -> None:
    for key, minutes in (("c", -1), ("d", 1 / 60_000_000), ("b", 0), ("a", -1_000_000)):
        ledger.of(CRM).agenda.put(due(key, minutes))
    assert keys(ledger) == ["a", "c", "b"]
    assert keys(ledger, 1) == ["a", "c", "b", "d"]


def test_a_moment_is_the_same_moment_in_every_time_zone(ledger: Ledger) -> None:
    agenda = ledger.of(CRM).agenda
    here = timezone(timedelta(hours=9))
    agenda.put(replace(due("r1"), at=NOW.astimezone(here)))
    agenda.put(due("r2", 60))
    assert [each.key for each in agenda.due(NOW.astimezone(here))] == ["r1"]
    assert [each.at.astimezone(UTC) for each in agenda.due(NOW)] == [NOW]


def test_an_entry_moved_by_putting_it_again_is_due_once_at_its_new_time(ledger: Ledger) -> None:
    agenda = ledger.of(CRM).agenda
    for minutes in (3, 1, 2):
        agenda.put(due(minutes=minutes))
    assert keys(ledger, 1) == []
    assert keys(ledger, 9) == ["r1"]
    assert keys(ledger, 9) == ["r1"]


def test_a_deal_has_an_entry_of_each_kind(ledger: Ledger) -> None:
    agenda = ledger.of(CRM).agenda
    for kind in DueKind:
        agenda.put(due(kind=kind))
    assert {each.kind for each in agenda.due(NOW)} == set(DueKind)
    agenda.drop(DueKind.UNDO, "r1")
    assert agenda.of(DueKind.UNDO, "r1") is None
    assert {each.kind for each in agenda.due(NOW)} == set(DueKind) - {DueKind.UNDO}
    assert [each.kind for each in agenda.all(DueKind.HELD)] == [DueKind.HELD]


def test_dropping_forgets_and_is_silent_about_nothing(ledger: Ledger) -> None:
    agenda = ledger.of(CRM).agenda
    agenda.put(due())
    agenda.drop(DueKind.PARKED, "r1")
    agenda.drop(DueKind.PARKED, "r1")
    assert agenda.of(DueKind.PARKED, "r1") is None
    assert keys(ledger) == []


def test_what_is_put_again_after_it_was_dropped_is_due_again(ledger: Ledger) -> None:
    agenda = ledger.of(CRM).agenda
    agenda.put(due())
    agenda.drop(DueKind.PARKED, "r1")
    agenda.put(due())
    assert [keys(ledger), keys(ledger)] == [["r1"], ["r1"]]


@pytest.mark.parametrize("minutes", [-1, 0, 60])
def test_what_is_postponed_is_due_at_its_new_time(ledger: Ledger, minutes: int) -> None:
    agenda = ledger.of(CRM).agenda
    agenda.put(due(reason="why"))
    (held,) = agenda.due(NOW)
    assert agenda.postpone(held, NOW + timedelta(minutes=minutes))
    assert keys(ledger, minutes - 1) == []
    assert keys(ledger, minutes) == ["r1"], "also when it is moved to where it is"
    moved = agenda.of(DueKind.PARKED, "r1")
    assert moved
    assert replace(moved, etag=None) == due(minutes=minutes, reason="why")


def test_of_two_takers_one_gets_it(ledger: Ledger) -> None:
    agenda = ledger.of(CRM).agenda
    agenda.put(due())
    (mine,) = agenda.due(NOW)
    (theirs,) = agenda.due(NOW)
    assert agenda.postpone(theirs, LATER)
    assert not agenda.postpone(mine, LATER)
    assert not agenda.postpone(mine, LATER + timedelta(hours=1))
    assert keys(ledger) == []
    (moved,) = agenda.due(LATER)
    assert moved.at == LATER


def test_of_many_takers_at_once_one_gets_it(ledger: Ledger) -> None:
    agenda = ledger.of(CRM).agenda
    agenda.put(due())
    (held,) = agenda.due(NOW)
    results, errors = together(8, lambda _: agenda.postpone(held, LATER))
    assert (errors, sorted(map(bool, results))) == ([], [False] * 7 + [True])


def test_what_was_dropped_or_put_again_meanwhile_is_not_taken(ledger: Ledger) -> None:
    agenda = ledger.of(CRM).agenda
    agenda.put(due("r1"))
    agenda.put(due("r2"))
    dropped, replaced = agenda.due(NOW)
    agenda.drop(DueKind.PARKED, "r1")
    agenda.put(due("r2", attempts=2))
    assert not agenda.postpone(dropped, LATER)
    assert not agenda.postpone(replaced, LATER)
    assert [(each.key, each.attempts) for each in agenda.due(LATER)] == [("r2", 2)]


def test_agendas_of_two_crms_and_other_rows_are_apart(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    for key in ("a", "b"):
        part.agenda.put(due(key))
    ledger.of("salesforce").agenda.put(due("c"))
    part.links.commit(link(), [entry("a")])
    assert sorted(each.key for each in part.agenda.all(DueKind.PARKED)) == ["a", "b"]
    assert sorted(keys(ledger)) == ["a", "b"]


def test_entries_can_be_dropped_and_moved_while_they_are_listed(ledger: Ledger) -> None:
    agenda = ledger.of(CRM).agenda
    for number in range(6):
        agenda.put(due(str(number)))
    for each in agenda.due(NOW):
        agenda.postpone(each, LATER)
    for each in agenda.all(DueKind.PARKED):
        if int(each.key) % 2:
            agenda.drop(DueKind.PARKED, each.key)
    assert [each.key for each in agenda.due(LATER)] == ["0", "2", "4"]


def test_an_entry_that_is_put_while_its_old_time_is_cleaned_up_is_not_lost(ledger: Ledger) -> None:
    agenda = ledger.of(CRM).agenda

    def work(number: int) -> None:
        for _ in range(10):
            if number % 2:
                list(agenda.due(NOW))
            else:
                agenda.drop(DueKind.PARKED, str(number))
                agenda.put(due(str(number)))

    _, errors = together(4, work)
    assert errors == []
    assert sorted(keys(ledger)) == ["0", "2"]


def test_a_mark_is_noted_on_an_entry_that_is_as_it_was_read(ledger: Ledger) -> None:
    agenda = ledger.of(CRM).agenda
    agenda.put(due(beside="c1"))
    held = agenda.of(DueKind.PARKED, "r1")
    assert held
    assert agenda.postpone(held, held.at, "first")
    assert not agenda.postpone(held, held.at, "second")
    assert keys(ledger) == ["r1"]
    noted = agenda.of(DueKind.PARKED, "r1")
    assert noted
    assert (noted.beside, noted.mark) == ("c1", "first")
    assert agenda.postpone(noted, LATER)
    assert [(each.mark, each.at) for each in agenda.all(DueKind.PARKED)] == [("first", LATER)]
