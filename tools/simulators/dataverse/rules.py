"""What an environment's administrators and developers set up, switched on and off while it runs.

Column security: the vendor's page column-level-security (a secured column without permission comes as null, with a
masking rule as a masked text). Refusals: what plug-ins and the platform answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.simulators.dataverse.errors import RefusedError, Rule

if TYPE_CHECKING:
    from tools.simulators.dataverse.environment import Caller

MASK = "****"


@dataclass(frozen=True)
class Secured:
    """A column under column security. `readers`, `writers`: the users whose profiles let them; `masked` for all."""

    readers: frozenset[str] = frozenset()
    writers: frozenset[str] = frozenset()
    masked: bool = False


@dataclass
class CustomRules:
    """The switches. What people do in the forms is not affected, as if an administrator sat there.

    `refused_writes`: by table, what a plug-in says to every create and update. `refused_closing`: what keeps an
    opportunity from being closed; a plug-in's text, or open quotes. `secured`: by table and column.
    """

    refused_writes: dict[str, str] = field(default_factory=dict)
    refused_closing: RefusedError | None = None
    secured: dict[tuple[str, str], Secured] = field(default_factory=dict)
    without_roles: set[str] = field(default_factory=set)
    """Users and teams that may own nothing, because they have no security role."""

    def refuse_closing(self, message: str, *, open_quotes: bool = False) -> None:
        """Refuse WinOpportunity and LoseOpportunity: by a plug-in with its text, or because quotes are open."""
        rule = Rule.CANNOT_CLOSE if open_quotes else Rule.PLUG_IN
        self.refused_closing = RefusedError(rule, message=message)

    def require_closable(self) -> None:
        """Refuse to close an opportunity, if that is switched on."""
        if self.refused_closing:
            raise self.refused_closing

    def require_writable(self, table: str, columns: Iterable[str], caller: Caller, *, creating: bool) -> None:
        """Refuse a write that a plug-in or column security forbids."""
        if table in self.refused_writes:
            raise RefusedError(Rule.PLUG_IN, message=self.refused_writes[table])
        for name in columns:
            secured = self.secured.get((table, name))
            if secured and caller.user_id not in secured.writers:
                what = "create" if creating else "update"
                raise RefusedError(Rule.COLUMN_SECURITY, user=caller.user_id, what=what, column=name, table=table)

    def shown(self, table: str, column: str, value: object, user_id: str) -> object:
        """Return what a user gets to read of a value."""
        secured = self.secured.get((table, column))
        if secured is None or value is None:
            return value
        if secured.masked and isinstance(value, str):
            return MASK  # Also for those who may read: without the option UnMaskedData everybody gets the mask.
        return value if user_id in secured.readers else None

    def clear(self) -> None:
        """Switch everything off."""
        self.refused_writes.clear()
        self.refused_closing = None
        self.secured.clear()
        self.without_roles.clear()
