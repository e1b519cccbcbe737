"""What `cosell.py provision` plans for a CRM's table, whichever CRM it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.mapping.check.findings import Severity
from shared.mapping.check.lint_live import column_mismatches
from shared.mapping.check.needs import Need
from shared.mapping.check.tables import Column


class Action(StrEnum):
    """What is to be done about one column, key or permission."""

    CREATE = "create"
    GRANT = "grant"
    WAIT = "wait"
    """It is there, and cannot be used yet."""
    KEEP = "keep"
    REFUSE = "refuse"
    """A person must decide; nothing at all is created."""


@dataclass(frozen=True)
class Item:
    """One line of the plan. `need` is the column to make, None for anything else."""

    action: Action
    name: str
    type: str
    note: str = ""
    need: Need | None = None


def existing(need: Need, column: Column) -> Item:
    """Return the line about a column that is there: kept as it is, or refused when it cannot hold what it must."""
    conflicts = [each.what for each in column_mismatches(need, column) if each.severity is Severity.ERROR]
    return Item(Action.REFUSE if conflicts else Action.KEEP, need.column, str(column), "; ".join(conflicts))
