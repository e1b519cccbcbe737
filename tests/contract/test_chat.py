"""What the app posts to a chat is what both vendors take, whatever a deal holds; and a chat's pause is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.card import Card
from shared.chat import ChatWebhook
from shared.choices import ChatFormat
from shared.errors import ServiceUnavailable, Throttled
from shared.http import Request, RequestsTransport, Response
from tests.support.stand_ins import UNHURRIED, ManualClock
from tools.simulators.chat import ChatSimulator, slack_errors, teams_errors
from tools.simulators.server import SimulatorServer

HOSTILE = "[Sign in](https://evil.example) <!channel> <https://evil.example|here> & \x1b]0;x\x07\u202e *bold*\nline"
LINK = ("Open in Partner Center", "https://partner.microsoft.com/referrals/v2/inbox?id=1")
FORMATS = [(ChatFormat.TEAMS, teams_errors), (ChatFormat.SLACK, slack_errors)]


class Direct:
    """A transport straight into a simulator's check, which keeps what was sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def send(self, request: Request) -> Response:
        self.bodies.append(request.body or b"")
        return Response(200, {}, b"")


def posted(card: Card, form: ChatFormat) -> bytes:
    transport = Direct()
    ChatWebhook(transport, "https://chat.example/hook", ManualClock(), form).notify(card)
    (body,) = transport.bodies
    return body


@pytest.mark.parametrize(("form", "errors"), FORMATS)
@UNHURRIED
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=200) | st.just(HOSTILE) | st.just("\u20ac" * 9000),
    facts=st.lists(st.tuples(st.text(max_size=90), st.just(HOSTILE * 20) | st.text(max_size=30)), max_size=14),
    links=st.integers(0, 9),
)
def test_everything_is_in_a_form_that_the_vendor_takes(
    form: ChatFormat, errors: Callable[[bytes], Iterator[str]], text: str, facts: list[tuple[str, str]], links: int
) -> None:
    card = Card(text, tuple(facts), (LINK,) * links)
    assert list(errors(posted(card, form))) == []


def test_no_value_makes_a_link_or_a_mention() -> None:
    card = Card(HOSTILE, (("Reason", HOSTILE),), (LINK,))
    for form, _ in FORMATS:
        body = posted(card, form).decode()
        assert "\x1b" not in body
        assert "\u202e" not in body
    assert "&lt;!channel&gt;" in posted(card, ChatFormat.SLACK).decode()


@pytest.mark.parametrize(
    ("url", "form", "slack"),
    [
        ("https://hooks.slack.com/services/x", ChatFormat.AUTO, True),
        ("https://hooks.slack-gov.com/services/x", ChatFormat.AUTO, True),
        ("https://hooks.notslack.com/services/x", ChatFormat.AUTO, False),
        ("https://prod-7.westeurope.logic.azure.com/workflows/x", ChatFormat.AUTO, False),
        ("https://proxy.contoso.example/slack", ChatFormat.SLACK, True),
        ("https://hooks.slack.com/services/x", ChatFormat.TEAMS, False),
    ],
)
def test_a_chat_is_known_by_its_host_or_by_the_setting(url: str, form: ChatFormat, *, slack: bool) -> None:
    transport = Direct()
    ChatWebhook(transport, url, ManualClock(), form).notify(Card("t"))
    assert (b'"blocks"' in transport.bodies[0]) is slack


class Local:
    """A chat of the simulator's over HTTP."""

    def __init__(self, chat: ChatSimulator, server: SimulatorServer) -> None:
        self.chat, self.server, self.clock = chat, server, ManualClock()

    def webhook(self, path: str) -> ChatWebhook:
        form = ChatFormat.SLACK if path == "/slack" else ChatFormat.TEAMS
        return ChatWebhook(RequestsTransport(), f"{self.server.url}{path}", self.clock, form)


@pytest.fixture
def local() -> Iterator[Local]:
    chat = ChatSimulator()
    with SimulatorServer("chat", chat, None) as server:
        yield Local(chat, server)


@pytest.mark.parametrize("path", ["/teams", "/slack"])
def test_a_message_arrives(local: Local, path: str) -> None:
    local.webhook(path).notify(Card("A new invitation", (("Decide by", "2026-03-16"),), (LINK,)))
    (message,) = local.chat.messages
    assert "A new invitation" in str(message)
    assert LINK[1] in str(message)


@pytest.mark.parametrize(("asked", "seconds"), [("30", 30), ("soon", 60), ("999999", 3600)])
def test_a_pause_that_the_chat_asks_for_is_kept(local: Local, asked: str, seconds: float) -> None:
    local.chat.limit, local.chat.retry_after = 0, asked
    webhook = local.webhook("/slack")
    with pytest.raises(Throttled) as caught:
        webhook.notify(Card("one"))
    assert caught.value.retry_after == seconds
    local.chat.limit = None
    local.clock.pass_time(seconds - 1)
    with pytest.raises(Throttled):
        webhook.notify(Card("two"))
    assert len(local.server.log.entries) == 1, "nothing is sent meanwhile"
    local.clock.pass_time(1)
    webhook.notify(Card("three"))
    assert len(local.chat.messages) == 1


def test_a_webhook_that_is_gone_is_a_failure(local: Local) -> None:
    with pytest.raises(ServiceUnavailable):
        local.webhook("/gone").notify(Card("t"))
