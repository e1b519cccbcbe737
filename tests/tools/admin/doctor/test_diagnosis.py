"""`cosell.py doctor`: each thing that can be wrong, who can put it right, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from shared.bootstrap import App
from shared.feeds.poll_crm import poll_crm
from shared.ledger import drawers
from shared.partner_center.webhooks import Registration
from shared.settings import load_settings
from shared.webhook.registration_request import DEFAULT_EVENTS
from tests.support.fakes.clock import FakeClock
from tests.support.stages.admin import DynamicsDesk as Desk
from tests.support.stages.doctor import Findings, answering, see, signed_in
from tools.admin.doctor.diagnosis import diagnose
from tools.admin.doctor.report import Line, Mark, Owner
from tools.cli import doctor, lint, provision
from tools.simulators.dataverse.columns import Column, Kind
from tools.simulators.server import Fault
from tools.simulators.vendors import CLIENT_ID

pytestmark = pytest.mark.slow

# --- from nothing to health ------------------------------------------------------------------------------------------


def test_a_bare_environment_is_told_what_it_lacks(bare: Desk) -> None:
    found = see(bare.settings())
    missing = [line for line in found.of(Mark.BAD) if "has no column cosell_" in line.text]
    assert len(missing) == 13 + 8, "those of opportunities, and those of leads"
    assert {line.owner for line in missing} == {Owner.CRM}
    assert "dynamics365.yaml, line " in missing[0].text
    assert any("no alternate key on cosell_referralidentifier" in line.text for line in found.of(Mark.BAD))
    remedy = "`python3 cosell.py provision --dry-run` shows what it would create and grant; or map another column"
    off = f"{remedy}; or switch leads off, by `leads: off` in the mapping file"
    assert {(line.subject, line.remedy) for line in missing} == {
        ("Dynamics 365: mapping", remedy),
        ("Dynamics 365: mapping of leads", off),
    }


def test_provision_brings_health(bare: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.show(see(bare.settings())) == 1
    assert provision.run(bare.app(), "dynamics365", apply=False) == 0
    assert doctor.show(see(bare.settings())) == 1, "a dry run changes nothing"
    assert provision.run(bare.app(), "dynamics365", apply=True) == 0
    found = see(bare.settings())
    assert found.bad == []
    not_yet = ["polls of dynamics365", "sweeps of dynamics365", "events"]
    assert [line.subject for line in found.of(Mark.LOOK)] == ["sign-in", "webhook", *not_yet]
    assert doctor.show(found) == 0
    assert capsys.readouterr().out.endswith("All checks passed; 5 of them with a remark.\n")


def test_a_healthy_installation_is_looked_at_from_end_to_end(desk: Desk) -> None:
    receiver = f"{desk.vendors.add('receiver', answering(401)).url}/api/WebhookReceiver?code=a-function-key"
    app = desk.app()
    app.webhooks.register(Registration(receiver, DEFAULT_EVENTS))
    app.heartbeat.beat(app.clock.now())
    app.freshness.polled("dynamics365")
    app.rounds.note(None, None, ["dynamics365"])
    found = see(desk.settings(WEBHOOK_PUBLIC_URL=receiver, PARTNER_CENTER_SIGNED_IN=str(signed_in(desk))))
    assert [line for line in found if line.mark is not Mark.GOOD] == []
    assert [line.subject for line in found] == [
        "host.json",
        "settings",
        "storage: table",
        "storage: queue",
        "trust bundle",
        "sign-in",
        "token: referrals",
        "token: webhooks",
        "Partner Center",
        "clock",
        "webhook",
        "receiver",
        "Dynamics 365",
        "clock",
        "Dynamics 365: retention",
        "Dynamics 365: mapping",
        "Dynamics 365: change feed",
        "Dynamics 365: mapping of leads",
        "Dynamics 365: change feed of leads",
        "queue",
        "given up",
        "polls of dynamics365",
        "sweeps of dynamics365",
        "sign-in of dynamics365",
        "events",
        "deals",
        "alerts",
        "alert channel",
    ]
    assert doctor.show(found) == 0


def test_the_diagnosis_leaves_nothing_behind(desk: Desk) -> None:
    see(desk.settings())
    app = desk.app()
    assert dict(app.ledger.drawers.all(partial(drawers.text, "doctor"), "doctor")) == {}
    assert app.ledger.drawers.read(drawers.text("token", "partner_center")).value == ""
    assert app.queue.waiting() == 0
    assert desk.posts() == 0


def test_the_exit_code_and_whose_turn_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        Line(Mark.BAD, "a", "broken", Owner.CRM, "mend it"),
        Line(Mark.BAD, "b", "broken", Owner.AZURE),
        Line(Mark.BAD, "c", "broken", Owner.CRM),
        Line(Mark.LOOK, "d", "odd", Owner.AZURE),
    ]
    assert doctor.show(lines) == 1
    told = capsys.readouterr().out
    assert "✖ a: broken → CRM admin: mend it\n" in told
    assert told.endswith("3 problems: CRM admin 2, Azure admin 1\n")


# --- settings --------------------------------------------------------------------------------------------------------


def test_every_wrong_setting_is_named_at_once(desk: Desk) -> None:
    found = see(desk.settings(DYNAMICS_URL="http://crm.example", PARTNER_CENTER_CLIENT_ID="", CRM_AUDIT="sometimes"))
    assert found.bad == [("settings", Owner.AZURE)] * 3
    told = " ".join(line.text for line in found)
    for name in ("DYNAMICS_URL", "PARTNER_CENTER_CLIENT_ID", "CRM_AUDIT"):
        assert name in told


def test_a_key_vault_reference_cannot_be_followed_here(desk: Desk) -> None:
    reference = "@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/a)"
    found = see(desk.settings(PARTNER_CENTER_CLIENT_SECRET=reference))
    assert found.bad == [("settings", Owner.AZURE)]
    assert "PARTNER_CENTER_CLIENT_SECRET: is a Key Vault reference" in found.about("settings").text


def test_a_dry_run_setting_is_mentioned(desk: Desk) -> None:
    assert any("DRY_RUN is on" in line.text for line in see(desk.settings(DRY_RUN="true")).of(Mark.LOOK))


def test_the_file_of_core_tools_is_read_and_the_environment_wins(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "local.settings.json"
    file.write_text(json.dumps({"Values": desk.settings(CRM_AUDIT="sometimes")}))
    monkeypatch.setattr("tools.cli.local_settings.FILE", file)
    for name in desk.settings():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CRM_AUDIT", "off")
    assert doctor.main([]) == 0
    assert "✔ Dynamics 365: mapping:" in capsys.readouterr().out


def test_lint_asks_the_crm_when_told_to(
    bare: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.cli.local_settings.FILE", tmp_path / "none.json")
    monkeypatch.setenv("MAPPING_DIR", "")
    for name, value in bare.settings().items():
        monkeypatch.setenv(name, value)
    assert lint.main([]) == 0
    assert lint.main(["--live"]) == 1
    assert "the table opportunity has no column cosell_audit" in capsys.readouterr().out
    bare.crm.provision_cosell_columns()
    assert lint.main(["--live"]) == 0


# --- one thing wrong at a time ---------------------------------------------------------------------------------------


def no_role(desk: Desk) -> None:
    desk.crm.add_application_user(CLIENT_ID, roles=False)


def narrow_role(desk: Desk) -> None:
    desk.crm.add_application_user(CLIENT_ID, global_read=False)


def no_referrals_role(desk: Desk) -> None:
    body = '{"error": {"code": "accessDenied", "message": "no"}}'
    desk.vendors.servers["referrals"].faults.inject(Fault("status", status=403, body=body, times=None))


def signed_out(desk: Desk) -> None:
    desk.vendors.entra.revoke_refresh_tokens()


def no_consent(desk: Desk) -> None:
    desk.vendors.entra._directory.resources.clear()


def tracking_off(desk: Desk) -> None:
    desk.crm.environment.table("opportunity").change_tracking = False


def unreachable(desk: Desk) -> None:
    desk.server.faults.inject(Fault("status", status=503, times=None))


def other_type(desk: Desk) -> None:
    table = desk.crm.environment.table("opportunity")
    table.columns["cosell_products"] = Column("cosell_products", Kind.INTEGER, "x")


WRONG: list[tuple[Callable[[Desk], None], str, Owner, str]] = [
    (no_role, "Dynamics 365", Owner.CRM, "0x80042f09"),
    (narrow_role, "Dynamics 365: change feed", Owner.CRM, "needs Read of the whole organization on opportunities"),
    (no_referrals_role, "Partner Center", Owner.PARTNER_CENTER, "the service user needs a Referrals role"),
    (signed_out, "token: referrals", Owner.PARTNER_CENTER, "the sign-in was revoked"),
    (no_consent, "token: referrals", Owner.AZURE, "AADSTS500011"),
    (tracking_off, "Dynamics 365: mapping", Owner.CRM, "turn on Track changes"),
    (unreachable, "Dynamics 365", Owner.CRM, "Dynamics 365 answered 503"),
    (
        other_type,
        "Dynamics 365: mapping",
        Owner.CRM,
        "the column cosell_products is Whole number, but it must be Text or Multiline",
    ),
]


@pytest.mark.parametrize(("break_it", "subject", "owner", "what"), WRONG)
def test_what_is_wrong_out_there(
    desk: Desk, break_it: Callable[[Desk], None], subject: str, owner: Owner, what: str
) -> None:
    break_it(desk)
    first = see(desk.settings()).of(Mark.BAD)[0]
    assert (first.subject, first.owner) == (subject, owner)
    assert what in first.text


WRONG_SETTINGS = [
    ({"DYNAMICS_CLIENT_SECRET": "another-secret"}, "Dynamics 365", "AADSTS7000215"),
    ({"PARTNER_CENTER_CLIENT_SECRET": "another-secret"}, "token: referrals", "AADSTS7000215"),
    (
        {"WEBHOOK_TRUST_BUNDLE": "/no/such/file"},
        "trust bundle",
        "neither PEM text (-----BEGIN ...) nor",
    ),
]


@pytest.mark.parametrize(("change", "subject", "what"), WRONG_SETTINGS)
def test_what_is_wrong_with_an_accepted_setting(desk: Desk, change: dict[str, str], subject: str, what: str) -> None:
    first = see(desk.settings(**change)).of(Mark.BAD)[0]
    assert (first.subject, first.owner) == (subject, Owner.AZURE)
    assert what in first.text


def test_a_wrong_storage_key_does_not_hide_the_crm(desk: Desk, azurite: str) -> None:
    key = azurite.partition("AccountKey=")[2].partition(";")[0]
    wrong = azurite.replace(key, key[::-1].lstrip("=") + "==")
    found = see(desk.settings(AzureWebJobsStorage=wrong))
    assert found.bad == [("storage", Owner.AZURE)]
    assert "skipped: needs working storage" in found.about("Partner Center").text
    assert found.about("Dynamics 365: mapping").mark is Mark.GOOD


def test_the_shipped_bundle_needs_no_intermediates_unless_none_may_be_fetched(desk: Desk) -> None:
    assert "intermediates are fetched" in see(desk.settings(WEBHOOK_TRUST_BUNDLE="")).about("trust bundle").text
    found = see(desk.settings(WEBHOOK_TRUST_BUNDLE="", WEBHOOK_ISSUER_HOSTS=""))
    assert found.bad == [("trust bundle", Owner.AZURE)]
    assert "no unexpired intermediate" in found.about("trust bundle").text


def at(desk: Desk, moment: datetime) -> Findings:
    return Findings(diagnose(App(load_settings(desk.settings()), FakeClock(moment))))


def test_clocks_that_are_apart_are_mentioned(desk: Desk) -> None:
    clocks = [line for line in at(desk, datetime.now(UTC) + timedelta(minutes=2)) if line.subject == "clock"]
    assert [line.mark for line in clocks] == [Mark.LOOK, Mark.LOOK]
    assert "apart" in clocks[0].text
    assert [line.owner for line in clocks] == [Owner.AZURE, Owner.AZURE]


def test_expired_certificates_are_named(desk: Desk) -> None:
    end = min(each.not_valid_after_utc for each in desk.app().partner_center_connection.trust.bundle)
    soon = [line for line in at(desk, end - timedelta(days=3)) if line.subject == "trust bundle"]
    assert [line.mark for line in soon] == [Mark.LOOK]
    late = [line for line in at(desk, end + timedelta(days=3)) if line.subject == "trust bundle"]
    assert late[-1].text.startswith("expired: ")
    assert Mark.BAD in {line.mark for line in late}


# --- the change feed -------------------------------------------------------------------------------------------------


def test_a_cursor_that_expired_is_no_fault(desk: Desk) -> None:
    poll_crm(desk.app().tasks.of("dynamics365"))
    assert "can be followed from the cursor" in see(desk.settings()).about("Dynamics 365: change feed").text
    desk.crm.seller.create_account(name="Later")  # a token is void when it is older than the newest version
    desk.crm.environment.void_tokens(desk.crm.environment.table("opportunity"))
    line = see(desk.settings()).about("Dynamics 365: change feed")
    assert (line.mark, "reads every record once" in line.text) == (Mark.LOOK, True)


def test_a_short_retention_is_mentioned(desk: Desk) -> None:
    desk.crm.set_retention(2)
    line = see(desk.settings()).about("Dynamics 365: retention")
    assert (line.mark, line.owner) == (Mark.LOOK, Owner.CRM)


def test_a_mapping_that_cannot_be_read_is_the_crm_admins(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "dynamics365.yaml").write_text("version: 1\n")
    found = see(desk.settings(MAPPING_DIR=str(tmp_path)))
    assert {line.owner for line in found.of(Mark.BAD)} == {Owner.CRM}
    assert {line.subject for line in found.of(Mark.BAD)} == {"Dynamics 365: mapping"}


def test_a_key_that_is_not_active_yet(desk: Desk) -> None:
    table = desk.crm.environment.table("opportunity")
    later = desk.vendors.clock.now() + timedelta(hours=1)
    table.keys = {name: replace(key, active_from=later) for name, key in table.keys.items()}
    assert "not active: a deal could be doubled" in see(desk.settings()).about("Dynamics 365: mapping").text


@pytest.mark.parametrize(("masked", "why"), [(False, "is secured"), (True, "is masked")])
def test_a_column_that_the_app_may_not_read_is_the_crm_admins(desk: Desk, *, masked: bool, why: str) -> None:
    desk.crm.secure_column("opportunity", "description", masked=masked)
    found = see(desk.settings())
    told = [line for line in found.of(Mark.BAD) if "description" in line.text]
    assert told
    assert {line.owner for line in told} == {Owner.CRM}
    assert any(why in line.text for line in told)
