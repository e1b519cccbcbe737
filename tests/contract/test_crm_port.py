"""One contract, held by the fake and by the real client: what the sync may expect of a CRM."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from shared.crm import dynamics365
from shared.crm.port import Columns, Record, StageChange
from shared.errors import (
    AccessDenied,
    AlreadyExists,
    CursorExpired,
    DataError,
    FatalError,
    GoneError,
    RetriableError,
    SchemaMismatch,
    StaleError,
    Throttled,
    VersionMismatch,
)
from shared.lifecycle import Stage
from tests.contract.stages.crm import ClientStage, CrmStage, FakeStage
from tests.contract.stages.outages import ASKED, Outage
from tools.simulators.world import World

SYNC, IDENTIFIER = "cosell_syncwithpartnercenter", "cosell_referralidentifier"
WON: Columns = {"statecode": 1, "statuscode": 3}
LOST: Columns = {"statecode": 2, "statuscode": 4}
OPEN: Columns = {"statecode": 0, "statuscode": 1}
ON_HOLD: Columns = {"statecode": 0, "statuscode": 2}
NEW: Columns = {"name": "From Partner Center", "estimatedvalue": 10.5, "transactioncurrencyid": "EUR", SYNC: True}
MATCH: Columns = {"name": "Northwind Traders", "address1_postalcode": "LS1 4DL"}
ACCOUNT: Columns = {**MATCH, "address1_city": "Leeds", "address1_line2": None}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture(params=["fake", "client"])
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> CrmStage:
    if request.param == "fake":
        return FakeStage()
    world: World = request.getfixturevalue("world")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", world.settings()["REQUESTS_CA_BUNDLE"])
    monkeypatch.setattr(dynamics365, "PAGE", FakeStage.pages)
    return ClientStage(world)


def nobody() -> str:
    return str(uuid.uuid4())


def created(stage: CrmStage, referral_id: str, **columns: object) -> Record:
    account_id = stage.port.ensure_account(MATCH, ACCOUNT)
    return stage.port.create(referral_id, {**NEW, **columns}, account_id)


def follow(stage: CrmStage, cursor: str | None) -> tuple[list[Record], list[str], str]:
    """Read the feed to its end; returns records, deleted ids, and the next cursor."""
    pages = list(stage.port.changes(cursor))
    assert all(page.cursor is None for page in pages[:-1])
    assert pages[-1].cursor
    records = [record for page in pages for record in page.records]
    return records, [each for page in pages for each in page.deleted_ids], str(pages[-1].cursor)


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
    stage.edit(record_id, description="one")
    stage.edit(record_id, description="two")
    (record,), _, _ = follow(stage, cursor)
    assert record.columns["description"] == "two"


def test_our_own_write_comes_back_with_the_version_it_produced(stage: CrmStage) -> None:
    record_id = stage.add_deal()
    _, _, cursor = follow(stage, None)
    written = stage.port.update(stage.port.read(record_id), {"description": "ours"})
    (record,), _, _ = follow(stage, cursor)
    assert record.version == written.version


def test_deletions_are_told(stage: CrmStage) -> None:
    kept, lost = stage.add_deal(), stage.add_deal()
    _, _, cursor = follow(stage, None)
    stage.edit(kept, description="changed")
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
    ids = [stage.add_deal() for _ in range(FakeStage.pages + 1)]
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
    assert record.columns["transactioncurrencyid"] == "GBP"
    assert record.columns["estimatedvalue"] == 42000
    assert record.columns["estimatedclosedate"] == "2027-06-30"
    assert record.columns[SYNC] is True
    assert record.columns["cosell_referralvisibility"] is False
    assert record.columns[IDENTIFIER] is None
    assert {name: record.columns[name] for name in OPEN} == OPEN


def test_read_and_related_of_nothing_are_gone(stage: CrmStage) -> None:
    with pytest.raises(GoneError):
        stage.port.read(nobody())
    with pytest.raises(GoneError):
        stage.port.related(nobody())


def test_every_write_gives_a_new_version_even_one_that_changes_nothing(stage: CrmStage) -> None:
    record_id = stage.add_deal()
    before = stage.port.read(record_id)
    stage.edit(record_id, description=before.columns["description"])
    assert stage.port.read(record_id).version != before.version


def test_owns_knows_the_shape_of_an_id(stage: CrmStage) -> None:
    before = stage.requests()
    assert stage.port.owns(nobody())
    assert stage.port.owns(nobody().upper())
    assert not stage.port.owns("OPP-0042")
    assert not stage.port.owns("006000000000001AAA")
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
    assert rows.account["name"] == "Contoso Outdoor & Sons"
    assert rows.account["address1_city"] == "Bristol"
    assert rows.contact["emailaddress1"] == "olive@contoso.example"
    assert rows.owner["firstname"] == "Sam"
    assert rows.owner["mobilephone"] == "+14255550101"


def test_related_rows_that_are_not_set_are_none(stage: CrmStage) -> None:
    rows = stage.port.related(stage.add_deal(parentaccountid=None))
    assert rows.account is None
    assert rows.contact is None


# --- accounts --------------------------------------------------------------------------------------------------------


def test_an_account_that_matches_is_taken(stage: CrmStage) -> None:
    account_id = stage.add_account(name="Northwind Traders", address1_postalcode="LS1 4DL")
    stage.add_account(name="Northwind Traders", address1_postalcode="elsewhere")
    before = stage.accounts()
    assert stage.port.ensure_account(MATCH, ACCOUNT) == account_id
    assert stage.accounts() == before


def test_an_account_is_made_once(stage: CrmStage) -> None:
    before = stage.accounts()
    assert stage.port.ensure_account(MATCH, ACCOUNT) == stage.port.ensure_account(MATCH, ACCOUNT)
    assert stage.accounts() == before + 1


def test_an_account_may_match_on_an_absent_value_and_hold_a_quote(stage: CrmStage) -> None:
    match: Columns = {"name": "L'Oasis & Fils", "address1_postalcode": None}
    account_id = stage.port.ensure_account(match, match)
    assert stage.port.ensure_account(match, match) == account_id


# --- create ----------------------------------------------------------------------------------------------------------


def test_create_returns_the_record_as_it_is(stage: CrmStage) -> None:
    referral_id = nobody()
    record = created(stage, referral_id, cosell_audit="first line", **ON_HOLD)
    assert record.columns[IDENTIFIER] == referral_id
    assert record.columns["estimatedvalue"] == 10.5
    assert record.columns["transactioncurrencyid"] == "EUR"
    assert {name: record.columns[name] for name in ON_HOLD} == ON_HOLD
    read = stage.port.read(record.id)
    assert (read.version, read.columns) == (record.version, record.columns)
    assert stage.columns(record.id)["cosell_audit"] == "first line"


def test_create_happens_once(stage: CrmStage) -> None:
    referral_id = nobody()
    record = created(stage, referral_id)
    with pytest.raises(AlreadyExists):
        created(stage, referral_id, name="again")
    read = stage.port.read(record.id)
    assert (read.version, read.columns["name"]) == (record.version, "From Partner Center")


def test_create_without_its_account_is_a_data_error(stage: CrmStage) -> None:
    with pytest.raises(DataError):
        stage.port.create(nobody(), NEW, nobody())


# --- update ----------------------------------------------------------------------------------------------------------


def test_update_returns_the_record_with_its_new_version(stage: CrmStage) -> None:
    before = stage.port.read(stage.add_deal())
    written = stage.port.update(before, {"description": "new", "transactioncurrencyid": "USD"})
    assert written.columns["description"] == "new"
    assert written.columns["transactioncurrencyid"] == "USD"
    assert written.columns["name"] == before.columns["name"]
    assert written.version == stage.port.read(before.id).version != before.version
    assert written.seen_at > before.seen_at


def test_null_clears(stage: CrmStage) -> None:
    before = stage.port.read(stage.add_deal())
    assert stage.port.update(before, {"description": None}).columns["description"] is None


def test_update_of_an_old_version_changes_nothing(stage: CrmStage) -> None:
    before = stage.port.read(stage.add_deal())
    stage.edit(before.id, description="the seller's")
    with pytest.raises(VersionMismatch):
        stage.port.update(before, {"description": "ours"})
    assert stage.columns(before.id)["description"] == "the seller's"


def test_update_without_a_version_is_unconditional(stage: CrmStage) -> None:
    before = stage.port.read(stage.add_deal())
    stage.edit(before.id, description="the seller's")
    bare = Record(before.id, None, {}, before.seen_at)
    assert stage.port.update(bare, {"cosell_syncstatus": "ours"}).columns["description"] == "the seller's"


@pytest.mark.parametrize("versioned", [True, False])
def test_update_never_creates(stage: CrmStage, *, versioned: bool) -> None:
    record = stage.port.read(stage.add_deal())
    stage.delete(record.id)
    with pytest.raises(GoneError):
        stage.port.update(record if versioned else Record(record.id, None, {}, record.seen_at), {"name": "risen"})


@pytest.mark.parametrize(
    "columns",
    [
        {"name": None},
        {"name": "n" * 301},
        {"description": "d" * 2001},
        {"estimatedvalue": -1},
        {"transactioncurrencyid": "CHF"},
    ],
)
def test_a_refused_update_is_a_data_error_and_changes_nothing(stage: CrmStage, columns: Columns) -> None:
    record = stage.port.read(stage.add_deal())
    with pytest.raises(DataError):
        stage.port.update(record, {**columns, "cosell_syncstatus": "half"})
    assert stage.port.read(record.id).version == record.version


def test_a_column_that_is_not_there_is_a_schema_mismatch(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    with pytest.raises(SchemaMismatch):
        stage.port.update(record, {"contoso_missing": 1})


def test_money_is_kept_to_the_cent(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    written = stage.port.update(record, {"estimatedvalue": 0.125})
    assert Decimal(str(written.columns["estimatedvalue"])) == Decimal("0.12")


def test_what_the_crms_own_logic_makes_of_a_write_is_returned(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.plug_in(lambda _: {"description": "by the plug-in"})
    written = stage.port.update(record, {"description": "ours"})
    assert written.columns["description"] == "by the plug-in"
    assert written.version == stage.port.read(record.id).version


def test_an_identifier_that_another_record_has_is_refused(stage: CrmStage) -> None:
    referral_id = nobody()
    created(stage, referral_id)
    other = stage.port.read(stage.add_deal())
    with pytest.raises(AlreadyExists):
        stage.port.update(other, {IDENTIFIER: referral_id})


# --- state -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("after", "columns"), [(Stage.WON, WON), (Stage.LOST, LOST), (Stage.DECLINED, LOST)])
def test_closing_writes_the_columns_first(stage: CrmStage, after: Stage, columns: Columns) -> None:
    record = stage.port.read(stage.add_deal())
    closed = stage.port.update(record, {"description": "last words"}, StageChange(Stage.ACTIVE, after, columns))
    held = stage.columns(record.id)
    assert {name: held[name] for name in columns} == columns
    assert held["description"] == "last words"
    assert {name: closed.columns[name] for name in columns} == columns
    assert closed.version in (None, stage.port.read(record.id).version)


def test_on_hold_and_active_are_plain_writes(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    held = stage.port.update(record, {"description": "x"}, StageChange(Stage.ACTIVE, Stage.ON_HOLD, ON_HOLD))
    assert held.columns["statuscode"] == 2
    active = stage.port.update(held, {}, StageChange(Stage.ON_HOLD, Stage.ACTIVE, OPEN))
    assert active.columns["statuscode"] == 1
    assert active.version == stage.port.read(record.id).version


@pytest.mark.parametrize(
    ("before", "after", "columns"),
    [(Stage.WON, Stage.LOST, LOST), (Stage.LOST, Stage.WON, WON), (Stage.LOST, Stage.ACTIVE, OPEN)],
)
def test_a_closed_record_is_opened_to_be_written(
    stage: CrmStage, before: Stage, after: Stage, columns: Columns
) -> None:
    record_id = stage.add_deal()
    stage.close(record_id, before)
    record = stage.port.read(record_id)
    stage.port.update(record, {"description": "corrected"}, StageChange(before, after, columns))
    held = stage.columns(record_id)
    assert held["description"] == "corrected"
    assert held["statecode"] == columns["statecode"]


def test_closing_what_is_closed_alike_is_done(stage: CrmStage) -> None:
    record_id = stage.add_deal()
    record = stage.port.read(record_id)
    stage.close(record_id, Stage.WON)
    stage.port.update(record, {}, StageChange(Stage.ACTIVE, Stage.WON, WON))
    with pytest.raises(DataError):
        stage.port.update(stage.port.read(record_id), {}, StageChange(Stage.ACTIVE, Stage.LOST, LOST))
    assert stage.columns(record_id)["statecode"] == 1


def test_a_closed_row_refuses_other_writes(stage: CrmStage) -> None:
    assert stage.port.closed_rows_are_read_only
    record_id = stage.add_deal()
    stage.close(record_id, Stage.WON)
    with pytest.raises(DataError):
        stage.port.update(stage.port.read(record_id), {"cosell_syncstatus": "too late"})


def test_closing_an_old_version_changes_nothing(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.edit(record.id, description="the seller's")
    with pytest.raises(VersionMismatch):
        stage.port.update(record, {}, StageChange(Stage.ACTIVE, Stage.LOST, LOST))
    assert stage.columns(record.id)["statecode"] == 0


def test_closing_what_was_closed_otherwise_meanwhile_is_stale(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.close(record.id, Stage.WON)
    with pytest.raises(VersionMismatch):
        stage.port.update(record, {}, StageChange(Stage.ACTIVE, Stage.LOST, LOST))
    assert stage.columns(record.id)["statecode"] == 1


# --- failures --------------------------------------------------------------------------------------------------------


def calls(stage: CrmStage, record: Record) -> list[Callable[[], object]]:
    return [
        lambda: stage.port.read(record.id),
        lambda: list(stage.port.changes(None)),
        lambda: stage.port.update(record, {"description": "x"}),
        lambda: stage.port.ensure_account(MATCH, ACCOUNT),
        lambda: stage.port.create(nobody(), NEW, nobody()),
    ]


def test_throttling_names_how_long_to_wait(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.break_down(Outage.THROTTLED)
    for call in calls(stage, record):
        with pytest.raises(Throttled) as caught:
            call()
        assert caught.value.retry_after == pytest.approx(ASKED, abs=1)


@pytest.mark.parametrize("outage", [Outage.UNAVAILABLE, Outage.DROPPED])
def test_an_outage_is_retriable_and_passes(stage: CrmStage, outage: Outage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.break_down(outage)
    for call in calls(stage, record):
        with pytest.raises(RetriableError):
            call()
    stage.heal()
    assert stage.port.read(record.id).version == record.version


@pytest.mark.parametrize(("outage", "error"), [(Outage.DENIED, AccessDenied), (Outage.SIGNED_OUT, FatalError)])
def test_a_refused_identity_is_fatal(stage: CrmStage, outage: Outage, error: type[Exception]) -> None:
    record = stage.port.read(stage.add_deal())
    stage.break_down(outage)
    for call in calls(stage, record):
        with pytest.raises(error):
            call()


def test_a_create_whose_answer_is_lost_is_found(stage: CrmStage) -> None:
    account_id = stage.port.ensure_account(MATCH, ACCOUNT)
    referral_id = nobody()
    stage.break_down(Outage.LOST_ANSWER)
    with pytest.raises((StaleError, RetriableError)):
        stage.port.create(referral_id, NEW, account_id)
    stage.heal()
    found = stage.port.find(referral_id)
    assert found is not None
    assert found.columns["name"] == "From Partner Center"


def test_an_update_whose_answer_is_lost_took_effect_once(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.break_down(Outage.LOST_ANSWER)
    with pytest.raises((StaleError, RetriableError)):
        stage.port.update(record, {"description": "ours"})
    stage.heal()
    assert stage.columns(record.id)["description"] == "ours"


def test_a_close_whose_answer_is_lost_may_be_repeated(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.break_down(Outage.LOST_ANSWER)
    win = StageChange(Stage.ACTIVE, Stage.WON, WON)
    with contextlib.suppress(StaleError, RetriableError):
        stage.port.update(record, {}, win)
    stage.heal()
    stage.port.update(record, {}, win)
    assert stage.columns(record.id)["statecode"] == 1


# --- cost ------------------------------------------------------------------------------------------------------------


def test_what_a_call_costs(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    account_id = stage.add_account(name="Northwind Traders", address1_postalcode="LS1 4DL")
    win = StageChange(Stage.ACTIVE, Stage.WON, WON)
    lose = StageChange(Stage.WON, Stage.LOST, LOST)
    acts: list[tuple[int, Callable[[], object]]] = [
        (1, lambda: stage.port.read(record.id)),
        (1, lambda: stage.port.find(nobody())),
        (4, lambda: stage.port.related(record.id)),
        (1, lambda: stage.port.ensure_account(MATCH, ACCOUNT)),
        (2, lambda: stage.port.ensure_account({"name": "New"}, {"name": "New"})),
        (1, lambda: stage.port.create(nobody(), NEW, account_id)),
        (1, lambda: stage.port.update(record, {"description": "x"})),
        (0, lambda: stage.port.update(record, {})),
        (3, lambda: stage.port.update(stage.port.read(record.id), {}, win)),
        (4, lambda: stage.port.update(stage.port.read(record.id), {"description": "y"}, lose)),
    ]
    for cost, act in acts:
        before = stage.requests()
        act()
        assert stage.requests() - before == cost
