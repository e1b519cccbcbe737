"""`cosell.py provision` against a CRM without the product's columns, whichever CRM it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import AccessDenied, ServiceUnavailable
from shared.mapping.check.lint import lint
from shared.mapping.loading import load_mapping, positions
from tests.support.stages.admin import ADMINISTRATOR, DESKS, Desk
from tools.cli import provision
from tools.simulators.server import Fault
from tools.simulators.vendors import Vendors

MAKING = {"dynamics365": ["/Attributes"], "salesforce": ["/CustomField", "/PermissionSet", "/composite"]}
"""Where definitions are sent, by CRM."""


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    with Vendors() as vendors:
        yield vendors


@pytest.fixture(params=DESKS)
def desk(request: pytest.FixtureRequest, vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    return DESKS[request.param](vendors)


def is_clean(desk: Desk) -> bool:
    """Whether the app's own user finds everything that the mapping file names."""
    live = desk.app().tasks.of(desk.name).records.describe()
    return lint(load_mapping(desk.name).file, positions(desk.name), live) == []


def test_a_dry_run_shows_the_plan_and_changes_nothing(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.provision(apply=False) == 0
    told = capsys.readouterr().out
    assert sum(line.startswith("  create") for line in told.splitlines()) >= 17
    assert f"  keep    {desk.money[0]} " in told
    assert "Nothing was changed; --apply carries this out." in told
    assert (desk.custom(), desk.posts()) == ([], 0)


def test_a_program_is_given_plan_and_outcome(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("tools.cli.local_settings.FILE", tmp_path / "none.json")
    monkeypatch.setattr(provision, "app_for", lambda _crms, *_parts: desk.administrator())
    for name, value in desk.settings().items():
        monkeypatch.setenv(name, value)
    given = ["--user", desk.options.user] if desk.options.user else []
    for how, outcome in (("--dry-run", "planned"), ("--apply", "applied"), ("--apply", "nothing to do")):
        assert provision.main([how, "--json", *given]) == 0
        told = capsys.readouterr()
        (crm,) = json.loads(told.out)["crms"]
        assert (crm["crm"], crm["outcome"]) == (desk.name, outcome)
        assert desk.products in {item["name"] for item in crm["items"]}
        assert "opportunity in" in told.err.casefold()
    desk.demote()


def test_a_refusal_is_an_outcome_and_a_failure_names_the_right(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("tools.cli.local_settings.FILE", tmp_path / "none.json")
    monkeypatch.setattr(provision, "app_for", lambda _crms, *_parts: desk.administrator())
    for name, value in desk.settings().items():
        monkeypatch.setenv(name, value)
    given = ["--user", desk.options.user] if desk.options.user else []
    desk.demote()
    assert provision.main(["--apply", "--json", *given]) == 1
    (crm,) = json.loads(capsys.readouterr().out)["crms"]
    assert crm["outcome"] == "failed"
    assert "This needs" in crm["failure"]


def test_apply_makes_what_lint_then_finds(desk: Desk) -> None:
    assert desk.provision(apply=True) == 0
    assert len(desk.custom()) == 16
    assert is_clean(desk)


def test_a_second_apply_does_nothing(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.provision(apply=True)
    before = desk.posts()
    assert desk.provision(apply=True) == 0
    assert desk.posts() == before
    assert capsys.readouterr().out.endswith("✔ Nothing to do.\n")


def test_what_exists_already_when_it_is_made_counts_as_done(desk: Desk) -> None:
    """The answer to a definition was lost, so the client asked again and met its own."""
    for path in MAKING[desk.name]:
        desk.server.faults.inject(Fault("reset_after", method="POST", path=path, times=1))
    assert desk.provision(apply=True) == 0
    assert is_clean(desk)


@pytest.mark.parametrize("step", [0, -1])
def test_a_run_that_was_broken_off_is_finished_by_the_next(desk: Desk, step: int) -> None:
    path = MAKING[desk.name][step]
    desk.server.faults.inject(Fault("status", status=503, method="POST", path=path, times=None))
    with pytest.raises(ServiceUnavailable):
        desk.provision(apply=True)
    desk.server.faults.clear()
    assert desk.provision(apply=True) == 0
    assert is_clean(desk)


def test_a_column_of_another_type_is_refused_and_nothing_is_made(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.add_wrong_type()
    assert desk.provision(apply=True) == 1
    assert "is Text 10, but it must be Yes/No" in capsys.readouterr().out
    assert desk.posts() == 0


def test_a_column_that_is_too_short_is_refused(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk.provision(apply=True)
    before = desk.posts()
    longer = "fields:\n  - {field: solutions, limit: 9000}\n"
    (tmp_path / f"{desk.name}.yaml").write_text(f"overlay: true\nversion: longer\n{longer}", encoding="utf-8")
    assert desk.provision(apply=True, MAPPING_DIR=str(tmp_path)) == 1
    assert f"writes up to 9000 characters, but the column {desk.products} holds" in capsys.readouterr().out
    assert desk.posts() == before


def test_without_the_right_nothing_is_made(desk: Desk) -> None:
    desk.demote()
    with pytest.raises(AccessDenied, match=r"prvCreateAttribute|Customize Application"):
        desk.provision(apply=True)
    assert desk.custom() == []


def test_names_come_from_the_mapping_file(desk: Desk, tmp_path: Path) -> None:
    assert desk.provision(apply=True, **desk.with_edits(tmp_path, desk.prefix)) == 0
    made = desk.custom()
    assert len(made) == 16
    assert all(desk.prefix[1] in name for name in made)


def test_a_misspelt_standard_column_is_not_made(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    right, wrong = desk.money
    edits = desk.with_edits(tmp_path, (f"column: {right}", f"column: {wrong}"))
    assert desk.provision(apply=True, **edits) == 1
    assert f"did you mean {right}?" in capsys.readouterr().out
    assert desk.posts() == 0


def test_the_command_wants_a_mode_and_complete_settings(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.cli.local_settings.FILE", tmp_path / "none.json")
    with pytest.raises(SystemExit):
        provision.main([])
    for name in desk.settings():
        monkeypatch.delenv(name, raising=False)
    assert provision.main(["--dry-run"]) == 1
    assert "cp local.settings.sample.json local.settings.json" in capsys.readouterr().out
    monkeypatch.setenv("CRM", desk.name)
    assert provision.main(["--dry-run"]) == 1
    told = capsys.readouterr().out
    assert f"{next(iter(desk.sign_in()))}: is not set" in told
    assert "PARTNER_CENTER" not in told


def test_the_command_asks_for_the_settings_of_the_crm_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.cli.local_settings.FILE", tmp_path / "none.json")
    crm = {"CRM": desk.name, "ENTRA_AUTHORITY": desk.settings()["ENTRA_AUTHORITY"], **desk.sign_in()}
    if desk.name == "salesforce":
        crm |= {"SALESFORCE_CLIENT_ID": ADMINISTRATOR[0], "SALESFORCE_CLIENT_SECRET": ADMINISTRATOR[1]}
    for name in desk.settings():
        monkeypatch.delenv(name, raising=False)
    for name, value in {**crm, "REQUESTS_CA_BUNDLE": desk.settings()["REQUESTS_CA_BUNDLE"]}.items():
        monkeypatch.setenv(name, value)
    assert provision.main(["--dry-run", "--user", desk.options.user]) == 0
    assert "Nothing was changed; --apply carries this out." in capsys.readouterr().out


def test_the_command_says_who_lacks_what(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.cli.local_settings.FILE", tmp_path / "none.json")
    desk.demote()
    for name, value in desk.settings().items():
        monkeypatch.setenv(name, value)
    assert provision.main(["--apply"]) == 1
    assert "This needs " in capsys.readouterr().out
    assert desk.custom() == []
