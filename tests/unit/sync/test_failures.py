"""set_aside(): what a failure means for the deal, the seller and whoever is alerted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.choices import CrmAudit
from shared.deal import RecordKey
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
from tests.support.fakes.tape import Step
from tests.support.fakes.world import World

BAD = problem("value.not_a_currency", "currency", value="EURO", side="crm")
WORSE = problem("value.not_a_number", "deal_value", side="crm")


class Case:
    """A shared deal and a record that nobody shares, and what becomes of their failures."""

    def __init__(self, audit: CrmAudit = CrmAudit.EVERY_CHANGE) -> None:
        self.world = World(crm_audit=audit)
        self.linked = self.world.crm.add_deal()
        self.world.settle()
        self.alone = self.world.crm.add_deal(cosell_syncwithpartnercenter=False)
        self.world.settle()
        self.world.crm.edit(self.alone, cosell_syncwithpartnercenter=True)
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
        (AccessDenied("no role"), "fatal", FATAL_PAUSE),
        (SignInRequired("refused"), "fatal", FATAL_PAUSE),
        (AllowanceSpent("95 % used", retry_after=7200), "retriable", timedelta(hours=2)),
    ],
)
def test_a_long_wait_is_on_the_agenda_alone(error: CosellError, family: str, pause: timedelta) -> None:
    case = Case()
    due = case.fail(error)
    assert due.family == family
    assert pause <= case.pause(due) < pause + timedelta(seconds=5)
    assert case.queued() == []


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        (ServiceUnavailable("503"), 15, 30),
        (VersionMismatch("it moves"), 2, 4),
        (Throttled("slow down", retry_after=120), 120, 122),
        (OutcomeUnknown("no answer"), 2, 4),
        (OutcomeUnknown("no answer", retry_after=60), 60, 62),
    ],
)
def test_a_short_wait_is_one_message_and_the_agenda_comes_later_than_it(
    error: CosellError, least: float, most: float
) -> None:
    case = Case()
    due = case.fail(error)
    (delay,) = case.queued()
    assert least <= delay <= most + 1
    assert case.pause(due) > timedelta(seconds=delay) + timedelta(minutes=29), (
        "the agenda is for a message that is lost"
    )


def test_a_deal_that_only_moves_is_shown_as_waiting_when_it_still_moves_seconds_later() -> None:
    case = Case()
    before = case.status()
    case.fail(VersionMismatch("it moves"))
    assert case.status() == before, "a ⏳ would be one more change"
    due = case.fail(VersionMismatch("it moves"))
    assert case.status().startswith("⏳")
    assert timedelta(minutes=30, seconds=30) <= case.pause(due) <= timedelta(minutes=31, seconds=5)


@pytest.mark.parametrize("error", [DataError(BAD), GoneError("it was deleted")])
def test_a_deal_that_needs_a_person_is_looked_at_soon_and_ever_more_rarely(error: CosellError) -> None:
    case = Case()
    minutes = [case.pause(case.fail(error)) / timedelta(minutes=1) for _ in range(9)]
    for least, found in zip((2, 5, 15, 60, 240, 720, 1440, 1440, 1440), minutes, strict=True):
        assert least <= found <= least * 1.1 + 1
    assert case.queued() == [], "on the agenda alone"


def test_another_reason_is_a_step_forward_and_is_looked_at_soon_again() -> None:
    case = Case()
    for _ in range(5):
        case.fail(DataError(BAD))
    due = case.fail(DataError(problem("customer.city_missing", "city")))
    assert case.pause(due) < timedelta(minutes=3)


def test_pauses_grow_to_an_hour_and_then_stay() -> None:
    case = Case()
    for expected in (30, 60, 120, 240, 480):
        case.fail(ServiceUnavailable("503"))
        (delay,) = case.queued()
        assert expected / 2 <= delay <= expected + 1
    pauses = [case.pause(case.fail(ServiceUnavailable("503"))) for _ in range(7)]
    assert case.world.parked()[0].attempts == 12
    assert timedelta(minutes=30) <= pauses[-1] <= timedelta(hours=1, seconds=5)


def test_an_unanswered_post_is_looked_up_at_once_and_then_ever_more_slowly() -> None:
    case = Case()
    case.fail(OutcomeUnknown("no answer"))
    assert case.queued()[0] < 6
    case.fail(OutcomeUnknown("no answer"))
    assert case.queued()[0] > 25


def test_a_deal_has_one_entry_with_the_newest_cause_and_the_oldest_beginning() -> None:
    case = Case()
    first = case.fail(DataError(BAD))
    second = case.fail(DataError(BAD, WORSE))
    assert second.since == first.since
    assert second.problems == (BAD, WORSE)
    assert (first.attempts, second.attempts, case.fail(DataError(BAD, WORSE)).attempts) == (1, 1, 2)


def test_a_linked_deal_is_parked_under_its_referral_whoever_told_of_it() -> None:
    case = Case()
    by_record = case.fail(DataError(BAD))
    by_event = case.fail(DataError(BAD), referral=case.world.referral_id())
    assert by_record.key == by_event.key == case.world.referral_id()


def test_what_resumes_a_deal_knows_its_crm_and_remembers_nothing_that_was_seen() -> None:
    case = Case()
    again = DealMessage.load(case.fail(ServiceUnavailable("503")).message)
    assert (again.crm, again.observed) == ("dynamics365", None)


# --- one message for each due deal -----------------------------------------------------------------------------------


def test_ticks_during_an_outage_never_multiply_messages() -> None:
    case = Case()
    world = case.world
    world.tape.fail(ServiceUnavailable("503"), "partner_center", times=None)
    world.crm.edit(case.linked, description="an edit during the outage")
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
    case = Case()
    case.fail(error)
    assert case.status().startswith(glyph)
    assert str(error).splitlines()[0][:20] in str(case.world.crm.row(case.linked)["cosell_audit"])


def test_the_same_failure_is_told_once_and_another_one_again() -> None:
    case = Case()
    for record in (case.linked, case.alone):
        case.fail(DataError(BAD), record)
        shown = case.world.crm.row(record)["cosell_audit"]
        mark = case.world.mark()
        case.fail(DataError(BAD), record)
        assert case.world.crm.row(record)["cosell_audit"] == shown
        assert case.world.calls(mark) == {}
        case.fail(DataError(WORSE), record)
        assert case.world.crm.row(record)["cosell_audit"] != shown
        case.world.task.agenda.drop(DueKind.PARKED, case.world.parked()[0].key)


def test_a_seller_who_edited_meanwhile_is_not_overwritten() -> None:
    case = Case()
    case.world.crm.edit(case.linked, description="newer")
    case.fail(DataError(BAD))
    assert case.status().startswith("✔"), "the edit is looked at first"


# --- who else is told ------------------------------------------------------------------------------------------------


def test_a_problem_that_the_record_shows_alerts_nobody_however_often_it_comes_back() -> None:
    for linked in (True, False):
        case = Case()
        record = case.linked if linked else case.alone
        for _ in range(3):
            case.fail(DataError(BAD), record)
        assert case.world.chat.texts == []


def test_a_failure_that_the_record_could_not_show_is_shown_at_the_next_attempt() -> None:
    for linked in (True, False):
        case = Case()
        record = case.linked if linked else case.alone
        case.world.tape.fail(ServiceUnavailable("503"), "crm", "update")
        case.fail(DataError(BAD), record)
        assert not case.status(record).startswith("✖")
        case.fail(DataError(BAD), record)
        assert case.status(record).startswith("✖")


@pytest.mark.parametrize("audit", [CrmAudit.OFF, CrmAudit.EVERY_CHANGE])
def test_a_problem_that_no_record_can_show_is_told_by_alert_once(audit: CrmAudit) -> None:
    case = Case(audit)
    if audit is CrmAudit.OFF:
        case.fail(DataError(BAD))
        case.fail(DataError(BAD))
    else:
        case.world.tape.fail(DataError(WORSE), "crm", "update", times=None)
        case.fail(DataError(BAD))
        case.fail(DataError(BAD))
    (told,) = case.world.chat.texts
    assert str(BAD) in told
    assert case.world.referral_id() in told or case.linked in told


def test_a_referral_without_a_record_is_told_by_alert() -> None:
    case = Case()
    other = "5b0f2f0e-6a1d-4c1f-9a07-3f6f0c3b1d55"
    case.fail(DataError(BAD), referral=other)
    (told,) = case.world.chat.texts
    assert other in told


def test_another_cause_is_told_again() -> None:
    case = Case(CrmAudit.OFF)
    case.fail(DataError(BAD))
    case.fail(DataError(WORSE))
    assert len(case.world.chat.texts) == 2


@pytest.mark.parametrize("error", [ServiceUnavailable("503"), VersionMismatch("it moves"), OutcomeUnknown("no answer")])
def test_what_heals_by_itself_alerts_nobody(error: CosellError) -> None:
    case = Case(CrmAudit.OFF)
    case.fail(error)
    assert case.world.chat.texts == []


def test_an_administrators_cause_is_told_once_for_all_deals_and_resolved_once() -> None:
    case = Case()
    case.fail(SignInRequired("sign in again"))
    case.world.task.agenda.drop(DueKind.PARKED, case.world.referral_id())
    case.fail(SignInRequired("sign in again"), case.alone)
    assert len(case.world.chat.texts) == 1
    waiting_for_administrator(case.world.task, case.world.alerts)
    assert len(case.world.chat.texts) == 2
    assert len(case.queued()) == 1, "the deal need not wait for the end of its pause"
    waiting_for_administrator(case.world.task, case.world.alerts)
    assert len(case.world.chat.texts) == 2


def test_only_deals_that_wait_for_an_administrator_come_back_with_him() -> None:
    case = Case()
    case.fail(DataError(BAD))
    waiting_for_administrator(case.world.task, case.world.alerts)
    assert case.queued() == []


# --- the log ---------------------------------------------------------------------------------------------------------


def test_the_log_names_fields_and_codes_and_no_value() -> None:
    said = for_the_log(DataError(problem("value.not_a_currency", "currency", value="SECRET", side="crm")))
    assert "currency (value.not_a_currency)" in said
    assert "SECRET" not in said


def test_a_deal_that_is_set_aside_is_logged_without_its_values(caplog: pytest.LogCaptureFixture) -> None:
    Case().fail(DataError(problem("value.not_a_currency", "currency", value="SECRET", side="crm")))
    assert "deal set aside: DataError in currency (value.not_a_currency)" in caplog.text
    assert "SECRET" not in caplog.text


def test_a_bug_of_ours_leaves_the_worker_for_the_queues_own_retries() -> None:
    case = Case()

    def break_down(_step: Step) -> None:
        raise KeyError("a bug")

    case.world.tape.before.append(break_down)
    message = DealMessage.of_record(case.world.task.key(case.linked), "retry", "")
    with pytest.raises(KeyError):
        case.world.worker.run(message.dump())


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (RecordKey("another CRM", "opportunity", "1"), "its CRM is not configured"),
        (RecordKey("dynamics365", "contact", "1"), "its table is not synchronized"),
    ],
)
def test_a_message_of_what_is_not_synchronized_any_more_is_dropped(
    key: RecordKey, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    world.worker.run(DealMessage.of_record(key, "retry", "").dump())
    assert said in caplog.text
    assert (world.calls(0), world.queue.messages, world.parked()) == ({}, [], [])


def test_the_log_has_the_vendors_own_code_and_id() -> None:
    said = for_the_log(ServiceUnavailable("answered 503\nwith a page").with_remote("busy", "id-7"))
    assert said == "ServiceUnavailable: answered 503 code=busy remote_id=id-7"
    assert for_the_log(ServiceUnavailable("")) == "ServiceUnavailable: "


def test_nothing_is_written_to_the_record_in_a_dry_run() -> None:
    case = Case()
    case.world.configure(dry_run=True)
    mark = case.world.mark()
    case.fail(DataError(BAD))
    assert case.world.calls(mark) == {}


def test_a_dry_run_alerts_nobody_about_what_the_record_would_show_otherwise() -> None:
    for linked in (True, False):
        case = Case()
        case.world.configure(dry_run=True)
        due = case.fail(DataError(BAD), case.linked if linked else case.alone)
        assert case.world.chat.texts == []
        assert due.problems == (BAD,), "it is kept for who looks"
