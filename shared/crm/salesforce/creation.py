"""Creating a record once, on the customer's account: in one call, all or nothing, after it was looked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from shared.crm.around import Around, Columns, Found
from shared.crm.port import Record, Turns
from shared.crm.salesforce.api import (
    Reference,
    SalesforceApi,
    Subrequest,
    Subresponse,
    blamed_of,
    path,
)
from shared.crm.salesforce.errors import DUPLICATE, TITLE, missing_reference
from shared.crm.salesforce.locks import AccountLocks
from shared.crm.salesforce.looking import exists
from shared.errors import CosellError, DataError, GoneError, OutcomeUnknown
from shared.problems import problem

Find = Callable[[str], Record | None]
"""Returns the record with a referral identifier."""


@dataclass(frozen=True)
class Creation:
    """Creates records of one table. `select` are the fields that are read back.

    The upsert by external id cannot create twice, but it would write on a record that is there: hence the look first.
    """

    api: SalesforceApi
    turns: Turns
    accounts: AccountLocks
    table: str
    identifier: str
    find: Find

    def create(self, referral_id: str, content: Columns, around: Around, found: Found, select: str) -> Subresponse:
        """Return the new record as it was read back. Raises AlreadyExists when there is one."""
        if around.account is None:
            return self._make(referral_id, content, around, found, select)
        match = around.account.match
        name = json.dumps([self.table, *sorted(f"{key}={value}".casefold() for key, value in match.items())])
        with nullcontext() if found.account_id else self.turns.turn(name, found.looked_at):
            return self._make(referral_id, content, around, found, select)

    def _make(self, referral_id: str, content: Columns, around: Around, found: Found, select: str) -> Subresponse:
        account_id = found.account_id or Reference("account.id")
        own = {**content, **({"AccountId": account_id} if around.account else {})}
        filled = {name: value for name, value in own.items() if value is not None and name != self.identifier}
        after = path("sobjects", self.table, Reference("record.id"), fields=select)
        writes = [
            *_before(around, found),
            Subrequest("record", "PATCH", path("sobjects", self.table, self.identifier, referral_id), filled),
            *_behind(around, found),
            Subrequest("after", "GET", after),
        ]
        refused = "record"
        try:
            with self.accounts.of(found.account_id):
                answers = self._send_once(referral_id, writes)
            if error := self.api.first_error(answers):
                blamed = blamed_of(answers)
                refused = next(each.name for each, held in zip(writes, answers, strict=True) if held is blamed)
                raise error
        except CosellError as error:
            raise self._meaning(referral_id, error, refused) from error
        upsert = answers[[each.name for each in writes].index("record")]
        if upsert.status != 201 and not (isinstance(upsert.body, Mapping) and upsert.body.get("created") is True):
            raise exists()
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
                raise exists() from unknown
            raise

    def _meaning(self, referral_id: str, error: CosellError, refused: str) -> CosellError:
        """Return what a refusal of a subrequest means here.

        Other fields may be unique too, and not every answer tells which one it was: then the record is looked for.
        """
        if isinstance(error, GoneError):
            return missing_reference()
        if error.code != DUPLICATE or self.identifier in str(error):
            return error
        if self.find(referral_id):
            return exists()
        return _kept_out(error) if refused == "account" else error


def _before(around: Around, found: Found) -> Iterator[Subrequest]:
    """Yield what is made before the record: its account and its contact, where the org has none."""
    if around.account and found.account_id is None:
        made = {name: value for name, value in around.account.columns.items() if value is not None}
        yield Subrequest("account", "POST", path("sobjects", "Account"), made)
    if around.contact and found.contact_id is None:
        contact = {**around.contact.columns, "AccountId": found.account_id or Reference("account.id")}
        yield Subrequest("contact", "POST", path("sobjects", "Contact"), contact)


def _behind(around: Around, found: Found) -> Iterator[Subrequest]:
    """Yield what ties the contact to the record: a contact role, which is an object of its own."""
    if around.contact:
        contact = found.contact_id or Reference("contact.id")
        role = {"OpportunityId": Reference("record.id"), "ContactId": contact, "IsPrimary": True}
        yield Subrequest("role", "POST", path("sobjects", "OpportunityContactRole"), role)


def _kept_out(error: CosellError) -> DataError:
    """Return the problem of an account that another field, unique by the customer's own wish, keeps out."""
    kept_out = problem("customer.key_taken", "customer_name", crm=TITLE, message=error)
    return DataError(kept_out).with_remote(error.code, error.correlation_id)
