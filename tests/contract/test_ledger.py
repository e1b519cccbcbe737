"""What every ledger promises, in memory and in Table Storage alike."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline.transport import RequestsTransport
from azure.data.tables import TableClient
from hypothesis import given
from hypothesis import strategies as st

from shared.deal import Value
from shared.errors import CosellError, DataError, ServiceUnavailable, StaleError
from shared.ledger import rows
from shared.ledger.memory import MemoryLedger
from shared.ledger.port import AuditEntry, Intent, Ledger, Link, LinkState, Parked, Stored
from shared.ledger.table_storage import CHUNK, UNITS, TableLedger, from_chunks, to_chunks
from shared.lifecycle import Stage
from tests.support.stand_ins import UNHURRIED

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
CRM = "dynamics365"


class LossyTransport(RequestsTransport):  # type: ignore[misc] # the SDK is untyped here
    """The network, losing the answers of the requests that were armed: they reach the service all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.lose: list[Callable[[Any], Any]] = []
        self.sent = 0

    def send(self, request: Any, **options: Any) -> Any:
        response = super().send(request, **options)
        self.sent += 1
        return self.lose.pop(0)(response) if self.lose else response


def gateway_timeout(response: Any) -> Any:
    """What a load balancer answers when the service took too long."""
    response.status_code = 504
    return response


def broken(_response: Any) -> Any:
    raise ServiceResponseError("the connection broke")


def table_client(connection: str, transport: LossyTransport | None = None) -> TableClient:
    options: dict[str, Any] = {"transport": transport} if transport else {}
    name = f"t{uuid.uuid4().hex}"
    return TableClient.from_connection_string(connection, name, retry_backoff_factor=0.01, retry_total=3, **options)


@pytest.fixture(params=["memory", pytest.param("table", marks=pytest.mark.slow)])
def ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger()
        return
    with table_client(request.getfixturevalue("azurite")) as client:
        yield TableLedger(client)


@pytest.fixture
def lossy(azurite: str) -> Iterator[tuple[TableLedger, LossyTransport]]:
    transport = LossyTransport()
    with table_client(azurite, transport) as client:
        ledger = TableLedger(client)
        ledger.value("warm", "up")  # makes the table
        yield ledger, transport


def link(referral_id: str = "r1", record_id: str = "c1", **members: Any) -> Link:
    return Link(CRM, referral_id, record_id, **members)


def entry(name: str, minutes: int = 0) -> AuditEntry:
    return AuditEntry(name, NOW + timedelta(minutes=minutes), "CRM → Partner Center", f"text of {name}")


def intent(owner: str = "worker", record_id: str = "c1") -> Intent:
    return Intent(CRM, record_id, since=NOW, started_at=NOW, owner=owner)


def parked(key: str = "c1", **members: Any) -> Parked:
    given: dict[str, Any] = {"family": "data", "reason": "no customer", "due": NOW, "attempts": 1, "message": "{}"}
    return Parked(CRM, key, **{**given, **members})


def together(count: int, action: Callable[[int], object]) -> tuple[list[object], list[CosellError]]:
    """Run an action in threads that start at once; returns what came back and what was raised."""
    barrier = threading.Barrier(count)
    results: list[object] = []
    errors: list[CosellError] = []

    def run(number: int) -> None:
        barrier.wait()
        try:
            results.append(action(number))
        except CosellError as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) + len(errors) == count, "something else than our own errors was raised"
    return results, errors


VALUES: dict[str, Value] = {
    "absent": None,
    "yes": True,
    "no": False,
    "text": 'Zoë \U0001f600 "quoted" \\ \n line',
    "blank": "",
    "date_like": "2026-03-31",
    "number_like": "1000.00",
    "money": Decimal("1234567890123.4567"),
    "zero": Decimal(0),
    "day": date(2026, 3, 31),
    "set": ("SOL-1-AAA", "SOL-2-BBB"),
    "empty_set": (),
    "status": Stage.ACTIVE,
}

FULL = Link(
    CRM,
    "r1",
    "c1",
    state=LinkState.PAUSED,
    engagement_id="e1",
    base=VALUES,
    settled=True,
    referral_version='"7a00c1d2-0000"',
    referral_changed_at=NOW,
    related_changed_at=NOW + timedelta(microseconds=1),
    event_at=NOW + timedelta(microseconds=2),
    record_version='W/"123"',
    record_seen_at=NOW - timedelta(days=1),
    differences={"notes": "notes differ"},
    status_shown="✔ Synchronized",
    audit_tail=("newest", "oldest"),
    mapping_version="1",
)


# --- links -----------------------------------------------------------------------------------------------------------


def test_what_was_never_stored_is_absent(ledger: Ledger) -> None:
    assert ledger.link(CRM, "r1") is None
    assert ledger.link_of_record(CRM, "c1") is None
    assert list(ledger.links(CRM)) == []
    assert list(ledger.history(CRM, "r1")) == []
    assert ledger.intent(CRM, "c1") is None
    assert ledger.parked(CRM, "c1") is None
    assert list(ledger.all_parked(CRM)) == []
    assert ledger.value("cursor", CRM) == Stored("", None)


def test_a_link_is_found_by_either_side_as_it_was_stored(ledger: Ledger) -> None:
    stored = ledger.commit(FULL, [])
    assert stored.etag
    assert stored == replace(FULL, etag=stored.etag)
    assert ledger.link(CRM, "r1") == stored
    assert ledger.link_of_record(CRM, "c1") == stored
    assert list(ledger.links(CRM)) == [stored]


def test_every_kind_of_value_comes_back_as_it_was(ledger: Ledger) -> None:
    ledger.commit(FULL, [])
    held = ledger.link(CRM, "r1")
    assert held is not None
    for name, value in VALUES.items():
        assert held.base[name] == value
        if name != "status":
            assert type(held.base[name]) is type(value)


def test_what_is_read_can_be_committed_again(ledger: Ledger) -> None:
    first = ledger.commit(link(), [])
    second = ledger.commit(replace(first, settled=True), [])
    assert second.etag != first.etag
    read = ledger.link_of_record(CRM, "c1")
    assert read == second
    assert ledger.commit(replace(read, settled=False), []).etag not in (first.etag, second.etag)


def test_a_link_that_was_committed_meanwhile_is_stale(ledger: Ledger) -> None:
    first = ledger.commit(link(), [])
    second = ledger.commit(replace(first, status_shown="second"), [])
    with pytest.raises(StaleError):
        ledger.commit(replace(first, status_shown="late"), [])
    assert ledger.link(CRM, "r1") == second


def test_a_link_that_exists_cannot_be_created(ledger: Ledger) -> None:
    first = ledger.commit(link(), [])
    with pytest.raises(StaleError):
        ledger.commit(link(record_id="c2"), [])
    assert ledger.link(CRM, "r1") == first
    assert ledger.link_of_record(CRM, "c2") is None


def test_a_link_without_a_record_is_found_by_its_referral_only(ledger: Ledger) -> None:
    ledger.commit(link(record_id="", state=LinkState.IGNORED), [])
    assert ledger.link(CRM, "r1") is not None
    assert ledger.link_of_record(CRM, "") is None


def test_a_record_that_is_no_more_linked_has_no_link(ledger: Ledger) -> None:
    first = ledger.commit(link(record_id="c1"), [])
    second = ledger.commit(replace(first, record_id="c2"), [])
    assert ledger.link_of_record(CRM, "c2") == second
    assert ledger.link_of_record(CRM, "c1") is None


def test_two_crms_share_nothing(ledger: Ledger) -> None:
    ours = ledger.commit(link(), [entry("a")])
    theirs = ledger.commit(replace(link(), crm="salesforce", status_shown="theirs"), [])
    assert ledger.link(CRM, "r1") == ours
    assert ledger.link("salesforce", "r1") == theirs
    assert list(ledger.links("salesforce")) == [theirs]
    assert list(ledger.history("salesforce", "r1")) == []


@pytest.mark.parametrize("letter", ["x", "ü", "\U0001f600"])
@pytest.mark.parametrize("length", [CHUNK - 1, CHUNK, CHUNK + 1, 100_000])
def test_long_texts_come_back_whole(ledger: Ledger, letter: str, length: int) -> None:
    stored = ledger.commit(link(base={"notes": letter * length}), [])
    assert ledger.link(CRM, "r1") == stored


def test_many_links_are_all_returned(ledger: Ledger) -> None:
    count = 1_010  # a page of Table Storage is 1 000 rows
    share = [range(start, count, 8) for start in range(8)]
    _, errors = together(8, lambda worker: [ledger.commit(link(f"r{n:04}", f"c{n:04}"), []) for n in share[worker]])
    assert errors == []
    ledger.park(parked())
    assert [each.referral_id for each in ledger.links(CRM)] == [f"r{number:04}" for number in range(count)]


def test_links_can_be_read_while_they_change(ledger: Ledger) -> None:
    for number in range(5):
        ledger.commit(link(f"r{number}", f"c{number}"), [])
    seen = []
    for each in ledger.links(CRM):
        seen.append(each.referral_id)
        ledger.commit(replace(each, settled=True), [])
    assert sorted(seen) == [f"r{number}" for number in range(5)]


# --- commits are all or nothing --------------------------------------------------------------------------------------


def test_link_audit_and_intent_are_one_commit(ledger: Ledger) -> None:
    ledger.begin_intent(intent())
    ledger.begin_intent(intent(record_id="other"))
    ledger.commit(link(), [entry("a"), entry("b", 1)], intent())
    assert [each.id for each in ledger.history(CRM, "r1")] == ["b", "a"]
    assert ledger.intent(CRM, "c1") is None
    assert ledger.intent(CRM, "other") is not None


def test_a_stale_commit_leaves_no_audit_row_and_keeps_the_intent(ledger: Ledger) -> None:
    held = ledger.commit(link(), [entry("first")])
    ledger.commit(held, [])
    begun = ledger.begin_intent(intent(record_id="c9"))
    with pytest.raises(StaleError):
        ledger.commit(replace(held, record_id="c9"), [entry("never")], begun)
    assert [each.id for each in ledger.history(CRM, "r1")] == ["first"]
    assert ledger.intent(CRM, "c9") == begun
    assert ledger.link_of_record(CRM, "c9") is None


def test_an_intent_that_somebody_dropped_does_not_make_the_storage_look_broken(ledger: Ledger) -> None:
    try:
        stored = ledger.commit(link(), [entry("a")], intent())
    except StaleError:
        assert ledger.link(CRM, "r1") is None
        assert list(ledger.history(CRM, "r1")) == []
    else:
        assert ledger.link(CRM, "r1") == stored


def test_of_many_first_commits_one_wins(ledger: Ledger) -> None:
    results, errors = together(
        8, lambda number: ledger.commit(link(status_shown=str(number)), [entry(f"entry-{number}")])
    )
    assert len(results) == 1
    assert all(isinstance(error, StaleError) for error in errors)
    assert ledger.link(CRM, "r1") == results[0]
    assert isinstance(results[0], Link)
    assert [each.id for each in ledger.history(CRM, "r1")] == [f"entry-{results[0].status_shown}"]


def test_of_many_later_commits_one_wins(ledger: Ledger) -> None:
    held = ledger.commit(link(), [])
    results, errors = together(8, lambda number: ledger.commit(replace(held, status_shown=str(number)), []))
    assert len(results) == 1
    assert all(isinstance(error, StaleError) for error in errors)
    assert ledger.link(CRM, "r1") == results[0]


# --- audit -----------------------------------------------------------------------------------------------------------


def test_an_audit_entry_comes_back_as_it_was(ledger: Ledger) -> None:
    full = AuditEntry("id", NOW, "Partner Center ⇄ CRM", "text \U0001f600", (("notes", "a", "b"),), "corr", "1")
    ledger.commit(link(), [full])
    assert list(ledger.history(CRM, "r1")) == [full]


def test_the_newest_entries_come_first_whatever_the_order_of_writing(ledger: Ledger) -> None:
    held = ledger.commit(link(), [entry("b", 2)])
    ledger.note(CRM, "r1", entry("d", 4))
    ledger.note(CRM, "r1", entry("a", 1))
    ledger.commit(held, [entry("c", 3)])
    assert [each.id for each in ledger.history(CRM, "r1")] == ["d", "c", "b", "a"]
    assert [each.id for each in ledger.history(CRM, "r1", limit=2)] == ["d", "c"]


def test_entries_a_microsecond_apart_are_in_order(ledger: Ledger) -> None:
    entries = [replace(entry(f"{number:02}"), at=NOW + timedelta(microseconds=number)) for number in range(12)]
    ledger.commit(link(), entries)
    assert [each.id for each in ledger.history(CRM, "r1")] == [f"{number:02}" for number in reversed(range(12))]


def test_the_same_entry_again_is_the_same_row(ledger: Ledger) -> None:
    held = ledger.commit(link(), [entry("a")])
    ledger.commit(held, [entry("a")])
    ledger.note(CRM, "r1", entry("a"))
    ledger.note(CRM, "r1", entry("a", 1))
    assert [each.at for each in ledger.history(CRM, "r1")] == [NOW + timedelta(minutes=1), NOW]


def test_histories_of_keys_that_begin_alike_are_apart(ledger: Ledger) -> None:
    for key in ("r1", "r11", "r"):
        ledger.note(CRM, key, entry(key))
    assert [each.id for each in ledger.history(CRM, "r1")] == ["r1"]


def test_a_note_needs_no_link(ledger: Ledger) -> None:
    ledger.note(CRM, "c1", entry("a"))
    assert ledger.link_of_record(CRM, "c1") is None
    assert len(ledger.history(CRM, "c1")) == 1


def test_a_long_entry_comes_back_whole(ledger: Ledger) -> None:
    long = AuditEntry("a", NOW, "d", "t" * 70_000, (("notes", "o" * 40_000, "\U0001f600" * 40_000),))
    ledger.note(CRM, "r1", long)
    assert list(ledger.history(CRM, "r1")) == [long]


# --- intents ---------------------------------------------------------------------------------------------------------


def test_the_first_intent_holds(ledger: Ledger) -> None:
    mine = ledger.begin_intent(intent("mine"))
    assert mine == replace(intent("mine"), etag=mine.etag)
    assert ledger.begin_intent(intent("yours")) == mine
    assert ledger.intent(CRM, "c1") == mine


def test_of_many_intents_one_holds(ledger: Ledger) -> None:
    results, errors = together(8, lambda number: ledger.begin_intent(intent(f"worker-{number}")))
    assert errors == []
    assert len({each.owner for each in results if isinstance(each, Intent)}) == 1
    assert ledger.intent(CRM, "c1") == results[0]


def test_an_intent_is_replaced_only_while_it_is_what_was_read(ledger: Ledger) -> None:
    abandoned = ledger.begin_intent(intent("gone"))
    taken = ledger.replace_intent(abandoned, replace(intent("new"), started_at=NOW + timedelta(hours=1)))
    assert ledger.intent(CRM, "c1") == taken
    with pytest.raises(StaleError):
        ledger.replace_intent(abandoned, intent("late"))
    assert ledger.intent(CRM, "c1") == taken
    known = ledger.replace_intent(taken, replace(taken, referral_id="r1"))
    assert ledger.intent(CRM, "c1") == known
    assert known.referral_id == "r1"


def test_of_many_who_take_over_one_wins(ledger: Ledger) -> None:
    abandoned = ledger.begin_intent(intent("gone"))
    results, errors = together(8, lambda number: ledger.replace_intent(abandoned, intent(f"worker-{number}")))
    assert len(results) == 1
    assert all(isinstance(error, StaleError) for error in errors)
    assert ledger.intent(CRM, "c1") == results[0]


def test_an_intent_that_was_dropped_cannot_be_replaced(ledger: Ledger) -> None:
    held = ledger.begin_intent(intent("slow"))
    ledger.commit(link(), [], held)
    with pytest.raises(StaleError):
        ledger.replace_intent(held, intent("late"))
    assert ledger.intent(CRM, "c1") is None


# --- parked deals ----------------------------------------------------------------------------------------------------


def test_a_parked_deal_comes_back_as_it_was_and_can_be_replaced(ledger: Ledger) -> None:
    first = parked(record_version='W/"1"', message='{"source": "x"}')
    ledger.park(first)
    assert ledger.parked(CRM, "c1") == first
    later = replace(first, attempts=2, reason="ü" * 1000, record_version=None)
    ledger.park(later)
    assert ledger.parked(CRM, "c1") == later
    assert list(ledger.all_parked(CRM)) == [later]


def test_unparking_forgets_and_is_silent_about_nothing(ledger: Ledger) -> None:
    ledger.park(parked())
    ledger.unpark(CRM, "c1")
    ledger.unpark(CRM, "c1")
    assert ledger.parked(CRM, "c1") is None


def test_parked_deals_of_a_crm_are_its_own(ledger: Ledger) -> None:
    for key in ("a", "b"):
        ledger.park(parked(key))
    ledger.park(replace(parked("c"), crm="salesforce"))
    ledger.commit(link(), [entry("a")])
    assert sorted(each.key for each in ledger.all_parked(CRM)) == ["a", "b"]


def test_parked_deals_can_be_unparked_while_they_are_listed(ledger: Ledger) -> None:
    for number in range(5):
        ledger.park(parked(str(number)))
    for each in ledger.all_parked(CRM):
        ledger.unpark(CRM, each.key)
    assert list(ledger.all_parked(CRM)) == []


# --- small values ----------------------------------------------------------------------------------------------------


def test_a_value_is_stored_replaced_and_emptied(ledger: Ledger) -> None:
    nothing = ledger.value("cursor", CRM)
    first = ledger.replace_value("cursor", CRM, "page 1 ü", nothing)
    assert ledger.value("cursor", CRM) == first
    second = ledger.replace_value("cursor", CRM, "", first)
    assert ledger.value("cursor", CRM) == second
    assert second.value == ""
    assert second.etag not in (None, first.etag)
    third = ledger.replace_value("cursor", CRM, "page 3", second)
    assert ledger.value("cursor", CRM).value == third.value == "page 3"


def test_values_of_two_kinds_and_names_are_apart(ledger: Ledger) -> None:
    ledger.replace_value("cursor", "a", "1", Stored("", None))
    assert ledger.value("cursor", "b") == ledger.value("alert", "a") == Stored("", None)


@pytest.mark.parametrize("name", ["poll dynamics365", "SignInRequired", "a'b", "ü:x"])
def test_names_as_they_are_used(ledger: Ledger, name: str) -> None:
    stored = ledger.replace_value("alert", name, "raised", Stored("", None))
    assert ledger.value("alert", name) == stored


def test_a_value_that_changed_is_stale(ledger: Ledger) -> None:
    nothing = ledger.value("cursor", CRM)
    first = ledger.replace_value("cursor", CRM, "1", nothing)
    with pytest.raises(StaleError):
        ledger.replace_value("cursor", CRM, "x", nothing)
    second = ledger.replace_value("cursor", CRM, "2", first)
    with pytest.raises(StaleError):
        ledger.replace_value("cursor", CRM, "x", first)
    assert ledger.value("cursor", CRM) == second


def test_of_many_replacements_one_wins(ledger: Ledger) -> None:
    held = ledger.value("cursor", CRM)
    results, errors = together(8, lambda number: ledger.replace_value("cursor", CRM, str(number), held))
    assert len(results) == 1
    assert all(isinstance(error, StaleError) for error in errors)
    assert ledger.value("cursor", CRM) == results[0]


def test_a_long_value_comes_back_whole(ledger: Ledger) -> None:
    stored = ledger.replace_value("cursor", CRM, "token" * 20_000, Stored("", None))
    assert ledger.value("cursor", CRM) == stored


# --- as text ---------------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
VALUE: st.SearchStrategy[Value] = st.one_of(
    st.none(),
    st.booleans(),
    TEXT,
    st.decimals(allow_nan=False, allow_infinity=False),
    st.dates(),
    st.lists(TEXT, max_size=3).map(tuple),
)
MOMENT = st.none() | st.datetimes(timezones=st.just(UTC))


@UNHURRIED
@given(
    st.builds(
        Link,
        crm=TEXT,
        referral_id=TEXT,
        record_id=TEXT,
        state=st.sampled_from(LinkState),
        base=st.dictionaries(TEXT, VALUE, max_size=5),
        settled=st.booleans(),
        referral_version=st.none() | TEXT,
        referral_changed_at=MOMENT,
        related_changed_at=MOMENT,
        event_at=MOMENT,
        record_seen_at=MOMENT,
        differences=st.dictionaries(TEXT, TEXT, max_size=3),
        audit_tail=st.lists(TEXT, max_size=3).map(tuple),
    )
)
def test_any_link_survives_as_text(any_link: Link) -> None:
    assert rows.load_link(rows.dump_link(any_link), None) == any_link


# --- what only Table Storage has -------------------------------------------------------------------------------------


@pytest.mark.parametrize("letter", ["x", "ü", "\u20ac", "\U0001f600"])
@pytest.mark.parametrize("length", [0, 1, CHUNK, CHUNK + 1, 100_000, 200_000])
def test_chunks_keep_the_services_limits(letter: str, length: int) -> None:
    # 64 KiB a property and 1 MiB an entity, both counted in UTF-16; the emulator enforces neither.
    text = letter * length
    chunks = to_chunks(text)
    assert from_chunks(chunks) == text
    assert all(len(part.encode("utf-16-le")) <= 64 * 1024 for part in chunks.values())
    assert sum(len(part.encode("utf-16-le")) for part in chunks.values()) < 1024 * 1024
    assert len(chunks) <= 252 - 3


def test_a_text_that_fits_into_no_entity_is_refused_with_a_remedy() -> None:
    for text in ("x" * (UNITS + 1), "\U0001f600" * 400_000):
        with pytest.raises(DataError) as caught:
            to_chunks(text)
        assert caught.value.problems[0].remedy


@pytest.mark.slow
def test_a_deal_that_is_too_large_is_refused_and_nothing_is_stored(
    lossy: tuple[TableLedger, LossyTransport],
) -> None:
    ledger, _ = lossy
    begun = ledger.begin_intent(intent())
    with pytest.raises(DataError):
        ledger.commit(link(base={"notes": "x" * (UNITS)}), [entry("a")], begun)
    assert ledger.link(CRM, "r1") is None
    assert list(ledger.history(CRM, "r1")) == []
    assert ledger.intent(CRM, "c1") == begun


@pytest.mark.slow
@pytest.mark.parametrize("loss", [gateway_timeout, broken])
@pytest.mark.parametrize("first", [True, False], ids=["first commit", "later commit"])
def test_a_commit_whose_answer_got_lost_is_recognized_as_ones_own(
    lossy: tuple[TableLedger, LossyTransport], loss: Callable[[Any], Any], first: bool
) -> None:
    ledger, transport = lossy
    begun = ledger.begin_intent(intent())
    before = link() if first else ledger.commit(link(), [])
    transport.lose = [loss]
    stored = ledger.commit(replace(before, status_shown="new"), [entry("a")], begun)
    assert ledger.link(CRM, "r1") == stored
    assert stored.status_shown == "new"
    assert [each.id for each in ledger.history(CRM, "r1")] == ["a"]
    assert ledger.commit(replace(stored, settled=True), []).etag != stored.etag


@pytest.mark.slow
@pytest.mark.parametrize("loss", [gateway_timeout, broken])
def test_a_lost_answer_to_a_value_or_an_intent_is_recognized_as_ones_own(
    lossy: tuple[TableLedger, LossyTransport], loss: Callable[[Any], Any]
) -> None:
    ledger, transport = lossy
    transport.lose = [loss]
    first = ledger.replace_value("cursor", CRM, "1", Stored("", None))
    assert ledger.value("cursor", CRM) == first
    transport.lose = [loss]
    second = ledger.replace_value("cursor", CRM, "2", first)
    assert ledger.value("cursor", CRM) == second
    transport.lose = [loss]
    mine = ledger.begin_intent(intent("mine"))
    assert mine.owner == "mine"
    assert ledger.intent(CRM, "c1") == mine


@pytest.mark.slow
def test_somebody_elses_commit_is_not_taken_for_ones_own(lossy: tuple[TableLedger, LossyTransport]) -> None:
    ledger, transport = lossy
    held = ledger.commit(link(), [])
    ledger.commit(replace(held, status_shown="theirs"), [])
    transport.lose = [gateway_timeout]
    with pytest.raises(StaleError):
        ledger.commit(replace(held, status_shown="mine"), [])
    again = ledger.link(CRM, "r1")
    assert again is not None
    assert again.status_shown == "theirs"


@pytest.mark.slow
def test_a_commit_is_one_request(lossy: tuple[TableLedger, LossyTransport]) -> None:
    ledger, transport = lossy
    begun = ledger.begin_intent(intent())
    before = transport.sent
    ledger.commit(link(), [entry("a"), entry("b", 1)], begun)
    assert transport.sent == before + 1
    ledger.link(CRM, "r1")
    assert transport.sent == before + 2


@pytest.mark.slow
def test_a_storage_that_does_not_answer_is_retriable() -> None:
    connection = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:9/a;"
    with TableClient.from_connection_string(connection, "none", retry_total=0) as client:
        ledger = TableLedger(client)
        started = time.monotonic()
        for call in (
            lambda: ledger.link(CRM, "r1"),
            lambda: list(ledger.links(CRM)),
            lambda: ledger.commit(link(), []),
            lambda: ledger.value("a", "b"),
            lambda: ledger.park(parked()),
        ):
            with pytest.raises(ServiceUnavailable):
                call()
        assert time.monotonic() - started < 10
