"""The ledger's rows as text: every field comes back, and the service's limits are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.deadline import Deadline, DeadlineKind
from shared.deal import RecordKey, Value
from shared.deal_registration import DealRegistration
from shared.errors import DataError
from shared.ledger import serialize
from shared.ledger.model import AuditEntry, Due, DueKind, Intent
from shared.ledger.table import CHUNK, UNITS, from_chunks, to_chunks
from shared.lifecycle import Stage
from shared.link import Apart, Closing, Link, LinkState, Repeat, Restless
from shared.microsoft import MicrosoftsHalf, Seller
from shared.problems import problem
from shared.status import Status, StatusKind
from tests.support.stand_ins import UNHURRIED

TEXT = st.text(st.characters(), max_size=10)
"""Any text, with halves of emojis in it too."""

VALUE: st.SearchStrategy[Value] = st.one_of(
    st.none(),
    st.booleans(),
    TEXT,
    st.decimals(allow_nan=False, allow_infinity=False),
    st.dates(),
    st.lists(TEXT, max_size=3).map(tuple),
)
MOMENT = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]))
MAYBE_MOMENT = st.none() | MOMENT
RECORD = st.builds(RecordKey, TEXT, TEXT, TEXT)
PROBLEM = st.builds(partial(problem, "deal.too_large"), TEXT, limit=st.integers())
NAMES = st.dictionaries(TEXT, TEXT, max_size=3)

HALF = st.builds(
    MicrosoftsHalf,
    TEXT,
    st.sampled_from(Stage),
    reason=TEXT,
    help=st.none() | TEXT,
    crm_id=TEXT,
    team=st.lists(st.builds(Seller, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    notes=TEXT,
    value=st.none() | st.decimals(allow_nan=False, allow_infinity=False),
    currency=TEXT,
    version=TEXT,
    changed_at=MAYBE_MOMENT,
    told=st.dictionaries(TEXT, VALUE, max_size=3),
)

LINK: dict[str, Any] = {
    "crm": TEXT,
    "referral_id": TEXT,
    "record": st.none() | RECORD,
    "state": st.sampled_from(LinkState),
    "engagement_id": TEXT,
    "base": st.dictionaries(TEXT, VALUE, max_size=5),
    "fingerprints": NAMES,
    "settled": st.booleans(),
    "referral_version": st.none() | TEXT,
    "referral_changed_at": MAYBE_MOMENT,
    "related_changed_at": MAYBE_MOMENT,
    "event_at": MAYBE_MOMENT,
    "record_version": st.none() | TEXT,
    "record_seen_at": MAYBE_MOMENT,
    "differences": NAMES,
    "apart": st.dictionaries(TEXT, st.builds(Apart, TEXT, TEXT, TEXT, TEXT, MOMENT), max_size=3),
    "status": st.none() | st.builds(Status, st.sampled_from(StatusKind), TEXT),
    "unshown": st.booleans(),
    "recent_audit": st.lists(TEXT, max_size=3).map(tuple),
    "mapping_version": TEXT,
    "closing": st.none() | st.builds(Closing, st.sampled_from(Stage), MOMENT),
    "created_at": MAYBE_MOMENT,
    "customer": TEXT,
    "deadline": st.none() | st.builds(Deadline, st.sampled_from(DeadlineKind), MOMENT, MOMENT),
    "repeats": st.dictionaries(TEXT, st.builds(Repeat, TEXT, st.integers(0, 9), MOMENT, st.integers(1, 9)), max_size=3),
    "restless": st.dictionaries(TEXT, st.builds(Restless, TEXT, MOMENT), max_size=3),
    "earlier_audit": TEXT,
    "owner": TEXT,
    "owner_mark": TEXT,
    "beside": TEXT,
    "customer_apart": st.lists(TEXT, max_size=3).map(tuple),
    "microsoft": st.none() | HALF,
    "registration": st.none() | st.builds(DealRegistration, TEXT, TEXT, st.integers(0, 9), TEXT, TEXT),
    "etag": st.none(),
}
ENTRY: dict[str, Any] = {
    "id": TEXT,
    "at": MOMENT,
    "direction": TEXT,
    "text": TEXT,
    "changes": st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=3).map(tuple),
    "correlation_id": TEXT,
    "mapping_version": TEXT,
}
INTENT: dict[str, Any] = {
    "record": RECORD,
    "since": MOMENT,
    "started_at": MOMENT,
    "owner": TEXT,
    "referral_id": st.none() | TEXT,
    "unknown_since": MAYBE_MOMENT,
    "posted": st.dictionaries(TEXT, TEXT, max_size=3),
    "etag": st.none(),
}
DUE: dict[str, Any] = {
    "kind": st.sampled_from(DueKind),
    "key": TEXT,
    "at": MOMENT,
    "since": MOMENT,
    "message": TEXT,
    "family": TEXT,
    "reason": TEXT,
    "problems": st.lists(PROBLEM, max_size=2).map(tuple),
    "attempts": st.integers(0, 99),
    "record_version": st.none() | TEXT,
    "until": MAYBE_MOMENT,
    "beside": TEXT,
    "mark": TEXT,
    "etag": st.none(),
}

LINKS = st.builds(Link, **LINK)
ENTRIES = st.builds(AuditEntry, **ENTRY)
INTENTS = st.builds(Intent, **INTENT)
DUES = st.builds(Due, **DUE)


def same_type(loaded: object, given_one: object) -> None:
    """An enum or a tuple that came back as a mere text or list would compare equal in places, and break in others."""
    for each in fields(given_one):  # type: ignore[arg-type]
        assert type(getattr(loaded, each.name)) is type(getattr(given_one, each.name)), each.name


@UNHURRIED
@given(LINKS)
def test_any_link_survives_as_text(any_link: Link) -> None:
    loaded = serialize.load_link(serialize.dump_link(any_link), None)
    assert loaded == any_link
    same_type(loaded, any_link)
    assert {name: type(value) for name, value in loaded.base.items()} == {
        name: type(value) for name, value in any_link.base.items()
    }


@UNHURRIED
@given(ENTRIES)
def test_any_audit_entry_survives_as_text(any_entry: AuditEntry) -> None:
    loaded = serialize.load_entry(serialize.dump_entry(any_entry))
    assert loaded == any_entry
    same_type(loaded, any_entry)


@UNHURRIED
@given(INTENTS)
def test_any_intent_survives_as_text(any_intent: Intent) -> None:
    loaded = serialize.load_intent(serialize.dump_intent(any_intent), None)
    assert loaded == any_intent
    same_type(loaded, any_intent)


@UNHURRIED
@given(DUES)
def test_any_due_entry_survives_as_text(any_due: Due) -> None:
    loaded = serialize.load_due(serialize.dump_due(any_due), None)
    assert loaded == any_due
    same_type(loaded, any_due)


@UNHURRIED
@given(LINKS, TEXT)
def test_the_version_is_the_storages_and_not_the_texts(any_link: Link, etag: str) -> None:
    versioned = replace(any_link, etag=etag)
    assert serialize.dump_link(versioned) == serialize.dump_link(any_link)
    assert serialize.load_link(serialize.dump_link(versioned), etag) == versioned


@UNHURRIED
@given(LINKS)
def test_no_text_holds_what_a_storage_cannot_take(any_link: Link) -> None:
    serialize.dump_link(any_link).encode("utf-8")


def test_what_a_newer_version_wrote_is_read_after_a_roll_back() -> None:
    newer = {"of_tomorrow": {"at": "2027-01-01"}}
    link = Link("crm", "referral", RecordKey("crm", "table", "record"))
    text = json.dumps(json.loads(serialize.dump_link(link)) | newer)
    assert serialize.load_link(text, None) == link
    due = Due(DueKind.DEADLINE, "referral", NOON, NOON, "{}", until=NOON)
    assert serialize.load_due(json.dumps(json.loads(serialize.dump_due(due)) | newer), None) == due
    entry = AuditEntry("id", NOON, "direction", "text")
    assert serialize.load_entry(json.dumps(json.loads(serialize.dump_entry(entry)) | newer)) == entry


NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(("tried", "row"), [(LINK, Link), (ENTRY, AuditEntry), (INTENT, Intent), (DUE, Due)])
def test_every_field_is_tried(tried: dict[str, Any], row: type) -> None:
    # A field that is added to the model and not here would be stored untested.
    assert list(tried) == [each.name for each in fields(row)]


# --- the limits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("letter", ["x", "ü", "\u20ac", "\U0001f600", "\ud83d"])
@pytest.mark.parametrize("length", [0, 1, CHUNK, CHUNK + 1, 100_000, 200_000])
def test_chunks_keep_the_services_limits(letter: str, length: int) -> None:
    # 64 KiB a property and 1 MiB an entity, both counted in UTF-16; the emulator enforces neither.
    text = letter * length
    chunks = to_chunks(text)
    assert from_chunks(chunks) == text
    sizes = [len(part.encode("utf-16-le", "surrogatepass")) for part in chunks.values()]
    assert all(size <= 64 * 1024 for size in sizes)
    assert sum(sizes) < 1024 * 1024
    assert len(chunks) <= 252 - 3


@pytest.mark.parametrize("make", [lambda: "x" * (UNITS + 1), lambda: "\U0001f600" * (UNITS // 2 + 1)])
def test_a_text_that_fits_into_no_entity_is_refused_with_a_remedy(make: Callable[[], str]) -> None:
    with pytest.raises(DataError) as caught:
        to_chunks(make())
    assert caught.value.problems[0].remedy
    to_chunks(make()[:-1])


def test_a_link_stored_before_microsofts_half_was_kept_still_loads() -> None:
    content = json.loads(serialize.dump_link(Link("dynamics365", "r1", None)))
    del content["microsoft"]
    assert serialize.load_link(json.dumps(content), "1").microsoft is None
