"""The audit: every entry once, as it was written, the newest first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from shared.ledger.model import AuditEntry
from shared.ledger.port import Ledger
from tests.contract.ledger.samples import CRM, NOW, entry, link, record


def test_an_audit_entry_comes_back_as_it_was(ledger: Ledger) -> None:
    full = AuditEntry("id", NOW, "Partner Center ⇄ CRM", "text \U0001f600", (("notes", "a", "b"),), "corr", "1")
    ledger.of(CRM).links.commit(link(), [full])
    assert list(ledger.of(CRM).audit.of("r1")) == [full]


def test_the_newest_entries_come_first_whatever_the_order_of_writing(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    held = part.links.commit(link(), [entry("b", 2)])
    part.audit.add("r1", entry("d", 4))
    part.audit.add("r1", entry("a", 1))
    part.links.commit(held, [entry("c", 3)])
    assert [each.id for each in part.audit.of("r1")] == ["d", "c", "b", "a"]
    assert [each.id for each in part.audit.of("r1", limit=2)] == ["d", "c"]


def test_entries_a_microsecond_apart_are_in_order(ledger: Ledger) -> None:
    # The ids go the other way, so that they do not decide in place of the moments.
    entries = [replace(entry(f"{99 - n:02}"), at=NOW + timedelta(microseconds=n)) for n in range(40)]
    ledger.of(CRM).links.commit(link(), entries)
    assert [each.at for each in ledger.of(CRM).audit.of("r1")] == [each.at for each in reversed(entries)]


def test_the_same_entry_again_is_the_same_row(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    held = part.links.commit(link(), [entry("a")])
    part.links.commit(held, [entry("a")])
    part.audit.add("r1", entry("a"))
    part.audit.add("r1", entry("a", 1))
    assert [each.at for each in part.audit.of("r1")] == [NOW + timedelta(minutes=1), NOW]


def test_audits_of_keys_that_begin_alike_are_apart(ledger: Ledger) -> None:
    audit = ledger.of(CRM).audit
    for key in ("r1", "r11", "r", record("r1").deal):
        audit.add(key, entry(key))
    assert [each.id for each in audit.of("r1")] == ["r1"]


def test_an_entry_needs_no_link_and_no_crm(ledger: Ledger) -> None:
    ledger.of("security").audit.add("webhook", entry("a"))
    assert [each.id for each in ledger.of("security").audit.of("webhook")] == ["a"]
    assert list(ledger.of(CRM).audit.of("webhook")) == []


def test_a_long_entry_comes_back_whole(ledger: Ledger) -> None:
    long = AuditEntry("a", NOW, "d", "t" * 70_000, (("notes", "o" * 40_000, "\U0001f600" * 40_000),))
    ledger.of(CRM).audit.add("r1", long)
    assert list(ledger.of(CRM).audit.of("r1")) == [long]


def test_all_entries_come_with_their_deals_key(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    part.links.commit(link("r1"), [entry("a", 1), entry("b", 2)])
    part.audit.add(record("c9").deal, entry("c"))
    ledger.of("salesforce").audit.add("r1", entry("d"))
    assert [(key, each.id) for key, each in part.audit.all()] == [("opportunity:c9", "c"), ("r1", "b"), ("r1", "a")]


def test_what_is_redacted_is_gone_wherever_it_is_shown(ledger: Ledger) -> None:
    part = ledger.of(CRM)
    said = AuditEntry("a", NOW, "d", "secret " * 10_000, (("notes", "old", "secret"),), "corr", "1")
    part.links.commit(link(), [entry("b", 1), said])
    redacted = replace(said, text="(erased)", changes=(("notes", "(erased)", "(erased)"),))
    part.audit.redact("r1", redacted, record())
    assert list(part.audit.of("r1")) == [entry("b", 1), redacted]
    assert [(each.text, each.record) for each in part.survey.newest(5)] == [
        (entry("b").text, record()),
        ("(erased)", record()),
    ]
