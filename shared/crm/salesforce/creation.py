"""Creating a record once, on the customer's account: looked for in one call, made in another, all or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from simple_salesforce.format import format_soql

from shared.clock import Clock
from shared.crm.around import AccountWanted, Columns, Found
from shared.crm.port import Record, Turns
from shared.crm.salesforce.api import Reference, SalesforceApi, Subrequest, Subresponse, path, rows_of, text_at
from shared.crm.salesforce.errors import DUPLICATE, TITLE
from shared.crm.salesforce.locks import AccountLocks
from shared.errors import AlreadyExists, CosellError, DataError, GoneError, OutcomeUnknown
from shared.problems import problem

Find = Callable[[str], Record | None]
"""Returns the record with a referral identifier."""


@dataclass(frozen=True)
class Creation:
    """Creates records of one table. `select` are the fields that are read back.

    The upsert by external id cannot create twice, but it would write on a record that is there: hence the look first.
    """

    api: SalesforceApi
    clock: Clock
    turns: Turns
    accounts: AccountLocks
    table: str
    identifier: str
    find: Find

    def create(
        self, referral_id: str, content: Columns, account: AccountWanted, found: Found, select: str
    ) -> Subresponse:
        """Return the new record as it was read back. Raises AlreadyExists when there is one."""
        match = account.match
        name = json.dumps([self.table, *sorted(f"{key}={value}".casefold() for key, value in match.items())])
        with nullcontext() if found.account_id else self.turns.turn(name, found.looked_at):
            return self._make(referral_id, content, found.account_id, account.columns, select)

    def look(self, referral_id: str, match: Columns) -> Found:
        """Find the oldest account that matches; merged accounts are deleted ones. Raises AlreadyExists."""
        looked_at = self.clock.now()
        condition = " AND ".join(name + format_soql(" = {}", value) for name, value in match.items())
        oldest = f"SELECT Id FROM Account WHERE {condition} ORDER BY CreatedDate, Id LIMIT 1"  # noqa: S608 - quoted
        same = f"SELECT Id FROM {self.table} WHERE {self.identifier}{format_soql(' = {}', referral_id)}"  # noqa: S608
        looks = [
            Subrequest("account", "GET", path("query", q=oldest)),
            Subrequest("record", "GET", path("query", q=same)),
        ]
        answers = self.api.composite(looks)
        if error := self.api.first_error(answers):
            raise error
        accounts, records = (rows_of(answer.body) for answer in answers)
        if records:
            raise _exists()
        return Found(looked_at, text_at(accounts[0], "Id") if accounts else None)

    def _make(
        self, referral_id: str, content: Columns, account_id: str | None, account: Columns, select: str
    ) -> Subresponse:
        own = {**content, "AccountId": account_id or Reference("account.id")}
        filled = {name: value for name, value in own.items() if value is not None and name != self.identifier}
        after = path("sobjects", self.table, Reference("record.id"), fields=select)
        writes = [
            Subrequest("record", "PATCH", path("sobjects", self.table, self.identifier, referral_id), filled),
            Subrequest("after", "GET", after),
        ]
        if account_id is None:
            made = {name: value for name, value in account.items() if value is not None}
            writes.insert(0, Subrequest("account", "POST", path("sobjects", "Account"), made))
        try:
            with self.accounts.of(account_id):
                answers = self._send_once(referral_id, writes)
            if error := self.api.first_error(answers):
                raise error
        except CosellError as error:
            raise self._meaning(referral_id, error) from error
        upsert = answers[-2]
        if upsert.status != 201 and not (isinstance(upsert.body, Mapping) and upsert.body.get("created") is True):
            raise _exists()
        return answers[-1]

    def _send_once(self, referral_id: str, writes: Sequence[Subrequest]) -> list[Subresponse]:
        """Send once: what became of it is seen by looking again, not by making another account."""
        try:
            return self.api.composite(writes, together=True, repeatable=False)
        except OutcomeUnknown as unknown:
            try:
                found = self.find(referral_id)
            except CosellError:
                raise unknown from None  # What matters to those who wait for the account is still open.
            if found:
                raise _exists() from unknown
            raise

    def _meaning(self, referral_id: str, error: CosellError) -> CosellError:
        """Return what a refusal means here.

        Other fields may be unique too, and not every answer tells which one it was: then the record is looked for.
        """
        if isinstance(error, GoneError):
            return _missing_reference()
        if error.code != DUPLICATE or self.identifier in str(error):
            return error
        return _exists() if self.find(referral_id) else _kept_out(error)


def _exists() -> AlreadyExists:
    return AlreadyExists("a record carries this referral id")


def _missing_reference() -> DataError:
    return DataError(problem("crm.reference_deleted", "record", crm=TITLE))


def _kept_out(error: CosellError) -> DataError:
    """Return the problem of a record or account that another field, unique by the customer's own wish, keeps out."""
    kept_out = problem("customer.key_taken", "customer_name", crm=TITLE, message=error)
    return DataError(kept_out).with_remote(error.code, error.correlation_id)
