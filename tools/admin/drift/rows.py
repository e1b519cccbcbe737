"""A line of the drift report: one thing that differs, of what kind, and whether that is as it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.link import Link

HEADER = (
    "crm",
    "table",
    "referral_id",
    "record_id",
    "kind",
    "expected",
    "field",
    "referral",
    "record",
    "reason",
    "since",
)


class Kind(StrEnum):
    """Why something differs."""

    KEPT = "kept"
    """By the mapping's rules, or because Partner Center froze it."""
    HISTORY = "history"
    """The deal ended before it was linked."""
    WAITING = "waiting"
    """It travels later, without anybody's doing."""
    PAUSED = "paused"
    """Sync is off, or a person paused the deal."""
    UNSYNCED = "unsynced"
    """The app has not carried it over yet."""
    HELD = "held"
    """It stays until somebody decides or makes both sides equal."""
    REOPENED = "reopened"
    """Open here, closed for good in Partner Center."""
    ORPHAN = "orphan"
    """One side is gone."""
    SET_ASIDE = "set aside"
    """The deal waits for a person to put something right, or for a service."""


EXPECTED = frozenset({Kind.KEPT, Kind.HISTORY, Kind.WAITING, Kind.PAUSED})


@dataclass(frozen=True)
class Row:
    """One difference. Values are as a person reads them; empty where the ledger alone was asked."""

    crm: str
    table: str
    referral_id: str
    record_id: str
    kind: Kind
    field: str = ""
    referral: str = ""
    record: str = ""
    reason: str = ""
    since: str = ""

    @property
    def expected(self) -> bool:
        """Whether nobody has to do anything about it."""
        return self.kind in EXPECTED

    def data(self) -> dict[str, object]:
        """Return it for a program, in the order of the header."""
        return {name: getattr(self, name) for name in HEADER}

    @property
    def cells(self) -> Sequence[str]:
        """Return it for the terminal."""
        return (self.kind, self.record_id, self.referral_id, self.field, self.referral, self.record, self.reason)


COLUMNS = ("kind", "record", "referral", "field", "Partner Center", "CRM", "why")
"""The headings of the cells."""


def of_link(link: Link, kind: Kind, **more: str) -> Row:
    """Return a row about a link's deal."""
    table = link.record.table if link.record else ""
    return Row(link.crm, table, link.referral_id, link.record_id, kind, **more)
