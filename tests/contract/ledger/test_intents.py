"""Intents: the first one holds, and only what was read is replaced."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.errors import StaleError
from shared.ledger.model import Intent
from shared.ledger.port import Ledger
from tests.contract.ledger.samples import CRM, NOW, intent, link, record, together


def test_what_was_never_begun_is_absent(ledger: Ledger) -> None:
    assert ledger.of(CRM).intents.of(record()) is None


def test_the_first_intent_holds(ledger: Ledger) -> None:
    intents = ledger.of(CRM).intents
    mine = intents.begin(intent("mine"))
    assert mine == replace(intent("mine"), etag=mine.etag)
    assert intents.begin(intent("yours")) == mine
    assert intents.of(record()) == mine


def test_a_lead_and_an_opportunity_with_one_id_have_each_their_own(ledger: Ledger) -> None:
    intents = ledger.of(CRM).intents
    lead, opportunity = intents.begin(intent("a", table="lead")), intents.begin(intent("b"))
    assert intents.of(record(table="lead")) == lead
    assert intents.of(record()) == opportunity


def test_of_many_intents_one_holds(ledger: Ledger) -> None:
    intents = ledger.of(CRM).intents
    results, errors = together(8, lambda number: intents.begin(intent(f"worker-{number}")))
    assert errors == []
    assert len({each.owner for each in results if isinstance(each, Intent)}) == 1
    assert intents.of(record()) == results[0]


def test_an_intent_is_replaced_only_while_it_is_what_was_read(ledger: Ledger) -> None:
    intents = ledger.of(CRM).intents
    abandoned = intents.begin(intent("gone"))
    taken = intents.replace(abandoned, replace(intent("new"), started_at=NOW + timedelta(hours=1)))
    assert intents.of(record()) == taken
    with pytest.raises(StaleError):
        intents.replace(abandoned, intent("late"))
    assert intents.of(record()) == taken
    known = intents.replace(taken, replace(taken, referral_id="r1", unknown_since=NOW))
    assert intents.of(record()) == known
    assert (known.referral_id, known.unknown_since) == ("r1", NOW)


def test_of_many_who_take_over_one_wins(ledger: Ledger) -> None:
    intents = ledger.of(CRM).intents
    abandoned = intents.begin(intent("gone"))
    results, errors = together(8, lambda number: intents.replace(abandoned, intent(f"worker-{number}")))
    assert len(results) == 1
    assert all(isinstance(error, StaleError) for error in errors)
    assert intents.of(record()) == results[0]


def test_an_intent_that_was_dropped_cannot_be_replaced(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    held = part.intents.begin(intent("slow"))
    part.links.commit(link(), [], held)
    with pytest.raises(StaleError):
        part.intents.replace(held, intent("late"))
    assert part.intents.of(record()) is None
