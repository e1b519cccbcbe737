"""What the sync may expect of a CRM: guarded writes, and moves of the record's state."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest

from shared.crm.port import Record
from shared.errors import (
    AlreadyExists,
    DataError,
    GoneError,
    SchemaMismatch,
    VersionMismatch,
)
from shared.lifecycle import Stage
from tests.support.crm_words import (
    created,
    moving,
    nobody,
    said,
    shows,
    word,
)
from tests.support.stages.crm import CrmStage

# --- update ----------------------------------------------------------------------------------------------------------


def test_update_returns_the_record_with_its_new_version(stage: CrmStage) -> None:
    before = stage.port.read(stage.add_deal())
    stage.pass_time()
    written = stage.port.update(before, said(stage, notes="new", currency="USD"))
    assert word(stage, written.columns, "notes") == "new"
    assert word(stage, written.columns, "currency") == "USD"
    assert word(stage, written.columns, "name") == word(stage, before.columns, "name")
    assert written.version == stage.port.read(before.id).version != before.version
    assert written.seen_at > before.seen_at


def test_null_clears(stage: CrmStage) -> None:
    before = stage.port.read(stage.add_deal())
    assert word(stage, stage.port.update(before, said(stage, notes=None)).columns, "notes") is None


def test_texts_are_taken_as_they_are(stage: CrmStage) -> None:
    texts = [
        "@{before.Name}",
        "@{account.id} and @{record}",
        "a\nb\tc",
        "' OR '1'='1",
        "<b>&amp;</b>",
        "é 漢 \U0001f600",
    ]
    record = created(stage, nobody(), notes=texts[0])
    assert word(stage, record.columns, "notes") == texts[0]
    for text in texts:
        stage.pass_time()
        record = stage.port.update(record, said(stage, notes=text, value=1))
        assert word(stage, record.columns, "notes") == text
    assert word(stage, stage.port.read(record.id).columns, "notes") == texts[-1]


@pytest.mark.parametrize("same_moment", [False, True])
def test_update_of_an_old_version_changes_nothing(stage: CrmStage, *, same_moment: bool) -> None:
    before = stage.port.read(stage.add_deal())
    if not same_moment:
        stage.pass_time()
    stage.edit(before.id, notes="the seller's")
    stage.pass_time()
    with pytest.raises(VersionMismatch):
        stage.port.update(before, said(stage, notes="ours"))
    assert word(stage, stage.columns(before.id), "notes") == "the seller's"


def test_update_without_a_version_is_unconditional(stage: CrmStage) -> None:
    before = stage.port.read(stage.add_deal())
    stage.edit(before.id, notes="the seller's")
    bare = Record(before.id, None, {}, before.seen_at)
    written = stage.port.update(bare, said(stage, status="ours"))
    assert word(stage, written.columns, "notes") == "the seller's"
    assert word(stage, written.columns, "status") == "ours"


@pytest.mark.parametrize("versioned", [True, False])
def test_update_never_creates(stage: CrmStage, *, versioned: bool) -> None:
    record = stage.port.read(stage.add_deal())
    stage.delete(record.id)
    with pytest.raises(GoneError):
        stage.port.update(
            record if versioned else Record(record.id, None, {}, record.seen_at), said(stage, name="risen")
        )


@pytest.mark.parametrize(
    "words",
    [{"name": None}, {"name": "n" * 301}, {"notes": "d" * 32_001}, {"value": 10**19}, {"currency": "CHF"}],
)
def test_a_refused_update_is_a_data_error_and_changes_nothing(stage: CrmStage, words: dict[str, object]) -> None:
    record = stage.port.read(stage.add_deal())
    with pytest.raises(DataError):
        stage.port.update(record, said(stage, **words, status="half"))
    assert stage.port.read(record.id).version == record.version


def test_a_column_that_is_not_there_is_a_schema_mismatch(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    with pytest.raises(SchemaMismatch):
        stage.port.update(record, {"contoso_missing": 1})


def test_money_is_kept_to_the_cent(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    written = stage.port.update(record, said(stage, value=0.13))
    assert Decimal(str(word(stage, written.columns, "value"))) == Decimal("0.13")


def test_what_the_crms_own_logic_makes_of_a_write_is_returned(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.plug_in(lambda _: said(stage, notes="by the plug-in"))
    written = stage.port.update(record, said(stage, notes="ours"))
    assert word(stage, written.columns, "notes") == "by the plug-in"
    assert written.version == stage.port.read(record.id).version


def test_an_identifier_that_another_record_has_is_refused(stage: CrmStage) -> None:
    referral_id = nobody()
    created(stage, referral_id)
    other = stage.port.read(stage.add_deal())
    with pytest.raises(AlreadyExists):
        stage.port.update(other, said(stage, identifier=referral_id))


# --- state -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [Stage.WON, Stage.LOST, Stage.DECLINED])
def test_closing_writes_the_columns_first(stage: CrmStage, after: Stage) -> None:
    record = stage.port.read(stage.add_deal())
    closed = stage.port.update(record, said(stage, notes="last words"), moving(stage, Stage.ACTIVE, after))
    held = stage.columns(record.id)
    assert shows(stage, held, after)
    assert word(stage, held, "notes") == "last words"
    assert shows(stage, closed.columns, after)
    assert closed.version in (None, stage.port.read(record.id).version)


def test_on_hold_and_active_are_plain_writes(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    held = stage.port.update(record, said(stage, notes="x"), moving(stage, Stage.ACTIVE, Stage.ON_HOLD))
    assert shows(stage, held.columns, Stage.ON_HOLD)
    active = stage.port.update(held, {}, moving(stage, Stage.ON_HOLD, Stage.ACTIVE))
    assert shows(stage, active.columns, Stage.ACTIVE)
    assert active.version == stage.port.read(record.id).version


@pytest.mark.parametrize(
    ("before", "after"), [(Stage.WON, Stage.LOST), (Stage.LOST, Stage.WON), (Stage.LOST, Stage.ACTIVE)]
)
def test_a_closed_record_is_opened_to_be_written(stage: CrmStage, before: Stage, after: Stage) -> None:
    record_id = stage.add_deal()
    stage.close(record_id, before)
    record = stage.port.read(record_id)
    stage.port.update(record, said(stage, notes="corrected"), moving(stage, before, after))
    held = stage.columns(record_id)
    assert word(stage, held, "notes") == "corrected"
    assert shows(stage, held, after)


def test_closing_what_is_closed_alike_is_done(stage: CrmStage) -> None:
    record_id = stage.add_deal()
    record = stage.port.read(record_id)
    stage.pass_time()
    stage.close(record_id, Stage.WON)
    with contextlib.suppress(VersionMismatch):
        stage.port.update(record, {}, moving(stage, Stage.ACTIVE, Stage.WON))
    assert shows(stage, stage.columns(record_id), Stage.WON)


def test_a_closed_row_takes_other_writes_or_refuses_them_as_it_says(stage: CrmStage) -> None:
    record_id = stage.add_deal()
    stage.close(record_id, Stage.WON)
    record = stage.port.read(record_id)
    if not stage.port.closed_rows_are_read_only:
        written = stage.port.update(record, said(stage, status="still possible"))
        assert word(stage, written.columns, "status") == "still possible"
        return
    with pytest.raises(DataError):
        stage.port.update(record, said(stage, status="too late"))
    with pytest.raises(DataError):
        stage.port.update(record, {}, moving(stage, Stage.ACTIVE, Stage.LOST))
    assert shows(stage, stage.columns(record_id), Stage.WON)


def test_closing_an_old_version_changes_nothing(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.pass_time()
    stage.edit(record.id, notes="the seller's")
    with pytest.raises(VersionMismatch):
        stage.port.update(record, {}, moving(stage, Stage.ACTIVE, Stage.LOST))
    assert shows(stage, stage.columns(record.id), Stage.ACTIVE)


def test_closing_what_was_closed_otherwise_meanwhile_is_stale(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.pass_time()
    stage.close(record.id, Stage.WON)
    with pytest.raises(VersionMismatch):
        stage.port.update(record, {}, moving(stage, Stage.ACTIVE, Stage.LOST))
    assert shows(stage, stage.columns(record.id), Stage.WON)
