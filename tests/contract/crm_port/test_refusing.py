"""What the sync may expect of a CRM that refuses: nothing half done unsaid, no foreign key taken for ours."""

from __future__ import annotations

import pytest

from shared.crm.around import AccountWanted, Around
from shared.crm.port import PartlyWritten
from shared.errors import CosellError, DataError, FatalError
from shared.lifecycle import Stage
from tests.support.crm_words import NEW, created, customer, make, moving, nobody, said, shows, word
from tests.support.stages.crm import CrmStage

TEXT = "Close the quotes first, says the customer's logic."


# --- a close that is refused -----------------------------------------------------------------------------------------


def test_a_refused_close_tells_how_far_the_record_was_written(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.pass_time()
    stage.refuse_closing(TEXT)
    with pytest.raises(CosellError, match="Close the quotes first") as caught:
        stage.port.update(record, said(stage, notes="last words"), moving(stage, Stage.ACTIVE, Stage.WON))
    held = stage.port.read(record.id)
    assert shows(stage, held.columns, Stage.ACTIVE)
    if stage.port.closed_rows_are_read_only:  # Then closing is a request of its own.
        assert isinstance(caught.value, PartlyWritten)
        assert isinstance(caught.value.cause, DataError)
        assert caught.value.family == DataError.family
        assert caught.value.record.version == held.version != record.version
        assert word(stage, caught.value.record.columns, "notes") == "last words"
        stage.port.update(caught.value.record, said(stage, status="✖"))
    else:
        assert isinstance(caught.value, DataError)
        assert held.version == record.version


def test_a_refused_close_alone_changes_nothing(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.refuse_closing(TEXT)
    with pytest.raises(DataError, match="Close the quotes first"):
        stage.port.update(record, {}, moving(stage, Stage.ACTIVE, Stage.LOST))
    assert stage.port.read(record.id).version == record.version


def test_what_was_reopened_and_not_closed_again_is_told_too(stage: CrmStage) -> None:
    record_id = stage.add_deal()
    stage.close(record_id, Stage.LOST)
    record = stage.port.read(record_id)
    stage.pass_time()
    stage.refuse_closing(TEXT)
    with pytest.raises(CosellError, match="Close the quotes first") as caught:
        stage.port.update(record, {}, moving(stage, Stage.LOST, Stage.WON))
    held = stage.port.read(record_id)
    if isinstance(caught.value, PartlyWritten):
        assert caught.value.record.version == held.version
    assert shows(stage, held.columns, Stage.ACTIVE if isinstance(caught.value, PartlyWritten) else Stage.LOST)


# --- a CRM that refuses everything -----------------------------------------------------------------------------------


def test_a_refusal_of_every_write_is_a_data_error_in_the_crms_words(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.refuse_writes("Locked for approval.")
    with pytest.raises(DataError, match="Locked for approval"):
        stage.port.update(record, said(stage, notes="x"))
    with pytest.raises(DataError, match="Locked for approval"):
        created(stage, nobody())
    assert stage.port.read(record.id).version == record.version


# --- a unique column that is not ours --------------------------------------------------------------------------------


def test_an_account_kept_out_by_another_unique_column_is_no_account_of_ours(stage: CrmStage) -> None:
    column = stage.unique_of_account()
    stage.add_account(customer="Northwind Ltd", **{column: "N-1"})
    wanted = customer(stage)
    columns = {**said(stage, **NEW), **stage.dialect.states[Stage.ACTIVE]}
    before, referral_id = stage.accounts(), nobody()
    with pytest.raises(DataError, match=r"account\.match") as caught:
        make(stage, referral_id, columns, Around(AccountWanted(wanted.match, {**wanted.columns, column: "N-1"})))
    assert column in str(caught.value)
    assert stage.accounts() == before
    assert stage.port.find(referral_id) is None


# --- columns that are hidden -----------------------------------------------------------------------------------------


def read_and_check(stage: CrmStage, record_id: str) -> None:
    assert word(stage, stage.port.read(record_id).columns, "notes") is None
    stage.port.check_readable()


def test_a_hidden_column_is_not_taken_for_an_empty_one(stage: CrmStage) -> None:
    record_id = stage.add_deal()
    stage.port.check_readable()
    stage.hide("notes")
    stage.wait(120)
    with pytest.raises(FatalError) as caught:
        read_and_check(stage, record_id)
    assert stage.dialect.record["notes"] in str(caught.value)


# --- mergers ---------------------------------------------------------------------------------------------------------


def test_a_record_that_was_not_merged_has_no_successor(stage: CrmStage) -> None:
    kept, lost = stage.add_deal(), stage.add_deal()
    stage.delete(lost)
    assert [stage.port.successor(each) for each in (kept, lost, stage.nobody())] == [None] * 3
