"""What the sync may expect of a CRM: the change feed, and reading."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import (
    CursorExpired,
    GoneError,
)
from shared.lifecycle import Stage
from tests.support.crm_words import (
    created,
    follow,
    nobody,
    said,
    shows,
    word,
)
from tests.support.stages.crm import CrmStage, FakeStage

# --- the change feed -------------------------------------------------------------------------------------------------


def test_without_a_cursor_everything_is_read(stage: CrmStage) -> None:
    ids = {stage.add_deal() for _ in range(4)}
    records, deleted, _ = follow(stage, None)
    assert {record.id for record in records} == ids
    assert deleted == []


def test_the_feed_brings_each_record_as_a_read_would(stage: CrmStage) -> None:
    record_id = stage.add_deal()
    (record,), _, _ = follow(stage, None)
    read = stage.port.read(record_id)
    assert (record.id, record.version, record.columns) == (read.id, read.version, read.columns)
    assert record.seen_at < read.seen_at


def test_an_unchanged_crm_brings_nothing_and_a_cursor(stage: CrmStage) -> None:
    stage.add_deal()
    _, _, cursor = follow(stage, None)
    before = stage.requests()
    records, deleted, _ = follow(stage, cursor)
    assert (records, deleted) == ([], [])
    assert stage.requests() - before == 1


def test_a_record_changed_twice_comes_once_in_its_newest_state(stage: CrmStage) -> None:
    record_id = stage.add_deal()
    _, _, cursor = follow(stage, None)
    stage.edit(record_id, notes="one")
    stage.edit(record_id, notes="two")
    (record,), _, _ = follow(stage, cursor)
    assert word(stage, record.columns, "notes") == "two"


def test_our_own_write_comes_back_with_the_version_it_produced(stage: CrmStage) -> None:
    record_id = stage.add_deal()
    _, _, cursor = follow(stage, None)
    written = stage.port.update(stage.port.read(record_id), said(stage, notes="ours"))
    (record,), _, _ = follow(stage, cursor)
    assert record.version == written.version


def test_deletions_are_told(stage: CrmStage) -> None:
    kept, lost = stage.add_deal(), stage.add_deal()
    _, _, cursor = follow(stage, None)
    stage.edit(kept, notes="changed")
    stage.delete(lost)
    records, deleted, following = follow(stage, cursor)
    assert [record.id for record in records] == [kept]
    assert deleted == [lost]
    assert follow(stage, following)[1] == []


def test_an_old_cursor_still_serves(stage: CrmStage) -> None:
    _, _, cursor = follow(stage, None)
    record_id = stage.add_deal()
    follow(stage, cursor)
    assert [record.id for record in follow(stage, cursor)[0]] == [record_id]


def test_the_feed_crosses_pages(stage: CrmStage) -> None:
    _, _, cursor = follow(stage, None)
    ids = [stage.add_deal() for _ in range(stage.pages + 1)]
    before = stage.requests()
    pages = list(stage.port.changes(None))
    assert [record.id for page in pages for record in page.records] == ids
    assert len(pages) == stage.requests() - before == 2
    assert [record.id for record in follow(stage, cursor)[0]] == ids


def test_a_forgotten_cursor_is_said_to_have_expired(stage: CrmStage) -> None:
    record_id = stage.add_deal()
    _, _, cursor = follow(stage, None)
    stage.expire_cursors()
    with pytest.raises(CursorExpired):
        follow(stage, cursor)
    records, _, following = follow(stage, None)
    assert [record.id for record in records] == [record_id]
    assert follow(stage, following)[0] == []


# --- reading ---------------------------------------------------------------------------------------------------------


def test_read_returns_plain_values_and_natural_keys(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    assert word(stage, record.columns, "currency") == "GBP"
    assert word(stage, record.columns, "value") == 42000
    assert word(stage, record.columns, "closing") == "2027-06-30"
    assert word(stage, record.columns, "sync") is True
    assert word(stage, record.columns, "visible") is False
    assert word(stage, record.columns, "identifier") is None
    assert shows(stage, record.columns, Stage.ACTIVE)


def test_read_and_related_of_nothing_are_gone(stage: CrmStage) -> None:
    record_id = stage.add_deal()
    stage.delete(record_id)
    for nothing in (record_id, stage.nobody()):
        with pytest.raises(GoneError):
            stage.port.read(nothing)
        with pytest.raises(GoneError):
            stage.port.related(nothing)


def test_every_write_gives_a_new_version_even_one_that_changes_nothing(stage: CrmStage) -> None:
    record_id = stage.add_deal()
    before = stage.port.read(record_id)
    stage.pass_time()
    stage.edit(record_id, notes=word(stage, before.columns, "notes"))
    assert stage.port.read(record_id).version != before.version


def test_owns_knows_the_shape_of_an_id(stage: CrmStage) -> None:
    assert stage.port.owns(stage.add_deal())
    before = stage.requests()
    assert all(stage.port.owns(each) for each in stage.dialect.own_ids)
    assert not any(stage.port.owns(each) for each in (*stage.dialect.foreign_ids, "OPP-0042", ""))
    assert stage.requests() == before


def test_find_returns_the_record_with_the_identifier(stage: CrmStage) -> None:
    referral_id = nobody()
    assert stage.port.find(referral_id) is None
    record = created(stage, referral_id)
    found = stage.port.find(referral_id)
    assert found is not None
    assert (found.id, found.version, found.columns) == (record.id, record.version, record.columns)


def test_related_brings_customer_contact_and_owner(stage: CrmStage) -> None:
    rows = stage.port.related(stage.add_deal())
    assert rows.account is not None
    assert rows.contact is not None
    assert rows.owner is not None
    assert rows.account[stage.dialect.account["customer"]] == "Contoso Outdoor & Sons"
    assert rows.account[stage.dialect.account["city"]] == "Bristol"
    assert rows.contact[stage.dialect.person["contact_email"]] == "olive@contoso.example"
    assert rows.owner[stage.dialect.person["owner_first_name"]] == "Sam"
    assert rows.owner[stage.dialect.person["owner_phone"]] == "+14255550101"


def test_related_tells_whether_the_sync_is_on_by_now(stage: CrmStage) -> None:
    record_id = stage.add_deal()
    assert stage.port.related(record_id).switched_on
    stage.edit(record_id, sync=False)
    assert not stage.port.related(record_id).switched_on


def test_related_rows_that_are_not_set_are_none(stage: CrmStage) -> None:
    rows = stage.port.related(stage.add_deal(customer=None))
    assert rows.account is None
    assert rows.contact is None


@pytest.mark.parametrize(
    "edit", [{"city": "Bath"}, {"contact_email": "new@contoso.example"}, {"owner_phone": "+14255550199"}], ids=str
)
def test_an_edit_beside_a_record_gives_it_another_mark(stage: CrmStage, edit: dict[str, str]) -> None:
    record_id, other = stage.add_deal(), stage.add_deal(customer=None)
    before = stage.port.beside([record_id, other])
    stage.pass_time()
    stage.edit(record_id, notes="an edit of the record itself")
    assert stage.port.beside([record_id, other]) == before
    stage.edit_beside(record_id, **edit)
    after = stage.port.beside([record_id, other])
    assert set(before) == set(after) == {record_id, other}
    assert before[record_id] != after[record_id]
    assert (before[other] == after[other]) is ("owner_phone" not in edit), "they have the same owner"


def test_what_is_beside_many_records_costs_one_call(stage: CrmStage) -> None:
    ids, gone = [stage.add_deal() for _ in range(stage.pages)], stage.add_deal()
    stage.delete(gone)
    before = stage.requests()
    assert set(stage.port.beside([*ids, gone, "OPP-0042"])) == set(ids)
    assert stage.requests() - before == 1
    assert stage.port.beside([]) == {}
    assert stage.requests() - before == 1


def test_deals_whose_account_or_contact_was_edited_are_named(stage: CrmStage) -> None:
    account = stage.add_account(customer="Edited Ltd")
    record = created(stage, nobody())
    unshared = stage.add_deal(**{stage.dialect.account_of: account})
    stage.pass_time()
    long_ago, someday = datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=3650)
    assert unshared not in stage.port.beside_edited(long_ago), "nothing is tied to it"
    before = stage.requests()
    assert record.id in stage.port.beside_edited(long_ago)
    assert stage.requests() - before == 1
    stage.close(record.id, Stage.LOST)
    assert record.id not in stage.port.beside_edited(long_ago), "it is over"
    if not isinstance(stage, FakeStage):  # Which may name more.
        assert stage.port.beside_edited(someday) == []
