"""What the org has of what a new record is to hang on, looked for in one composite call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from simple_salesforce.format import format_soql

from shared.clock import Clock
from shared.crm.around import (
    MOST_ALIKE,
    MOST_DEALS,
    MOST_EQUAL,
    AccountWanted,
    Alike,
    Around,
    Candidate,
    Columns,
    ContactWanted,
    Found,
    OpenDeal,
    chosen,
    most_alike,
)
from shared.crm.owners import Owners
from shared.crm.salesforce import owners
from shared.crm.salesforce.api import JsonObject, SalesforceApi, Subrequest, path, rows_of, text_at
from shared.errors import AlreadyExists

Rows = Mapping[str, tuple[JsonObject, ...]]


@dataclass(frozen=True)
class Looking:
    """Looks for account, contact, people and record: at most five queries, as many as one composite call takes.

    `mail` is the users' field. `select` tells what an account's open records are read by, `columns` what they hold.
    """

    api: SalesforceApi
    clock: Clock
    table: str
    identifier: str
    owners: Owners
    mail: str
    select: Callable[[], str]
    columns: Callable[[JsonObject], Columns]

    def look(self, referral_id: str, around: Around) -> Found:
        """Find the oldest account that matches, and what it has; merged ones are deleted. Raises AlreadyExists."""
        looked_at, unknown = self.clock.now(), self.owners.unknown(around.owners)
        same = f"SELECT Id FROM {self.table} WHERE {self.identifier}{format_soql(' = {}', referral_id)}"  # noqa: S608
        queries = {"record": same, **(dict(self._customer(around)) if around.account else {})}
        queries |= dict(owners.queries(unknown, self.mail))
        looks = [Subrequest(name, "GET", path("query", q=query)) for name, query in queries.items()]
        answers = self.api.composite(looks)
        if error := self.api.first_error(answers):
            raise error
        rows = {each.name: rows_of(answer.body) for each, answer in zip(looks, answers, strict=True)}
        if rows["record"]:
            raise exists()
        people = (*rows.get("people", ()), *rows.get("queues", ()))
        self.owners.learn(unknown, owners.found(unknown, people, self.mail))
        owner = self.owners.first(around.owners)
        if around.account is None:
            return Found(looked_at, owner=owner)
        found, equal = _accounts(around.account.alike, rows)
        account_id = text_at(equal[0], "Id") if equal else None
        there = [row for row in rows.get("contacts", ()) if row.get("AccountId") == account_id]
        contact_id = chosen(around.contact, there, "Id") if around.contact else None
        return Found(looked_at, account_id, contact_id, found, owner, self._deals(equal))

    def _customer(self, around: Around) -> Iterator[tuple[str, str]]:
        """Yield the queries for the account and its contacts by name; its open records come with it."""
        assert around.account  # noqa: S101 - a lead has none
        match, alike = _condition(around.account), around.account.alike
        deals, most = (self._open_deals(), MOST_EQUAL) if around.deals else ("", 1)
        yield "account", f"SELECT Id{deals} FROM Account WHERE {match} ORDER BY CreatedDate, Id LIMIT {most}"  # noqa: S608
        begins = f"{alike.name_column} LIKE '{_like(alike.beginning)}%'" if alike else ""
        if alike:
            names = ", ".join(dict.fromkeys(("Id", alike.name_column, *alike.columns)))
            ordered = f"ORDER BY CreatedDate, Id LIMIT {MOST_ALIKE}"
            yield "alike", f"SELECT {names}{deals} FROM Account WHERE {begins} {ordered}"  # noqa: S608 - quoted
        if around.contact:
            yield "contacts", _contacts(around.contact, f"(({match}) OR {begins})" if begins else match)

    def _open_deals(self) -> str:
        only = f"IsClosed = false AND {self.identifier} = null ORDER BY CreatedDate DESC LIMIT {MOST_DEALS}"
        return f", (SELECT {self.select()} FROM Opportunities WHERE {only})"  # noqa: S608 - names of the mapping file

    def _deals(self, accounts: Sequence[JsonObject]) -> tuple[OpenDeal, ...]:
        held = filter(None, (account.get("Opportunities") for account in accounts))
        return tuple(OpenDeal(text_at(row, "Id"), self.columns(row)) for each in held for row in rows_of(each))


def exists() -> AlreadyExists:
    """Return that a record carries the referral's id."""
    return AlreadyExists("a record carries this referral id")


def _accounts(alike: Alike | None, rows: Rows) -> tuple[Candidate | None, Sequence[JsonObject]]:
    """Return the account that is most alike, where none is equal; and those that are the customer's, the used first."""
    if rows["account"]:
        return None, rows["account"]
    best = most_alike(alike, rows["alike"], "Id") if alike else None
    if alike is None or best is None or best.score < alike.enough:
        return best, ()
    return best, [row for row in rows["alike"] if row["Id"] == best.id]


def _condition(account: AccountWanted) -> str:
    return " AND ".join(name + format_soql(" = {}", value) for name, value in account.match.items())


def _like(text: str) -> str:
    """Return a text as LIKE takes it literally, within its quotes."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return escaped.replace("%", "\\%").replace("_", "\\_")


def _contacts(wanted: ContactWanted, account: str) -> str:
    """Return the query for contacts of the accounts that meet a condition, of the wanted mail or name."""
    matches = [
        " AND ".join(name + format_soql(" = {}", value) for name, value in match.items())
        for match in (wanted.mail, wanted.names)
        if match
    ]
    names = ", ".join(("Id", "AccountId", *wanted.mail, *wanted.names))
    either = " OR ".join(f"({each})" for each in matches)
    of_account = f"AccountId IN (SELECT Id FROM Account WHERE {account})"  # noqa: S608 - quoted
    return f"SELECT {names} FROM Contact WHERE {of_account} AND ({either}) ORDER BY CreatedDate, Id LIMIT 50"  # noqa: S608
