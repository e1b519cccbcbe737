"""recognize(): our own echo and duplicates cost no call, and nothing else is taken for one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.deal import RecordKey
from shared.decide.decisions import Known
from shared.link import RESTING, Link, LinkState
from shared.orders import Order
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.sync.recognize import recognize
from tests.support.stand_ins import START

RECORD = RecordKey("dynamics365", "opportunity", "record")
LINK = Link(
    "dynamics365",
    "referral",
    RECORD,
    referral_changed_at=START,
    related_changed_at=START + timedelta(minutes=5),
    event_at=START + timedelta(hours=1),
    record_version="7",
)


def event(minutes: float, *, related: bool = False) -> DealMessage:
    observed = {"changed_at": (START + timedelta(minutes=minutes)).isoformat(), "related": related}
    return DealMessage(PARTNER_CENTER, "event", "", referral_id="referral", observed=observed)


def change(version: str | None) -> DealMessage:
    return DealMessage.of_record(RECORD, "change", "", {"version": version} if version else None)


@pytest.mark.parametrize(
    ("minutes", "related", "known"),
    [
        (-1, False, True),
        (0, False, True),
        (0.001, False, False),
        (5, True, True),
        (5.001, True, False),
        (60, False, True),
        (59, False, False),
        (60, True, True),
    ],
)
def test_an_event_is_known_up_to_the_moment_of_its_own_row_and_by_being_the_last_one(
    minutes: float, related: bool, known: bool
) -> None:
    found = recognize(event(minutes, related=related), LINK)
    assert found == (Known("already seen") if known else None)


def test_an_event_that_tells_no_moment_is_always_looked_at() -> None:
    assert recognize(DealMessage(PARTNER_CENTER, "sweep", "", referral_id="referral"), LINK) is None
    assert recognize(event(0), replace(LINK, referral_changed_at=None)) is None


@pytest.mark.parametrize("state", sorted(set(LinkState) - {LinkState.IGNORED, *RESTING}))
def test_the_version_that_we_left_is_our_own_write_whatever_the_state(state: LinkState) -> None:
    assert recognize(change("7"), replace(LINK, state=state)) == Known("our own write")
    assert recognize(change("8"), replace(LINK, state=state)) is None


@pytest.mark.parametrize("state", sorted(RESTING))
def test_a_deal_that_a_person_put_to_rest_is_known_until_a_person_orders_something(state: LinkState) -> None:
    rests = replace(LINK, state=state)
    assert recognize(change("8"), rests) == recognize(event(9), rests) == Known(f"{state} by a person")
    assert recognize(replace(change("8"), order=Order.RESUME), rests) is None


def test_a_version_proves_nothing_where_none_is_known_or_nothing_is_tied() -> None:
    assert recognize(change(None), LINK) is None
    assert recognize(change(None), replace(LINK, record_version=None)) is None
    assert recognize(change("7"), replace(LINK, state=LinkState.IGNORED)) is None


def test_what_is_not_linked_is_always_looked_at() -> None:
    assert recognize(event(-1), None) is None
    assert recognize(change("7"), None) is None
