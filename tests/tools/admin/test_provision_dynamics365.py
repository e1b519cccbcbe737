"""`cosell.py provision` against Dataverse: what only it has, such as a key whose index takes time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.bootstrap import App
from shared.errors import ServiceUnavailable
from shared.ledger.drawers import crm_cursor
from shared.mapping.check.lint import lint
from shared.mapping.loading import load_mapping, positions
from tests.support.fakes import crm_tables
from tests.support.stages.admin import DynamicsDesk
from tools.admin import waiting
from tools.admin.dynamics365.columns import column_body
from tools.admin.dynamics365.provisioning import plan
from tools.admin.options import Options
from tools.admin.provision.plan import Action
from tools.cli import provision
from tools.simulators.dataverse.columns import Kind
from tools.simulators.server import Fault
from tools.simulators.vendors import Vendors

CUSTOM = [name for name in crm_tables.record().columns if name.startswith("cosell_")]
COLUMN = "/Attributes"


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    with Vendors() as vendors:
        yield vendors


@pytest.fixture
def desk(vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> DynamicsDesk:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    return DynamicsDesk(vendors)


def test_apply_makes_every_column_and_the_key(desk: DynamicsDesk, capsys: pytest.CaptureFixture[str]) -> None:
    app = desk.app()
    assert provision.run(app, "dynamics365", apply=True) == 0
    made, wanted = desk.columns(), crm_tables.record().columns
    assert sorted(made) == sorted(CUSTOM)
    live = app.tasks.of("dynamics365").records.describe()
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


@pytest.mark.parametrize("path", [COLUMN, "/Keys"])
def test_what_exists_already_when_it_is_made_counts_as_done(desk: DynamicsDesk, path: str) -> None:
    """The answer to a definition was lost, so the client asked again and met its own."""
    desk.server.faults.inject(Fault("reset_after", method="POST", path=path, times=1))
    assert desk.provision(apply=True) == 0
    assert desk.custom() == sorted(CUSTOM)


def test_a_key_whose_index_failed_needs_a_person(desk: DynamicsDesk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.crm.provision_cosell_columns()
    table = desk.crm.environment.table("opportunity")
    table.keys = {name: replace(key, failed=True) for name, key in table.keys.items()}
    assert desk.provision(apply=True) == 1
    assert "two rows share a value" in capsys.readouterr().out


def test_who_keeps_the_key_out_is_named(desk: DynamicsDesk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.crm.provision_cosell_columns()
    table = desk.crm.environment.table("opportunity")
    table.keys.clear()  # As where another tool made the column, and no key.
    enter = desk.crm.seller.create_opportunity
    twice = [enter(name="Twice", cosell_referralidentifier=each) for each in ("0f6f-A", "0F6F-a")]
    only = enter(name="Other", cosell_referralidentifier="another")
    assert desk.provision(apply=True) == 1
    told = capsys.readouterr().out
    assert f"these share a value: 0f6f-a in {', '.join(sorted(twice))}. Clear all but one of each" in told
    assert only not in told
    desk.crm.seller.edit(twice[0], cosell_referralidentifier=None)
    assert desk.provision(apply=True) == 0
    assert [key.columns for key in desk.crm.environment.table("opportunity").keys.values()]


def test_an_index_that_is_never_built_ends_the_wait(desk: DynamicsDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 6.0)
    with pytest.raises(ServiceUnavailable, match="alternate key's index: not there after 6 s; run this again later"):
        desk.provision(apply=True)


def test_after_polling_has_begun_the_full_pass_is_announced(
    desk: DynamicsDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    app = desk.app()
    app.ledger.drawers.change(crm_cursor("dynamics365"), lambda _held: "token")
    assert provision.run(app, "dynamics365", apply=False) == 0
    assert "the next poll reads every record once" in capsys.readouterr().out


def test_labels_are_in_the_environments_own_language(desk: DynamicsDesk) -> None:
    for row in desk.crm.environment.store.all("organization"):
        row.values["languagecode"] = 1031
    desk.provision(apply=True)
    bodies = [entry.body for entry in desk.server.log.entries if entry.method == "POST" and COLUMN in entry.path]
    assert len(bodies) == len(CUSTOM) + 8, "those of opportunities, and those of leads"
    assert all(b'"LanguageCode": 1031' in body and b"1033" not in body for body in bodies)


def test_new_definitions_go_to_the_solution_that_is_named(desk: DynamicsDesk) -> None:
    provision.run(desk.app(), "dynamics365", Options(solution="cosell"), apply=True)
    posts = [entry for entry in desk.server.log.entries if entry.method == "POST" and "Definitions" in entry.path]
    assert {entry.headers["mscrm.solutionuniquename"] for entry in posts} == {"cosell"}


MONEY = """
  - {field: budget, referral: details.dealValue, column: new_budget, codec: money, digits: 3,
     to_crm: [create], to_partner_center: [], conflict: crm}
  - {field: started, referral: acceptedDateTime, column: new_started, codec: date,
     to_crm: [create], to_partner_center: [], conflict: crm}
  - {field: story, referral: statusReason, column: new_story, codec: text, limit: 5000,
     to_crm: [create], to_partner_center: [], conflict: crm}

# Where a deal stands"""


def test_fields_of_ones_own_get_the_type_their_codec_needs(desk: DynamicsDesk, tmp_path: Path) -> None:
    edits = desk.with_edits(tmp_path, ("\n# Where a deal stands", MONEY))
    assert desk.provision(apply=True, **edits) == 0
    made = desk.columns()
    assert (made["new_budget"].kind, made["new_budget"].precision) == (Kind.MONEY, 3)
    assert made["new_started"].is_date_only
    assert (made["new_story"].kind, made["new_story"].max_length) == (Kind.MEMO, 5000)


def test_the_plan_of_a_provisioned_table_keeps_everything() -> None:
    assert {item.action for item in plan(load_mapping("dynamics365").file, crm_tables.record())} == {Action.KEEP}


def test_what_is_sent_has_the_vendors_types(desk: DynamicsDesk) -> None:
    app: App = desk.app()
    needs = [
        item.need
        for item in plan(load_mapping("dynamics365").file, app.tasks.of("dynamics365").records.describe().record)
    ]
    types = {str(column_body(need, 1033)["@odata.type"]) for need in needs if need and need.column in CUSTOM}
    prefix = "Microsoft.Dynamics.CRM."
    assert types == {
        f"{prefix}{kind}AttributeMetadata" for kind in ("String", "Memo", "Picklist", "Boolean", "DateTime")
    }
