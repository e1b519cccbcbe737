"""Open query cursors: the rest of a result behind an opaque locator, for two days."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tools.simulators.salesforce.errors import RefusedError, Rule

Row = dict[str, object]

_PREFIX = "01g"
_LIFETIME = timedelta(days=2)
_LOCATOR = re.compile(r"(?P<cursor>01g\w{15})-(?P<offset>\d+)")


@dataclass(frozen=True)
class Cursor:
    """The rows of a query, frozen when it ran, and the session that asked."""

    rows: list[Row]
    path: str
    opened: datetime
    session: str


@dataclass
class Cursors:
    """Open cursors by id."""

    new_id: Callable[[str], str]
    open: dict[str, Cursor] = field(default_factory=dict)

    def keep(self, cursor: Cursor) -> str:
        """Remember a cursor and return its id."""
        name = self.new_id(_PREFIX)
        self.open[name] = cursor
        return name

    def find(self, locator: str, now: datetime) -> tuple[str, Cursor, int]:
        """Return the cursor and offset that a locator names, or refuse one that is gone."""
        match = _LOCATOR.fullmatch(locator)
        cursor = self.open.get(match["cursor"]) if match else None
        if match is None or cursor is None or now - cursor.opened > _LIFETIME:
            raise RefusedError(Rule.BAD_LOCATOR)
        offset = int(match["offset"])
        if offset >= len(cursor.rows):
            raise RefusedError(Rule.BAD_LOCATOR)
        return match["cursor"], cursor, offset
