"""`cosell.py register`: the contract of RegisterWebhook from the command line, and a key that is never typed."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.ledger import drawers
from shared.partner_center.webhooks import Registration
from shared.webhook.registration_answers import Answer
from shared.webhook.registration_request import DEFAULT_EVENTS
from tests.support.stages.admin import DynamicsDesk
from tools.admin.registering import lines, undelivered
from tools.cli import register
from tools.simulators.server import Fault
from tools.simulators.vendors import Vendors

pytestmark = pytest.mark.slow

URL = "https://app.example/api/WebhookReceiver"
KEY = "CANARY-function-key"


class Shell:
    """Runs the command with the settings of a world, and checks that the key shows nowhere."""

    def __init__(self, desk: DynamicsDesk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.desk = desk
        self.patch = monkeypatch
        self.capsys = capsys
        self.out = self.err = ""

    def run(self, *args: str) -> int:
        code = register.main(list(args))
        self.out, self.err = self.capsys.readouterr()
        assert KEY not in self.out + self.err
        return code

    @property
    def registered(self) -> Registration | None:
        return self.desk.app().webhooks.registration()


@pytest.fixture
def shell(
    azurite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    with Vendors() as vendors:
        desk = DynamicsDesk(vendors, storage=azurite)
        monkeypatch.setattr("tools.cli.local_settings.FILE", tmp_path / "none.json")
        for name, value in desk.settings().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("WEBHOOK_RECEIVER_KEY", KEY)
        drawer, kept = drawers.text("registration", "history"), desk.app().ledger.drawers
        kept.clear(drawer, kept.read(drawer))
        desk.forget()
        yield Shell(desk, monkeypatch, capsys)


def test_the_first_registration(shell: Shell) -> None:
    assert shell.run("--url", URL) == 0
    assert shell.registered == Registration(f"{URL}?code={KEY}", DEFAULT_EVENTS)
    assert "✔ registered: https://app.example/api/WebhookReceiver?code=***" in shell.out
    assert shell.run("--url", URL) == 0
    assert "✔ unchanged" in shell.out


def test_the_answer_as_data_is_that_of_the_function(shell: Shell) -> None:
    assert shell.run("--url", URL, "--json", "--event", "referral-created") == 0
    answer = json.loads(shell.out)
    assert answer == {
        "status": "registered",
        "webhook_url": f"{URL}?code=***",
        "events": ["referral-created"],
        "previous": None,
        "test_event": None,
    }


def test_another_registration_is_only_replaced_when_asked_for(shell: Shell) -> None:
    shell.desk.app().webhooks.register(Registration("https://flow.example/hook?sig=s", ("invoice-ready",)))
    assert shell.run("--url", URL) == 1
    assert "https://flow.example/hook?sig=***" in shell.err
    assert "--overwrite" in shell.err
    assert shell.run("--url", URL, "--json") == 1
    assert json.loads(shell.out)["error"] == "registration_exists"
    assert shell.run("--url", URL, "--overwrite") == 0
    assert shell.registered is not None
    assert "invoice-ready" in shell.registered.events
    assert "replaced: https://flow.example/hook?sig=***" in shell.out


def test_what_was_done_is_told_later(shell: Shell) -> None:
    assert shell.run("--show") == 0
    assert "registered: nothing" in shell.out
    shell.run("--url", URL)
    assert shell.run("--show") == 0
    assert shell.out.count("https://app.example/api/WebhookReceiver?code=***") == 2
    assert shell.run("--show", "--json") == 0
    assert json.loads(shell.out)["current"]["webhook_url"] == f"{URL}?code=***"


def test_the_key_may_come_from_standard_input(shell: Shell) -> None:
    shell.patch.delenv("WEBHOOK_RECEIVER_KEY")
    shell.patch.setattr("sys.stdin", io.StringIO(f"{KEY}\n"))
    assert shell.run("--url", URL, "--key-stdin") == 0
    assert shell.registered == Registration(f"{URL}?code={KEY}", DEFAULT_EVENTS)


def test_a_key_of_any_letters_arrives_whole(shell: Shell) -> None:
    shell.patch.setenv("WEBHOOK_RECEIVER_KEY", "a+b/c==&d")
    assert shell.run("--url", URL) == 0
    assert shell.registered is not None
    assert shell.registered.url == f"{URL}?code=a%2Bb%2Fc%3D%3D%26d"


def test_the_receivers_url_may_be_a_setting(shell: Shell) -> None:
    shell.patch.setenv("WEBHOOK_PUBLIC_URL", f"{URL}?code={KEY}")
    assert shell.run() == 0
    assert shell.registered is not None
    assert shell.registered.url == f"{URL}?code={KEY}"


@pytest.mark.parametrize(
    ("args", "part"),
    [
        ((), "--url: is missing"),
        (("--url", f"{URL}?code=typed"), "leave the key"),
        (("--url", "http://app.example/api/WebhookReceiver"), "must begin with https://"),
        (("--url", "https://app.example/other"), "must be the URL of WebhookReceiver"),
        (("--url", URL, "--event", "no-such-event"), "no-such-event"),
    ],
)
def test_what_cannot_be_asked_for(shell: Shell, args: tuple[str, ...], part: str) -> None:
    assert shell.run(*args) == 2
    assert part in shell.err
    assert shell.registered is None


def test_without_a_key_nothing_is_asked(shell: Shell) -> None:
    shell.patch.delenv("WEBHOOK_RECEIVER_KEY")
    shell.patch.setattr("sys.stdin", io.StringIO(""))
    assert shell.run("--url", URL) == 2
    assert "WEBHOOK_RECEIVER_KEY" in shell.err


def test_a_dry_run_takes_the_tenants_registration_only_when_told_to(shell: Shell) -> None:
    shell.patch.setenv("DRY_RUN", "true")
    assert shell.run("--url", URL) == 2
    assert "--even-in-dry-run" in shell.err
    assert shell.registered is None
    assert shell.run("--url", URL, "--even-in-dry-run") == 0


def test_only_partner_centers_settings_are_asked_for(shell: Shell) -> None:
    for name in ("CRM", "DYNAMICS_URL", "DYNAMICS_CLIENT_SECRET", "AzureWebJobsStorage"):
        shell.patch.delenv(name)
    assert shell.run("--url", URL) == 0
    assert "the history of registrations is not kept" in shell.err


def test_partner_centers_refusal_keeps_its_words(shell: Shell) -> None:
    body = '{"error": {"code": "Forbidden", "message": "no role"}}'
    shell.desk.vendors.servers["webhooks"].faults.inject(Fault("status", status=403, body=body, times=None))
    assert shell.run("--url", URL) == 1
    assert "no role" in shell.err
    assert "Referrals admin" in shell.err
    assert shell.run("--url", URL, "--json") == 1
    assert json.loads(shell.out)["code"] == "Forbidden"


def test_a_test_event_that_the_receiver_refuses_is_a_finding(shell: Shell) -> None:
    # app.example does not exist: Partner Center's deliveries fail.
    assert shell.run("--url", URL, "--test-event") == 1
    assert "✖ test event: answered" in shell.out


@pytest.mark.parametrize(("code", "mark"), [("OK", "✔"), ("Accepted", "✔"), ("Unauthorized", "✖"), (None, "✖")])
def test_a_test_event_is_judged_by_the_name_that_partner_center_gives_the_status(code: str | None, mark: str) -> None:
    results = [{"response_code": "InternalServerError"}, {"response_code": code}]
    content = {"status": "registered", "webhook_url": URL, "events": [], "test_event": {"results": results}}
    answer = Answer(200, content)
    assert undelivered(answer) == (mark == "✖")
    *_, told = lines(answer)
    assert told.startswith(f"{mark} test event: answered {code}")
