"""Change tracking: the first full read, the delta link, deletions, and tokens that expire.

Source: the vendor's page on synchronizing by change tracking, as summed up in the reference, A.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tools.simulators.dataverse.columns import Table
from tools.simulators.dataverse.environment import ORGANIZATION_ID, Caller, Cursor, Environment
from tools.simulators.dataverse.errors import RefusedError, Rule

_REFUSED = ("$filter", "$orderby", "$expand", "$top")
_TOKEN = re.compile(r"(?P<version>\d+)!(?P<time>\d{2}/\d{2}/\d{4} \d{2}:\d{2}:\d{2})")
_TIME = "%m/%d/%Y %H:%M:%S"


@dataclass(frozen=True)
class ChangeTracker:
    """Answers tracked reads of one table for one caller."""

    environment: Environment
    table: Table
    caller: Caller

    def start(self, options: Mapping[str, str]) -> Cursor:
        """Begin a sequence: every row, and a token for what changes from here on."""
        self._require_allowed(options)
        ids = tuple(row.id for row in self.environment.store.changed_since(self.table.name, 0))
        return Cursor(ids, token=self.new_token())

    def since(self, token: str, options: Mapping[str, str]) -> Cursor:
        """Return what changed after the token: rows by version, then deletions."""
        self._require_allowed(options)
        version = self._version_of(token)
        rows = self.environment.store.changed_since(self.table.name, version)
        deleted = self.environment.store.deleted_since(self.table.name, version)
        return Cursor(tuple(row.id for row in rows), tuple(deleted), self.new_token(), is_delta=True)

    def new_token(self) -> str:
        """Return a token for now: row version, exclamation mark, time."""
        return f"{self.environment.store.version}!{self.environment.now().strftime(_TIME)}"

    def _require_allowed(self, options: Mapping[str, str]) -> None:
        if not self.table.change_tracking:
            raise RefusedError(Rule.TRACKING_OFF, table=self.table.name)
        if not self.caller.global_read:
            privilege = f"prvRead{self.table.schema_name} (organization depth)"
            raise RefusedError(Rule.NO_PRIVILEGE, user=self.caller.user_id, privilege=privilege, table=self.table.name)
        for option in _REFUSED:
            if option in options:
                raise RefusedError(Rule.TRACKING_REFUSES_OPTION, option=option)

    def _version_of(self, token: str) -> int:
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise RefusedError(Rule.BAD_DELTA_TOKEN)
        issued = datetime.strptime(match["time"], _TIME).replace(tzinfo=UTC)
        version = int(match["version"])
        is_old = self.environment.now() - issued > self._retention()
        if is_old or version < self.table.tokens_void_up_to:
            raise RefusedError(Rule.EXPIRED_VERSION, as_status=self.environment.quirks.expired_token_status)
        return version

    def _retention(self) -> timedelta:
        days = self.environment.row("organization", ORGANIZATION_ID).values.get("expirechangetrackingindays")
        return timedelta(days=days if isinstance(days, int) else 0)
