"""`cosell.py provision` against an environment without the product's columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.bootstrap import App
from shared.errors import AccessDenied, ServiceUnavailable
from shared.mapping.lint import lint
from shared.mapping.loading import BUILT_IN, load_mapping, positions
from tests.contract.stages.admin import Desk
from tests.fakes import crm_tables
from tools.admin import waiting
from tools.admin.dataverse_columns import column_body
from tools.admin.dataverse_provisioning import plan
from tools.admin.options import Options
from tools.admin.plan import Action
from tools.cli import provision
from tools.simulators.dataverse.columns import Column, Kind
from tools.simulators.server import Fault
from tools.simulators.world import CLIENT_ID, World

CUSTOM = [name for name in crm_tables.record().columns if name.startswith("cosell_")]
COLUMN = "/Attributes"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture
def desk(world: World, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", world.settings()["REQUESTS_CA_BUNDLE"])
    return Desk(world)


def custom(desk: Desk) -> dict[str, Column]:
    return {
        column.name: column for column in desk.crm.environment.table("opportunity").columns.values() if column.custom
    }


def test_a_dry_run_shows_the_plan_and_changes_nothing(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert provision.run(desk.app(), "dynamics365", apply=False) == 0
    told = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "create cosell_audit Multiline text 100000" in told
    assert "create cosell_referralidentifier alternate key" in told
    assert "keep estimatedvalue Currency" in told
    assert (custom(desk), desk.posts()) == ({}, 0)


def test_apply_makes_every_column_and_the_key(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    app = desk.app()
    assert provision.run(app, "dynamics365", apply=True) == 0
    made, wanted = custom(desk), crm_tables.record().columns
    assert sorted(made) == sorted(CUSTOM)
    live = app.ports["dynamics365"].crm.describe()
    assert {name: (live.record.columns[name].kind, live.record.columns[name].length) for name in CUSTOM} == {
        name: (wanted[name].kind, wanted[name].length) for name in CUSTOM
    }
    assert live.record.keys == crm_tables.record().keys
    labels = [option.label for option in live.record.columns["cosell_howcanmicrosofthelp"].options]
    assert labels[:2] == ["Workload specific value proposition", "Customer technical architecture"]
    assert made["cosell_referrallink"].format == "Url"
    told = capsys.readouterr().out
    assert "waiting for the alternate key's index" in told
    assert "InProgress" in told
    assert lint(load_mapping("dynamics365").file, positions("dynamics365"), live) == []


def test_a_second_apply_does_nothing(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    provision.run(desk.app(), "dynamics365", apply=True)
    before = desk.posts()
    assert provision.run(desk.app(), "dynamics365", apply=True) == 0
    assert desk.posts() == before
    assert capsys.readouterr().out.endswith("✔ Nothing to do.\n")


@pytest.mark.parametrize("path", [COLUMN, "/Keys"])
def test_what_exists_already_when_it_is_made_counts_as_done(desk: Desk, path: str) -> None:
    """The answer to a definition was lost, so the client asked again and met its own."""
    desk.server.faults.inject(Fault("reset_after", method="POST", path=path, times=1))
    assert provision.run(desk.app(), "dynamics365", apply=True) == 0
    assert sorted(custom(desk)) == sorted(CUSTOM)


def test_a_run_that_was_broken_off_is_finished_by_the_next(desk: Desk) -> None:
    desk.server.faults.inject(Fault("status", status=503, method="POST", path="/Keys", times=None))
    with pytest.raises(ServiceUnavailable):
        provision.run(desk.app(), "dynamics365", apply=True)
    desk.server.faults.clear()
    assert provision.run(desk.app(), "dynamics365", apply=True) == 0


def test_a_column_of_another_type_is_refused_and_nothing_is_made(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    table = desk.crm.environment.table("opportunity")
    table.add_column(Column("cosell_referralvisibility", Kind.STRING, "x", max_length=10), desk.world.clock.now())
    assert provision.run(desk.app(), "dynamics365", apply=True) == 1
    assert "the column cosell_referralvisibility is Text 10, but it must be Yes/No" in capsys.readouterr().out
    assert desk.posts() == 0


def test_a_key_whose_index_failed_needs_a_person(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.crm.provision_cosell_columns()
    table = desk.crm.environment.table("opportunity")
    table.keys = {name: replace(key, failed=True) for name, key in table.keys.items()}
    assert provision.run(desk.app(), "dynamics365", apply=True) == 1
    assert "two rows share a value" in capsys.readouterr().out


def test_an_index_that_is_never_built_ends_the_wait(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 6.0)
    with pytest.raises(ServiceUnavailable, match="alternate key's index: not there after 6 s; run this again later"):
        provision.run(desk.app(), "dynamics365", apply=True)


def test_without_the_role_nothing_is_made(desk: Desk) -> None:
    desk.crm.add_application_user(CLIENT_ID, customizer=False)
    with pytest.raises(AccessDenied, match="prvCreateAttribute"):
        provision.run(desk.app(), "dynamics365", apply=True)
    assert custom(desk) == {}


def test_after_polling_has_begun_the_full_pass_is_announced(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    app = desk.app()
    app.ledger.replace_value("cursor", "dynamics365", "token", app.ledger.value("cursor", "dynamics365"))
    assert provision.run(app, "dynamics365", apply=False) == 0
    assert "the next poll reads every record once" in capsys.readouterr().out


def test_labels_are_in_the_environments_own_language(desk: Desk) -> None:
    for row in desk.crm.environment.store.all("organization"):
        row.values["languagecode"] = 1031
    provision.run(desk.app(), "dynamics365", apply=True)
    bodies = [entry.body for entry in desk.server.log.entries if entry.method == "POST" and COLUMN in entry.path]
    assert len(bodies) == len(CUSTOM)
    assert all(b'"LanguageCode": 1031' in body and b"1033" not in body for body in bodies)


def test_new_definitions_go_to_the_solution_that_is_named(desk: Desk) -> None:
    provision.run(desk.app(), "dynamics365", Options(solution="cosell"), apply=True)
    posts = [entry for entry in desk.server.log.entries if entry.method == "POST" and "Definitions" in entry.path]
    assert {entry.headers["mscrm.solutionuniquename"] for entry in posts} == {"cosell"}


def with_rows(tmp_path: Path, *edits: tuple[str, str]) -> Path:
    text = (BUILT_IN / "dynamics365.yaml").read_text(encoding="utf-8")
    for old, new in edits:
        text = text.replace(old, new)
    (tmp_path / "dynamics365.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_names_come_from_the_mapping_file(desk: Desk, tmp_path: Path) -> None:
    app = desk.app(MAPPING_DIR=str(with_rows(tmp_path, ("cosell_", "msft_"))))
    assert provision.run(app, "dynamics365", apply=True) == 0
    assert sorted(custom(desk)) == sorted(name.replace("cosell_", "msft_") for name in CUSTOM)


def test_a_misspelt_standard_column_is_not_made(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = desk.app(MAPPING_DIR=str(with_rows(tmp_path, ("column: estimatedvalue", "column: estimatedvalu"))))
    assert provision.run(app, "dynamics365", apply=True) == 1
    assert "did you mean estimatedvalue?" in capsys.readouterr().out
    assert desk.posts() == 0


MONEY = """
  - {field: budget, referral: details.dealValue, column: new_budget, codec: money, digits: 3,
     to_crm: [create], to_partner_center: [], conflict: crm}
  - {field: started, referral: acceptedDateTime, column: new_started, codec: date,
     to_crm: [create], to_partner_center: [], conflict: crm}
  - {field: story, referral: statusReason, column: new_story, codec: text, limit: 5000,
     to_crm: [create], to_partner_center: [], conflict: crm}

# Where a deal stands"""


def test_fields_of_ones_own_get_the_type_their_codec_needs(desk: Desk, tmp_path: Path) -> None:
    app = desk.app(MAPPING_DIR=str(with_rows(tmp_path, ("\n# Where a deal stands", MONEY))))
    assert provision.run(app, "dynamics365", apply=True) == 0
    made = custom(desk)
    assert (made["new_budget"].kind, made["new_budget"].precision) == (Kind.MONEY, 3)
    assert made["new_started"].is_date_only
    assert (made["new_story"].kind, made["new_story"].max_length) == (Kind.MEMO, 5000)


def test_the_plan_of_a_provisioned_table_keeps_everything() -> None:
    assert {item.action for item in plan(load_mapping("dynamics365").file, crm_tables.record())} == {Action.KEEP}


def test_the_command_wants_a_mode_and_complete_settings(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.cli.local_settings.FILE", tmp_path / "none.json")
    with pytest.raises(SystemExit):
        provision.main([])
    for name in desk.settings():
        monkeypatch.delenv(name, raising=False)
    assert provision.main(["--dry-run"]) == 1
    assert "PARTNER_CENTER_CLIENT_ID: is not set" in capsys.readouterr().out


def test_what_is_sent_has_the_vendors_types(desk: Desk) -> None:
    app: App = desk.app()
    needs = [
        item.need for item in plan(load_mapping("dynamics365").file, app.ports["dynamics365"].crm.describe().record)
    ]
    types = {str(column_body(need, 1033)["@odata.type"]) for need in needs if need and need.column in CUSTOM}
    prefix = "Microsoft.Dynamics.CRM."
    assert types == {f"{prefix}{kind}AttributeMetadata" for kind in ("String", "Memo", "Picklist", "Boolean")}
