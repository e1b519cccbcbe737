"""Until when somebody has to do something about a deal, and when people are reminded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shared.deadline import Deadline, DeadlineKind, Reminders, created_at, deadline_of, decide_by
from shared.lifecycle import TERMINAL, Stage

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
DAYS = Reminders()
UNTIL = datetime(2026, 4, 3, tzinfo=UTC)
INVITED = {"createdDateTime": "2026-03-19T08:00:00Z", "expirationDateTime": "2026-04-03T00:00:00"}
WON = {
    "type": "Shared",
    "createdDateTime": "2026-03-01T08:00:00.1234567Z",
    "details": {"dealValue": 25000, "currency": "USD"},
    "registrations": [],
}


@pytest.mark.parametrize(
    ("row", "until"),
    [
        (INVITED, UNTIL),
        ({**INVITED, "expirationDateTime": None}, datetime(2026, 4, 2, 8, tzinfo=UTC)),
        ({**INVITED, "expirationDateTime": "soon"}, datetime(2026, 4, 2, 8, tzinfo=UTC)),
        ({"expirationDateTime": "2026-04-03T02:00:00+02:00"}, UNTIL),
        ({"createdDateTime": 7}, None),
        ({}, None),
    ],
)
def test_an_invitation_expires_when_its_row_says_or_after_fourteen_days(
    row: dict[str, object], until: datetime | None
) -> None:
    assert decide_by(row) == until
    found = deadline_of(None, Stage.ON_HOLD, row, NOW, DAYS)
    assert (found.until if found else None) == until


def test_people_are_reminded_so_many_days_before_and_then_the_deal_is_looked_at() -> None:
    moments, now = [], NOW
    for _ in range(6):
        now = DAYS.next(UNTIL, now)
        moments.append((UNTIL - now) / timedelta(days=1))
    assert moments == [7, 3, 1, 0, -1, -2]
    assert [Reminders(days).next(UNTIL, NOW) for days in ((), (0,))] == [UNTIL, UNTIL]


def test_what_is_known_stays_true_while_the_row_is_not_read() -> None:
    held = Deadline(DeadlineKind.DECIDE, UNTIL, UNTIL - timedelta(days=7))
    later = UNTIL - timedelta(days=5)
    assert deadline_of(held, Stage.ON_HOLD, None, later, DAYS) == replace(held, remind_at=UNTIL - timedelta(days=3))
    assert deadline_of(held, Stage.ON_HOLD, {}, later, DAYS) == replace(held, remind_at=UNTIL - timedelta(days=3))
    moved = deadline_of(held, Stage.ON_HOLD, {"expirationDateTime": "2026-04-09T00:00:00Z"}, NOW, DAYS)
    assert moved is not None
    assert moved.until == UNTIL + timedelta(days=6), "the row knows better"


@pytest.mark.parametrize("stage", [Stage.ACTIVE, *sorted(TERMINAL - {Stage.WON})])
def test_a_decided_invitation_waits_for_nobody(stage: Stage) -> None:
    held = Deadline(DeadlineKind.DECIDE, UNTIL, UNTIL)
    assert deadline_of(held, stage, INVITED, NOW, DAYS, was=Stage.ON_HOLD) is None


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({}, True),
        ({"details": {"dealValue": "24999.99", "currency": "USD"}}, False),
        ({"details": {"dealValue": 300, "currency": "EUR"}}, True),
        ({"details": {"currency": "USD"}}, False),
        ({"details": None}, True),
        ({"type": "Independent"}, False),
        ({"createdDateTime": "2026-03-17T12:00:01Z"}, False),
        ({"createdDateTime": "2026-03-17T12:00:00Z"}, True),
        ({"registrations": [{"status": "ReviewPending"}]}, False),
    ],
)
def test_a_win_is_to_be_registered_within_sixty_days_when_it_can_be(changes: dict[str, object], *, due: bool) -> None:
    found = deadline_of(None, Stage.WON, {**WON, **changes}, NOW, DAYS, was=Stage.ACTIVE)
    expected = Deadline(DeadlineKind.REGISTER, NOW + timedelta(days=60), NOW + timedelta(days=53))
    assert found == (expected if due else None)


def test_which_wins_can_be_registered_is_the_mappings_to_say() -> None:
    young_and_small = {"createdDateTime": "2026-03-20T11:00:00Z", "details": {"dealValue": 30_000, "currency": "USD"}}
    row = {**WON, **young_and_small}
    for hours, least, due in ((1, 30_000, True), (2, 30_000, False), (0, 30_001, False), (0, 0, True)):
        limits = replace(DAYS, settled_for=timedelta(hours=hours), least_value=Decimal(least))
        assert bool(deadline_of(None, Stage.WON, row, NOW, limits, was=Stage.ACTIVE)) is due


def test_a_win_counts_from_the_day_it_was_seen_and_only_once() -> None:
    first = deadline_of(None, Stage.WON, WON, NOW, DAYS, was=Stage.ACTIVE)
    assert first is not None
    again = deadline_of(first, Stage.WON, WON, NOW + timedelta(days=30), DAYS, was=Stage.WON)
    assert again == first
    assert deadline_of(first, Stage.WON, None, NOW, DAYS, was=Stage.WON) == first
    assert deadline_of(first, Stage.WON, {**WON, "registrations": [{}]}, NOW, DAYS, was=Stage.WON) is None


@pytest.mark.parametrize(
    ("was", "row", "reminders"),
    [
        (None, WON, DAYS),
        (Stage.WON, WON, DAYS),
        (Stage.ACTIVE, None, DAYS),
        (Stage.ACTIVE, WON, Reminders(registration=timedelta())),
    ],
)
def test_history_is_not_registered_nor_what_nobody_wants_to(
    was: Stage | None, row: dict[str, object] | None, reminders: Reminders
) -> None:
    assert deadline_of(None, Stage.WON, row, NOW, reminders, was=was) is None


def test_the_age_of_a_row_that_does_not_tell_it_is_unknown() -> None:
    assert created_at(None) is None
    assert created_at({"createdDateTime": None}) is None
