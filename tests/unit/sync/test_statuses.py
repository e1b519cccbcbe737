"""agreed_status(): ✔ is shown only when nothing differs that anybody could mind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.deadline import Deadline, DeadlineKind, Reminders
from shared.deal import Fields
from shared.decide.deal import Policy, RecordSeen, ReferralSeen
from shared.decide.decisions import Agree
from shared.lifecycle import Stage
from shared.link import Closing, Link
from shared.mapping.field_map import FieldMap
from shared.mapping.oddities import Warnings
from shared.merge import Difference, Plan, Stays
from shared.messages.reasons import Reason
from shared.microsoft import MicrosoftsHalf
from shared.problems import problem
from shared.status import StatusKind
from shared.sync.statuses import agreed_status
from tests.support.fakes.clock import START
from tests.support.fakes.world import World

WORLD = World()
TASK = replace(WORLD.task, choices=replace(WORLD.task.choices, policy=Policy(timedelta(minutes=20))))
RECORD = TASK.key("record")
WRONG = problem("value.not_a_currency", "currency", value="EURO", side="crm")

KEPT = Difference("name", "a", "b", Reason.NOT_SENT_TO_PARTNER_CENTER, Stays.KEPT)
ASKED = Difference("help", None, "b", Reason.HELP_NOT_ASKED, Stays.ASKED)
HELD = Difference("notes", "a", "b", Reason.BOTH_CHANGED_HELD, Stays.HELD)
DECIDE = Difference("status", "won", "lost", Reason.OPPOSITE_ENDS, Stays.DECIDE)
WAITING = Difference("status", "active", "won", Reason.CLOSE_WAITS, Stays.WAITING)
CLOSING = Closing(Stage.WON, START.replace(hour=14, minute=0))


def agree(*differences: Difference, behind: bool = False) -> Agree:
    link = Link("dynamics365", "referral", RECORD)
    referral = ReferralSeen("referral", {}, "1", Stage.ACTIVE)
    record = RecordSeen(RECORD, {}, "1", START)
    return Agree(link, referral, record, Plan((), (), (), differences, {}), (WRONG,) if behind else ())


def linked(closing: Closing | None = None, **members: Any) -> Link:
    return Link("dynamics365", "referral", RECORD, closing=closing, **members)


@pytest.mark.parametrize(
    ("decision", "altered", "closing", "kind"),
    [
        (agree(), (), None, StatusKind.SYNCHRONIZED),
        (agree(KEPT), (), None, StatusKind.SYNCHRONIZED),
        (agree(WAITING), (), CLOSING, StatusKind.PENDING),
        (agree(KEPT, WAITING), (), CLOSING, StatusKind.PENDING),
        (agree(KEPT), ("notes",), None, StatusKind.DIFFERS),
        (agree(WAITING), ("notes",), CLOSING, StatusKind.DIFFERS),
        (agree(ASKED), (), None, StatusKind.DIFFERS),
        (agree(HELD), (), None, StatusKind.DIFFERS),
        (agree(HELD, WAITING), (), CLOSING, StatusKind.DIFFERS),
        (agree(KEPT, ASKED, HELD, DECIDE), ("notes",), None, StatusKind.ATTENTION),
        (agree(ASKED, behind=True), ("notes",), None, StatusKind.ATTENTION),
    ],
)
def test_what_is_worst_is_shown(
    decision: Agree, altered: tuple[str, ...], closing: Closing | None, kind: StatusKind
) -> None:
    assert agreed_status(TASK, decision, altered, linked(closing)).kind is kind


def test_what_the_mapping_intends_is_named_behind_the_check_mark() -> None:
    text = agreed_status(TASK, agree(KEPT), (), linked()).text
    assert text.startswith("✔")
    assert "name" in text


def test_fields_that_differ_for_one_reason_are_named_together_and_others_are_not() -> None:
    other = replace(HELD, name="closing_date")
    text = agreed_status(TASK, agree(HELD, ASKED, other), (), linked()).text
    assert "notes, closing date" in text
    assert "help" not in text


def test_a_value_that_cannot_be_read_comes_before_what_a_person_must_decide() -> None:
    assert "currency" in agreed_status(TASK, agree(DECIDE, behind=True), (), linked()).text


def test_a_person_is_told_what_to_decide_by_a_problem_of_its_own() -> None:
    shown = {agreed_status(TASK, agree(replace(DECIDE, reason=reason)), (), linked()).text for reason in _DECIDED}
    assert len(shown) == len(_DECIDED)


_DECIDED = (Reason.OPPOSITE_ENDS, Reason.EXPIRED_BUT_MOVED, Reason.UNKNOWN_PAST)


def test_the_end_of_the_undo_window_is_told_with_what_is_sent_then() -> None:
    text = agreed_status(TASK, agree(WAITING), (), linked(CLOSING)).text
    assert text.startswith("⏳ Won")
    assert "14:20" in text


HALF = MicrosoftsHalf("theirs", Stage.ACTIVE)
OLD = START - timedelta(days=4)


@pytest.mark.parametrize(
    ("members", "hint"),
    [
        ({"microsoft": HALF, "created_at": START - timedelta(hours=60)}, "Under 72 h"),
        (
            {"microsoft": HALF, "created_at": OLD, "base": {"deal_value": Decimal(24_999), "currency": "USD"}},
            "Under USD 25,000",
        ),
        ({"microsoft": HALF, "created_at": OLD, "base": {"deal_value": Decimal(25_000), "currency": "USD"}}, ""),
        ({"microsoft": HALF, "created_at": OLD, "base": {"deal_value": Decimal(900), "currency": "GBP"}}, ""),
        ({"microsoft": HALF}, ""),
        ({"created_at": START}, ""),
    ],
)
def test_a_win_that_cannot_be_registered_says_so_while_it_can_be_taken_back(members: dict[str, Any], hint: str) -> None:
    text = agreed_status(TASK, agree(WAITING), (), linked(CLOSING, **members)).text
    assert "reopen to cancel" in text
    assert text.endswith("cancel") is not bool(hint)
    assert hint in text


@pytest.mark.parametrize(
    ("warnings", "hint"),
    [
        ({"win_within_hours": 24}, ""),
        ({"win_within_hours": 100}, "Under 100 h"),
        ({"win_within_hours": None}, ""),
        ({"win_within_hours": None, "win_below_usd": 60_000}, "Under USD 60,000"),
        ({"win_within_hours": None, "win_below_usd": None}, ""),
    ],
)
def test_the_mapping_says_which_wins_cannot_be_registered(warnings: dict[str, Any], hint: str) -> None:
    file = TASK.field_map.file.model_copy(update={"warnings": Warnings(**warnings)})
    task = replace(TASK, field_map=FieldMap(file))
    base: Fields = {"deal_value": Decimal(50_000), "currency": "USD"}
    young = linked(CLOSING, microsoft=HALF, created_at=START - timedelta(hours=60), base=base)
    text = agreed_status(task, agree(WAITING), (), young).text
    assert hint in text
    assert text.endswith("cancel") is not bool(hint)


def test_who_registers_no_deals_is_told_nothing_of_it() -> None:
    reminders = Reminders(registration=timedelta())
    task = replace(TASK, choices=replace(TASK.choices, reminders=reminders))
    text = agreed_status(task, agree(WAITING), (), linked(CLOSING, microsoft=HALF, created_at=START)).text
    assert text.endswith("reopen to cancel")


@pytest.mark.parametrize(("days", "kind"), [(8, StatusKind.SYNCHRONIZED), (6.9, StatusKind.ATTENTION)])
def test_an_invitation_says_until_when_it_waits_and_in_the_end_asks(days: float, kind: StatusKind) -> None:
    until = START + timedelta(days=days)
    base: Fields = {"status": Stage.ON_HOLD}
    deadline = Deadline(DeadlineKind.DECIDE, until, until)
    status = agreed_status(TASK, agree(KEPT), (), linked(base=base, deadline=deadline))
    assert status.kind is kind
    assert f"{until:%Y-%m-%d}" in status.text


def test_a_deal_to_be_registered_is_as_it_should_be() -> None:
    deadline = Deadline(DeadlineKind.REGISTER, START + timedelta(days=1), START)
    assert agreed_status(TASK, agree(), (), linked(deadline=deadline)).text.startswith(
        "✔ Synchronized 2026-03-02 09:00 UTC"
    )
