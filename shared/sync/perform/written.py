"""What performing leaves behind for the next attempt at the same message, and for its end."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.merge import Change


@dataclass
class Written:
    """What earlier attempts at one message wrote already: it belongs into the audit of the attempt that commits."""

    sent: list[Change] = field(default_factory=list)
    received: list[Change] = field(default_factory=list)
    shown: bool = False
    """Whether the record's Audit column was written: then it must be written again, should the commit be refused."""
    healed: bool = False
    """Whether the deal was not in order before, and is now."""
    behind: bool = False
    """Whether values stay behind, for whose sake the deal is on the agenda."""
