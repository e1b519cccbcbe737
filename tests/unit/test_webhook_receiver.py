"""The receiver's entry point, wired as in production but for storage, network and time."""

from __future__ import annotations

import base64
import json
import logging
from datetime import timedelta
from typing import Any, cast

import azure.functions as func
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import WebhookReceiver
from shared.bootstrap import App
from shared.errors import ServiceUnavailable, SettingsError
from shared.ledger.memory import MemoryLedger
from shared.ledger.port import DealLedger
from shared.partner_center.refusal import UNAVAILABLE, CertificateUnavailable, Reason
from shared.settings import Settings
from shared.webhook.heartbeat import Heartbeat, last_event
from shared.webhook.receiver import MAX_BODY
from shared.webhook.security_audit import SECURITY, WEBHOOK
from tests.support.signed_events import HOST, Stage
from tests.support.stand_ins import UNHURRIED
from tests.unit.test_receive_event import Queue, event

SIGNED_MALFORMED = b'{"EventName":"referral-updated","ResourceUri":"https://x/not-a-guid"}'


class UnreachableLedger(MemoryLedger):
    """Fails whatever it is asked for."""

    def of(self, crm: str) -> DealLedger:
        raise ServiceUnavailable(f"Table Storage answered 503 for {crm}")


class Door:
    """The function `main` of one process, and what is behind it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.stage = Stage()
        self.queue = Queue()
        self.ledger = MemoryLedger()
        app: Any = App(cast("Settings", None), self.stage.clock)
        app.signature_check, app.queue, app.ledger = self.stage.check, self.queue, self.ledger
        app.heartbeat = Heartbeat(lambda: self.ledger.drawers, self.stage.clock)
        self.app = app
        patch.setattr(WebhookReceiver, "app", lambda: app)

    def post(self, body: bytes, headers: dict[str, str] | None = None) -> int:
        """Post a body, by default signed, and return the status. The answer never says more."""
        given_headers = self.stage.headers(body) if headers is None else headers
        answer = WebhookReceiver.main(
            func.HttpRequest("POST", "/api/WebhookReceiver", headers=given_headers, body=body)
        )
        assert answer.get_body() == b""
        assert dict(answer.headers) == {}
        return int(answer.status_code)

    def audit(self) -> list[str]:
        return [row.text for row in self.ledger.of(SECURITY).audit.of(WEBHOOK, limit=10_000)]


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    return Door(monkeypatch)


# --- statuses --------------------------------------------------------------------------------------------------------


def test_a_signed_event_is_queued(door: Door) -> None:
    assert door.post(event()) == 200
    assert door.queue.only is not None
    assert door.audit() == []


def test_only_an_event_that_is_queued_is_a_heartbeat(door: Door) -> None:
    door.post(event(), {})
    door.post(SIGNED_MALFORMED)
    door.post(event(EventName="test-created"))
    assert last_event(door.ledger.drawers) is None
    door.post(event())
    assert last_event(door.ledger.drawers) == door.stage.clock.now()


def test_an_event_of_long_ago_is_taken_counted_and_neither_queued_nor_a_heartbeat(door: Door) -> None:
    assert door.post(event(ResourceChangeUtcDate="2026-02-20T00:00:00Z")) == 200
    assert door.queue.sent == []
    assert door.audit() == ["refused: the event is older than three days (1 in the hour from 12:00 UTC)"]
    assert last_event(door.ledger.drawers) is None


def test_header_names_in_any_case(door: Door) -> None:
    headers = {name.upper(): value for name, value in door.stage.headers(event()).items()}
    assert door.post(event(), headers) == 200


REFUSED: dict[str, tuple[bytes, dict[str, str] | None, int, str]] = {
    "empty": (b"", None, 400, "the body is empty, or was sent in chunks"),
    "too large": (b" " * (MAX_BODY + 1), {}, 413, "the body is larger than 64 KiB"),
    "unsigned": (event(), {"x-ms-signature-algorithm": "rsa-sha256"}, 401, str(Reason.NO_SIGNATURE)),
    "malformed": (SIGNED_MALFORMED, None, 400, "ResourceUri does not end in a GUID"),
    "of the future": (
        event(ResourceChangeUtcDate="2099-01-01T00:00:00Z"),
        None,
        400,
        "ResourceChangeUtcDate lies more than an hour ahead",
    ),
}


@pytest.mark.parametrize("kind", sorted(REFUSED))
def test_a_refusal_is_in_log_and_security_audit_with_its_reason(
    kind: str, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    body, headers, status, reason = REFUSED[kind]
    assert door.post(body, headers) == status
    assert door.queue.sent == []
    assert reason in caplog.text
    assert door.audit() == [f"refused: {reason} (1 in the hour from 12:00 UTC)"]


def test_a_certificate_that_cannot_be_had_is_counted_and_the_event_is_to_be_sent_again(door: Door) -> None:
    door.stage.fetcher.content = CertificateUnavailable("down")
    for _ in range(10):
        assert door.post(event()) == 500
    counts = [f"refused: {UNAVAILABLE} ({count} in the hour from 12:00 UTC)" for count in (1, 10)]
    assert sorted(door.audit()) == sorted(counts)
    assert door.queue.sent == []


def test_the_largest_event_is_looked_at(door: Door) -> None:
    assert door.post(event(padding="")[:-1].ljust(MAX_BODY - 1) + b"}") == 200


def test_a_queue_that_fails_is_a_500_and_no_refusal(door: Door) -> None:
    door.queue.failure = ServiceUnavailable("down")
    assert door.post(event()) == 500
    assert door.audit() == []


def test_settings_that_are_wrong_are_a_500(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def app() -> App:
        raise SettingsError("CRM: is missing.")

    monkeypatch.setattr(WebhookReceiver, "app", app)
    assert door.post(event()) == 500


# --- the security audit ----------------------------------------------------------------------------------------------


def test_a_flood_of_refused_requests_leaves_a_handful_of_rows(door: Door) -> None:
    for _ in range(2345):
        door.post(b"{}", {})
    counts = [text.partition("(")[2].split()[0] for text in door.audit()]
    assert sorted(counts, key=int) == ["1", "10", "100", "1000"]


def test_each_hour_and_each_reason_has_rows_of_its_own(door: Door) -> None:
    door.post(b"{}", {})
    door.post(SIGNED_MALFORMED)
    door.stage.clock.pass_time(timedelta(hours=1).total_seconds())
    door.post(b"{}", {})
    assert len(door.audit()) == 3


def test_a_storage_that_fails_does_not_make_a_refusal_an_error(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    door.app.ledger = UnreachableLedger()
    assert door.post(b"{}", {}) == 401
    assert "security audit not written: ServiceUnavailable" in caplog.text


def test_neither_log_nor_audit_repeats_anything_of_a_refused_request(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    canary = "CANARY\nINJECTED"
    for name in door.stage.headers(b"x"):
        door.post(canary.encode(), {**door.stage.headers(b"x"), name: canary})
        door.post(canary.encode(), {**door.stage.headers(b"x"), name: f"https://{canary}/a.cer"})
    door.post(json.dumps({"EventName": canary, "ResourceUri": canary}).encode())
    assert caplog.text
    assert "CANARY" not in caplog.text + " ".join(door.audit())


# --- whatever arrives ------------------------------------------------------------------------------------------------

_VALUES = st.none() | st.integers() | st.text(max_size=40) | st.just("https://x/2c7f6a2e-50f7-4a39-9a6c-6f0c6f6d5a11")
_NAMES = st.sampled_from(["EventName", "ResourceUri", "ResourceChangeUtcDate", "resourceName", "auditUri"])
_EVENTS = st.dictionaries(_NAMES | st.text(max_size=5), _VALUES, max_size=6) | st.dictionaries(
    _NAMES, st.sampled_from(["referral-updated", "2026-01-05T09:31:07Z", "9999-12-31T23:59:59-14:00", "x" * 70_000])
)
BODIES = (
    st.binary(max_size=300)
    | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | _EVENTS.map(lambda members: json.dumps(members).encode())
    | st.just(event())
    | st.just(b"[" * 60_000)
)
_HEADERS = st.sampled_from(["x-ms-signature", "Authorization", "X-MS-Certificate-Url", "x-ms-signature-algorithm"])
_TEXTS = st.text(max_size=60) | st.sampled_from(
    ["rsa-sha256", "rsa-sha1", f"https://{HOST}/cert/a.cer", "Signature", base64.b64encode(b"x" * 256).decode()]
)
HEADERS = st.dictionaries(_HEADERS | st.text(max_size=20), _TEXTS, max_size=6)


@UNHURRIED
@given(body=BODIES, headers=HEADERS, signs=st.booleans(), takes=st.booleans())
def test_any_request_has_an_answer_of_the_contract(
    *, body: bytes, headers: dict[str, str], signs: bool, takes: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        door = Door(patch)
        door.queue.failure = None if takes else ServiceUnavailable("down")
        status = door.post(body, {**headers, **door.stage.headers(body)} if signs else headers)
    assert status in {200, 400, 401, 413} or (status == 500 and signs and not takes)
    assert signs or status != 200
    assert status == 200 or door.queue.sent == []
    assert len(door.queue.sent) <= 1


@UNHURRIED
@given(body=BODIES, other=BODIES, headers=HEADERS)
def test_nothing_is_queued_without_a_signature_of_these_very_bytes(
    body: bytes, other: bytes, headers: dict[str, str]
) -> None:
    assume(body != other + b" ")
    with pytest.MonkeyPatch.context() as patch:
        door = Door(patch)
        stolen = door.stage.headers(other + b" ")  # what Partner Center signed for another event
        status = door.post(body, {**headers, **stolen})
    assert door.queue.sent == []
    assert status in {400, 401, 413}
