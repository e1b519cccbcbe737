"""Drawers: small values with a type, and one way to change them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from shared.errors import ServiceUnavailable, StaleError
from shared.ledger.drawers import (
    RECENT,
    ROUNDS,
    Drawer,
    Drawers,
    Held,
    crm_cursor,
    document,
    moment,
    sweep_cursor,
    text,
)
from shared.ledger.port import Ledger
from tests.contract.ledger.samples import CRM, NOW, together

CURSOR = crm_cursor(CRM)


def test_a_value_is_stored_replaced_and_emptied(ledger: Ledger) -> None:
    drawers = ledger.drawers
    nothing = drawers.read(CURSOR)
    assert nothing == Held("", None)
    first = drawers.replace(CURSOR, "page 1 ü", nothing)
    assert drawers.read(CURSOR) == first
    second = drawers.replace(CURSOR, "", first)
    assert drawers.read(CURSOR) == second
    assert second.value == ""
    assert second.etag not in (None, first.etag)
    third = drawers.replace(CURSOR, "page 3", second)
    assert drawers.read(CURSOR).value == third.value == "page 3"


def test_values_of_two_kinds_and_names_are_apart(ledger: Ledger) -> None:
    ledger.drawers.change(text("cursor", "a"), lambda _: "1")
    assert ledger.drawers.read(text("cursor", "b")) == ledger.drawers.read(text("alert", "a")) == Held("", None)


@pytest.mark.parametrize("name", ["poll dynamics365", "SignInRequired", "a'b", "ü:x", "%41", "a+b"])
def test_names_as_they_are_used(ledger: Ledger, name: str) -> None:
    ledger.drawers.change(text("alert", name), lambda _: "raised")
    assert ledger.drawers.read(text("alert", name)).value == "raised"
    assert dict(ledger.drawers.all(partial(text, "alert"), "alert")) == {name: "raised"}


def test_a_value_that_changed_is_stale(ledger: Ledger) -> None:
    drawers = ledger.drawers
    nothing = drawers.read(CURSOR)
    first = drawers.replace(CURSOR, "1", nothing)
    with pytest.raises(StaleError):
        drawers.replace(CURSOR, "x", nothing)
    second = drawers.replace(CURSOR, "2", first)
    with pytest.raises(StaleError):
        drawers.replace(CURSOR, "x", first)
    assert drawers.read(CURSOR) == second


def test_of_many_replacements_one_wins(ledger: Ledger) -> None:
    held = ledger.drawers.read(CURSOR)
    results, errors = together(8, lambda number: ledger.drawers.replace(CURSOR, str(number), held))
    assert len(results) == 1
    assert all(isinstance(error, StaleError) for error in errors)
    assert ledger.drawers.read(CURSOR) == results[0]


@pytest.mark.parametrize("letters", ["token", "ü", "\U0001f600"])
def test_a_long_value_comes_back_whole(ledger: Ledger, letters: str) -> None:
    stored = ledger.drawers.replace(CURSOR, letters * 20_000, Held("", None))
    assert ledger.drawers.read(CURSOR) == stored


# --- types -----------------------------------------------------------------------------------------------------------


def test_a_moment_comes_back_as_it_was_and_is_never_stored_empty(ledger: Ledger) -> None:
    drawer = sweep_cursor(CRM)
    assert ledger.drawers.read(drawer).value is None
    assert ledger.drawers.change(drawer, lambda _: NOW) == NOW
    assert ledger.drawers.read(drawer).value == NOW
    with pytest.raises(ValueError, match="never stored empty"):
        ledger.drawers.change(drawer, lambda _: None)
    assert ledger.drawers.read(drawer).value == NOW


def test_the_sweeps_cursor_is_not_the_feeds(ledger: Ledger) -> None:
    ledger.drawers.change(sweep_cursor(CRM), lambda _: NOW)
    assert ledger.drawers.read(crm_cursor(CRM)).value == ""


def test_a_document_comes_back_as_it_was(ledger: Ledger) -> None:
    empty: dict[str, datetime] = {}
    drawer: Drawer[dict[str, datetime]] = document("t", "n", empty, _dump, _load)
    assert ledger.drawers.read(drawer).value == {}
    ledger.drawers.change(drawer, lambda held: {**held, "\ud83d ü": NOW})
    ledger.drawers.change(drawer, lambda held: {**held, "b": NOW + timedelta(microseconds=1)})
    assert ledger.drawers.read(drawer).value == {"\ud83d ü": NOW, "b": NOW + timedelta(microseconds=1)}


def _dump(value: dict[str, datetime]) -> object:
    return {name: at.isoformat() for name, at in value.items()}


def _load(stored: object) -> dict[str, datetime]:
    assert isinstance(stored, dict)
    return {name: datetime.fromisoformat(at) for name, at in stored.items()}


# --- change ----------------------------------------------------------------------------------------------------------


def test_an_equal_value_is_not_written(ledger: Ledger) -> None:
    ledger.drawers.change(CURSOR, lambda _: "1")
    before = ledger.drawers.read(CURSOR)
    assert ledger.drawers.change(CURSOR, lambda _: "1") == "1"
    assert ledger.drawers.read(CURSOR) == before


def test_a_change_is_made_again_of_the_newer_value(ledger: Ledger) -> None:
    others = ["1", "2"]

    def add(held: str) -> str:
        if others:  # Somebody else is quicker, twice.
            ledger.drawers.replace(CURSOR, held + others.pop(0), ledger.drawers.read(CURSOR))
        return held + "3"

    assert ledger.drawers.change(CURSOR, add) == "123"
    assert ledger.drawers.read(CURSOR).value == "123"


def test_a_change_that_is_never_the_quicker_one_gives_up_as_retriable(ledger: Ledger) -> None:
    rounds = []

    def beaten(held: str) -> str:
        rounds.append(held)
        ledger.drawers.replace(CURSOR, f"{held}x", ledger.drawers.read(CURSOR))
        return "mine"

    with pytest.raises(ServiceUnavailable):
        ledger.drawers.change(CURSOR, beaten)
    assert len(rounds) == ROUNDS
    assert ledger.drawers.read(CURSOR).value == "x" * ROUNDS


def test_of_many_changes_at_once_each_is_made_once_or_refused(ledger: Ledger) -> None:
    results, errors = together(8, lambda number: ledger.drawers.change(CURSOR, lambda held: f"{held}{number}"))
    assert all(isinstance(error, ServiceUnavailable) for error in errors)
    assert len(set(ledger.drawers.read(CURSOR).value)) == len(results) == len(ledger.drawers.read(CURSOR).value)


# --- clear and all ---------------------------------------------------------------------------------------------------


def test_a_drawer_is_cleared_only_while_it_is_what_was_read(ledger: Ledger) -> None:
    drawers = ledger.drawers
    drawers.clear(CURSOR, drawers.read(CURSOR))
    first = drawers.replace(CURSOR, "1", drawers.read(CURSOR))
    second = drawers.replace(CURSOR, "2", first)
    with pytest.raises(StaleError):
        drawers.clear(CURSOR, first)
    assert drawers.read(CURSOR) == second
    drawers.clear(CURSOR, second)
    assert drawers.read(CURSOR) == Held("", None)
    drawers.clear(CURSOR, second)  # Gone is gone, whoever cleared it.
    third = drawers.replace(CURSOR, "3", drawers.read(CURSOR))
    assert drawers.read(CURSOR) == third
    with pytest.raises(StaleError):
        drawers.replace(CURSOR, "late", second)


def test_clearing_what_was_empty_leaves_what_somebody_else_put_there(ledger: Ledger) -> None:
    empty = ledger.drawers.read(CURSOR)
    ledger.drawers.change(CURSOR, lambda _: "theirs")
    ledger.drawers.clear(CURSOR, empty)
    assert ledger.drawers.read(CURSOR).value == "theirs"


def test_every_used_drawer_of_a_kind_is_returned_and_no_other(ledger: Ledger) -> None:
    drawers = ledger.drawers
    wanted = {f"n{number}": NOW + timedelta(seconds=number) for number in range(3)}
    for name, at in wanted.items():
        drawers.change(moment("seen", name), partial(lambda at, _: at, at))
    drawers.change(text("seen-not", "n"), lambda _: "1")
    drawers.change(text("see", "n"), lambda _: "1")
    assert dict(drawers.all(partial(moment, "seen"), "seen")) == wanted
    held = drawers.read(moment("seen", "n1"))
    drawers.clear(moment("seen", "n1"), replace(held))
    assert sorted(name for name, _ in drawers.all(partial(moment, "seen"), "seen")) == ["n0", "n2"]
    assert list(drawers.all(partial(moment, "unknown"), "unknown")) == []


def test_a_recent_value_is_read_once_a_minute(ledger: Ledger) -> None:
    drawers, another = ledger.drawers, Drawers(ledger.drawers._values)
    assert drawers.recent(CURSOR, NOW) == ""
    another.change(CURSOR, lambda _: "theirs")
    for later in (timedelta(), RECENT - timedelta(microseconds=1)):
        assert drawers.recent(CURSOR, NOW + later) == ""
    assert drawers.recent(CURSOR, NOW + RECENT) == "theirs"
    assert drawers.recent(crm_cursor("another"), NOW + RECENT) == ""


def test_what_this_process_put_there_is_recent_at_once(ledger: Ledger) -> None:
    drawers = ledger.drawers
    assert drawers.recent(CURSOR, NOW) == ""
    drawers.change(CURSOR, lambda _: "ours")
    assert drawers.recent(CURSOR, NOW) == "ours"
    drawers.clear(CURSOR, drawers.read(CURSOR))
    assert drawers.recent(CURSOR, NOW) == ""


def test_a_clock_that_was_set_back_hides_nothing(ledger: Ledger) -> None:
    drawers, another = ledger.drawers, Drawers(ledger.drawers._values)
    assert drawers.recent(CURSOR, NOW) == ""
    another.change(CURSOR, lambda _: "theirs")
    assert drawers.recent(CURSOR, NOW - timedelta(days=1)) == "theirs"
