"""What people want each field of a deal to be: the base, the update and the conflict of docs/SYNC.md.

A wish is an edit that was not yet seen on the other side. Once both sides hold the same, nobody wants anything any
more: that is the base. Of one wish at rest both sides hold it; of two the field's policy decides, which for everything
that a seller may send is the CRM.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from tests.oracle.spelling import Meaning

HERE, THERE = "record", "referral"

Key = tuple[str, Hashable, str]
"""Side, row and field."""


@dataclass
class Wishes:
    """The wishes of everybody, and the newest value that each side ever got of each field."""

    open: dict[Key, Meaning] = field(default_factory=dict)
    newest: dict[Key, Meaning] = field(default_factory=dict)

    def edited(self, side: str, row: str, name: str, value: Meaning) -> None:
        """Somebody edits a field on one side."""
        self.open[side, row, name] = value
        self.newest[side, row, name] = value

    def agreed(self, record: str, referral: str, name: str) -> None:
        """Both sides hold the same: that is what was agreed."""
        self.open.pop((HERE, record, name), None)
        self.open.pop((THERE, referral, name), None)

    def wanted(self, record: str, referral: str, name: str) -> Meaning:
        """Return what both sides hold at rest; None where nobody wants anything but what is."""
        return self.open.get((HERE, record, name)) or self.open.get((THERE, referral, name))

    def possible(self, record: str, referral: str, name: str) -> set[Meaning]:
        """Return the newest value of either side: nothing older may stand at rest, whatever went wrong."""
        keys: list[Key] = [(HERE, record, name), (THERE, referral, name)]
        return {self.newest[key] for key in keys if key in self.newest}
