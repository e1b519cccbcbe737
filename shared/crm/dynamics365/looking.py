"""What the environment has of what a new record is to hang on: account, contact, open records, and people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from shared.clock import Clock
from shared.crm.around import (
    MOST_ALIKE,
    MOST_EQUAL,
    AccountWanted,
    Alike,
    Around,
    Found,
    most_alike,
)
from shared.crm.dynamics365 import accounts, contacts, owners
from shared.crm.dynamics365.api import DataverseApi, Json, Query, literal
from shared.crm.dynamics365.deals import Deals
from shared.crm.owners import Owners


@dataclass(frozen=True)
class Looking:
    """Looks for the account, and in the same call for people who were not asked for within the hour.

    `mail` is the users' column.
    """

    api: DataverseApi
    clock: Clock
    owners: Owners
    mail: str
    deals: Deals

    def look(self, around: Around) -> Found:
        """Find the oldest account in use that equals `match`, else the one most alike, with what it has.

        Where only an account that was merged away is equal, the one that it lives on in is taken. One call, two when
        no account equals. Raises the families.
        """
        looked_at, unknown = self.clock.now(), self.owners.unknown(around.owners)
        people = owners.queries(unknown, self.mail)
        equal = (
            [_equal(around.account, MOST_EQUAL if around.deals else 1, self._expanded(around))]
            if around.account
            else []
        )
        answers = self.api.rows_of_each([*equal, *people])
        self.owners.learn(unknown, owners.found(unknown, people, answers[len(equal) :], self.mail))
        held = Found(looked_at, owner=self.owners.first(around.owners))
        return self._with_account(around, around.account, answers[0], held) if around.account else held

    def _with_account(self, around: Around, wanted: AccountWanted, rows: list[Json], held: Found) -> Found:
        if account_id := accounts.in_use(self.api, rows[0]) if rows else None:
            return self._with(around, rows, replace(held, account_id=account_id))
        rows = self._alike(wanted.alike, self._expanded(around)) if wanted.alike else []
        best = most_alike(wanted.alike, rows, "accountid") if wanted.alike else None
        held = replace(held, candidate=best)
        if best is None or wanted.alike is None or best.score < wanted.alike.enough:
            return held
        row = next(each for each in rows if each["accountid"] == best.id)
        return self._with(around, [row], replace(held, account_id=best.id))

    def _with(self, around: Around, equal: list[Json], held: Found) -> Found:
        """Add what the first of the accounts has, and the open records of them all."""
        contact_id = contacts.among(around.contact, equal[0]) if around.contact else None
        deals = [deal for account in equal for deal in self.deals.among(account)] if around.deals else []
        return replace(held, contact_id=contact_id, deals=tuple(deals))

    def _expanded(self, around: Around) -> Mapping[str, str]:
        def parts() -> Iterator[str]:
            if around.contact:
                yield contacts.expansion(around.contact)
            if around.deals:
                yield self.deals.expansion

        text = ",".join(parts())
        return {"$expand": text} if text else {}

    def _alike(self, alike: Alike, expanded: Mapping[str, str]) -> list[Json]:
        query = {
            "$select": ",".join(dict.fromkeys(("accountid", alike.name_column, *alike.columns))),
            "$filter": f"statecode eq {accounts.ACTIVE} and startswith({alike.name_column},{literal(alike.beginning)})",
            "$orderby": "createdon asc",
            "$top": str(MOST_ALIKE),
            **expanded,
        }
        return self.api.rows("accounts", query)


def _equal(wanted: AccountWanted, most: int, expanded: Mapping[str, str]) -> Query:
    condition = " and ".join(f"{column} eq {literal(value)}" for column, value in wanted.match.items())
    query = {
        "$select": accounts.SELECT,
        "$filter": f"{condition} and (statecode eq {accounts.ACTIVE} or merged eq true)",
        "$orderby": "statecode asc,createdon asc",
        "$top": str(most),
        **expanded,
    }
    return "accounts", query
