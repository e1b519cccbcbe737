"""One contract, held by the fake and by the real clients: what the sync may expect of a CRM.

The suite speaks the words of the deal (value, notes, sync); each stage knows what its CRM calls them.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from shared.crm import dynamics365
from shared.crm.port import AccountWanted, Columns, Record, StageChange
from shared.errors import (
    AccessDenied,
    AlreadyExists,
    CursorExpired,
    DataError,
    Deferred,
    FatalError,
    GoneError,
    RetriableError,
    SchemaMismatch,
    StaleError,
    Throttled,
    VersionMismatch,
)
from shared.lifecycle import Stage
from tests.contract.stages.crm import CrmStage, DataverseStage, FakeStage
from tests.contract.stages.outages import Outage
from tests.contract.stages.salesforce import SalesforceStage
from tools.simulators.world import World

NEW = {"name": "From Partner Center", "value": 10.5, "currency": "EUR", "closing": "2027-03-31", "sync": True}
NORTHWIND = {"customer": "Northwind Traders", "postal_code": "LS1 4DL"}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture(params=["fake", "dynamics365", "salesforce"])
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> CrmStage:
    if request.param == "fake":
        return FakeStage()
    world: World = request.getfixturevalue("world")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", world.settings()["REQUESTS_CA_BUNDLE"])
    monkeypatch.setattr(dynamics365, "PAGE", FakeStage.pages)
    return DataverseStage(world) if request.param == "dynamics365" else SalesforceStage(world)


def nobody() -> str:
    return str(uuid.uuid4())


def said(stage: CrmStage, **words: object) -> dict[str, object]:
    """Return the deal's words as the CRM's columns."""
    return {stage.dialect.record[word]: value for word, value in words.items()}


def word(stage: CrmStage, columns: Columns, name: str) -> object:
    """Return what the CRM's columns hold for one of the deal's words."""
    return columns[stage.dialect.record[name]]


def shows(stage: CrmStage, columns: Columns, state: Stage) -> bool:
    """Whether the columns are those that are written for a stage."""
    wanted = stage.dialect.states[state]
    return {name: columns[name] for name in wanted} == wanted


def moving(stage: CrmStage, before: Stage, after: Stage) -> StageChange:
    return StageChange(before, after, stage.dialect.states[after])


def customer(stage: CrmStage, **replaced: object) -> AccountWanted:
    """Return the wish for an account: Northwind's, but for what is replaced."""
    names = stage.dialect.account
    match = {names[name]: value for name, value in {**NORTHWIND, **replaced}.items()}
    return AccountWanted(match, {**match, names["city"]: "Leeds", names["state"]: None})


def created(stage: CrmStage, referral_id: str, *, state: Stage = Stage.ACTIVE, **words: object) -> Record:
    columns = {**said(stage, **{**NEW, **words}), **stage.dialect.states[state]}
    return stage.port.create(referral_id, columns, customer(stage))


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


def test_related_rows_that_are_not_set_are_none(stage: CrmStage) -> None:
    rows = stage.port.related(stage.add_deal(customer=None))
    assert rows.account is None
    assert rows.contact is None


# --- create ----------------------------------------------------------------------------------------------------------


def test_create_returns_the_record_as_it_is(stage: CrmStage) -> None:
    referral_id = nobody()
    record = created(stage, referral_id, state=Stage.ON_HOLD, audit="first line")
    assert word(stage, record.columns, "identifier") == referral_id
    assert word(stage, record.columns, "value") == 10.5
    assert word(stage, record.columns, "currency") == "EUR"
    assert shows(stage, record.columns, Stage.ON_HOLD)
    read = stage.port.read(record.id)
    assert (read.version, read.columns) == (record.version, record.columns)
    assert word(stage, stage.columns(record.id), "audit") == "first line"


def test_create_happens_once(stage: CrmStage) -> None:
    referral_id = nobody()
    record = created(stage, referral_id)
    with pytest.raises(AlreadyExists):
        created(stage, referral_id, name="again")
    read = stage.port.read(record.id)
    assert (read.version, word(stage, read.columns, "name")) == (record.version, "From Partner Center")


def test_a_referral_id_is_taken_as_it_is(stage: CrmStage) -> None:
    referral_id = nobody().upper()
    found = stage.port.find(created(stage, referral_id).columns[stage.dialect.record["identifier"]])  # type: ignore[arg-type]
    assert found is not None


def test_an_account_that_matches_is_taken(stage: CrmStage) -> None:
    stage.pass_time()
    account_id = stage.add_account(**NORTHWIND)
    stage.pass_time()
    stage.add_account(**NORTHWIND)
    stage.add_account(customer="Northwind Traders", postal_code="elsewhere")
    before = stage.accounts()
    assert created(stage, nobody()).columns[stage.dialect.account_of] == account_id
    assert stage.accounts() == before


def test_an_account_is_made_once(stage: CrmStage) -> None:
    before = stage.accounts()
    first = created(stage, nobody()).columns[stage.dialect.account_of]
    stage.pass_time()
    assert created(stage, nobody()).columns[stage.dialect.account_of] == first
    assert stage.accounts() == before + 1


def test_workers_at_the_same_time_make_one_account(stage: CrmStage) -> None:
    before, accounts, put_off = stage.accounts(), set[object](), list[str]()

    def work(referral_id: str) -> None:
        try:
            accounts.add(created(stage, referral_id).columns[stage.dialect.account_of])
        except Deferred:
            put_off.append(referral_id)

    workers = [threading.Thread(target=work, args=[nobody()]) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    stage.pass_time()
    for referral_id in put_off:
        accounts.add(created(stage, referral_id).columns[stage.dialect.account_of])
    assert len(accounts) == 1
    assert stage.accounts() == before + 1


def test_an_account_may_match_on_an_absent_value_and_hold_a_quote(stage: CrmStage) -> None:
    wanted = customer(stage, customer="L'Oasis & \\ Fils", postal_code=None)
    columns = {**said(stage, **NEW), **stage.dialect.states[Stage.ACTIVE]}
    first = stage.port.create(nobody(), columns, wanted)
    stage.pass_time()
    second = stage.port.create(nobody(), columns, wanted)
    assert second.columns[stage.dialect.account_of] == first.columns[stage.dialect.account_of]


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


def test_update_of_an_old_version_changes_nothing(stage: CrmStage) -> None:
    before = stage.port.read(stage.add_deal())
    stage.pass_time()
    stage.edit(before.id, notes="the seller's")
    with pytest.raises(VersionMismatch):
        stage.port.update(before, said(stage, notes="ours"))
    assert word(stage, stage.columns(before.id), "notes") == "the seller's"


def test_two_versions_at_the_same_moment_are_told_apart(stage: CrmStage) -> None:
    before = stage.port.read(stage.add_deal())
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


# --- failures --------------------------------------------------------------------------------------------------------


def calls(stage: CrmStage, record: Record) -> list[Callable[[], object]]:
    return [
        lambda: stage.port.read(record.id),
        lambda: list(stage.port.changes(None)),
        lambda: stage.port.find(nobody()),
        lambda: stage.port.related(record.id),
        lambda: stage.port.update(record, said(stage, notes="x")),
        lambda: created(stage, nobody()),
    ]


def test_throttling_names_how_long_to_wait(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.break_down(Outage.THROTTLED)
    for call in calls(stage, record):
        with pytest.raises(Throttled) as caught:
            call()
        assert caught.value.retry_after == pytest.approx(stage.asked, abs=5)


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
    stage.add_account(**NORTHWIND)
    referral_id = nobody()
    stage.break_down(Outage.LOST_ANSWER)
    with contextlib.suppress(StaleError, RetriableError):
        created(stage, referral_id)
    stage.heal()
    with contextlib.suppress(AlreadyExists):
        created(stage, referral_id)
    found = stage.port.find(referral_id)
    assert found is not None
    assert word(stage, found.columns, "name") == "From Partner Center"


def test_an_update_whose_answer_is_lost_took_effect_once(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.break_down(Outage.LOST_ANSWER)
    with pytest.raises((StaleError, RetriableError)):
        stage.port.update(record, said(stage, notes="ours"))
    stage.heal()
    assert word(stage, stage.columns(record.id), "notes") == "ours"


def test_a_close_whose_answer_is_lost_may_be_repeated(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.break_down(Outage.LOST_ANSWER)
    win = moving(stage, Stage.ACTIVE, Stage.WON)
    with contextlib.suppress(StaleError, RetriableError):
        stage.port.update(record, {}, win)
    stage.heal()
    with contextlib.suppress(VersionMismatch):
        stage.port.update(record, {}, win)
    assert shows(stage, stage.columns(record.id), Stage.WON)


# --- cost ------------------------------------------------------------------------------------------------------------


def test_what_a_call_costs(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.add_account(**NORTHWIND)
    columns = {**said(stage, **NEW), **stage.dialect.states[Stage.ACTIVE]}
    win, lose = moving(stage, Stage.ACTIVE, Stage.WON), moving(stage, Stage.WON, Stage.LOST)
    acts: dict[str, Callable[[], object]] = {
        "read": lambda: stage.port.read(record.id),
        "find": lambda: stage.port.find(nobody()),
        "related": lambda: stage.port.related(record.id),
        "create": lambda: created(stage, nobody()),
        "create with account": lambda: stage.port.create(nobody(), columns, customer(stage, customer="New")),
        "update": lambda: stage.port.update(record, said(stage, notes="x")),
        "update of nothing": lambda: stage.port.update(record, {}),
        "read and win": lambda: stage.port.update(stage.port.read(record.id), {}, win),
        "read and lose": lambda: stage.port.update(stage.port.read(record.id), said(stage, notes="y"), lose),
    }
    costs = {}
    for name, act in acts.items():
        before = stage.requests()
        act()
        costs[name] = stage.requests() - before
    assert costs == stage.dialect.costs
