"""Dynamics 365 in memory as the app sees it: a change feed, reads, and writes under a row's version."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from shared.clock import Clock
from shared.crm.around import (
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
from shared.crm.owners import Owners, only
from shared.crm.port import ChangePage, Involved, PartlyWritten, Record, RelatedRows, StageChange
from shared.errors import (
    AccessDenied,
    AlreadyExists,
    CosellError,
    CursorExpired,
    DataError,
    VersionMismatch,
)
from shared.lifecycle import TERMINAL
from shared.mapping.check.tables import Description
from shared.mapping.owners import Assignee, OwnerKind
from shared.problems import problem
from tests.support.fakes import crm_rules as rules
from tests.support.fakes import crm_tables
from tests.support.fakes.crm_people import CrmPeople
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.crm_rules import OPEN, SYNC, CrmRow
from tests.support.fakes.tape import Tape

Pages = tuple[list[str], tuple[str, ...], str]
"""Ids that changed, ids that are gone, and the next cursor."""

Changed = tuple[datetime, Pages]

SLOW = timedelta(seconds=2)
"""How old an observation must be before a guard in whole seconds tells it from a later edit."""

_ACCOUNTS = uuid.UUID("11111111-2222-4333-8444-555555555555")


class FakeCrm(CrmPeople):
    """Implements Records. One step of the tape is one HTTP request of the real client."""

    name = "dynamics365"
    port = "crm"
    """What its steps are called on the tape."""
    owner_column = "ownerid"

    def __init__(self, tape: Tape, clock: Clock, chance: Random, page: int = 1000) -> None:
        super().__init__(tape, clock, chance, page)
        self.slow_guard = False
        self._owners = Owners(self._ask, clock)
        self.expected: dict[str, tuple[FakeCrm, str]] = {}
        """The tables of this environment whose changes are about to be asked for, with their cursors."""
        self.along: dict[str, tuple[str, Changed]] = {}
        """What was answered along with another table's changes."""

    # --- the change feed -------------------------------------------------------------------------------------------

    def changes(self, cursor: str | None) -> Iterator[ChangePage]:
        """Return rows by version, then deletions; the set is fixed when the first page is read."""
        seen_at, asked = self._clock.now(), self.along.pop(self.port, None)
        if asked and asked[0] == cursor:
            seen_at, (ids, deleted, following) = asked[1]
        else:
            ids, deleted, following = self._tape.run(self.port, "changes", lambda: self._changed(cursor))
            self._take_along(seen_at)
        for start in range(0, max(len(ids), 1), self._page):
            if start:
                self._tape.run(self.port, "changes", lambda: None)
                seen_at = self._clock.now()
            last = start + self._page >= len(ids)
            held = [each for each in ids[start : start + self._page] if each in self._rows]
            records = tuple(self._record(each, seen_at=seen_at) for each in held)
            yield ChangePage(records, deleted if last else (), following if last else None)

    def expect(self, cursor: str | None) -> None:
        """Be asked along with the other table's changes; a first pass is asked for alone."""
        self.along.pop(self.port, None)
        if cursor is not None:
            self.expected[self.port] = self, cursor

    def _take_along(self, seen_at: datetime) -> None:
        for table, cursor in self.expected.values():
            with contextlib.suppress(CursorExpired):
                self.along[table.port] = cursor, (seen_at, table._changed(cursor))
        self.expected.clear()

    def _changed(self, cursor: str | None) -> Pages:
        since = int(cursor) if cursor else 0
        if cursor and since < self._oldest_cursor:
            raise CursorExpired("the change feed's token expired")
        changed = sorted((held.version, row_id) for row_id, held in self._rows.copy().items() if held.version > since)
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
        names = ("cosell_audit", "cosell_notesformicrosoft", "cosell_referralidentifier")
        texts = (str(held[name] or "") for name in names)
        owner = self._row("owner", self.users, columns["ownerid"])
        return RelatedRows(account, contact, owner, *texts, switched_on=bool(held[SYNC]))

    def beside_edited(self, since: datetime) -> Sequence[str]:  # noqa: ARG002 - it may name more
        """Return every open record with a referral."""

        def look() -> list[str]:
            held = ((row_id, row.columns) for row_id, row in self._rows.copy().items())
            return [row_id for row_id, columns in held if columns[IDENTIFIER] and columns["statecode"] == 0]

        return self._tape.run(self.port, "beside_edited", look)

    def involved(self, record_id: str, *, colleagues: bool, contacts: bool) -> Involved:
        """Return whoever a connection ties to the record."""

        def look() -> Involved:
            ends = self.connections.get(record_id, ())
            ours = tuple(dict(self.users[each]) for each in ends if colleagues and each in self.users)
            theirs = tuple(dict(self.contacts[each]) for each in ends if contacts and each in self.contacts)
            return Involved(ours, theirs)

        return self._tape.run(self.port, "involved", look)

    def beside(self, record_ids: Sequence[str]) -> Mapping[str, str]:
        """Tell account, contact and owner of several apart from what they were."""

        def look() -> dict[str, str]:
            return {each: self._around(self._rows[each].columns) for each in record_ids if each in self._rows}

        return self._tape.run(self.port, "beside", look) if record_ids else {}

    def _around(self, columns: Columns) -> str:
        customer = str(columns["parentaccountid"] or columns["customerid"])
        account = self.accounts.get(customer, {})
        contact = self.contacts.get(
            str(columns["parentcontactid"] or account.get("_primarycontactid_value") or customer)
        )
        return repr((sorted(account.items()), contact, self.users.get(str(columns["ownerid"]))))

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
        if key and any(held.get(key) == columns[key] for held in self.accounts.copy().values()):
            raise rules.kept_out(key)
        self.accounts.setdefault(chosen, dict(columns))

    def look_around(self, referral_id: str, around: Around) -> Found:  # noqa: ARG002 - the write is guarded by the key
        """Find the account, and in the same call people who were not asked for within the hour."""
        looked_at, account = self._clock.now(), around.account
        unknown = self._owners.unknown(around.owners)
        if account is None:
            if unknown:
                self._owners.learn(unknown, self._ask(unknown))
            return Found(looked_at, owner=self._owners.first(around.owners))
        account_id = self._tape.run(self.port, "find_account", lambda: next(iter(self._equal(account.match)), None))
        self._owners.learn(unknown, self._people(unknown))
        alike, best = account.alike, None
        if alike and account_id is None:
            best = self._tape.run(self.port, "find_alike", lambda: self._most_alike(alike))
            account_id = best.id if best and best.score >= alike.enough else None
        rows = [
            {"contactid": row_id, **row}
            for row_id, row in self.contacts.copy().items()
            if account_id and row.get("parentcustomerid") == account_id
        ]
        contact_id = chosen(around.contact, rows, "contactid") if around.contact else None
        equal = {account_id, *self._equal(account.match)} if around.deals and account_id else set()
        deals = tuple(each for each in self._open_deals() if each.columns["parentaccountid"] in equal)
        return Found(looked_at, account_id, contact_id, best, self._owners.first(around.owners), deals)

    def _open_deals(self) -> Iterator[OpenDeal]:
        for row_id, held in self._rows.copy().items():
            if held.columns["statecode"] == 0 and not held.columns[IDENTIFIER]:
                yield OpenDeal(row_id, dict(self._record(row_id).columns))

    def _most_alike(self, alike: Alike) -> Candidate | None:
        begins = alike.beginning.casefold()
        accounts = [{"accountid": row_id, **row} for row_id, row in self.accounts.copy().items()]
        return most_alike(
            alike,
            [each for each in accounts if str(each[alike.name_column]).casefold().startswith(begins)],
            "accountid",
        )

    def _ask(self, wanted: Sequence[Assignee]) -> dict[Assignee, str]:
        """Find active users by mail or name, and teams by name."""
        return self._tape.run(self.port, "find_owner", lambda: self._people(wanted))

    def _people(self, wanted: Sequence[Assignee]) -> dict[Assignee, str]:
        found: dict[Assignee, str] = {}
        for each in wanted:
            table = self.users if each.kind is OwnerKind.USER else self.teams
            ids = only((_called(row, each), row_id) for row_id, row in table.items() if not row.get("isdisabled"))
            found |= {each: ids[each.name.casefold()]} if each.name.casefold() in ids else {}
        return found

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

    def wait_until_guard_holds(self, record: Record) -> bool:
        """Wait for nothing: a row version notices every edit. With `slow_guard` for as long as Salesforce's takes."""
        young = record.version is not None and self._clock.now() - record.seen_at < SLOW
        if not (self.slow_guard and young):
            return False
        self._tape.run("guard", "wait", lambda: self._clock.sleep(SLOW.total_seconds()))
        return True

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


def _called(row: CrmRow, assignee: Assignee) -> str:
    """Return what a user or team is called in the way that a rule calls it."""
    if assignee.kind is OwnerKind.TEAM:
        return str(row["name"])
    if assignee.by_mail:
        return str(row.get("internalemailaddress") or "")
    return f"{row.get('firstname')} {row.get('lastname')}"


def _missing_reference() -> DataError:
    return DataError(problem("crm.reference_deleted", "record", crm="Dynamics 365"))
