"""`cosell.py release`: held mass changes are listed, released and dropped with the settings of the storage alone."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient, TextBase64DecodePolicy

from shared.alerts import Alerts
from shared.bootstrap import App
from shared.clock import SystemClock
from shared.desk.desk import Guarded
from shared.ledger.model import Due, DueKind
from shared.settings import load_settings
from shared.settings.declaration import declared
from shared.sync.mass_change import FOREVER, MASS_CHANGE, Kind
from tests.unit.test_settings import GOOD
from tools.admin.asked import PARTS, QUEUE, STORAGE, settings_for
from tools.admin.held import EXAMPLES, guarded
from tools.cli import local_settings, release
from tools.cli.configured import KNOWN
from tools.cli.release import FAILED, HELD, NOTHING


class Installation:
    """The storage of an app that nobody configured any further, with work that is held in it."""

    def __init__(self, storage: str) -> None:
        self.settings = {"AzureWebJobsStorage": storage, "SYNC_QUEUE": f"deals-{uuid.uuid4()}"}
        self.app = App(settings_for(self.settings, STORAGE, QUEUE))

    def of(self, crm: str) -> Guarded:
        return guarded(self.app, crm)

    def hold(self, crm: str, kind: Kind, *keys: str) -> None:
        for number, key in enumerate(keys):
            since = SystemClock().now() + timedelta(seconds=number)
            due = Due(DueKind.HELD, key, since + FOREVER, since, f"message of {key}", reason=str(kind))
            self.of(crm).agenda.put(due)
        self.alerts.alert(MASS_CHANGE.format(crm), "Many deals at once.")

    @property
    def alerts(self) -> Alerts:
        return self.app.alerts

    def held(self, crm: str) -> set[str]:
        return {due.key for due in self.of(crm).agenda.all(DueKind.HELD)}

    def queued(self) -> set[str]:
        client = QueueClient.from_connection_string(
            self.settings["AzureWebJobsStorage"],
            self.settings["SYNC_QUEUE"],
            message_decode_policy=TextBase64DecodePolicy(),
        )
        with client:
            return {message.content for message in client.receive_messages()}

    def raised(self) -> set[str]:
        return {key for key in self.alerts.raised() if key.startswith("mass change")}


@pytest.fixture
def installation(azurite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    made = Installation(azurite)
    monkeypatch.setattr(local_settings, "FILE", tmp_path / "local.settings.json")
    for setting in declared().values():
        monkeypatch.delenv(setting.name, raising=False)
    for name, value in made.settings.items():
        monkeypatch.setenv(name, value)
    for crm in KNOWN:
        for key in made.held(crm):
            made.of(crm).agenda.drop(DueKind.HELD, key)
        made.alerts.clear(MASS_CHANGE.format(crm))
    return made


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    code = release.main(list(args))
    return code, capsys.readouterr().out


def test_nothing_is_held(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert installation.raised() == set()
    assert run(capsys) == (NOTHING, "Nothing is held.\n")


def test_what_is_held_is_listed_by_crm_and_kind_and_stays(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    installation.hold("dynamics365", Kind.CLOSE, *(f"deal-{number}" for number in range(EXAMPLES + 2)))
    installation.hold("salesforce", Kind.SWITCH_OFF, "deal-9")
    code, told = run(capsys)
    assert code == HELD
    assert f"dynamics365: {EXAMPLES + 2} held (close), since 20" in told
    assert "deal-4 and 2 more" in told
    assert "deal-5" not in told
    assert "salesforce: 1 held (switch off)" in told
    assert "--all lets them happen" in told
    assert len(installation.held("dynamics365")) == EXAMPLES + 2
    assert installation.raised() == {"mass change dynamics365", "mass change salesforce"}


def test_a_program_gets_every_deal(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    installation.hold("salesforce", Kind.CLEAR, *(f"deal-{number}" for number in range(9)))
    code, told = run(capsys, "--json", "--crm", "salesforce")
    content = json.loads(told)
    assert code == HELD
    assert [(each["crm"], each["kind"], len(each["deals"])) for each in content["held"]] == [("salesforce", "clear", 9)]
    assert content["released"] == 0
    assert content["held"][0]["deals"][0]["deal"] == "deal-0"


def test_what_is_released_goes_to_the_queue_and_the_alert_is_resolved(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    installation.hold("dynamics365", Kind.CLOSE, "deal-1", "deal-2")
    installation.hold("salesforce", Kind.CLOSE, "deal-3")
    code, told = run(capsys, "--all", "--crm", "dynamics365")
    assert (code, told.startswith("✔ 2 released")) == (NOTHING, True)
    assert installation.queued() == {"message of deal-1", "message of deal-2"}
    assert (installation.held("dynamics365"), installation.held("salesforce")) == (set(), {"deal-3"})
    assert installation.raised() == {"mass change salesforce"}
    (noted, *_) = installation.app.ledger.of("dynamics365").audit.of("held:close")
    assert noted.text.startswith("release close: ordered by ")
    assert noted.text.endswith(", cosell.py")


def test_only_the_kind_that_is_named_is_let_go_and_the_alert_stays_while_others_wait(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    installation.hold("dynamics365", Kind.CLOSE, "deal-1")
    installation.hold("dynamics365", Kind.DELETE, "deal-2")
    code, _ = run(capsys, "--all", "--kind", "delete")
    assert code == NOTHING, "nothing of this kind is held any more"
    assert installation.queued() == {"message of deal-2"}
    assert installation.held("dynamics365") == {"deal-1"}
    assert installation.raised() == {"mass change dynamics365"}


def test_what_is_dropped_does_not_happen(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    installation.hold("salesforce", Kind.DELETE, "deal-1", "deal-2")
    code, told = run(capsys, "--drop", "--json")
    assert (code, json.loads(told)) == (NOTHING, {"held": [], "dropped": 2})
    installation.app.queue.send("something else")
    assert installation.queued() == {"something else"}
    assert installation.held("salesforce") == set()
    assert installation.raised() == set()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("AzureWebJobsStorage", "", "AzureWebJobsStorage: is not set"),
        ("SYNC_QUEUE", "", "SYNC_QUEUE: is not set"),
        ("AzureWebJobsStorage", "AccountName=a", "✖ "),
    ],
)
def test_what_the_storage_lacks_is_said_and_nothing_else_is_asked_for(
    installation: Installation,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    told: str,
) -> None:
    assert installation.raised() == set()
    monkeypatch.setenv("CRM", "hubspot")
    monkeypatch.setenv(name, value)
    code, shown = run(capsys)
    assert code == FAILED
    assert told in shown
    assert "PARTNER_CENTER" not in shown


def test_release_and_drop_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        release.main(["--all", "--drop"])
    assert stopped.value.code == FAILED
    assert "not allowed with" in capsys.readouterr().err


# --- which settings are asked for ------------------------------------------------------------------------------------


def test_what_is_not_asked_for_may_be_missing_or_wrong() -> None:
    given = {
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        "SYNC_QUEUE": "mine",
        "CRM": "hubspot",
        "DYNAMICS_URL": "nonsense",
        "CLOSE_DELAY_MINUTES": "soon",
        "WEBHOOK_HEARTBEAT_HOURS": "never",
        "ALERT_WEBHOOK_URL": "x",
    }
    settings = settings_for(given, STORAGE, QUEUE)
    assert (settings.queue, settings.close_delay_minutes) == ("mine", 5)


def test_what_is_right_is_kept() -> None:
    assert settings_for(GOOD, STORAGE) == load_settings(GOOD)


def test_every_setting_belongs_to_one_part() -> None:
    for setting in declared().values():
        owners = [part for part in PARTS if part.holds(setting.name)]
        assert len(owners) == (0 if setting.name in ("AZURE_CLIENT_ID", "ENTRA_AUTHORITY") else 1), setting.name
