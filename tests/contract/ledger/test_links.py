"""Links: found by either side, committed with their audit in one step, and only over what was read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from shared.deal import Value
from shared.errors import StaleError
from shared.ledger.model import DueKind
from shared.ledger.port import Ledger
from shared.ledger.table import CHUNK
from shared.lifecycle import Stage
from shared.link import Link, LinkState
from tests.contract.ledger.samples import CRM, NOW, due, entry, intent, link, record, status, together

VALUES: dict[str, Value] = {
    "absent": None,
    "yes": True,
    "no": False,
    "text": 'Zoë \U0001f600 "quoted" \\ \n line',
    "blank": "",
    "half_an_emoji": "\ud83d",
    "date_like": "2026-03-31",
    "number_like": "1000.00",
    "money": Decimal("1234567890123.4567"),
    "zero": Decimal(0),
    "day": date(2026, 3, 31),
    "set": ("SOL-1-AAA", "SOL-2-BBB"),
    "empty_set": (),
    "status": Stage.ACTIVE,
}


def test_what_was_never_stored_is_absent(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    assert part.links.of_referral("r1") is None
    assert part.links.of_record(record()) is None
    assert list(part.links.all()) == []


def test_a_link_is_found_by_either_side_as_it_was_stored(ledger: Ledger) -> None:
    links = ledger.of(CRM).links
    given = link(base=VALUES, engagement_id="e1", referral_version='"7a00c1d2-0000"', record_version='W/"123"')
    stored = links.commit(given, [])
    assert stored.etag
    assert stored == replace(given, etag=stored.etag)
    assert links.of_referral("r1") == stored
    assert links.of_record(record()) == stored
    assert list(links.all()) == [stored]


def test_every_kind_of_value_comes_back_as_it_was(ledger: Ledger) -> None:
    links = ledger.of(CRM).links
    links.commit(link(base=VALUES), [])
    held = links.of_referral("r1")
    assert held is not None
    for name, value in VALUES.items():
        assert held.base[name] == value
        if name != "status":
            assert type(held.base[name]) is type(value)


def test_what_is_read_can_be_committed_again(ledger: Ledger) -> None:
    links = ledger.of(CRM).links
    first = links.commit(link(), [])
    second = links.commit(replace(first, settled=True), [])
    assert second.etag != first.etag
    read = links.of_record(record())
    assert read == second
    assert links.commit(replace(read, settled=False), []).etag not in (first.etag, second.etag)


def test_a_link_that_was_committed_meanwhile_is_stale(ledger: Ledger) -> None:
    links = ledger.of(CRM).links
    first = links.commit(link(), [])
    second = links.commit(replace(first, status=status("second")), [])
    with pytest.raises(StaleError):
        links.commit(replace(first, status=status("late")), [])
    assert links.of_referral("r1") == second


def test_a_link_that_exists_cannot_be_created(ledger: Ledger) -> None:
    links = ledger.of(CRM).links
    first = links.commit(link(), [])
    with pytest.raises(StaleError):
        links.commit(link(record_id="c2"), [])
    assert links.of_referral("r1") == first
    assert links.of_record(record("c2")) is None


def test_a_link_without_a_record_is_found_by_its_referral_only(ledger: Ledger) -> None:
    links = ledger.of(CRM).links
    stored = links.commit(Link(CRM, "r1", None, state=LinkState.IGNORED), [])
    assert links.of_referral("r1") == stored
    assert links.of_record(record("")) is None


def test_a_record_that_is_no_more_linked_has_no_link(ledger: Ledger) -> None:
    links = ledger.of(CRM).links
    first = links.commit(link(record_id="c1"), [])
    second = links.commit(replace(first, record=record("c2")), [])
    assert links.of_record(record("c2")) == second
    assert links.of_record(record("c1")) is None


def test_a_record_that_is_linked_anew_has_the_new_link(ledger: Ledger) -> None:
    links = ledger.of(CRM).links
    first = links.commit(link("r1", "c1"), [])
    links.commit(replace(first, record=None), [])
    second = links.commit(link("r2", "c1"), [])
    assert links.of_record(record("c1")) == second


@pytest.mark.parametrize("engagement", ["5c2a7f10-9d3e-4b6a-8c1d-2f4e6a8b0c13", "a/b?c#d", "x" * 2000])
def test_the_link_of_an_engagement_is_found_and_follows_it(ledger: Ledger, engagement: str) -> None:
    links = ledger.of(CRM).links
    assert links.of_engagement(engagement) is None
    before = links.commit(link(), [])
    assert links.of_engagement("") is None
    held = links.commit(replace(before, engagement_id=engagement), [])
    assert links.of_engagement(engagement) == held
    ignored = links.commit(Link(CRM, "r2", None, state=LinkState.IGNORED, engagement_id="another"), [])
    assert links.of_engagement("another") == ignored
    later = links.commit(replace(held, settled=True), [])
    assert links.of_engagement(engagement) == later
    assert ledger.of("salesforce").links.of_engagement(engagement) is None


def test_a_lead_and_an_opportunity_with_one_id_are_two_records(ledger: Ledger) -> None:
    links = ledger.of(CRM).links
    lead = links.commit(Link(CRM, "r1", record("x", "lead")), [])
    opportunity = links.commit(Link(CRM, "r2", record("x", "opportunity")), [])
    assert links.of_record(record("x", "lead")) == lead
    assert links.of_record(record("x", "opportunity")) == opportunity
    moved = links.commit(replace(lead, record=record("y", "opportunity")), [])
    assert links.of_record(record("x", "lead")) is None
    assert links.of_record(record("y", "opportunity")) == moved
    assert links.of_record(record("x", "opportunity")) == opportunity


def test_two_crms_share_nothing(ledger: Ledger) -> None:
    ours = ledger.of(CRM).links.commit(link(), [entry("a")])
    other = ledger.of("salesforce")
    theirs = other.links.commit(Link("salesforce", "r1", record(crm="salesforce"), status=status("theirs")), [])
    assert ledger.of(CRM).links.of_referral("r1") == ours
    assert other.links.of_referral("r1") == theirs
    assert list(other.links.all()) == [theirs]
    assert list(other.audit.of("r1")) == []


@pytest.mark.parametrize("letter", ["x", "ü", "\U0001f600", "\ud83d"])
@pytest.mark.parametrize("length", [CHUNK - 1, CHUNK, CHUNK + 1, 50_000])
def test_long_texts_come_back_whole(ledger: Ledger, letter: str, length: int) -> None:
    stored = ledger.of(CRM).links.commit(link(base={"notes": letter * length}), [])
    assert ledger.of(CRM).links.of_referral("r1") == stored


def test_many_links_are_all_returned(ledger: Ledger) -> None:
    count = 1_010  # a page of Table Storage is 1 000 rows
    part = ledger.of(CRM)
    share = [range(start, count, 8) for start in range(8)]
    _, errors = together(8, lambda worker: [part.links.commit(link(f"r{n:04}", f"c{n:04}"), []) for n in share[worker]])
    assert errors == []
    part.agenda.put(due())
    assert sorted(each.referral_id for each in part.links.all()) == [f"r{number:04}" for number in range(count)]


def test_links_can_be_read_while_they_change(ledger: Ledger) -> None:
    links = ledger.of(CRM).links
    for number in range(5):
        links.commit(link(f"r{number}", f"c{number}"), [])
    seen = []
    for each in links.all():
        seen.append(each.referral_id)
        links.commit(replace(each, settled=True), [])
    assert sorted(seen) == [f"r{number}" for number in range(5)]


# --- commits are all or nothing --------------------------------------------------------------------------------------


def test_link_audit_and_intent_are_one_commit(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    begun = part.intents.begin(intent())
    part.intents.begin(intent(record_id="other"))
    part.intents.begin(intent(table="lead"))
    part.links.commit(link(), [entry("a"), entry("b", 1)], begun)
    assert [each.id for each in part.audit.of("r1")] == ["b", "a"]
    assert part.intents.of(record()) is None
    assert part.intents.of(record("other")) is not None
    assert part.intents.of(record(table="lead")) is not None


def test_an_entry_of_the_agenda_is_stored_with_the_commit_and_only_with_it(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    deadline = due(minutes=5, kind=DueKind.DEADLINE, reason="decide", until=NOW + timedelta(days=14))
    held = part.links.commit(link(), [], dues=[deadline])
    (found,) = part.agenda.due(NOW + timedelta(minutes=5))
    assert replace(found, etag=None) == deadline
    later = replace(deadline, at=NOW + timedelta(hours=1))
    part.links.commit(held, [], dues=[later])
    assert list(part.agenda.due(NOW + timedelta(minutes=30))) == []
    with pytest.raises(StaleError):
        part.links.commit(held, [], dues=[replace(deadline, at=NOW)])
    (found,) = part.agenda.all(DueKind.DEADLINE)
    assert found.at == later.at


def test_a_commit_takes_away_what_was_met_whether_it_is_there_or_not(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    dues = [due(kind=DueKind.DEADLINE), due(kind=DueKind.MICROSOFT)]
    held = part.links.commit(link(), [], dues=dues)
    with pytest.raises(StaleError):
        part.links.commit(link(), [], met=[DueKind.DEADLINE])
    assert part.agenda.of(DueKind.DEADLINE, "r1") is not None
    held = part.links.commit(held, [], met=[DueKind.DEADLINE])
    assert part.agenda.of(DueKind.DEADLINE, "r1") is None
    assert part.agenda.of(DueKind.MICROSOFT, "r1") is not None
    held = part.links.commit(held, [entry("a")], met=[DueKind.DEADLINE, DueKind.MICROSOFT])
    assert part.agenda.of(DueKind.MICROSOFT, "r1") is None
    assert [each.id for each in part.audit.of("r1")] == ["a"]
    assert part.links.commit(held, []).referral_id == "r1"


def test_a_record_that_changed_hands_and_came_back_leads_to_its_link_again(ledger: Ledger) -> None:
    links = ledger.of(CRM).links
    first = links.commit(link("r1", "c1"), [])
    first = links.commit(replace(first, state=LinkState.ORPHANED), [])
    second = links.commit(link("r2", "c1"), [])
    assert links.of_record(record("c1")) == second
    links.commit(replace(second, record=None), [])
    back = links.commit(replace(first, state=LinkState.LINKED), [])
    assert links.of_record(record("c1")) == back


@pytest.mark.parametrize("state", [LinkState.IGNORED, LinkState.UNLINKED])
def test_a_link_that_ties_nothing_leaves_its_record_to_the_one_that_ties_it(ledger: Ledger, state: LinkState) -> None:
    links = ledger.of(CRM).links
    first = links.commit(replace(link("r1", "c1"), state=state), [])
    assert links.of_record(record("c1")) == first
    second = links.commit(link("r2", "c1"), [])
    for after in (LinkState.IGNORED, LinkState.UNLINKED):
        first = links.commit(replace(first, state=after, recent_audit=("told once more",)), [])
        assert links.of_record(record("c1")) == second


def test_a_stale_commit_leaves_no_audit_row_and_keeps_the_intent(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    held = part.links.commit(link(), [entry("first")])
    part.links.commit(held, [])
    begun = part.intents.begin(intent(record_id="c9"))
    with pytest.raises(StaleError):
        part.links.commit(replace(held, record=record("c9")), [entry("never")], begun)
    assert [each.id for each in part.audit.of("r1")] == ["first"]
    assert part.intents.of(record("c9")) == begun
    assert part.links.of_record(record("c9")) is None


def test_a_commit_whose_intent_is_gone_is_stale_and_stores_nothing(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    with pytest.raises(StaleError):
        part.links.commit(link(), [entry("a")], intent())
    assert part.links.of_referral("r1") is None
    assert part.links.of_record(record()) is None
    assert list(part.audit.of("r1")) == []


def test_of_many_first_commits_one_wins(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    results, errors = together(
        8, lambda number: part.links.commit(link(status=status(str(number))), [entry(f"entry-{number}")])
    )
    assert len(results) == 1
    assert all(isinstance(error, StaleError) for error in errors)
    (won,) = results
    assert part.links.of_referral("r1") == won
    assert isinstance(won, Link)
    assert won.status
    assert [each.id for each in part.audit.of("r1")] == [f"entry-{won.status.text}"]


def test_of_many_later_commits_one_wins(ledger: Ledger) -> None:
    links = ledger.of(CRM).links
    held = links.commit(link(), [])
    results, errors = together(8, lambda number: links.commit(replace(held, status=status(str(number))), []))
    assert len(results) == 1
    assert all(isinstance(error, StaleError) for error in errors)
    assert links.of_referral("r1") == results[0]
