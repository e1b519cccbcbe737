"""`cosell.py status, explain, retry ...`: the status page at the terminal, with the settings of the storage alone."""

from __future__ import annotations

import importlib
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue import QueueClient, TextBase64DecodePolicy

from shared.bootstrap import App
from shared.clock import SystemClock
from shared.deal import NAME, STATUS, RecordKey
from shared.ledger.model import Due, DueKind
from shared.lifecycle import Stage
from shared.link import Link, LinkState
from shared.problems import problem
from shared.queue.message import DealMessage
from shared.settings.declaration import declared
from shared.status import Status, StatusKind
from tools.admin.asked import QUEUE, STORAGE, settings_for
from tools.cli import local_settings

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


class Storage:
    """The storage of an app, with one deal in it, of which nothing else is configured here."""

    def __init__(self, connection: str) -> None:
        self.settings = {"AzureWebJobsStorage": connection, "SYNC_QUEUE": f"deals-{uuid.uuid4()}"}
        self.app = App(settings_for(self.settings, STORAGE, QUEUE))
        self.app.queue.waiting()  # makes the queue
        self.referral_id, self.record_id = str(uuid.uuid4()), str(uuid.uuid4())
        self.link = self.put()

    def put(self, **members: Any) -> Link:
        record = RecordKey("salesforce", "Opportunity", self.record_id)
        base = {NAME: "Laptops for Oslo", STATUS: Stage.ACTIVE}
        status = Status(StatusKind.SYNCHRONIZED, "✔ Synchronized 2026-03-01 12:00 UTC")
        given = {"base": base, "status": status, **members}
        return self.app.ledger.of("salesforce").links.commit(Link("salesforce", self.referral_id, record, **given), [])

    def park(self) -> None:
        now = SystemClock().now()
        message = DealMessage.of_record(RecordKey("salesforce", "Opportunity", self.record_id), "retry", "").dump()
        wrong = (problem("deal.value_missing", "deal_value"),)
        due = Due(DueKind.PARKED, self.referral_id, now, now, message, "data", "no value", wrong, 1)
        self.app.ledger.of("salesforce").agenda.put(due)

    def queued(self) -> list[dict[str, Any]]:
        name = self.settings["SYNC_QUEUE"]
        policy = TextBase64DecodePolicy()
        with QueueClient.from_connection_string(
            self.settings["AzureWebJobsStorage"], name, message_decode_policy=policy
        ) as client:
            return [json.loads(message.content) for message in client.receive_messages()]

    def audit(self) -> list[str]:
        return [entry.text for entry in self.app.ledger.of("salesforce").audit.of(self.referral_id)]


@pytest.fixture
def storage(account: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    made = Storage(account())
    monkeypatch.setattr(local_settings, "FILE", tmp_path / "local.settings.json")
    for setting in declared().values():
        monkeypatch.delenv(setting.name, raising=False)
    for name, value in made.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("getpass.getuser", lambda: "jane")
    return made


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(command: str, *args: str) -> tuple[int, str, str]:
        code = importlib.import_module(f"tools.cli.{command}").main(list(args))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_deal_is_explained_by_either_id(storage: Storage, run: Run) -> None:
    for name in (storage.referral_id, storage.record_id):
        code, out, _ = run("explain", name)
        assert code == 0
        assert f"referral {storage.referral_id}, record {storage.record_id}, linked" in out
        assert "✔ Synchronized 2026-03-01 12:00 UTC" in out
        assert "Next: Nothing to do" in out
        assert "= name: Laptops for Oslo" in out


def test_a_deal_that_needs_somebody_says_so_in_its_exit_code(storage: Storage, run: Run) -> None:
    storage.park()
    code, out, _ = run("explain", storage.referral_id)
    assert code == 1
    assert "Enter the estimated value." in out
    code, out, _ = run("status")
    assert code == 1
    assert f"✖ salesforce {storage.referral_id} is parked: Partner Center requires a deal value." in out


def test_a_program_gets_what_the_page_gives_and_nothing_else(storage: Storage, run: Run) -> None:
    storage.park()
    _, out, _ = run("status", "--json", "--crm", "salesforce")
    assert {"time", "version", "health", "checks", "crms", "parked", "attention"} < json.loads(out).keys()
    _, out, _ = run("explain", "--json", storage.record_id)
    assert list(json.loads(out)) == [
        *("link", "status", "fields", "microsoft", "registration", "audit", "problems", "next", "notes")
    ]
    _, out, _ = run("retry", "--json", storage.record_id)
    assert json.loads(out)["action"] == "retry"


@pytest.mark.parametrize("command", ["retry", "pause", "unlink"])
def test_an_order_is_noted_under_the_operators_name_and_queued(storage: Storage, run: Run, command: str) -> None:
    code, out, _ = run(command, storage.record_id)
    assert (code, out[:1]) == (0, "✔")
    (message,) = storage.queued()
    assert (message["referral_id"] if command != "retry" else message["record_id"]) in (
        storage.referral_id,
        storage.record_id,
    )
    assert message.get("order") == (None if command == "retry" else command)
    assert storage.audit() == [f"{command}: ordered by jane, cosell.py"]


def test_every_parked_deal_is_tried_again_at_once(storage: Storage, run: Run) -> None:
    storage.park()
    code, out, _ = run("retry", "--all", "--crm", "salesforce")
    assert code == 0
    assert "parked deals are looked at again." in out
    assert storage.record_id in [message.get("record_id") for message in storage.queued()]


def test_what_is_over_is_shared_again(storage: Storage, run: Run) -> None:
    code, out, _ = run("share_again", storage.record_id)
    assert code == 1
    assert "✖ Its referral is still open." in out
    storage.put(etag=storage.link.etag, base={STATUS: Stage.WON})
    assert run("share_again", storage.record_id)[0] == 0
    assert storage.queued()[0]["order"] == "share_again"


def test_what_a_person_paused_is_resumed(storage: Storage, run: Run) -> None:
    assert run("resume", storage.record_id)[0] == 1
    storage.put(etag=storage.link.etag, state=LinkState.STOPPED)
    assert run("resume", storage.record_id)[0] == 0


def test_a_referral_that_looks_like_a_deal_gets_a_record_of_its_own(storage: Storage, run: Run) -> None:
    referral_id, now = str(uuid.uuid4()), SystemClock().now()
    code, out, err = run("create", referral_id)
    assert (code, (out + err)[:1]) == (1, "✖"), "nobody waits for it"
    waits = DealMessage("partner_center", "referral-created", "", referral_id=referral_id).dump()
    alike = (problem("deal.looks_alike", "deal", name="Laptops for Oslo", record=storage.record_id),)
    due = Due(DueKind.PARKED, referral_id, now, now, waits, "data", "looks alike", alike, 1)
    storage.app.ledger.of("salesforce").agenda.put(due)
    code, out, _ = run("create", referral_id, "--json")
    assert (code, json.loads(out)["action"]) == (0, "create")
    (message,) = storage.queued()
    assert (message["referral_id"], message["order"], message["crm"]) == (referral_id, "create", "salesforce")
    noted = storage.app.ledger.of("salesforce").audit.of(referral_id)
    assert [entry.text for entry in noted] == ["create: ordered by jane, cosell.py"]


def test_a_referral_and_a_record_are_linked_by_name(storage: Storage, run: Run) -> None:
    other = str(uuid.uuid4())
    code, out, _ = run("link", other, storage.record_id, "--crm", "salesforce")
    assert (code, "Unlink them first" in out) == (1, True)
    record_id = str(uuid.uuid4())
    assert run("link", other, record_id)[0] == 2, "which CRM is meant is not known"
    assert run("link", other, record_id, "--crm", "salesforce")[0] == 0
    (message,) = storage.queued()
    assert (message["referral_id"], message["record_id"], message["order"]) == (other, record_id, "link")
    assert (message["record_type"], message["crm"]) == ("Opportunity", "salesforce")


@pytest.mark.parametrize(
    ("command", "args", "code"),
    [
        ("explain", ["nobodys-deal"], 1),
        ("retry", ["nobodys-deal"], 1),
        ("retry", [], 2),
        ("retry", ["--all", "some"], 2),
        ("create", ["nobodys-deal"], 1),
        ("link", ["no-guid", "c1", "--crm", "salesforce"], 2),
        ("link", [str(uuid.uuid4()), "c1", "--crm", "salesforce", "--table", "Account"], 2),
    ],
)
def test_a_wrong_use_is_told_in_a_line(storage: Storage, run: Run, command: str, args: list[str], code: int) -> None:
    found, out, err = run(command, *args)
    assert found == code
    assert (out + err).startswith("✖ ")
    assert storage.queued() == []


@pytest.mark.parametrize(
    "command", ["status", "explain", "retry", "pause", "resume", "create", "unlink", "share_again"]
)
@pytest.mark.parametrize("connection", ["nonsense", "", "UseDevelopmentStorage=maybe"])
def test_storage_that_cannot_be_reached_is_a_line_and_no_traceback(
    storage: Storage, run: Run, monkeypatch: pytest.MonkeyPatch, command: str, connection: str
) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", connection)
    code, out, err = run(command, *(() if command == "status" else (storage.referral_id,)))
    assert (code, out) == (2, "")
    assert err.startswith("✖ ")
