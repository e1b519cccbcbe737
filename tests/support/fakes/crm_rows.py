"""The rows of Dynamics 365 in memory: versions, the platform's rules, and the customer's own logic on each write."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random

from shared.clock import Clock
from shared.crm.around import Columns
from shared.crm.port import Record
from shared.errors import AlreadyExists, GoneError, VersionMismatch
from tests.support.fakes import crm_rules as rules
from tests.support.fakes.crm_rules import OPPORTUNITY, CrmRow
from tests.support.fakes.tape import Tape

IDENTIFIER = "cosell_referralidentifier"


@dataclass
class _Stored:
    columns: CrmRow
    version: int


class CrmRows:
    """What the CRM holds, and what it does with a row that is written.

    `logic` are the customer's plug-ins: each sees a row that the app wrote and returns columns to change.
    `later` does the same once the answer was composed, so that the version has moved on from the one that was told.
    `refused_writes` and `refused_closing` are what a plug-in says to every write of the app, and to every closing.
    `value_digits` is how many digits of a deal's value the currency keeps; `hidden` are columns that the app's user may
    not read, which look empty; `masked` ones show a text in the place of what they hold.
    """

    closed_rows_are_read_only = True
    rules = OPPORTUNITY

    def __init__(self, tape: Tape, clock: Clock, chance: Random, page: int = 1000) -> None:
        self._tape = tape
        self._clock = clock
        self._chance = chance
        self._page = page
        self._version = 0
        self._oldest_cursor = 0
        self._rows: dict[str, _Stored] = {}
        self._deleted: dict[str, int] = {}
        self.accounts: dict[str, CrmRow] = {}
        self.contacts: dict[str, CrmRow] = {}
        self.users: dict[str, CrmRow] = {}
        self.connections: dict[str, list[str]] = {}
        """By record, the users and contacts that it is connected with."""
        self.teams: dict[str, CrmRow] = {}
        self.unfit_owners: set[str] = set()
        """Users without the rights that an owner of a deal needs."""
        self.merged: dict[str, str] = {}
        self.currencies_missing: dict[str, Exception] = {}
        """Currencies that the CRM does not know, and how it says so."""
        self.keyed = True
        """Whether the identifier's column is unique, as an alternate key makes it."""
        self.watchers: list[Callable[[str, CrmRow], None]] = []
        """Each sees a row just before the app writes it."""
        self.logic: list[Callable[[CrmRow], CrmRow]] = []
        self.later: list[Callable[[CrmRow], CrmRow]] = []
        self.refused_closing = ""
        self.unique_of_account = ""
        self.value_digits = 2
        self.refused_writes = ""
        self.refused_contacts = ""
        self.hidden: set[str] = set()
        self.masked: dict[str, str] = {}

    def row(self, record_id: str) -> CrmRow:
        """Return a row's columns. Raises KeyError."""
        return dict(self._rows[record_id].columns)

    def rows(self) -> dict[str, CrmRow]:
        """Return every opportunity's columns by id."""
        return {row_id: dict(held.columns) for row_id, held in self._rows.copy().items()}

    # --- inside ----------------------------------------------------------------------------------------------------

    def _held(self, record_id: str) -> _Stored:
        try:
            return self._rows[record_id.lower()]
        except KeyError:
            raise GoneError("the record was deleted in Dynamics 365") from None

    def _unchanged(self, record: Record) -> _Stored:
        held = self._held(record.id)
        if record.version is not None and record.version != _etag(held.version):
            raise VersionMismatch("the record changed in Dynamics 365")
        return held

    def _record(self, record_id: str, seen_at: datetime | None = None) -> Record:
        held = self._held(record_id)
        shown = {name: None if name in self.hidden else value for name, value in held.columns.items()} | self.masked
        columns = {name: value for name, value in shown.items() if name != "cosell_audit"}
        digits = {self.rules.amount: self.value_digits} if self.value_digits < 2 else {}
        return Record(record_id.lower(), _etag(held.version), columns, seen_at or self._clock.now(), digits)

    def _with_identifier(self, referral_id: str) -> str | None:
        found = (each for each, held in self._rows.copy().items() if held.columns[IDENTIFIER] == referral_id)
        return next(found, None)

    def _equal(self, match: Columns) -> list[str]:
        def equal(held: object, wanted: object) -> bool:
            return str(held or "").casefold() == str(wanted or "").casefold()

        return [
            account_id
            for account_id, columns in self.accounts.copy().items()
            if all(equal(columns.get(name), value) for name, value in match.items())
        ]

    def _insert(self, columns: Columns, *, by_app: bool) -> str:
        row_id = self._new_id()
        self._store(row_id, self.rules.new_row(columns), by_app=by_app)
        return row_id

    def _store(self, row_id: str, columns: CrmRow, *, by_app: bool) -> None:
        if by_app and self.refused_writes:
            raise rules.refuse(self.refused_writes)
        self.rules.check(columns)
        other = self._with_identifier(str(columns[IDENTIFIER])) if columns[IDENTIFIER] and self.keyed else None
        if other not in (None, row_id):
            raise AlreadyExists("Dynamics 365 holds such a row already")
        for plug_in in self.logic if by_app else ():
            columns = columns | self.rules.stored(plug_in(dict(columns)))
        if columns[self.rules.amount] is not None:
            amount = rules.rounded(columns[self.rules.amount], self.value_digits)
            columns = columns | {self.rules.amount: amount}
        self._version += 1
        self._rows[row_id] = _Stored(columns, self._version)

    def _add(self, table: dict[str, CrmRow], columns: CrmRow) -> str:
        row_id = self._new_id()
        table[row_id] = columns
        return row_id

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))


def _etag(version: int) -> str:
    return f'W/"{version}"'
