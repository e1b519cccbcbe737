"""Columns that Dynamics 365 hides: by column security they come as null, under a masking rule as asterisks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.crm.dynamics365.security import AGAIN, EVERY
from shared.errors import AccessDenied
from shared.link import Link
from shared.mapping.check.findings import Severity
from shared.mapping.check.lint import lint
from shared.mapping.loading import load_mapping, positions
from shared.sync.preview import preview
from tests.support.crm_words import said, word
from tests.support.fakes.world import World
from tests.support.stages.crm import DataverseStage
from tools.simulators.vendors import CLIENT_ID


def user(stage: DataverseStage) -> str:
    rows = stage.simulator.rows("systemuser")
    return next(str(row["systemuserid"]) for row in rows if row["applicationid"] == CLIENT_ID)


def pass_over(stage: DataverseStage, span: timedelta) -> None:
    stage.wait(span.total_seconds() + 1)


def test_rights_are_asked_for_once_an_hour_and_no_more(stage: DataverseStage) -> None:
    record_id = stage.add_deal()
    stage.port.read(record_id)
    before = stage.requests()
    for _ in range(5):
        stage.port.read(record_id)
    assert stage.requests() - before == 5
    pass_over(stage, EVERY)
    stage.port.read(record_id)
    assert stage.requests() - before == 7


@pytest.mark.parametrize("masked", [False, True])
def test_a_right_that_is_taken_away_is_noticed_within_an_hour_and_heals(stage: DataverseStage, *, masked: bool) -> None:
    record_id = stage.add_deal()
    stage.port.read(record_id)
    stage.simulator.secure_column("opportunity", "description", masked=masked)
    pass_over(stage, EVERY)
    acts: list[Callable[[], object]] = [
        lambda: stage.port.read(record_id),
        lambda: stage.port.changes(None),
        lambda: stage.port.find("6a3f0f9e-2f0a-4c0e-9d53-5d1d7f3f6b1a"),
    ]
    for act in acts:
        with pytest.raises(AccessDenied, match=r"opportunity\.description is (secured|masked)"):
            act()
    stage.simulator.clear_rules()
    pass_over(stage, AGAIN)
    assert word(stage, stage.port.read(record_id).columns, "notes")


@pytest.mark.parametrize("masked", [False, True])
def test_preview_ends_at_a_column_that_cannot_be_read_and_forecasts_no_clearing(
    stage: DataverseStage, *, masked: bool
) -> None:
    world = World()
    world.connect(stage.port, load_mapping("dynamics365"))
    record = world.task.key(stage.add_deal())
    referral_id = world.partner_center.registers(externalReferenceId=record.id)
    deals = [Link("dynamics365", referral_id, record)]
    assert [each.link for each in preview(world.task, deals)] == deals
    stage.simulator.secure_column("opportunity", "description", masked=masked)
    pass_over(stage, EVERY)
    with pytest.raises(AccessDenied, match=r"opportunity\.description is (secured|masked)"):
        list(preview(world.task, deals))


def test_a_column_that_a_profile_lets_the_app_read_is_as_good_as_any(stage: DataverseStage) -> None:
    me = user(stage)
    stage.simulator.secure_column("opportunity", "description", readers=[me], writers=[me])
    record = stage.port.read(stage.add_deal())
    stage.port.check_readable()
    pass_over(stage, EVERY)
    assert word(stage, stage.port.read(record.id).columns, "notes")
    stage.port.update(stage.port.read(record.id), said(stage, notes="ours"))


def test_a_mask_is_not_a_value_even_for_who_may_read(stage: DataverseStage) -> None:
    stage.simulator.secure_column("opportunity", "description", readers=[user(stage)], masked=True)
    stage.wait(120)
    with pytest.raises(AccessDenied, match="is masked"):
        stage.port.check_readable()


def test_a_secured_column_that_may_only_be_read_is_not_written(stage: DataverseStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.simulator.secure_column("opportunity", "description", readers=[user(stage)])
    with pytest.raises(AccessDenied, match="description"):
        stage.port.update(record, said(stage, notes="ours"))


def test_columns_that_the_mapping_does_not_name_may_be_secured(stage: DataverseStage) -> None:
    stage.simulator.secure_column("opportunity", "stepname")
    stage.simulator.secure_column("contact", "jobtitle")
    stage.wait(120)
    stage.port.check_readable()


def test_the_contacts_columns_count_too(stage: DataverseStage) -> None:
    stage.simulator.secure_column("contact", "emailaddress1")
    stage.wait(120)
    with pytest.raises(AccessDenied, match=r"contact\.emailaddress1"):
        stage.port.check_readable()


def test_lint_tells_it_before_anything_is_synchronized(stage: DataverseStage) -> None:
    stage.simulator.secure_column("opportunity", "description")
    stage.simulator.secure_column("contact", "emailaddress1", masked=True)
    found = lint(load_mapping("dynamics365", None).file, positions("dynamics365", None), stage.port.describe())
    errors = [str(each) for each in found if each.severity is Severity.ERROR]
    assert len(errors) == 2
    assert "description is secured" in errors[0]
    assert "emailaddress1 is masked" in errors[1]
