"""Dynamics 365 in memory: opportunities with row versions, a change feed, related rows, and the sellers."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random

from shared.clock import Clock
from shared.crm.around import Alike, Around, Candidate, Columns, ContactWanted, Found, chosen, most_alike
from shared.crm.owners import Owners, only
from shared.crm.port import ChangePage, PartlyWritten, Record, RelatedRows, StageChange
from shared.errors import (
    AccessDenied,
    AlreadyExists,
    CosellError,
    CursorExpired,
    DataError,
    GoneError,
    VersionMismatch,
)
from shared.lifecycle import TERMINAL, Stage
from shared.mapping.check.tables import Description
from shared.mapping.owners import Assignee, OwnerKind
from shared.problems import problem
from tests.support.fakes import crm_rules as rules
from tests.support.fakes import crm_tables
from tests.support.fakes.crm_rules import OPEN, OPPORTUNITY, CrmRow
from tests.support.fakes.partner_center import SOLUTION
from tests.support.fakes.tape import Tape

IDENTIFIER = "cosell_referralidentifier"
SYNC = "cosell_syncwithpartnercenter"
APP_USER = "a9900000-0000-4000-8000-000000000001"
_ACCOUNTS = uuid.UUID("11111111-2222-4333-8444-555555555555")


@dataclass
class _Stored:
    columns: CrmRow
    version: int


class FakeCrm:
    """Implements Records. One step of the tape is one HTTP request of the real client.

    `logic` are the customer's plug-ins: each sees a row that the app wrote and returns columns to change.
    `later` does the same once the answer was composed, so that the version has moved on from the one that was told.
    `refused_writes` and `refused_closing` are what a plug-in says to every write of the app, and to every closing.
    `value_digits` is how many digits of a deal's value the currency keeps; `hidden` are columns that the app's user may
    not read, which look empty; `masked` ones show a text in the place of what they hold.
    The methods below "people" act as a seller in the CRM's forms.
    """

    name = "dynamics365"
    port = "crm"
    """What its steps are called on the tape."""
    owner_column = "ownerid"
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
        self.teams: dict[str, CrmRow] = {}
        self.unfit_owners: set[str] = set()
        """Users without the rights that an owner of a deal needs."""
        self._owners = Owners(self._ask, clock)
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
        self.seller = self.add_user(firstname="Sam", lastname="Seller", mobilephone="+14255550101")
        self.app_user = APP_USER
        app = {"firstname": "App", "lastname": "User", "mobilephone": "+14255550109"}
        self.users[APP_USER] = {**app, "internalemailaddress": "app@partner.example", "address1_telephone1": None}

    # --- the change feed -------------------------------------------------------------------------------------------

    def changes(self, cursor: str | None) -> Iterator[ChangePage]:
        """Return rows by version, then deletions; the set is fixed when the first page is read."""
        seen_at = self._clock.now()
        ids, deleted, following = self._tape.run(self.port, "changes", lambda: self._changed(cursor))
        for start in range(0, max(len(ids), 1), self._page):
            if start:
                self._tape.run(self.port, "changes", lambda: None)
                seen_at = self._clock.now()
            last = start + self._page >= len(ids)
            held = [each for each in ids[start : start + self._page] if each in self._rows]
            records = tuple(self._record(each, seen_at=seen_at) for each in held)
            yield ChangePage(records, deleted if last else (), following if last else None)

    def _changed(self, cursor: str | None) -> tuple[list[str], tuple[str, ...], str]:
        since = int(cursor) if cursor else 0
        if cursor and since < self._oldest_cursor:
            raise CursorExpired("the change feed's token expired")
        changed = sorted((held.version, row_id) for row_id, held in self._rows.items() if held.version > since)
        deleted = tuple(row_id for row_id, version in self._deleted.items() if version > since) if cursor else ()
        return [row_id for _, row_id in changed], deleted, str(self._version)

    # --- reading ---------------------------------------------------------------------------------------------------

    def check_readable(self) -> None:
        """Ask for the app user's rights. They are not remembered."""
        if unreadable := self.hidden | self.masked.keys():
            raise AccessDenied(f"Dynamics 365 hides what the mapping names: {', '.join(sorted(unreadable))}")

    def owns(self, record_id: str) -> bool:
        """Whether the text is a GUID."""
        try:
            return str(uuid.UUID(record_id)) == record_id.lower()
        except ValueError:
            return False

    def read(self, record_id: str) -> Record:
        """Return an opportunity."""
        seen_at = self._clock.now()
        return self._tape.run(self.port, "read", lambda: self._record(record_id, seen_at=seen_at))

    def find(self, referral_id: str) -> Record | None:
        """Return the opportunity with a referral identifier."""
        seen_at = self._clock.now()

        def look() -> Record | None:
            found = self._with_identifier(referral_id)
            return self._record(found, seen_at=seen_at) if found else None

        return self._tape.run(self.port, "find", look)

    def successor(self, record_id: str) -> str | None:
        """Follow mergers, however many."""
        current = record_id
        while current in self.merged:
            current = self.merged[current]
        return None if current == record_id else current

    def qualified_to(self, record_id: str) -> str | None:
        """Return None: only a lead is qualified."""
        raise AssertionError(f"{record_id} is no lead")

    def related(self, record_id: str) -> RelatedRows:
        """Return account, contact and owner; a request for each that is set."""
        columns = self.read(record_id).columns
        account = self._row("account", self.accounts, columns["parentaccountid"] or columns["customerid"])
        contact_id = columns["parentcontactid"] or (account or {}).get("_primarycontactid_value")
        if account is None and not contact_id:
            contact_id = columns["customerid"]
        contact = self._row("contact", self.contacts, contact_id)
        held = self._held(record_id).columns
        texts = (str(held[name] or "") for name in ("cosell_audit", "cosell_notesformicrosoft"))
        return RelatedRows(account, contact, self._row("owner", self.users, columns["ownerid"]), *texts)

    def person(self, owner_id: str) -> CrmRow | None:
        """Return a user."""
        return self._row("person", self.users, owner_id)

    def audit_text(self, record_id: str) -> str:
        """Return the Audit column."""
        return self._tape.run(self.port, "audit_text", lambda: str(self._held(record_id).columns["cosell_audit"] or ""))

    def _row(self, name: str, table: Mapping[str, CrmRow], row_id: object) -> CrmRow | None:
        if not row_id:
            return None
        return self._tape.run(self.port, name, lambda: dict(table[str(row_id)]) if row_id in table else None)

    def describe(self) -> Description:
        """Return the tables as they are after `cosell.py provision`."""
        return self._tape.run(self.port, "describe", crm_tables.description)

    # --- writing ---------------------------------------------------------------------------------------------------

    def _check_currency(self, columns: Columns) -> None:
        error = self.currencies_missing.get(str(columns.get("transactioncurrencyid")))
        if error:
            raise error

    def _new_account(self, match: Columns, columns: Columns) -> str:
        """Create the account under an id that follows from `match`."""
        account_id = str(
            uuid.uuid5(_ACCOUNTS, repr(sorted((key, str(each).casefold()) for key, each in match.items())))
        )
        self._tape.run(self.port, "create_account", lambda: self._insert_account(account_id, columns))
        return account_id

    def _insert_account(self, chosen: str, columns: Columns) -> None:
        key = self.unique_of_account
        if key and any(held.get(key) == columns[key] for held in self.accounts.values()):
            raise rules.kept_out(key)
        self.accounts.setdefault(chosen, dict(columns))

    def look_around(self, referral_id: str, around: Around) -> Found:  # noqa: ARG002 - the write is guarded by the key
        """Find the account, and people who were not asked for within the hour."""
        looked_at, account = self._clock.now(), around.account
        if account is None:
            return Found(looked_at, owner=self._owners.first(around.owners))
        account_id = self._tape.run(self.port, "find_account", lambda: self._matching(account.match))
        alike, best = account.alike, None
        if alike and account_id is None:
            best = self._tape.run(self.port, "find_alike", lambda: self._most_alike(alike))
            account_id = best.id if best and best.score >= alike.enough else None
        rows = [
            {"contactid": row_id, **row}
            for row_id, row in self.contacts.items()
            if account_id and row.get("parentcustomerid") == account_id
        ]
        contact_id = chosen(around.contact, rows, "contactid") if around.contact else None
        return Found(looked_at, account_id, contact_id, best, self._owners.first(around.owners))

    def _most_alike(self, alike: Alike) -> Candidate | None:
        begins = alike.beginning.casefold()
        accounts = [{"accountid": row_id, **row} for row_id, row in self.accounts.items()]
        return most_alike(
            alike,
            [each for each in accounts if str(each[alike.name_column]).casefold().startswith(begins)],
            "accountid",
        )

    def _ask(self, wanted: Sequence[Assignee]) -> dict[Assignee, str]:
        """Find active users by mail or name, and teams by name."""

        def look() -> dict[Assignee, str]:
            found: dict[Assignee, str] = {}
            for each in wanted:
                table = self.users if each.kind is OwnerKind.USER else self.teams
                ids = only((_called(row, each), row_id) for row_id, row in table.items() if not row.get("isdisabled"))
                found |= {each: ids[each.name.casefold()]} if each.name.casefold() in ids else {}
            return found

        return self._tape.run(self.port, "find_owner", look)

    def create(self, referral_id: str, columns: Columns, around: Around, found: Found) -> Record:
        """Create a record under a referral identifier, once."""
        self._check_currency(columns)
        if around.contact and found.account_id is None and self.refused_contacts:
            raise self._tape.run(self.port, "create_account", lambda: rules.refuse(self.refused_contacts))
        account, account_id, contact_id = around.account, found.account_id, found.contact_id
        if account and account_id is None:
            account_id = self._new_account(account.match, account.columns)
        if around.contact and account_id and contact_id is None:
            contact_id = self._new_contact(account_id, around.contact, with_account=found.account_id is None)
        owner = found.owner.id if found.owner else self.app_user

        def insert() -> str:
            if self._with_identifier(referral_id):
                raise AlreadyExists("a record carries this referral id")
            if account_id and account_id not in self.accounts:
                raise _missing_reference()
            state = {"statecode": 0, IDENTIFIER: referral_id}
            if owner in self.unfit_owners:
                raise AccessDenied("Dynamics 365 denies the application user (0x80042f09): no prvReadOpportunity")
            parents: CrmRow = {"ownerid": owner}
            if account_id:
                parents |= {"customerid": account_id, "parentaccountid": account_id, "parentcontactid": contact_id}
            return self._insert({**columns, **state, **parents}, by_app=True)

        return self._record(self._tape.run(self.port, "create", insert))

    def _new_contact(self, account_id: str, wanted: ContactWanted, *, with_account: bool) -> str:
        """Create a contact under an id that follows from the account and the mail; a new account brings it along."""
        identity = sorted(str(value).casefold() for value in (wanted.mail or wanted.names).values())
        contact_id = str(uuid.uuid5(_ACCOUNTS, repr((account_id, identity))))

        def insert() -> None:
            if self.refused_contacts:
                raise rules.refuse(self.refused_contacts)
            self.contacts.setdefault(contact_id, {**wanted.columns, "parentcustomerid": account_id})

        if with_account:
            insert()
        else:
            self._tape.run(self.port, "create_contact", insert)
        return contact_id

    def wait_until_guard_holds(self, record: Record) -> None:
        """Wait for nothing: a row version notices every edit."""

    def update(self, record: Record, columns: Columns, stage: StageChange | None = None) -> Record:
        """Write columns under the version, then move the state: won and lost by an action of its own."""
        written = [record]
        try:
            return self._written(written, columns, stage)
        except CosellError as cause:
            if len(written) == 1:
                raise
            raise PartlyWritten(written[-1], cause) from cause

    def _written(self, steps: list[Record], columns: Columns, stage: StageChange | None) -> Record:
        """Carry out an update; each finished request adds the record as it was then."""
        (record,) = steps
        closes = stage is not None and stage.after in TERMINAL and self.rules.closed_by_actions
        opens = stage is not None and stage.before in TERMINAL
        if opens:
            record = self._patch(record, OPEN)
            steps.append(record)
        content = {**columns, **(stage.columns if stage and not closes else {})}
        if content:
            record = self._patch(record, content)
            steps.append(record)
        elif stage and closes and not opens and record.version:
            held = self.read(record.id)
            if held.version != record.version and held.columns["statecode"] != stage.columns["statecode"]:
                raise VersionMismatch("the record changed")
        if stage and closes:
            self._tape.run(self.port, "close", lambda: self._close(record, stage.columns))
            return replace(record, version=None, columns={**record.columns, **stage.columns})
        return record

    def _patch(self, record: Record, content: Columns) -> Record:
        self._tape.run(self.port, "update", lambda: self._write(record, content))
        written = self._record(record.id)
        for plug_in in self.later:
            held = self._held(record.id).columns
            changes = self.rules.stored(plug_in(dict(held)))
            if changes:
                self._store(record.id, held | changes, by_app=False)
        return written

    def _write(self, record: Record, content: Columns) -> None:
        held = self._unchanged(record)
        for watch in self.watchers:
            watch(record.id, dict(held.columns))
        reopens = content.get("statecode") == 0 and content.keys() <= OPEN.keys()
        if held.columns["statecode"] != 0 and self.closed_rows_are_read_only and not reopens:
            raise rules.refuse(f"The {self.rules.name} {record.id} is already closed and cannot be edited.")
        self._store(record.id, held.columns | self.rules.stored(content), by_app=True)

    def _close(self, record: Record, columns: Columns) -> None:
        held = self._held(record.id)
        if held.columns["statecode"] == columns["statecode"]:
            return
        self._unchanged(record)
        if held.columns["statecode"] != 0:
            raise rules.refuse(f"The opportunity {record.id} is already closed and cannot be closed again.")
        if self.refused_closing:
            raise rules.refuse(self.refused_closing)
        self._store(record.id, {**held.columns, **columns}, by_app=True)

    # --- people ----------------------------------------------------------------------------------------------------

    def add_user(self, **columns: object) -> str:
        """Add a user of the CRM; returns its id."""
        mail = f"{columns.get('firstname')}@partner.example".lower()
        return self._add(self.users, {"internalemailaddress": mail, "address1_telephone1": None, **columns})

    def add_account(self, **columns: object) -> str:
        """Add a customer; returns its id."""
        address = {f"address1_{part}": None for part in ("line2", "stateorprovince")}
        ready: CrmRow = {
            "name": "Contoso Outdoor & Sons",
            "address1_line1": "1 Market Street",
            "address1_city": "Bristol",
            "address1_postalcode": "BS1 3AE",
            "address1_country": "United Kingdom",
        }
        return self._add(self.accounts, {**address, **ready, **columns})

    def add_contact(self, **columns: object) -> str:
        """Add a customer's contact; returns its id."""
        ready = {"firstname": "Olive", "lastname": "Marsh", "emailaddress1": "olive@contoso.example"}
        return self._add(self.contacts, {**ready, "telephone1": "+441170000000", **columns})

    def add_deal(self, **columns: object) -> str:
        """A seller enters an opportunity that is ready to be shared, and switches the sync on; returns its id."""
        ready: CrmRow = {
            "name": "Contoso store analytics",
            "estimatedvalue": 42000,
            "transactioncurrencyid": "GBP",
            "estimatedclosedate": "2027-06-30",
            "description": "Stores want one view of their stock.",
            "cosell_products": SOLUTION,
            SYNC: True,
            "parentaccountid": None,
            "parentcontactid": None,
            "ownerid": self.seller,
        }
        if "parentaccountid" not in columns:
            ready |= {"parentaccountid": self.add_account(), "parentcontactid": self.add_contact()}
        ready["customerid"] = columns.get("parentaccountid", ready["parentaccountid"])
        return self._insert(ready | columns, by_app=False)

    def enter(self, **columns: object) -> str:
        """A seller, or the CRM itself, makes a record of just these columns; returns its id."""
        return self._insert(columns, by_app=False)

    def edit(self, record_id: str, **columns: object) -> None:
        """A seller changes columns. Raises DataError for a closed row."""
        held = self._held(record_id)
        if held.columns["statecode"] != 0 and self.closed_rows_are_read_only:
            raise rules.refuse("it is closed")
        self._store(record_id, held.columns | self.rules.stored(columns), by_app=False)

    def close(self, record_id: str, stage: Stage) -> None:
        """A seller wins or loses the deal."""
        state: CrmRow = {"statecode": 1, "statuscode": 3} if stage is Stage.WON else {"statecode": 2, "statuscode": 4}
        self._store(record_id, self._held(record_id).columns | state, by_app=False)

    def reopen(self, record_id: str) -> None:
        """A seller opens a closed deal again."""
        self._store(record_id, self._held(record_id).columns | OPEN, by_app=False)

    def delete(self, record_id: str) -> None:
        """A seller deletes the deal."""
        del self._rows[record_id]
        self._version += 1
        self._deleted[record_id] = self._version

    def restore(self, record_id: str, columns: CrmRow) -> None:
        """An administrator brings a deleted deal back."""
        self._deleted.pop(record_id, None)
        self._store(record_id, columns, by_app=False)

    def clone(self, record_id: str, **columns: object) -> str:
        """A seller copies a deal with everything in it, but for what is changed."""
        return self._insert({**self.row(record_id), **OPEN, **columns}, by_app=False)

    def merge(self, loser_id: str, winner_id: str, *, keep: tuple[str, ...] = ()) -> None:
        """A seller merges two deals: the loser is gone, and its columns `keep` go to the winner."""
        lost = {name: self.row(loser_id)[name] for name in keep}
        self.delete(loser_id)
        self.merged[loser_id] = winner_id
        self._store(winner_id, self._held(winner_id).columns | lost, by_app=False)

    def expire_cursors(self) -> None:
        """Forget every cursor handed out so far, and which rows were deleted."""
        self._version += 1
        self._oldest_cursor = self._version
        self._deleted.clear()

    def row(self, record_id: str) -> CrmRow:
        """Return a row's columns. Raises KeyError."""
        return dict(self._rows[record_id].columns)

    def rows(self) -> dict[str, CrmRow]:
        """Return every opportunity's columns by id."""
        return {row_id: dict(held.columns) for row_id, held in self._rows.items()}

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
        found = (each for each, held in self._rows.items() if held.columns[IDENTIFIER] == referral_id)
        return next(found, None)

    def _matching(self, match: Columns) -> str | None:
        def equal(held: object, wanted: object) -> bool:
            return str(held or "").casefold() == str(wanted or "").casefold()

        for account_id, columns in self.accounts.items():
            if all(equal(columns.get(name), value) for name, value in match.items()):
                return account_id
        return None

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


def _called(row: CrmRow, assignee: Assignee) -> str:
    """Return what a user or team is called in the way that a rule calls it."""
    if assignee.kind is OwnerKind.TEAM:
        return str(row["name"])
    if assignee.by_mail:
        return str(row.get("internalemailaddress") or "")
    return f"{row.get('firstname')} {row.get('lastname')}"


def _etag(version: int) -> str:
    return f'W/"{version}"'


def _missing_reference() -> DataError:
    return DataError(problem("crm.reference_deleted", "record", crm="Dynamics 365"))
