"""Salesforce Sales Cloud through its REST API (api_rest), with simple-salesforce underneath.

Salesforce's guard for an update is weak: `If-Unmodified-Since` in whole seconds. So an update is one composite call
that also reads the record before and after the write: an edit that the guard let through is put back, and the deal is
planned again (docs/decisions/0010).
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from datetime import datetime, timedelta
from email.utils import format_datetime

from simple_salesforce.format import format_soql

from shared.clock import Clock
from shared.crm.port import AccountWanted, ChangePage, Columns, Record, RelatedRows, StageChange, Turns
from shared.crm.salesforce import metadata as salesforce_metadata
from shared.crm.salesforce.api import Answer, Part, Reference, Row, Wire, path, rows_of
from shared.crm.salesforce.currency import COLUMN as CURRENCY
from shared.crm.salesforce.currency import OrgCurrency
from shared.crm.salesforce.feed import Feed, literal, moment
from shared.errors import (
    AlreadyExists,
    CosellError,
    DataError,
    GoneError,
    OutcomeUnknown,
    Problem,
    VersionMismatch,
)
from shared.mapping.check.tables import Description
from shared.mapping.field_map import FieldMap
from shared.mapping.field_map import Row as MappedRow

log = logging.getLogger(__name__)

GUARD_AGE = timedelta(seconds=2)
"""How old an observation must be for the guard to tell it from a later edit: stamps are whole seconds."""

_PARENTS = ("AccountId", "OwnerId")
"""Look-ups that are only followed; AccountId also says which writes would wait for each other's lock."""

_ID = re.compile(r"006[0-9A-Za-z]{12}([A-Z0-5]{3})?")
"""An opportunity's id, with or without the three characters that tell upper from lower case."""

_STRIPES = 64


class Salesforce:
    """Implements Crm for opportunities. A version is the record's SystemModstamp and a mark of what it held."""

    name = "salesforce"
    closed_rows_are_read_only = False

    def __init__(self, wire: Wire, mapping: FieldMap, clock: Clock, turns: Turns, currency: str | None = None) -> None:
        self._wire = wire
        self._mapping = mapping
        self._clock = clock
        self._turns = turns
        self._table = mapping.table
        self._currency = OrgCurrency(wire, mapping.table, currency)
        own = mapping.columns
        concerns = f"({own.sync} = true OR {own.referral_identifier} != null)"
        self._feed = Feed(wire, clock, mapping.table, concerns, self._record)
        # Opportunities lock their account while they are written, so writes on one account take turns.
        self._accounts = [threading.Lock() for _ in range(_STRIPES)]

    def owns(self, record_id: str) -> bool:
        """Whether the text is an opportunity's id."""
        return _ID.fullmatch(record_id) is not None

    # --- reading ---------------------------------------------------------------------------------------------------

    def changes(self, cursor: str | None) -> Iterator[ChangePage]:
        """Follow SystemModstamp with an overlap; see shared.crm.salesforce.feed."""
        return self._feed.follow(cursor, f"{self._select()},IsDeleted")

    def read(self, record_id: str) -> Record:
        """Read one opportunity."""
        seen_at = self._clock.now()
        return self._record(self._wire.get(path(*self._address(record_id)), fields=self._select()), seen_at)

    def find(self, referral_id: str) -> Record | None:
        """Query by the external id."""
        seen_at = self._clock.now()
        rows = self._wire.query(self._by_referral(referral_id)).rows
        return self._record(rows[0], seen_at) if rows else None

    def related(self, record_id: str) -> RelatedRows:
        """Read account, owner and primary contact in one query."""
        mapping = self._mapping
        of_contact = ", ".join(f"Contact.{name}" for name in _columns_of(mapping.contact))
        wanted = [
            *(f"Account.{name}" for name in _columns_of(mapping.account)),
            *(f"Owner.{name}" for name in _columns_of(mapping.owner)),
            f"(SELECT {of_contact} FROM OpportunityContactRoles WHERE IsPrimary = true)",  # noqa: S608 - as below
        ]
        soql = f"SELECT Id, {', '.join(wanted)} FROM {self._table}"  # noqa: S608 - names of the mapping file
        rows = self._wire.query(soql + format_soql(" WHERE Id = {}", self._address(record_id)[-1])).rows
        if not rows:
            raise GoneError("the record was deleted in Salesforce")
        roles = rows_of(rows[0]["OpportunityContactRoles"]) if rows[0].get("OpportunityContactRoles") else ()
        contact = _object(roles[0], "Contact") if roles else None
        return RelatedRows(_object(rows[0], "Account"), contact, _object(rows[0], "Owner"))

    def describe(self) -> Description:
        """Read the descriptions of the tables, the stages, and the org's currency."""
        only = self._currency.only() if CURRENCY in self._mapping.record_columns else None
        return salesforce_metadata.describe(self._wire, self._mapping.file, only)

    def _select(self) -> str:
        wanted = ("Id", "SystemModstamp", *self._mapping.record_columns, *_PARENTS)
        without = CURRENCY if CURRENCY in wanted and self._currency.only() else None
        return ",".join(dict.fromkeys(name for name in wanted if name != without))

    def _by_referral(self, referral_id: str) -> str:
        condition = format_soql(" = {}", referral_id)
        identifier = self._mapping.columns.referral_identifier
        return f"SELECT {self._select()} FROM {self._table} WHERE {identifier}{condition}"  # noqa: S608

    def _address(self, record_id: str) -> tuple[str, str, str]:
        if not self.owns(record_id):
            raise GoneError("there is no such record in Salesforce")
        return "sobjects", self._table, record_id

    def _record(self, row: Row, seen_at: datetime) -> Record:
        columns = {name: row.get(name) for name in (*self._mapping.record_columns, *_PARENTS)}
        if CURRENCY in columns and CURRENCY not in row:
            columns[CURRENCY] = self._currency.only()
        version = f"{literal(moment(row['SystemModstamp']))} {_mark(columns)}"
        return Record(str(row["Id"]), version, columns, seen_at)

    # --- creating --------------------------------------------------------------------------------------------------

    def create(self, referral_id: str, columns: Columns, account: AccountWanted) -> Record:
        """Look for account and record in one call, then make what is absent in another, all or nothing.

        The upsert by external id cannot create twice, but it would write on a record that is there: hence the look.
        """
        looked_at = self._clock.now()
        account_id, exists = self._look(referral_id, account.match)
        if exists:
            raise _exists()
        name = json.dumps([self._table, *sorted(f"{key}={value}".casefold() for key, value in account.match.items())])
        with nullcontext() if account_id else self._turns.turn(name, looked_at):
            return self._create(referral_id, columns, account_id, account.columns)

    def _look(self, referral_id: str, match: Columns) -> tuple[str | None, bool]:
        condition = " AND ".join(name + format_soql(" = {}", value) for name, value in match.items())
        oldest = f"SELECT Id FROM Account WHERE {condition} ORDER BY CreatedDate, Id LIMIT 1"  # noqa: S608 - quoted
        parts = [
            Part("account", "GET", path("query", q=oldest)),
            Part("record", "GET", path("query", q=self._by_referral(referral_id))),
        ]
        answers = self._wire.composite(parts)
        if error := self._wire.refusal(answers):
            raise error
        accounts, records = (rows_of(answer.body) for answer in answers)
        return (str(accounts[0]["Id"]) if accounts else None), bool(records)

    def _create(self, referral_id: str, columns: Columns, account_id: str | None, account: Columns) -> Record:
        identifier = self._mapping.columns.referral_identifier
        own = {**self._content(columns), "AccountId": account_id or Reference("account.id")}
        content = {name: value for name, value in own.items() if value is not None and name != identifier}
        parts = [
            Part("record", "PATCH", path("sobjects", self._table, identifier, referral_id), content),
            Part("after", "GET", path("sobjects", self._table, Reference("record.id"), fields=self._select())),
        ]
        if account_id is None:
            made = {name: value for name, value in account.items() if value is not None}
            parts.insert(0, Part("account", "POST", path("sobjects", "Account"), made))
        with self._account_lock(account_id):
            answers = self._create_once(referral_id, parts)
        if error := self._wire.refusal(answers):
            raise _missing_reference() if isinstance(error, GoneError) else error
        upsert = answers[-2]
        if upsert.status != 201 and not (isinstance(upsert.body, Mapping) and upsert.body.get("created") is True):
            raise _exists()
        return self._record(answers[-1].object, self._clock.now())

    def _create_once(self, referral_id: str, parts: list[Part]) -> list[Answer]:
        """Send once: what became of it is seen by looking again, not by making another account."""
        try:
            return self._wire.composite(parts, together=True, repeatable=False)
        except OutcomeUnknown as unknown:
            try:
                found = self.find(referral_id)
            except CosellError:
                raise unknown from None  # What matters to those who wait for the account is still open.
            if found:
                raise _exists() from unknown
            raise

    # --- updating --------------------------------------------------------------------------------------------------

    def update(self, record: Record, columns: Columns, stage: StageChange | None = None) -> Record:
        """Write columns and stage in one PATCH under If-Unmodified-Since, with a look before and after it."""
        content = self._content({**columns, **(stage.columns if stage else {})})
        if not content:
            return record
        address = self._address(record.id)
        stamp = _stamp(record)
        look = path(*address, fields=self._select())
        parts = [Part("write", "PATCH", path(*address), content, _guard(stamp)), Part("after", "GET", look)]
        if stamp:
            self.wait_until_guard_holds(record)
            parts.insert(0, Part("before", "GET", look))
        with self._account_lock(record.columns.get("AccountId") or record.id):
            answers = self._wire.composite(parts)
        if error := self._wire.refusal(answers):
            there = stamp is not None and answers[0].status < 300
            raise _missing_reference() if there and isinstance(error, GoneError) else error
        written = self._record(answers[-1].object, self._clock.now())
        if stamp:
            self._check_unchanged(record, answers[0], content, written)
        return written

    def wait_until_guard_holds(self, record: Record) -> None:
        """Wait until the second of the stamp is certainly over, so that whoever edits from now on leaves a later one.

        Salesforce's clock is held against its own stamp, our clock against our own observation.
        """
        stamp = _stamp(record)
        if stamp and (self._wire.newest is None or self._wire.newest < stamp + timedelta(seconds=1)):
            young = GUARD_AGE - (self._clock.now() - record.seen_at)
            if young > timedelta():
                self._clock.sleep(young.total_seconds())

    def _check_unchanged(self, record: Record, before: Answer, content: Columns, written: Record) -> None:
        """Put back what an edit held that the guard did not notice. Raises VersionMismatch then."""
        found = self._record(before.object, written.seen_at)
        if found.version == record.version:
            return
        log.warning("the guard missed an edit", extra={"record_id": record.id})
        unknown = object()  # What is remembered by its version alone: all that was written over counts as lost then.
        now = {name: value for name, value in found.columns.items() if value != record.columns.get(name, unknown)}
        lost = {name: now[name] for name in content if name in now}
        if lost:
            write = Part("write", "PATCH", path(*self._address(record.id)), lost, _guard(_stamp(written)))
            answers = self._wire.composite([write])
            error = self._wire.refusal(answers)
            if error and not isinstance(error, VersionMismatch):
                raise error
        raise VersionMismatch("the record changed in Salesforce within the second in which it was read")

    def _account_lock(self, account_id: object) -> threading.Lock:
        """Return what this process's writes on one account wait for; accounts share locks by hash."""
        return self._accounts[hash(account_id) % _STRIPES]

    def _content(self, columns: Columns) -> dict[str, object]:
        content = dict(columns)
        if CURRENCY in content and self._currency.only():
            self._currency.check(content.pop(CURRENCY))
        return content


def _mark(columns: Columns) -> str:
    """Return a digest of values, however a query, a read or a composite answer spells them."""
    plain = {name: _plain(value) for name, value in columns.items()}
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).digest()
    return base64.urlsafe_b64encode(digest[:6]).decode()


def _plain(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.replace("\r\n", "\n") or None if isinstance(value, str) else value


def _stamp(record: Record) -> datetime | None:
    return moment(record.version.partition(" ")[0]) if record.version else None


def _guard(stamp: datetime | None) -> Mapping[str, str] | None:
    return {"If-Unmodified-Since": format_datetime(stamp.replace(microsecond=0), usegmt=True)} if stamp else None


def _columns_of(rows: Iterable[MappedRow]) -> tuple[str, ...]:
    names = (name for row in rows for name in (row.pair.column, row.pair.fallback_column) if name)
    return tuple(dict.fromkeys(names))


def _object(row: Row, name: str) -> Columns | None:
    held = row.get(name)
    return held if isinstance(held, Mapping) else None


def _exists() -> AlreadyExists:
    return AlreadyExists("a record carries this referral id")


def _missing_reference() -> DataError:
    rule = "a record that it refers to (its account) was deleted in Salesforce"
    return DataError(Problem("record", rule, "It is tried again by itself."))
