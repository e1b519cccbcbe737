"""A person is told once when something needs them, and once when it is well again."""

from __future__ import annotations

import json
import logging

import pytest

from shared.alerts import Alerts
from shared.chat import ChatWebhook
from shared.errors import AccessDenied, OutcomeUnknown, ServiceUnavailable, StaleError
from shared.ledger.memory import MemoryLedger
from shared.ledger.port import Stored
from tests.support.stand_ins import ScriptedTransport, answer


class Chat:
    """Keeps what it is told, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.told: list[str] = []
        self.failure = failure

    def notify(self, text: str) -> None:
        if self.failure:
            raise self.failure
        self.told.append(text)


def test_an_alert_is_told_once_until_it_is_cleared() -> None:
    ledger, chat = MemoryLedger(), Chat()
    alerts = Alerts(ledger, chat)
    for _ in range(3):
        alerts.alert("SignInRequired", "Somebody must sign in again.")
    assert len(chat.told) == 1
    assert "Somebody must sign in again." in chat.told[0]
    for _ in range(3):
        alerts.clear("SignInRequired")
    assert len(chat.told) == 2
    assert "well again" in chat.told[1]
    assert "Somebody must sign in again." in chat.told[1]
    alerts.alert("SignInRequired", "Again.")
    assert len(chat.told) == 3


def test_one_cause_met_in_two_places_is_told_once_and_healed_with_the_last() -> None:
    chat = Chat()
    alerts = Alerts(MemoryLedger(), chat)
    alerts.alert("poll", "same cause")
    alerts.alert("sweep", "same cause")
    assert len(chat.told) == 1
    alerts.clear("poll")
    assert len(chat.told) == 1
    alerts.clear("sweep")
    assert len(chat.told) == 2


def test_two_instances_at_once_with_two_causes_tell_both() -> None:
    class Interleaved(MemoryLedger):
        """Another instance raises its own alert between our look and our write."""

        others: Alerts | None = None

        def replace_value(self, kind: str, name: str, value: str, held: Stored) -> Stored:
            other, self.others = self.others, None
            if other:
                other.alert("theirs", "their cause")
            return super().replace_value(kind, name, value, held)

    ledger, ours, theirs = Interleaved(), Chat(), Chat()
    ledger.others = Alerts(ledger, theirs)
    Alerts(ledger, ours).alert("ours", "our cause")
    assert (len(theirs.told), len(ours.told)) == (1, 1)


def test_clearing_what_was_never_raised_says_nothing() -> None:
    chat = Chat()
    Alerts(MemoryLedger(), chat).clear("SignInRequired")
    assert chat.told == []


def test_alerts_of_two_keys_do_not_hide_each_other() -> None:
    chat = Chat()
    alerts = Alerts(MemoryLedger(), chat)
    alerts.alert("one", "1")
    alerts.alert("two", "2")
    alerts.clear("one")
    assert len(chat.told) == 3
    alerts.alert("two", "2 again")
    assert len(chat.told) == 3


def test_every_instance_and_every_start_alerts_only_once() -> None:
    ledger, first, second = MemoryLedger(), Chat(), Chat()
    Alerts(ledger, first).alert("k", "t")
    Alerts(ledger, second).alert("k", "t")
    assert (len(first.told), len(second.told)) == (1, 0)


def test_two_instances_at_once_tell_once() -> None:
    class Raced(MemoryLedger):
        def replace_value(self, kind: str, name: str, value: str, held: Stored) -> Stored:  # noqa: ARG002 - a port
            raise StaleError("the other one was faster")

    chat = Chat()
    Alerts(Raced(), chat).alert("k", "t")
    assert chat.told == []


@pytest.mark.parametrize("failure", [ServiceUnavailable("down"), OutcomeUnknown("broke"), AccessDenied("no")])
def test_a_chat_that_cannot_be_reached_does_not_stop_the_sync(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    Alerts(MemoryLedger(), Chat(failure)).alert("k", "t")
    assert "alert k raised" in caplog.text
    assert "not delivered" in caplog.text


def test_without_a_chat_the_log_still_tells(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    alerts = Alerts(MemoryLedger(), None)
    alerts.alert("k", "CANARY text")
    alerts.clear("k")
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert "CANARY" not in caplog.text


# --- the chat --------------------------------------------------------------------------------------------------------


def test_teams_gets_a_card_and_slack_gets_text() -> None:
    for url, marker in [
        ("https://prod.westeurope.logic.azure.com/workflows/x?sig=s", "AdaptiveCard"),
        ("https://hooks.slack.com/services/x", None),
    ]:
        transport = ScriptedTransport(answer(202))
        ChatWebhook(transport, url).notify('Line with "quotes"')
        content = json.loads(transport.requests[0].body or b"")
        if marker:
            card = content["attachments"][0]["content"]
            assert card["type"] == marker
            assert card["body"][0]["text"] == 'Line with "quotes"'
        else:
            assert content == {"text": 'Line with "quotes"'}


def test_a_host_that_only_ends_like_slack_is_not_slack() -> None:
    transport = ScriptedTransport(answer(200))
    ChatWebhook(transport, "https://hooks.notslack.com/services/x").notify("t")
    assert json.loads(transport.requests[0].body or b"")["type"] == "message"


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500])
def test_a_chat_that_does_not_take_it_is_a_failure_that_hides_its_url(status: int) -> None:
    with pytest.raises(ServiceUnavailable) as caught:
        ChatWebhook(ScriptedTransport(answer(status)), "https://chat.example/CANARY").notify("t")
    assert "CANARY" not in str(caught.value)
