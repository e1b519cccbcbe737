"""A person is told once when something needs them, and once when it is resolved."""

from __future__ import annotations

import logging

import pytest

from shared.alerts import TELLING, Alerts, Raised, alert_drawer
from shared.card import Card
from shared.channel import Channel
from shared.chat import ChatWebhook
from shared.errors import AccessDenied, OutcomeUnknown, ServiceUnavailable
from shared.ledger.drawers import Drawers
from shared.ledger.memory import MemoryLedger, MemoryValues, Versions
from shared.messages import Messages
from shared.settings import load_settings
from tests.support.fakes.ledger import FailingLedger
from tests.support.stand_ins import ManualClock, ScriptedTransport, answer
from tests.unit.test_settings import GOOD


class Chat:
    """Keeps what it is told, or fails."""

    def __init__(self, failure: BaseException | None = None) -> None:
        self.texts: list[str] = []
        self.failure = failure

    def notify(self, card: Card) -> None:
        if self.failure:
            raise self.failure
        self.texts.append(card.plain)


class CountedValues(MemoryValues):
    """Counts how often something is looked up."""

    looks = 0

    def get(self, kind: str, name: str) -> tuple[str, str] | None:
        self.looks += 1
        return super().get(kind, name)


class Office:
    """A ledger, a chat and a clock, for any number of instances."""

    def __init__(self) -> None:
        self.ledger = FailingLedger()
        self.chat = Chat()
        self.clock = ManualClock()

    def instance(self, chat: Chat | None = None) -> Alerts:
        return Alerts(self.ledger.drawers, chat or self.chat, clock=self.clock)

    @property
    def texts(self) -> list[str]:
        return self.chat.texts


@pytest.fixture
def office() -> Office:
    return Office()


def test_an_alert_is_told_once_until_it_is_cleared(office: Office) -> None:
    alerts = office.instance()
    for _ in range(3):
        alerts.alert("SignInRequired", "Somebody must sign in again.")
        office.clock.pass_time(3600)
    assert len(office.texts) == 1
    assert "Somebody must sign in again." in office.texts[0]
    assert [alerts.clear("SignInRequired") for _ in range(3)] == [True, False, False]
    assert len(office.texts) == 2
    assert "Resolved: " in office.texts[1]
    assert "Somebody must sign in again." in office.texts[1]
    alerts.alert("SignInRequired", "Again.")
    assert len(office.texts) == 3


def test_another_reason_is_told_too_and_the_last_one_is_what_is_resolved(office: Office) -> None:
    alerts = office.instance()
    for reason in ("first", "first", "second", "second"):
        alerts.alert("poll", reason)
    assert ["first" in office.texts[0], "second" in office.texts[1]] == [True, True]
    assert alerts.raised() == {"poll": "second"}
    alerts.clear("poll")
    assert len(office.texts) == 3
    assert "second" in office.texts[2]


def test_one_cause_met_in_two_places_is_told_once_and_resolved_with_the_last(office: Office) -> None:
    alerts = office.instance()
    for _ in range(2):
        alerts.alert("poll", "same cause")
        alerts.alert("sweep", "same cause")
        office.clock.pass_time(TELLING.total_seconds())
    assert len(office.texts) == 1
    alerts.clear("poll")
    assert len(office.texts) == 1
    alerts.clear("sweep")
    assert len(office.texts) == 2


def test_two_instances_at_once_with_two_causes_tell_both(office: Office) -> None:
    theirs = Chat()
    other = office.instance(theirs)
    office.ledger.values.failures = [lambda: other.alert("theirs", "their cause")]
    office.instance().alert("ours", "our cause")
    assert (len(theirs.texts), len(office.texts)) == (1, 1)


def test_two_keys_that_meet_one_cause_at_once_do_not_both_leave_it_to_the_other(office: Office) -> None:
    # Each has stored its row before either looks for the other's.
    theirs = Chat(ServiceUnavailable("slow"))
    row = Raised("cause", notified=False, since=office.clock.now())
    office.ledger.drawers.change(alert_drawer("sweep"), lambda _: row)
    office.instance(theirs).alert("poll", "cause")
    assert office.texts == []
    office.clock.pass_time(TELLING.total_seconds())
    for key in ("poll", "sweep", "poll", "sweep"):
        office.instance().alert(key, "cause")
    assert len(office.texts) == 1


def test_clearing_what_was_never_raised_says_nothing(office: Office) -> None:
    assert not office.instance().clear("SignInRequired")
    assert office.texts == []


def test_what_is_cleared_again_and_again_is_looked_up_once_a_minute() -> None:
    values, clock, chat = CountedValues(Versions()), ManualClock(), Chat()
    ours, others = (Alerts(Drawers(values), chat, clock=clock) for _ in range(2))
    for _ in range(4):
        assert not ours.clear("poll", often=True)
        clock.pass_time(10)
    assert values.looks == 1
    others.alert("poll", "The sign-in was refused.")
    assert not ours.clear("poll", often=True), "nobody looked since"
    clock.pass_time(60)
    assert ours.clear("poll", often=True)
    ours.alert("poll", "The sign-in was refused.")
    assert ours.clear("poll", often=True), "what this process raised it knows"
    assert len(chat.texts) == 4


def test_alerts_of_two_keys_do_not_hide_each_other(office: Office) -> None:
    alerts = office.instance()
    alerts.alert("one", "1")
    alerts.alert("two", "2")
    alerts.clear("one")
    assert len(office.texts) == 3
    assert alerts.raised() == {"two": "2"}


def test_every_instance_and_every_start_alerts_only_once(office: Office) -> None:
    second = Chat()
    office.instance().alert("k", "t")
    office.instance(second).alert("k", "t")
    assert (len(office.texts), len(second.texts)) == (1, 0)


def test_two_instances_at_once_tell_once(office: Office) -> None:
    other = office.instance()
    office.ledger.values.failures = [lambda: other.alert("k", "t")]
    office.instance().alert("k", "t")
    assert len(office.texts) == 1


def test_while_one_is_telling_no_other_tells(office: Office) -> None:
    class Slow(Chat):
        def notify(self, card: Card) -> None:
            office.instance(second).alert("k", "t")
            super().notify(card)

    first, second = Slow(), Chat()
    office.instance(first).alert("k", "t")
    office.clock.pass_time(3600)
    office.instance(second).alert("k", "t")
    assert (len(first.texts), len(second.texts)) == (1, 0)


def test_two_instances_that_resolve_at_once_say_so_once(office: Office) -> None:
    one, other = office.instance(), office.instance()
    resolved: list[bool] = []
    one.alert("k", "t")
    office.ledger.values.failures = [lambda: resolved.append(other.clear("k"))]
    resolved.append(one.clear("k"))
    assert len(office.texts) == 2


def test_what_is_raised_anew_while_it_is_resolved_stays(office: Office) -> None:
    one, other = office.instance(), office.instance()
    one.alert("k", "first")
    office.ledger.values.failures = [lambda: other.alert("k", "second")]
    assert not one.clear("k")
    assert one.raised() == {"k": "second"}
    assert len(office.texts) == 2


def test_a_crash_between_the_row_and_the_chat_loses_no_alert(office: Office) -> None:
    with pytest.raises(KeyboardInterrupt):
        office.instance(Chat(KeyboardInterrupt())).alert("k", "t")
    office.instance().alert("k", "t")
    assert office.texts == [], "the one that raised it may be telling it still"
    office.clock.pass_time(TELLING.total_seconds())
    for _ in range(3):
        office.instance().alert("k", "t")
    assert len(office.texts) == 1


def test_a_storage_that_fails_after_the_chat_took_it_tells_it_twice_rather_than_never(office: Office) -> None:
    office.ledger.values.failures = [lambda: None, ServiceUnavailable("answered 503")]
    with pytest.raises(ServiceUnavailable):
        office.instance().alert("k", "t")
    office.clock.pass_time(TELLING.total_seconds())
    office.instance().alert("k", "t")
    office.clock.pass_time(TELLING.total_seconds())
    office.instance().alert("k", "t")
    assert len(office.texts) == 2


@pytest.mark.parametrize("failure", [ServiceUnavailable("down"), OutcomeUnknown("broke"), AccessDenied("no")])
def test_a_chat_that_cannot_be_reached_does_not_stop_the_sync_and_is_told_later(
    office: Office, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    office.chat.failure = failure
    office.instance().alert("k", "t")
    assert "alert k raised" in caplog.text
    assert "not delivered" in caplog.text
    office.chat.failure = None
    office.clock.pass_time(TELLING.total_seconds())
    office.instance().alert("k", "t")
    assert len(office.texts) == 1


def test_without_a_chat_the_log_still_tells_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = ManualClock()
    alerts = Alerts(MemoryLedger().drawers, None, clock=clock)
    assert not alerts.reaches_people
    for _ in range(2):
        alerts.alert("k", "CANARY text")
        clock.pass_time(3600)
    alerts.clear("k")
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert "CANARY" not in caplog.text


def test_an_alert_is_told_in_the_language_that_is_set() -> None:
    chat = Chat()
    Alerts(MemoryLedger().drawers, chat, Messages("ko")).alert("k", "t")
    assert chat.texts == [Messages("ko").text("alert.raised", text="t")]
    assert chat.texts != [Messages().text("alert.raised", text="t")]


def test_an_alert_leads_to_the_status_page_where_that_is_known() -> None:
    settings = {**GOOD, "ALERT_WEBHOOK_URL": "https://chat.example/hook", "WEBHOOK_PUBLIC_URL": f"{HOST}?code=CANARY"}
    transport, clock, ledger = ScriptedTransport(answer(200)), ManualClock(), MemoryLedger()
    channel = Channel(load_settings(settings), transport, clock, lambda: ledger.drawers)
    channel.alerts.alert("k", "t")
    (request,) = transport.requests
    assert b"https://app.example/api/StatusPage" in (request.body or b"")
    assert b"CANARY" not in (request.body or b"")


HOST = "https://app.example/api/WebhookReceiver"


@pytest.mark.parametrize("status", [302, 400, 404, 500])
def test_a_chat_that_does_not_take_it_is_a_failure_that_hides_its_url(status: int) -> None:
    webhook = ChatWebhook(ScriptedTransport(answer(status)), "https://chat.example/CANARY", ManualClock())
    with pytest.raises(ServiceUnavailable) as caught:
        webhook.notify(Card("t"))
    assert "CANARY" not in str(caught.value)
