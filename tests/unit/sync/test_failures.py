"""set_aside(): what a failure means for the deal, the seller and whoever is alerted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.choices import CrmAudit
from shared.errors import (
    AccessDenied,
    AllowanceSpent,
    CosellError,
    DataError,
    GoneError,
    OutcomeUnknown,
    ServiceUnavailable,
    SignInRequired,
    Throttled,
    VersionMismatch,
)
from shared.guard import for_the_log
from shared.ledger.model import Due, DueKind
from shared.problems import problem
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.sync.failures import FATAL_PAUSE, set_aside, waiting_for_administrator
from tests.support.fakes.world import World

DAY = timedelta(hours=24)
BAD = problem("value.not_a_currency", "currency", value="EURO", side="crm")
WORSE = problem("value.not_a_number", "deal_value", side="crm")


class Desk:
    """A shared deal and a record that nobody shares, and what becomes of their failures."""

    def __init__(self, audit: CrmAudit = CrmAudit.EVERY_CHANGE) -> None:
        self.world = World(crm_audit=audit)
        self.linked = self.world.crm.add_deal()
        self.world.settle()
        self.alone = self.world.crm.add_deal(cosell_syncwithpartnercenter=False)
        self.world.settle()
        self.world.chat.texts.clear()
        self.begun = self.world.clock.now()

    def fail(self, error: CosellError, record: str | None = None, referral: str | None = None) -> Due:
        task = self.world.task
        message = DealMessage.of_record(task.key(record or self.linked), "retry", "")
        if referral:
            message = DealMessage(PARTNER_CENTER, "retry", "", referral_id=referral)
        self.begun = self.world.clock.now()
        set_aside(task, self.world.alerts, message, error)
        (due,) = self.world.parked()
        return due

    def pause(self, due: Due) -> timedelta:
        return due.at - self.begun

    def queued(self) -> list[float]:
        """Return the delays of the messages on the queue, in seconds, and take them off."""
        delays = [(each.visible_at - self.begun).total_seconds() for each in self.world.queue.messages]
        self.world.queue.messages.clear()
        return delays

    def status(self, record: str | None = None) -> str:
        return str(self.world.crm.row(record or self.linked)["cosell_syncstatus"])


# --- how long it waits, and by whose hand it comes back --------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "family", "pause"),
    [
        (DataError(BAD), "data", DAY),
        (GoneError("it was deleted"), "gone", DAY),
        (AccessDenied("no role"), "fatal", FATAL_PAUSE),
        (SignInRequired("refused"), "fatal", FATAL_PAUSE),
        (AllowanceSpent("95 % used", retry_after=7200), "retriable", timedelta(hours=2)),
    ],
)
def test_a_long_wait_is_on_the_agenda_alone(error: CosellError, family: str, pause: timedelta) -> None:
    desk = Desk()
    due = desk.fail(error)
    assert due.family == family
    assert pause <= desk.pause(due) < pause + timedelta(seconds=5)
    assert desk.queued() == []


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        (ServiceUnavailable("503"), 15, 30),
        (VersionMismatch("it moves"), 15, 30),
        (Throttled("slow down", retry_after=120), 120, 122),
        (OutcomeUnknown("no answer"), 2, 4),
        (OutcomeUnknown("no answer", retry_after=60), 60, 62),
    ],
)
def test_a_short_wait_is_one_message_and_the_agenda_comes_later_than_it(
    error: CosellError, least: float, most: float
) -> None:
    desk = Desk()
    due = desk.fail(error)
    (delay,) = desk.queued()
    assert least <= delay <= most + 1
    assert desk.pause(due) > timedelta(seconds=delay) + timedelta(minutes=29), (
        "the agenda is for a message that is lost"
    )


def test_pauses_grow_to_an_hour_and_then_stay() -> None:
    desk = Desk()
    for expected in (30, 60, 120, 240, 480):
        desk.fail(ServiceUnavailable("503"))
        (delay,) = desk.queued()
        assert expected / 2 <= delay <= expected + 1
    pauses = [desk.pause(desk.fail(ServiceUnavailable("503"))) for _ in range(7)]
    assert desk.world.parked()[0].attempts == 12
    assert timedelta(minutes=30) <= pauses[-1] <= timedelta(hours=1, seconds=5)


def test_an_unanswered_post_is_looked_up_at_once_and_then_ever_more_slowly() -> None:
    desk = Desk()
    desk.fail(OutcomeUnknown("no answer"))
    assert desk.queued()[0] < 6
    desk.fail(OutcomeUnknown("no answer"))
    assert desk.queued()[0] > 25


def test_a_deal_has_one_entry_with_the_newest_cause_and_the_oldest_beginning() -> None:
    desk = Desk()
    first = desk.fail(DataError(BAD))
    second = desk.fail(DataError(BAD, WORSE))
    assert second.since == first.since
    assert second.problems == (BAD, WORSE)
    assert (first.attempts, second.attempts) == (1, 2)


def test_a_linked_deal_is_parked_under_its_referral_whoever_told_of_it() -> None:
    desk = Desk()
    by_record = desk.fail(DataError(BAD))
    by_event = desk.fail(DataError(BAD), referral=desk.world.referral_id())
    assert by_record.key == by_event.key == desk.world.referral_id()


def test_what_resumes_a_deal_knows_its_crm_and_remembers_nothing_that_was_seen() -> None:
    desk = Desk()
    again = DealMessage.load(desk.fail(ServiceUnavailable("503")).message)
    assert (again.crm, again.observed) == ("dynamics365", None)


# --- one message for each due deal -----------------------------------------------------------------------------------


def test_ticks_during_an_outage_never_multiply_messages() -> None:
    desk = Desk()
    world = desk.world
    world.tape.fail(ServiceUnavailable("503"), "partner_center", times=None)
    world.crm.edit(desk.linked, description="an edit during the outage")
    for _ in range(60):
        world.clock.advance(timedelta(minutes=10))
        world.reconcile()
        world.poll()
        world.pump()
        assert len(world.queue.messages) <= 2, "the deal's own, and one of the sweep"
    world.tape.faults.clear()
    world.settle()
    world.recover()
    assert world.parked() == []


# --- what the seller sees --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "glyph"),
    [
        (DataError(BAD), "✖"),
        (GoneError("it was deleted"), "✖"),
        (SignInRequired("refused"), "⏳"),
        (AccessDenied("no role"), "⏳"),
        (AllowanceSpent("95 % used", retry_after=7200), "⏳"),
        (ServiceUnavailable("503"), "⏳"),
    ],
)
def test_the_record_says_what_happened(error: CosellError, glyph: str) -> None:
    desk = Desk()
    desk.fail(error)
    assert desk.status().startswith(glyph)
    assert str(error).splitlines()[0][:20] in str(desk.world.crm.row(desk.linked)["cosell_audit"])


def test_the_same_failure_is_told_once_and_another_one_again() -> None:
    desk = Desk()
    for record in (desk.linked, desk.alone):
        desk.fail(DataError(BAD), record)
        shown = desk.world.crm.row(record)["cosell_audit"]
        mark = desk.world.mark()
        desk.fail(DataError(BAD), record)
        assert desk.world.crm.row(record)["cosell_audit"] == shown
        assert desk.world.calls(mark) == {}
        desk.fail(DataError(WORSE), record)
        assert desk.world.crm.row(record)["cosell_audit"] != shown
        desk.world.task.agenda.drop(DueKind.PARKED, desk.world.parked()[0].key)


def test_a_seller_who_edited_meanwhile_is_not_overwritten() -> None:
    desk = Desk()
    desk.world.crm.edit(desk.linked, description="newer")
    desk.fail(DataError(BAD))
    assert desk.status().startswith("✔"), "the edit is looked at first"


# --- who else is told ------------------------------------------------------------------------------------------------


def test_a_problem_that_the_record_shows_alerts_nobody_however_often_it_comes_back() -> None:
    for linked in (True, False):
        desk = Desk()
        record = desk.linked if linked else desk.alone
        for _ in range(3):
            desk.fail(DataError(BAD), record)
        assert desk.world.chat.texts == []


def test_a_failure_that_the_record_could_not_show_is_shown_at_the_next_attempt() -> None:
    for linked in (True, False):
        desk = Desk()
        record = desk.linked if linked else desk.alone
        desk.world.tape.fail(ServiceUnavailable("503"), "crm", "update")
        desk.fail(DataError(BAD), record)
        assert not desk.status(record).startswith("✖")
        desk.fail(DataError(BAD), record)
        assert desk.status(record).startswith("✖")


@pytest.mark.parametrize("audit", [CrmAudit.OFF, CrmAudit.EVERY_CHANGE])
def test_a_problem_that_no_record_can_show_is_told_by_alert_once(audit: CrmAudit) -> None:
    desk = Desk(audit)
    if audit is CrmAudit.OFF:
        desk.fail(DataError(BAD))
        desk.fail(DataError(BAD))
    else:
        desk.world.tape.fail(DataError(WORSE), "crm", "update", times=None)
        desk.fail(DataError(BAD))
        desk.fail(DataError(BAD))
    (told,) = desk.world.chat.texts
    assert str(BAD) in told
    assert desk.world.referral_id() in told or desk.linked in told


def test_a_referral_without_a_record_is_told_by_alert() -> None:
    desk = Desk()
    other = "5b0f2f0e-6a1d-4c1f-9a07-3f6f0c3b1d55"
    desk.fail(DataError(BAD), referral=other)
    (told,) = desk.world.chat.texts
    assert other in told


def test_another_cause_is_told_again() -> None:
    desk = Desk(CrmAudit.OFF)
    desk.fail(DataError(BAD))
    desk.fail(DataError(WORSE))
    assert len(desk.world.chat.texts) == 2


@pytest.mark.parametrize("error", [ServiceUnavailable("503"), VersionMismatch("it moves"), OutcomeUnknown("no answer")])
def test_what_heals_by_itself_alerts_nobody(error: CosellError) -> None:
    desk = Desk(CrmAudit.OFF)
    desk.fail(error)
    assert desk.world.chat.texts == []


def test_an_administrators_cause_is_told_once_for_all_deals_and_resolved_once() -> None:
    desk = Desk()
    desk.fail(SignInRequired("sign in again"))
    desk.world.task.agenda.drop(DueKind.PARKED, desk.world.referral_id())
    desk.fail(SignInRequired("sign in again"), desk.alone)
    assert len(desk.world.chat.texts) == 1
    waiting_for_administrator(desk.world.task, desk.world.alerts)
    assert len(desk.world.chat.texts) == 2
    assert len(desk.queued()) == 1, "the deal need not wait for the end of its pause"
    waiting_for_administrator(desk.world.task, desk.world.alerts)
    assert len(desk.world.chat.texts) == 2


def test_only_deals_that_wait_for_an_administrator_come_back_with_him() -> None:
    desk = Desk()
    desk.fail(DataError(BAD))
    waiting_for_administrator(desk.world.task, desk.world.alerts)
    assert desk.queued() == []


# --- the log ---------------------------------------------------------------------------------------------------------


def test_the_log_names_fields_and_codes_and_no_value() -> None:
    said = for_the_log(DataError(problem("value.not_a_currency", "currency", value="SECRET", side="crm")))
    assert "currency (value.not_a_currency)" in said
    assert "SECRET" not in said


def test_the_log_has_the_vendors_own_code_and_id() -> None:
    said = for_the_log(ServiceUnavailable("answered 503\nwith a page").with_remote("busy", "id-7"))
    assert said == "ServiceUnavailable: answered 503 code=busy remote_id=id-7"
    assert for_the_log(ServiceUnavailable("")) == "ServiceUnavailable: "


def test_nothing_is_written_to_the_record_in_a_dry_run() -> None:
    desk = Desk()
    desk.world.configure(dry_run=True)
    mark = desk.world.mark()
    desk.fail(DataError(BAD))
    assert desk.world.calls(mark) == {}
