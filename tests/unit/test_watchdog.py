"""The watchdog tells once when the webhook is lost, once when it is back, and does not fight for it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from shared.alerts import Alerts
from shared.choices import OnLoss
from shared.errors import AccessDenied, ServiceUnavailable
from shared.ledger.memory import MemoryLedger
from shared.partner_center.webhooks import Registration
from shared.webhook.heartbeat import PAUSE, Heartbeat, last_event
from shared.webhook.register import register_webhook
from shared.webhook.registration_history import history
from shared.webhook.registration_request import DEFAULT_EVENTS, RegistrationRequest
from shared.webhook.watchdog import GRACE, KEEP_PAUSE, YIELD, Watchdog
from tests.support.fakes.ledger import FailingLedger
from tests.support.fakes.webhooks import FakeWebhooks
from tests.support.fakes.world import Chat
from tests.support.stand_ins import START, ManualClock

URL = "https://fn.example/api/WebhookReceiver?code=CANARY-KEY"
OURS = Registration(URL, DEFAULT_EVENTS)
THEIRS = Registration("https://flow.example/run?sig=CANARY-THEIRS", ("referral-created", "subscription-updated"))


class Post:
    """A watchdog at its post, with everything it looks at."""

    def __init__(
        self,
        current: Registration | None = OURS,
        url: str | None = URL,
        on_loss: OnLoss = OnLoss.ALERT,
        silence: timedelta | None = timedelta(hours=24),
    ) -> None:
        self.webhooks = FakeWebhooks(current)
        self.ledger = MemoryLedger()
        self.clock = ManualClock()
        self.chat = Chat()
        alerts = Alerts(self.ledger.drawers, self.chat)
        self.watchdog = Watchdog(self.webhooks, self.ledger.drawers, alerts, self.clock, url, on_loss, silence)
        self.heartbeat = Heartbeat(lambda: self.ledger.drawers, self.clock)

    def look(self, times: int = 1) -> list[str]:
        """Look at the registration every ten minutes; returns what was told."""
        before = len(self.chat.texts)
        for _ in range(times):
            self.watchdog.check_registration()
            self.clock.pass_time(600)
        return self.chat.texts[before:]

    def listen(self, hours: float, unannounced: int = 0) -> list[str]:
        """Let time pass and the sweep find something; returns what was told."""
        before = len(self.chat.texts)
        self.clock.pass_time(hours * 3600)
        self.watchdog.check_heartbeat(unannounced)
        return self.chat.texts[before:]


# --- the registration ------------------------------------------------------------------------------------------------


def test_all_is_well_for_one_call_a_look() -> None:
    post = Post()
    assert post.look(times=3) == []
    assert post.webhooks.looks == 3


def test_without_anything_to_compare_with_nothing_is_asked() -> None:
    post = Post(THEIRS, url=None)
    assert post.look() == []
    assert post.webhooks.looks == 0


def test_a_takeover_is_told_once_and_healed_once() -> None:
    post = Post(THEIRS)
    (alert,) = post.look(times=3)
    assert "Another system took over" in alert
    assert "https://flow.example/run?sig=***" in alert
    assert "https://fn.example/api/WebhookReceiver?code=***" in alert
    assert "RegisterWebhook" in alert
    assert "CANARY" not in alert
    assert post.webhooks.writes == [], "told to alert, it only alerts"
    post.webhooks.current = OURS
    (healed,) = post.look(times=3)
    assert "Resolved: " in healed


def test_a_registration_that_is_gone_is_told() -> None:
    (alert,) = Post(None).look(times=2)
    assert "no webhook registration any more" in alert


@pytest.mark.parametrize("url", [URL, "https://hooks.example/cosell"])
def test_a_url_that_comes_back_with_a_slash_at_its_end_is_ours(url: str) -> None:
    assert Post(Registration(f"{url}/", DEFAULT_EVENTS), url=url).look() == []


def test_another_key_is_told_as_such() -> None:
    (alert,) = Post(Registration(f"{URL}-of-old", DEFAULT_EVENTS)).look()
    assert "another key" in alert
    assert "CANARY" not in alert


def test_dropped_events_are_told_by_name() -> None:
    post = Post(Registration(URL, ("referral-created", "referral-updated", "subscription-updated")))
    (alert,) = post.look(times=2)
    assert "related-referral-created, related-referral-updated" in alert
    assert "took over" not in alert
    post.webhooks.current = OURS
    assert len(post.look(times=2)) == 1


def test_what_was_registered_last_is_what_is_expected() -> None:
    post = Post(None, url=None)
    chosen = RegistrationRequest(URL, ("referral-created",))
    register_webhook(post.webhooks, post.ledger.drawers, post.clock, chosen)
    assert post.look() == [], "one event was all that was asked for"
    post.webhooks.current = THEIRS
    assert len(post.look()) == 1


def test_the_setting_beats_what_was_registered_last() -> None:
    post = Post(None)
    register_webhook(post.webhooks, post.ledger.drawers, post.clock, RegistrationRequest(f"{URL}-2", DEFAULT_EVENTS))
    (alert,) = post.look()
    assert "another key" in alert


@pytest.mark.parametrize("error", [ServiceUnavailable("answered 503"), AccessDenied("no role")])
def test_what_cannot_be_read_is_not_called_lost(error: Exception) -> None:
    post = Post()
    post.webhooks.failure = error  # type: ignore[assignment]
    with pytest.raises(type(error)):
        post.watchdog.check_registration()
    assert post.chat.texts == []


# --- keep ------------------------------------------------------------------------------------------------------------


def test_told_to_keep_it_registers_again_and_says_so() -> None:
    post = Post(THEIRS, on_loss=OnLoss.KEEP)
    lost, healed = post.look(times=3)
    assert "took over" in lost
    assert "registered itself again" in lost
    assert "Resolved: " in healed
    assert post.webhooks.current is not None
    assert post.webhooks.current.url == URL
    assert set(post.webhooks.current.events) == {*DEFAULT_EVENTS, "subscription-updated"}, "others keep their events"
    (entry,) = history(post.ledger.drawers)
    assert (entry.by, entry.status) == ("Reconciler", "updated")


def test_it_does_not_fight() -> None:
    post = Post(THEIRS, on_loss=OnLoss.KEEP)
    post.look(times=2)
    rounds = int(KEEP_PAUSE.total_seconds() // 600) - 3
    for _ in range(rounds):
        post.webhooks.current = THEIRS
        post.look()
    assert post.webhooks.writes == ["replace"], "once in six hours, whatever the other system does"
    assert "decide which system gets the events" in post.chat.texts[-1]
    assert len(post.chat.texts) == 3, "lost, back, lost"
    post.look(times=3)
    assert post.webhooks.writes == ["replace"], "nor in turns with it: it was taken twice by the same one"
    assert "this app leaves it for a week" in post.chat.texts[-1]
    for _ in range(int(YIELD.total_seconds() // 600)):
        post.look()
    assert post.webhooks.writes == ["replace", "replace"]
    assert "Resolved: " in post.chat.texts[-1]


def test_another_taker_is_not_yielded_to() -> None:
    post = Post(THEIRS, on_loss=OnLoss.KEEP)
    post.look(times=2)
    post.webhooks.current = Registration("https://other.example/hook", DEFAULT_EVENTS)
    post.clock.pass_time(KEEP_PAUSE.total_seconds())
    post.look(times=2)
    assert post.webhooks.current.url == URL


def test_dropped_events_are_put_back_too() -> None:
    post = Post(Registration(URL, ("referral-created",)), on_loss=OnLoss.KEEP)
    post.look(times=2)
    assert post.webhooks.current is not None
    assert set(post.webhooks.current.events) == set(DEFAULT_EVENTS)


def test_a_registration_that_fails_still_alerts_and_is_not_repeated_every_few_minutes() -> None:
    class Refusing(FakeWebhooks):
        def replace(self, registration: Registration) -> None:
            self.writes.append(f"replace by {registration.url}")
            raise AccessDenied("no role")

    post = Post(on_loss=OnLoss.KEEP)
    refusing, drawers = Refusing(THEIRS), post.ledger.drawers
    watchdog = Watchdog(
        refusing, drawers, Alerts(drawers, post.chat), post.clock, URL, OnLoss.KEEP, timedelta(hours=24)
    )
    for _ in range(5):
        watchdog.check_registration()
        post.clock.pass_time(600)
    (alert,) = post.chat.texts
    assert "could not be registered again (AccessDenied)" in alert
    assert refusing.writes == [f"replace by {URL}"]


# --- the heartbeat ---------------------------------------------------------------------------------------------------


def test_silence_while_referrals_change_is_told_once_and_healed_by_the_next_event() -> None:
    post = Post()
    post.heartbeat.beat(post.clock.now())
    assert post.listen(hours=10, unannounced=2) == []
    assert post.listen(hours=13) == []
    (alert,) = post.listen(hours=1.1)
    assert "no event has arrived since" in alert
    assert post.listen(hours=5, unannounced=1) == []
    post.heartbeat.beat(post.clock.now())
    (healed,) = post.listen(hours=0.1)
    assert "Resolved: " in healed
    assert post.listen(hours=100) == []


def test_silence_while_nothing_changes_is_only_silence() -> None:
    post = Post()
    post.heartbeat.beat(post.clock.now())
    assert post.listen(hours=500) == []


def test_a_change_that_the_sweep_sees_just_before_its_event_is_no_silence() -> None:
    post = Post()
    post.heartbeat.beat(post.clock.now())
    assert post.listen(hours=60, unannounced=1) == [], "after a long weekend"
    post.clock.pass_time(60)
    post.heartbeat.beat(post.clock.now())
    assert [post.listen(hours=hour) for hour in (0.2, 2, 30)] == [[], [], []]


def test_an_event_lost_after_a_long_silence_is_told_after_the_grace() -> None:
    post = Post()
    post.heartbeat.beat(post.clock.now())
    assert post.listen(hours=60, unannounced=1) == []
    assert post.listen(hours=GRACE.total_seconds() / 3600 - 0.5) == []
    (alert,) = post.listen(hours=0.5)
    assert "no event has arrived since" in alert
    assert [post.listen(hours=5, unannounced=1) for _ in range(3)] == [[], [], []], "not told again while it lasts"


def test_changes_whose_events_wait_on_the_queue_are_no_silence() -> None:
    post = Post()
    post.heartbeat.beat(post.clock.now())
    assert post.listen(hours=0.5, unannounced=3) == []
    assert [post.listen(hours=30) for _ in range(3)] == [[], [], []]


def test_where_no_event_ever_came_the_first_change_counts() -> None:
    post = Post()
    assert post.listen(hours=100, unannounced=1) == []
    assert post.listen(hours=23) == []
    (alert,) = post.listen(hours=1)
    assert "no event has ever arrived" in alert


def test_a_heartbeat_that_is_switched_off_tells_nothing() -> None:
    post = Post(silence=None)
    assert [post.listen(hours=100, unannounced=1) for _ in range(3)] == [[], [], []]


def test_many_events_are_one_small_write() -> None:
    ledger, clock = FailingLedger(), ManualClock()
    heartbeat = Heartbeat(lambda: ledger.drawers, clock)
    for _ in range(100):
        clock.pass_time(1)
        heartbeat.beat(clock.now())
    assert (ledger.values.reads, ledger.values.writes) == (1, 1)
    clock.pass_time(PAUSE.total_seconds())
    heartbeat.beat(clock.now())
    assert (ledger.values.reads, ledger.values.writes) == (1, 2)
    assert last_event(ledger.drawers) == clock.now()


def test_two_instances_beat_in_turn() -> None:
    drawers, clock = MemoryLedger().drawers, ManualClock()
    one, other = Heartbeat(lambda: drawers, clock), Heartbeat(lambda: drawers, clock)
    for each in (one, other, one, other):
        clock.pass_time(3600)
        each.beat(clock.now())
        assert last_event(drawers) == clock.now()


def test_storage_that_fails_costs_no_event_and_is_tried_again_at_the_next(caplog: pytest.LogCaptureFixture) -> None:
    ledger = FailingLedger()
    ledger.values.failures = [ServiceUnavailable("answered 503")]
    heartbeat = Heartbeat(lambda: ledger.drawers, ManualClock())
    heartbeat.beat(START)
    assert "could not be noted" in caplog.text
    assert last_event(ledger.drawers) is None
    heartbeat.beat(START)
    assert last_event(ledger.drawers) is not None


def test_an_event_that_is_repeated_proves_nothing() -> None:
    post = Post()
    first = post.clock.now()
    post.heartbeat.beat(first)
    alert = []
    for hour in range(60):
        alert += post.listen(hours=1, unannounced=1)
        if hour % 2:  # Also to a receiver that has just been started.
            post.heartbeat = Heartbeat(lambda: post.ledger.drawers, post.clock)
        post.heartbeat.beat(first)
    assert len(alert) == 1
    assert "no event has arrived since" in alert[0]
    assert last_event(post.ledger.drawers) == first


@pytest.mark.parametrize("changed", [None, START - timedelta(hours=25)])
def test_an_event_of_long_ago_or_of_no_moment_proves_nothing(changed: datetime | None) -> None:
    drawers = MemoryLedger().drawers
    Heartbeat(lambda: drawers, ManualClock()).beat(changed)
    assert last_event(drawers) is None
