"""From the raw bytes of an event to a deal key on the queue."""

from __future__ import annotations

import json
import logging
import uuid
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ServiceUnavailable
from shared.queue.message import DealMessage
from shared.webhook.events import FUTURE_TOLERANCE, MAX_AGE, REFERRAL_EVENTS, Intake, MalformedEvent, parse_event
from tests.support.stand_ins import START, UNHURRIED, ManualClock

REFERRAL = "2c7f6a2e-50f7-4a39-9a6c-6f0c6f6d5a11"
URI = f"https://api.partnercenter.microsoft.com/engagements/v1/referrals/{REFERRAL}"
CHANGED = "2026-03-01T09:31:07.0912345+00:00"


class Queue:
    """Keeps what is sent, or refuses it."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.sent: list[str] = []
        self.delays: list[float] = []
        self.failure = failure

    def send(self, message: str, *, delay: float = 0) -> None:
        if self.failure:
            raise self.failure
        self.sent.append(message)
        self.delays.append(delay)

    @property
    def only(self) -> DealMessage:
        (text,) = self.sent
        return DealMessage.load(text)


def event(**replaced: object) -> bytes:
    content: dict[str, object] = {
        "EventName": "referral-updated",
        "ResourceUri": URI,
        "ResourceName": "referral",
        "AuditUri": None,
        "ResourceChangeUtcDate": CHANGED,
    }
    content |= replaced
    return json.dumps({name: value for name, value in content.items() if value is not ...}).encode()


def take(body: bytes, queue: Queue) -> str | None:
    """Take one event in, by a receiver that took nothing before."""
    return Intake(queue, ManualClock()).take(body).correlation_id


# --- what goes on the queue ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(REFERRAL_EVENTS))
def test_each_referral_event_puts_its_key_on_the_queue(name: str) -> None:
    queue = Queue()
    correlation_id = take(event(EventName=name), queue)
    message = queue.only
    assert (message.source, message.referral_id, message.reason) == ("partner_center", REFERRAL, name)
    assert message.correlation_id == correlation_id
    assert message.observed is not None
    assert message.observed["related"] is name.startswith("related-")
    assert str(message.observed["changed_at"]).startswith("2026-03-01T09:31:07.091234")


def test_two_events_have_two_correlation_ids() -> None:
    assert take(event(), Queue()) != take(event(), Queue())


@pytest.mark.parametrize(
    "uri",
    [
        URI,
        f"{URI}/",
        f"{URI}?x=1",
        f"https://api.partner.microsoft.com/v1.0/engagements/referrals/{REFERRAL}",
        f"http://evil.example/{REFERRAL}",
        URI.upper(),
    ],
)
def test_only_the_id_of_the_uri_is_used(uri: str) -> None:
    queue = Queue()
    take(event(ResourceUri=uri), queue)
    assert queue.only.referral_id == REFERRAL
    assert "http" not in queue.sent[0]


def test_names_of_members_in_any_case_and_unknown_ones() -> None:
    queue = Queue()
    content = {"eventname": "Referral-Updated", "RESOURCEURI": URI, "resourceChangeUtcDate": CHANGED, "partnerId": "x"}
    take(json.dumps(content).encode(), queue)
    assert queue.only.referral_id == REFERRAL
    assert queue.only.reason == "referral-updated"


@pytest.mark.parametrize("moment", [..., None, 5])
def test_an_event_without_a_moment_is_still_a_hint(moment: object) -> None:
    queue = Queue()
    take(event(ResourceChangeUtcDate=moment), queue)
    assert queue.only.observed == {"related": False}


@pytest.mark.parametrize("digits", range(8))
def test_any_number_of_fraction_digits(digits: int) -> None:
    fraction = f".{'1' * digits}" if digits else ""
    for zone in ("Z", "+00:00", ""):
        queue = Queue()
        take(event(ResourceChangeUtcDate=f"2026-03-01T09:31:07{fraction}{zone}"), queue)
        assert queue.only.observed is not None
        assert str(queue.only.observed["changed_at"]).endswith("+00:00")


# --- what needs nothing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["test-created", "subscription-updated", "azure-fraud-event-detected", "x" * 500])
def test_other_events_need_nothing(name: str) -> None:
    queue = Queue()
    assert take(event(EventName=name, ResourceUri=...), queue) is None
    assert queue.sent == []


def test_the_log_repeats_no_odd_name(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    take(event(EventName="CANARY\nINJECTED line"), Queue())
    assert "INJECTED" not in caplog.text


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b"null",
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        event(EventName=...),
        event(EventName=""),
        event(EventName=7),
        event(EventName=None),
        event(ResourceUri=...),
        event(ResourceUri=None),
        event(ResourceUri=7),
        event(ResourceUri=""),
        event(ResourceUri="https://x/referrals/"),
        event(ResourceUri="https://x/referrals/not-a-guid"),
        event(ResourceUri=f"https://x/{REFERRAL}/more"),
        event(ResourceUri=f"https://x/referrals/..%2f{REFERRAL}"),
        event(ResourceChangeUtcDate="yesterday"),
        event(ResourceChangeUtcDate="0001-01-01T00:00:00+14:00"),
        event(ResourceChangeUtcDate=""),
    ],
)
def test_a_malformed_event_is_refused_and_not_repeated(body: bytes) -> None:
    queue = Queue()
    with pytest.raises(MalformedEvent) as caught:
        take(body, queue)
    assert queue.sent == []
    assert len(str(caught.value)) < 100


@UNHURRIED
@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_an_event_or_malformed(body: bytes) -> None:
    try:
        parse_event(body)
    except MalformedEvent:
        pass


@UNHURRIED
@given(st.text(max_size=100))
def test_whatever_the_uri_says_the_key_is_a_guid(uri: str) -> None:
    try:
        found = parse_event(event(ResourceUri=uri))
    except MalformedEvent:
        return
    assert found.referral_id == str(uuid.UUID(found.referral_id))


def test_a_queue_that_does_not_take_the_key_is_the_callers_to_know() -> None:
    with pytest.raises(ServiceUnavailable):
        take(event(), Queue(ServiceUnavailable("down")))


# --- the future ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [timedelta(seconds=1), timedelta(days=1), timedelta(days=365 * 70)])
def test_a_change_that_is_yet_to_come_is_refused(ahead: timedelta) -> None:
    queue = Queue()
    with pytest.raises(MalformedEvent, match="more than an hour ahead"):
        take(event(ResourceChangeUtcDate=(START + FUTURE_TOLERANCE + ahead).isoformat()), queue)
    assert queue.sent == []


@pytest.mark.parametrize("late", [timedelta(seconds=1), timedelta(days=400)])
def test_a_change_of_long_ago_is_not_queued_again(late: timedelta) -> None:
    queue = Queue()
    taken = Intake(queue, ManualClock()).take(event(ResourceChangeUtcDate=(START - MAX_AGE - late).isoformat()))
    assert (taken.too_old, taken.correlation_id, queue.sent) == (True, None, [])


@pytest.mark.parametrize("away", [FUTURE_TOLERANCE, timedelta(), -MAX_AGE])
def test_a_clock_that_is_a_little_ahead_and_a_late_delivery_are_fine(away: timedelta) -> None:
    queue = Queue()
    assert take(event(ResourceChangeUtcDate=(START + away).isoformat()), queue)
    assert queue.only is not None
