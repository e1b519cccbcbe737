"""Finds a deal by what a person calls it: the id of the referral, or of the record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shared.deal import RecordKey
from shared.desk.desk import Desk
from shared.errors import FatalError
from shared.ledger.model import Due, DueKind
from shared.link import Link

_TABLES = {"dynamics365": ("opportunity", "lead"), "salesforce": ("Opportunity", "Lead")}
"""Where a record is looked for besides the tables that are configured: an operator need not have their settings."""


@dataclass(frozen=True)
class Found:
    """A deal of one CRM: its link, or the key under which it is set aside while it has none."""

    crm: str
    key: str
    link: Link | None
    parked: Due | None

    @property
    def record(self) -> RecordKey | None:
        """The deal's record, if it is known."""
        if self.link:
            return self.link.record
        table, _, record_id = self.key.partition(":")
        return RecordKey(self.crm, table, record_id) if record_id else None


def find(desk: Desk, name: str, crm: str = "") -> Found | None:
    """Return the deal of that name: a referral's id in capitals too, a record's id, or a key `table:id`.

    A referral may be a deal in each of two CRMs; `crm` says which is meant, else it is the first.
    """
    return next(_found(desk, name.strip(), crm), None)


def _found(desk: Desk, name: str, crm: str) -> Iterator[Found]:
    for each in desk.crms:
        if not name or crm not in ("", each):
            continue
        part = desk.of(each)
        keys = _record_keys(desk, each, name)
        link = part.links.of_referral(name) or part.links.of_referral(name.lower())
        link = link or next(filter(None, map(part.links.of_record, keys)), None)
        if link:
            yield Found(each, link.referral_id, link, part.agenda.of(DueKind.PARKED, link.referral_id))
            continue
        for key in (name, name.lower(), *(key.deal for key in keys)):
            parked = part.agenda.of(DueKind.PARKED, key)
            if parked or (":" in key and part.audit.of(key, 1)):
                yield Found(each, key, None, parked)


def _record_keys(desk: Desk, crm: str, name: str) -> list[RecordKey]:
    table, colon, record_id = name.partition(":")
    if colon:
        return [RecordKey(crm, table, record_id)]
    return [RecordKey(crm, table, name) for table in tables(desk, crm)]


def tables(desk: Desk, crm: str) -> tuple[str, ...]:
    """Return the tables of a CRM, the opportunities' first."""
    return tuple(dict.fromkeys((*configured_tables(desk, crm), *_TABLES.get(crm, ()))))


def configured_tables(desk: Desk, crm: str) -> tuple[str, ...]:
    """Return the tables that a CRM is synchronized with; none while its mapping or its settings cannot be used here."""
    try:
        return desk.tasks.of(crm).tables
    except FatalError:
        return ()
