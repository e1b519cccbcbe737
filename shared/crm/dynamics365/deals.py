"""The open records of an account that no referral is tied to; they come with the account, in the same call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.crm.around import MOST_DEALS, Columns, OpenDeal
from shared.crm.dynamics365.api import Json, text_at

_OF_ACCOUNT = "opportunity_parent_account"
"""The account's collection of its opportunities (entities/account)."""


@dataclass(frozen=True)
class Deals:
    """How they are asked for: `select` are the columns that are read, by the names that they are read by."""

    select: str
    identifier: str
    columns: Callable[[Json], Columns]
    """Returns a row's columns by their logical names."""

    @property
    def expansion(self) -> str:
        """Return how they are read with an account."""
        only = f"$filter=statecode eq 0 and {self.identifier} eq null"
        newest = f"$orderby=createdon desc;$top={MOST_DEALS}"
        return f"{_OF_ACCOUNT}($select=opportunityid,{self.select};{only};{newest})"

    def among(self, account: Json) -> tuple[OpenDeal, ...]:
        """Return those that came with an account."""
        rows = account.get(_OF_ACCOUNT)
        held = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        return tuple(OpenDeal(text_at(row, "opportunityid").lower(), self.columns(row)) for row in held)
