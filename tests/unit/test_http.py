"""The manners of calling a remote service, and the network underneath."""

from __future__ import annotations

import logging
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.errors import (
    AccessDenied,
    CosellError,
    DataError,
    GoneError,
    OutcomeUnknown,
    ServiceUnavailable,
    SignInRequired,
    Throttled,
    VersionMismatch,
)
from shared.http import ATTEMPTS, PATIENCE, Request, Response, Service, Terms, retry_after
from shared.problems import problem
from shared.telemetry import correlation
from tests.support.stand_ins import START, UNHURRIED, ManualClock, ScriptedTransport, Step, answer, lower

URL = "https://api.example/v1/deals/1?code=CANARY-QUERY"
TOKEN = "CANARY-TOKEN"


def classify(response: Response) -> CosellError:
    families: dict[int, CosellError] = {
        400: DataError(problem("crm.refused", "f", crm="It", message="is wrong")),
        403: AccessDenied("no"),
        404: GoneError("gone"),
        412: VersionMismatch("newer"),
    }
    if response.status in families:
        return families[response.status]
    return ServiceUnavailable(f"answered {response.status}", retry_after=retry_after(response, ManualClock()))


class Stage:
    """A service with everything it needs at hand."""

    def __init__(self, *steps: Step) -> None:
        self.clock = ManualClock()
        self.transport = ScriptedTransport(*steps)
        self.fresh: list[bool] = []
        self.service = Service(
            Terms("Example", self._authorize, classify), self.transport, self.clock, random.Random(7)
        )

    def _authorize(self, fresh: bool) -> str:
        self.fresh.append(fresh)
        return f"{TOKEN}-{len(self.fresh)}"

    def get(self) -> Response:
        return self.service.call("GET", URL)

    def post(self) -> Response:
        return self.service.call("POST", URL, content={"name": "CANARY-BODY"}, repeatable=False)


# --- a good answer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_good_answer_is_returned_after_one_request(status: int) -> None:
    stage = Stage(answer(status, {"a": 1}))
    assert stage.get().status == status
    assert len(stage.transport.requests) == 1
    assert stage.clock.slept == []


def test_content_goes_out_as_json_in_utf_8() -> None:
    stage = Stage(answer(200))
    stage.service.call("PATCH", URL, content=[{"value": "Zoë"}], headers={"If-Match": '"v1"'})
    (request,) = stage.transport.requests
    assert Response(200, {}, request.body or b"").json() == [{"value": "Zoë"}]
    assert lower(request.headers)["content-type"].startswith("application/json")
    assert request.headers["If-Match"] == '"v1"'


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b'{"a":'])
def test_a_body_that_is_no_json_reads_as_none(body: bytes) -> None:
    assert Response(200, {}, body).json() is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_no_success(status: int) -> None:
    # "follows no redirect": nothing was done at the address that was asked.
    stage = Stage(*[answer(status, location="https://elsewhere.example/")] * ATTEMPTS)
    with pytest.raises(CosellError):
        stage.get()


# --- families and retries --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "family"), [(400, DataError), (403, AccessDenied), (404, GoneError), (412, VersionMismatch)]
)
def test_a_refusal_is_not_repeated(status: int, family: type[CosellError]) -> None:
    stage = Stage(answer(status))
    with pytest.raises(family):
        stage.get()
    assert len(stage.transport.requests) == 1


@pytest.mark.parametrize(
    "failure", [answer(500), answer(502), answer(503), ServiceUnavailable("x"), OutcomeUnknown("x")]
)
def test_a_passing_failure_is_outlived(failure: Step) -> None:
    stage = Stage(failure, answer(200))
    assert stage.get().status == 200
    assert len(stage.clock.slept) == 1


def test_a_lasting_failure_is_raised_after_three_attempts_with_growing_waits() -> None:
    stage = Stage(*[answer(503)] * ATTEMPTS)
    with pytest.raises(ServiceUnavailable):
        stage.get()
    assert len(stage.transport.requests) == ATTEMPTS
    assert len(stage.clock.slept) == ATTEMPTS - 1
    assert all(0 < seconds <= PATIENCE for seconds in stage.clock.slept)


@pytest.mark.parametrize("failure", [answer(500), answer(503), answer(504, retry_after="1"), OutcomeUnknown("broke")])
def test_what_may_have_taken_effect_is_not_sent_again_when_it_is_not_repeatable(failure: Step) -> None:
    stage = Stage(failure)
    with pytest.raises(OutcomeUnknown):
        stage.post()
    assert len(stage.transport.requests) == 1


@pytest.mark.parametrize("failure", [answer(429), answer(429, retry_after="1"), ServiceUnavailable("never sent")])
def test_what_certainly_had_no_effect_is_sent_again(failure: Step) -> None:
    stage = Stage(failure, answer(201))
    assert stage.post().status == 201


def test_a_repeated_request_is_the_same_request() -> None:
    stage = Stage(answer(503), answer(200))
    stage.service.call("PATCH", URL, content={"a": 1}, headers={"If-Match": '"v1"'})
    first, second = stage.transport.requests
    assert (first.method, first.url, first.body) == (second.method, second.url, second.body)
    assert second.headers["If-Match"] == '"v1"'


def test_a_request_that_is_ready_keeps_its_headers_through_a_renewed_session() -> None:
    stage = Stage(answer(401), answer(200))
    guard = {"If-Unmodified-Since": "Fri, 27 Nov 2026 10:00:00 GMT", "Content-Type": "text/plain"}
    stage.service.send(Request("PATCH", URL, guard, b"{}"))
    first, second = stage.transport.requests
    assert first.headers.items() >= guard.items()
    assert second.headers.items() >= guard.items()
    assert first.headers["Authorization"] != second.headers["Authorization"]


def test_every_response_is_shown_to_whoever_watches() -> None:
    seen: list[int] = []
    clock, transport = ManualClock(), ScriptedTransport(answer(401), answer(503), answer(404))
    terms = Terms("Example", lambda _: TOKEN, classify, observe=lambda each: seen.append(each.status))
    service = Service(terms, transport, clock)
    with pytest.raises(GoneError):
        service.call("GET", URL)
    assert seen == [401, 503, 404]


# --- Retry-After and the pause ---------------------------------------------------------------------------------------


def test_a_short_wait_that_was_asked_for_is_kept() -> None:
    stage = Stage(answer(429, retry_after="4"), answer(200))
    assert stage.get().status == 200
    assert 4 <= stage.clock.slept[0] <= 5


def test_a_long_wait_is_left_to_the_queue() -> None:
    stage = Stage(answer(429, retry_after="60"))
    with pytest.raises(Throttled) as caught:
        stage.get()
    assert caught.value.retry_after == 60
    assert stage.clock.slept == []


@pytest.mark.parametrize("status", [429, 503])
def test_the_pause_holds_for_the_whole_service(status: int) -> None:
    stage = Stage(answer(status, retry_after="60"), answer(200))
    with pytest.raises((Throttled, ServiceUnavailable)):
        stage.get()
    stage.clock.pass_time(45)
    with pytest.raises(Throttled) as caught:
        stage.service.call("GET", "https://api.example/v1/other")
    assert caught.value.retry_after == pytest.approx(15)
    assert len(stage.transport.requests) == 1
    assert len(stage.fresh) == 1, "no token is fetched for a call that is not made"
    stage.clock.pass_time(16)
    assert stage.get().status == 200


def test_the_pause_of_one_operation_holds_up_no_other() -> None:
    stage = Stage(answer(429, retry_after="60"), answer(200), answer(429, retry_after="30"))
    with pytest.raises(Throttled):
        stage.service.call("POST", URL, operation="test event")
    assert stage.service.call("GET", URL).status == 200
    with pytest.raises(Throttled) as caught:
        stage.service.call("POST", URL, operation="test event")
    assert caught.value.retry_after == pytest.approx(60)
    with pytest.raises(Throttled):
        stage.service.call("GET", URL)
    stage.clock.pass_time(45)
    with pytest.raises(Throttled) as caught:  # The whole service's pause was shorter, and is over.
        stage.service.call("POST", URL, operation="test event")
    assert caught.value.retry_after == pytest.approx(15)
    assert len(stage.transport.requests) == 3


def test_a_short_pause_met_on_the_way_is_waited_for() -> None:
    stage = Stage(answer(429, retry_after="12"), answer(200))
    with pytest.raises(Throttled):
        stage.get()
    stage.clock.pass_time(7)
    assert stage.get().status == 200
    assert 5 <= stage.clock.slept[0] <= 6


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    def slow_and_short(_request: Request) -> Response:
        # While this call is on its way, another one is told to wait for longer.
        with pytest.raises(Throttled):
            stage.service.call("GET", "https://api.example/long")
        return answer(429, retry_after="20")

    stage = Stage(slow_and_short, answer(429, retry_after="100"), answer(200))
    with pytest.raises(Throttled):
        stage.service.call("GET", "https://api.example/short")
    stage.clock.pass_time(50)
    with pytest.raises(Throttled) as caught:
        stage.get()
    assert caught.value.retry_after == pytest.approx(50)
    assert len(stage.transport.requests) == 2


def test_one_services_pause_is_not_anothers() -> None:
    with pytest.raises(Throttled):
        Stage(answer(429, retry_after="60")).get()
    assert Stage(answer(200)).get().status == 200


def test_calls_in_a_throttling_storm_use_their_attempts_and_no_more() -> None:
    stage = Stage(*[answer(429, retry_after="2")] * ATTEMPTS)
    with pytest.raises(Throttled):
        stage.get()
    assert len(stage.transport.requests) == ATTEMPTS


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "0"}, 0),
        ({"retry-after": " 7 "}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": format_datetime(START + timedelta(seconds=30), usegmt=True)}, 30),
        ({"retry-after": format_datetime(START - timedelta(hours=1), usegmt=True)}, 0),
    ],
)
def test_both_forms_of_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(Response(429, headers, b""), ManualClock()) == seconds


def test_a_date_is_measured_by_the_services_own_clock() -> None:
    theirs = datetime(2030, 1, 1, tzinfo=UTC)
    headers = {
        "retry-after": format_datetime(theirs + timedelta(seconds=20), usegmt=True),
        "date": format_datetime(theirs, usegmt=True),
    }
    assert retry_after(Response(503, headers, b""), ManualClock()) == 20


HEADER = st.text(alphabet=st.characters(max_codepoint=255), max_size=40)


@UNHURRIED
@given(HEADER, st.one_of(st.none(), HEADER))
@example("\u00b2", None)
@example("Wed, 21 Oct 2026 07:28:00", None)
@example("Wed, 21 Oct 2026 07:28:00 -0000", None)
@example("Wed, 21 Oct 2026 07:28:00 GMT", "no date")
@example("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 -0000")
@example("9" * 20, None)
@example("9" * 400, None)
def test_no_header_can_break_the_call(asked: str, date: str | None) -> None:
    headers = {"retry_after": asked} if date is None else {"retry_after": asked, "date": date}
    stage = Stage(*[answer(429, **headers)] * ATTEMPTS)
    with pytest.raises(Throttled):
        stage.get()


# --- authorization ---------------------------------------------------------------------------------------------------


def test_a_refused_token_is_renewed_once_and_the_request_stays_the_same() -> None:
    stage = Stage(answer(401), answer(200))
    stage.service.call("PATCH", URL, content={"a": 1}, headers={"If-Match": '"v1"', "Prefer": "x"}, repeatable=False)
    first, second = stage.transport.requests
    assert stage.fresh == [False, True]
    assert first.headers["Authorization"] == f"Bearer {TOKEN}-1"
    assert second.headers["Authorization"] == f"Bearer {TOKEN}-2"
    assert (second.headers["If-Match"], second.headers["Prefer"], second.body) == ('"v1"', "x", first.body)


def test_a_fresh_token_that_is_refused_needs_a_person() -> None:
    stage = Stage(answer(401), answer(401))
    with pytest.raises(SignInRequired, match="Example"):
        stage.get()
    assert len(stage.transport.requests) == 2


def test_a_caller_cannot_replace_the_token() -> None:
    stage = Stage(answer(200))
    stage.service.call("GET", URL, headers={"Authorization": "Bearer mine"})
    assert stage.transport.requests[0].headers["Authorization"] == f"Bearer {TOKEN}-1"


# --- correlation and logs --------------------------------------------------------------------------------------------


def test_every_call_carries_the_correlation_id_of_the_work_and_its_own_id() -> None:
    stage = Stage(answer(503), answer(200))
    held = correlation.set("work-1")
    try:
        stage.get()
    finally:
        correlation.reset(held)
    sent = [lower(request.headers) for request in stage.transport.requests]
    assert {each["x-ms-correlation-id"] for each in sent} == {"work-1"}
    assert len({each["client-request-id"] for each in sent}) == 2


def test_a_call_without_work_in_hand_still_has_an_id() -> None:
    stage = Stage(answer(200))
    stage.get()
    assert lower(stage.transport.requests[0].headers)["x-ms-correlation-id"]


@pytest.mark.parametrize("steps", [(answer(200, {"a": "CANARY-ANSWER"}),), (answer(400, {"a": "CANARY-ANSWER"}),)])
def test_logs_tell_path_and_status_and_nothing_secret(
    steps: tuple[Response, ...], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stage = Stage(*steps)
    try:
        stage.service.call("PATCH", URL, content={"n": "CANARY-BODY"}, headers={"X-Secret": "CANARY-HEADER"})
    except DataError:
        pass  # The second step; its log line is looked at all the same.
    everything = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert "/v1/deals/1" in everything
    assert str(steps[0].status) in everything
    assert "CANARY" not in everything
