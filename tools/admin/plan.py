"""What `cosell.py provision` plans for a CRM's table, whichever CRM it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.mapping.needs import Need


class Action(StrEnum):
    """What is to be done about one column or key."""

    CREATE = "create"
    WAIT = "wait"
    """The key is there, and its index is being built."""
    KEEP = "keep"
    REFUSE = "refuse"
    """A person must decide; nothing at all is created."""


@dataclass(frozen=True)
class Item:
    """One line of the plan. `need` is the column to make, None for the key."""

    action: Action
    name: str
    type: str
    note: str = ""
    need: Need | None = None
