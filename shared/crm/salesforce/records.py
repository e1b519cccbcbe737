"""Salesforce Sales Cloud through its REST API (api_rest), with simple-salesforce underneath.

Salesforce's guard for an update is weak: `If-Unmodified-Since` in whole seconds. So an update is one composite call
that also reads the record before and after the write: an edit that the guard let through is put back, and the deal is
planned again (docs/decisions/0010).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from simple_salesforce.format import format_soql

from shared.clock import Clock
from shared.crm.around import Around, Columns, Found
from shared.crm.optional import OptionalColumns
from shared.crm.owners import Owners
from shared.crm.port import ChangePage, Involved, Record, RelatedRows, StageChange, Turns
from shared.crm.salesforce import beside, merges, metadata, owners
from shared.crm.salesforce.api import JsonObject, SalesforceApi, Subrequest, Subresponse, path, text_at
from shared.crm.salesforce.creation import Creation
from shared.crm.salesforce.currency import COLUMN as CURRENCY
from shared.crm.salesforce.currency import OrgCurrency
from shared.crm.salesforce.errors import missing_reference
from shared.crm.salesforce.feed import Feed, Feeds
from shared.crm.salesforce.locks import AccountLocks
from shared.crm.salesforce.looking import Looking
from shared.crm.salesforce.versions import guard, stamp_of, version_of
from shared.crm.together import Together
from shared.errors import GoneError, MappingError, VersionMismatch
from shared.mapping.check.tables import Description
from shared.mapping.field_map import FieldMap

log = logging.getLogger(__name__)

GUARD_AGE = timedelta(seconds=2)
"""How old an observation must be for the guard to tell it from a later edit: stamps are whole seconds."""

_PARENTS = {"Opportunity": ("AccountId", "OwnerId"), "Lead": ("OwnerId",)}
"""Look-ups that are only followed; AccountId also says which writes would wait for each other's lock."""

KEY_PREFIXES = {"Opportunity": "006", "Lead": "00Q"}
"""The tables that a mapping file may name, and how the ids of their records begin."""

MERGEABLE = frozenset({"Account", "Contact", "Lead"})
"""The tables whose records Salesforce can merge into one (api: merge)."""

_ID = r"[0-9A-Za-z]{12}([A-Z0-5]{3})?"
"""The rest of an id, with or without the three characters that tell upper from lower case."""


class Salesforce:
    """Implements Records for opportunities and leads.

    A version is the record's SystemModstamp and a mark of what it held.
    """

    name = "salesforce"
    owner_column = "OwnerId"
    closed_rows_are_read_only = False

    def __init__(
        self,
        api: SalesforceApi,
        field_map: FieldMap,
        clock: Clock,
        turns: Turns,
        currency: str | None = None,
        together: Feeds | None = None,
    ) -> None:
        """Serve the mapping's table; `together` is what asks for its changes along with another's."""
        self._api = api
        self._field_map = field_map
        self._clock = clock
        self._optional = OptionalColumns(field_map)
        self._table = field_map.table
        self._id = re.compile(_key_prefix(field_map.table) + _ID)
        self._parents = _PARENTS[field_map.table]
        self._currency = OrgCurrency(api, field_map.table, currency)
        own = field_map.columns
        ours = (own.referral_identifier, own.referral_link, own.status)
        concerns = f"({own.sync} = true OR {' OR '.join(f'{each} != null' for each in ours)})"
        self._feed = Feed(api, together or Together(clock), field_map.table, concerns, self._record, clock)
        self._accounts = AccountLocks()
        mail = next((row.pair.column for row in field_map.owner if row.name == "email"), "Email")
        self._owners = Owners(lambda wanted: owners.ask(api, wanted, mail), clock)
        where = field_map.table, own.referral_identifier
        self._creation = Creation(api, turns, self._accounts, *where, self.find)
        self._looking = Looking(api, clock, *where, self._owners, mail, self._select, self._columns)

    def check_readable(self) -> None:
        """Ask nothing: Salesforce refuses a query that names a hidden field (INVALID_FIELD)."""

    def owns(self, record_id: str) -> bool:
        """Whether the text is an opportunity's id."""
        return self._id.fullmatch(record_id) is not None

    # --- reading ---------------------------------------------------------------------------------------------------

    def expect(self, cursor: str | None) -> None:
        """Let the query travel in a composite request with another table's."""
        self._feed.expect(cursor, f"{self._select()},IsDeleted")

    def changes(self, cursor: str | None) -> Iterator[ChangePage]:
        """Follow SystemModstamp with an overlap; see shared.crm.salesforce.feed."""
        return self._feed.follow(cursor, f"{self._select()},IsDeleted")

    def read(self, record_id: str) -> Record:
        """Read one opportunity."""
        seen_at = self._clock.now()
        return self._record(self._api.get(path(*self._address(record_id)), fields=self._select()), seen_at)

    def find(self, referral_id: str) -> Record | None:
        """Query by the external id."""
        seen_at = self._clock.now()
        rows = self._api.query(self._by_referral(referral_id)).rows
        return self._record(rows[0], seen_at) if rows else None

    def successor(self, record_id: str) -> str | None:
        """Follow MasterRecordId, where the platform merges records of this table at all: not opportunities."""
        return merges.survivor(self._api, self._table, record_id) if self._table in MERGEABLE else None

    def qualified_to(self, record_id: str) -> str | None:
        """Read what the lead was converted to."""
        condition = format_soql(" WHERE Id = {}", self._address(record_id)[-1])
        rows = self._api.query(f"SELECT ConvertedOpportunityId FROM {self._table}{condition}").rows  # noqa: S608 - quoted
        found = rows[0].get("ConvertedOpportunityId") if rows else None
        return str(found) if found else None

    def related(self, record_id: str) -> RelatedRows:
        """Read account, owner and primary contact in one query."""
        return self._optional.attempt(lambda: self._related(record_id))

    def _related(self, record_id: str) -> RelatedRows:
        own = self._field_map.columns
        notes = self._optional.there(own.notes_for_microsoft)
        columns = [own.audit, own.referral_identifier, own.sync, *([notes] if notes else ())]
        wanted = [*columns, *beside.selected(self._field_map)]
        soql = f"SELECT Id, {', '.join(wanted)} FROM {self._table}"  # noqa: S608 - names of the mapping file
        rows = self._api.query(soql + format_soql(" WHERE Id = {}", self._address(record_id)[-1])).rows
        if not rows:
            raise GoneError("the record was deleted in Salesforce")
        names = (own.audit, notes, own.referral_identifier)
        texts = (str(rows[0].get(name) or "") if name else "" for name in names)
        return RelatedRows(*beside.rows_around(rows[0]), *texts, switched_on=bool(rows[0].get(own.sync)))

    def beside(self, record_ids: Sequence[str]) -> Mapping[str, str]:
        """Query account, owner and primary contact of several."""
        return beside.marks(self._api, self._field_map, [each for each in record_ids if self.owns(each)])

    def beside_edited(self, since: datetime) -> Sequence[str]:
        """Ask which accounts and contacts of opportunities were written."""
        return beside.edited(self._api, self._field_map, since)

    def involved(self, record_id: str, *, colleagues: bool, contacts: bool) -> Involved:
        """Query team members and contact roles."""
        asked = self._api, self._field_map, self._address(record_id)[-1]
        return beside.involved(*asked, colleagues=colleagues, contacts=contacts)

    def person(self, owner_id: str) -> Columns | None:
        """Query a user."""
        names = ", ".join(beside.columns_of(self._field_map.owner))
        rows = self._api.query(f"SELECT {names} FROM User" + format_soql(" WHERE Id = {}", owner_id)).rows  # noqa: S608
        return rows[0] if rows else None

    def audit_text(self, record_id: str) -> str:
        """Read the Audit column, which is too long to be read with every record."""
        column = self._field_map.columns.audit
        soql = f"SELECT {column} FROM {self._table}"  # noqa: S608 - names of the mapping file
        rows = self._api.query(soql + format_soql(" WHERE Id = {}", self._address(record_id)[-1])).rows
        if not rows:
            raise GoneError("the record was deleted in Salesforce")
        return str(rows[0].get(column) or "")

    def describe(self) -> Description:
        """Read the descriptions of the tables, the stages, and the org's currency."""
        only = self._currency.only() if CURRENCY in self._field_map.record_columns else None
        found = metadata.describe(self._api, self._field_map.file, only)
        named = (each for _, each in self._field_map.file.owner_rules.named())
        return replace(found, missing_owners=self._owners.missing(named))

    def _select(self) -> str:
        wanted = ("Id", "SystemModstamp", *self._field_map.record_columns, *self._parents)
        without = CURRENCY if CURRENCY in wanted and self._currency.only() else None
        return ",".join(dict.fromkeys(name for name in wanted if name != without))

    def _by_referral(self, referral_id: str) -> str:
        condition = format_soql(" = {}", referral_id)
        identifier = self._field_map.columns.referral_identifier
        return f"SELECT {self._select()} FROM {self._table} WHERE {identifier}{condition}"  # noqa: S608

    def _address(self, record_id: str) -> tuple[str, str, str]:
        if not self.owns(record_id):
            raise GoneError("there is no such record in Salesforce")
        return "sobjects", self._table, record_id

    def _columns(self, row: JsonObject) -> dict[str, object]:
        columns = {name: row.get(name) for name in (*self._field_map.record_columns, *self._parents)}
        if CURRENCY in columns and CURRENCY not in row:
            columns[CURRENCY] = self._currency.only()
        return columns

    def _record(self, row: JsonObject, seen_at: datetime) -> Record:
        columns = self._columns(row)
        return Record(text_at(row, "Id"), version_of(text_at(row, "SystemModstamp"), columns), columns, seen_at)

    # --- creating --------------------------------------------------------------------------------------------------

    def look_around(self, referral_id: str, around: Around) -> Found:
        """Look for account and record, and for people who were not asked for within the hour, in one call."""
        return self._looking.look(referral_id, around)

    def create(self, referral_id: str, columns: Columns, around: Around, found: Found) -> Record:
        """Make what is absent; see shared.crm.salesforce.creation."""
        owner = {"OwnerId": found.owner.id} if found.owner else {}

        def create() -> Subresponse:
            content = {**self._content(columns), **owner}
            return self._creation.create(referral_id, content, around, found, self._select())

        made = self._optional.attempt(create)
        return self._record(made.object, self._clock.now())

    # --- updating --------------------------------------------------------------------------------------------------

    def update(self, record: Record, columns: Columns, stage: StageChange | None = None) -> Record:
        """Write columns and stage in one PATCH under If-Unmodified-Since, with a look before and after it."""
        return self._optional.attempt(lambda: self._update(record, columns, stage))

    def _update(self, record: Record, columns: Columns, stage: StageChange | None) -> Record:
        content = self._content({**columns, **(stage.columns if stage else {})})
        if not content:
            return record
        address = self._address(record.id)
        stamp = stamp_of(record)
        look = path(*address, fields=self._select())
        subrequests = [
            Subrequest("write", "PATCH", path(*address), content, guard(stamp)),
            Subrequest("after", "GET", look),
        ]
        if stamp:
            self.wait_until_guard_holds(record)
            subrequests.insert(0, Subrequest("before", "GET", look))
        with self._accounts.of(record.columns.get("AccountId") or record.id):
            answers = self._api.composite(subrequests)
        if error := self._api.first_error(answers):
            there = stamp is not None and answers[0].status < 300
            raise missing_reference() if there and isinstance(error, GoneError) else error
        written = self._record(answers[-1].object, self._clock.now())
        if stamp:
            self._check_unchanged(record, answers[0], content, written)
        return written

    def wait_until_guard_holds(self, record: Record) -> bool:
        """Wait until the second of the stamp is certainly over, so that whoever edits from now on leaves a later one.

        Salesforce's clock is held against its own stamp, our clock against our own observation.
        """
        stamp = stamp_of(record)
        if stamp and (
            self._api.latest_server_time is None or self._api.latest_server_time < stamp + timedelta(seconds=1)
        ):
            young = GUARD_AGE - (self._clock.now() - record.seen_at)
            if young > timedelta():
                self._clock.sleep(young.total_seconds())
                return True
        return False

    def _check_unchanged(self, record: Record, before: Subresponse, content: Columns, written: Record) -> None:
        """Put back what an edit held that the guard did not notice. Raises VersionMismatch then."""
        found = self._record(before.object, written.seen_at)
        if found.version == record.version:
            return
        log.warning("the guard missed an edit", extra={"record_id": record.id})
        unknown = object()  # What is remembered by its version alone: all that was written over counts as lost then.
        now = {name: value for name, value in found.columns.items() if value != record.columns.get(name, unknown)}
        lost = {name: now[name] for name in content if name in now}
        if lost:
            write = Subrequest("write", "PATCH", path(*self._address(record.id)), lost, guard(stamp_of(written)))
            answers = self._api.composite([write])
            error = self._api.first_error(answers)
            if error and not isinstance(error, VersionMismatch):
                raise error
        raise VersionMismatch("the record changed in Salesforce within the second in which it was read")

    def _content(self, columns: Columns) -> dict[str, object]:
        content = dict(self._optional.content(columns))
        if CURRENCY in content and self._currency.only():
            self._currency.check(content.pop(CURRENCY))
        return content


def _key_prefix(table: str) -> str:
    if table not in KEY_PREFIXES:
        raise MappingError(f"table: {table} is none of {', '.join(KEY_PREFIXES)}, the tables of Salesforce.")
    return KEY_PREFIXES[table]
