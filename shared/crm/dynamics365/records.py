"""Dynamics 365 Sales through the Dataverse Web API v9.2 (power-apps/developer/data-platform/webapi)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shared.clock import Clock
from shared.crm.around import Around, Columns, Found
from shared.crm.dynamics365 import beside, connections, creation, merges, metadata, owners
from shared.crm.dynamics365.api import DataverseApi, Json, text_at
from shared.crm.dynamics365.closing import closing_activity
from shared.crm.dynamics365.columns import columns_by_table
from shared.crm.dynamics365.deals import Deals
from shared.crm.dynamics365.entities import entity_of
from shared.crm.dynamics365.errors import DuplicateKey, is_already_closed, missing_reference
from shared.crm.dynamics365.feed import Feed, Feeds
from shared.crm.dynamics365.look_ups import CURRENCY, LOOK_UPS, NaturalKeys
from shared.crm.dynamics365.looking import Looking
from shared.crm.dynamics365.mapped import mapped_row
from shared.crm.dynamics365.precision import MoneyDigits
from shared.crm.dynamics365.security import FRESH, ColumnSecurity
from shared.crm.optional import OptionalColumns
from shared.crm.owners import Owners
from shared.crm.port import ChangePage, Involved, PartlyWritten, Record, RelatedRows, StageChange
from shared.crm.together import Together
from shared.errors import AlreadyExists, CosellError, DataError, GoneError, VersionMismatch
from shared.lifecycle import TERMINAL, Stage
from shared.mapping.check.tables import Description
from shared.mapping.field_map import FieldMap

_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


class Dynamics365:
    """Implements Records for opportunities and leads."""

    name = "dynamics365"
    owner_column = "ownerid"
    closed_rows_are_read_only = True

    def __init__(self, api: DataverseApi, field_map: FieldMap, clock: Clock, together: Feeds | None = None) -> None:
        """Serve the mapping's table, polled `together` with others. Raises MappingError for one it does not know."""
        self._api = api
        self._entity = entity_of(field_map.table)
        self._field_map = field_map
        self._clock = clock
        self._optional = OptionalColumns(field_map)
        self._keys = NaturalKeys(api)
        self._read_columns = tuple(dict.fromkeys([*field_map.record_columns, *self._entity.parents]))
        self._select = ",".join(map(self._read_name, self._read_columns))
        money = {row.pair.column: row.pair.digits for row in field_map.rows.values() if row.pair.codec == "money"}
        self._digits = MoneyDigits(api, self._keys, field_map.table, money)
        self._security = ColumnSecurity(api, clock, columns_by_table(field_map, self._read_columns))
        mail = next((row.pair.column for row in field_map.owner if row.name == "email"), "internalemailaddress")
        self._owners = Owners(lambda wanted: owners.ask(api, wanted, mail), clock)
        identifier = field_map.columns.referral_identifier
        deals = Deals(self._select, identifier, lambda row: self._record(row, clock.now()).columns)
        self._looking = Looking(api, clock, self._owners, mail, deals)
        self._feed = Feed(api, together or Together(clock), self._entity.entity_set, self._select, self._record, clock)

    def owns(self, record_id: str) -> bool:
        """Whether the text is a GUID."""
        return _GUID.fullmatch(record_id) is not None

    def expect(self, cursor: str | None) -> None:
        """Let the delta link travel in a batch."""
        self._feed.expect(cursor)

    def changes(self, cursor: str | None) -> Iterator[ChangePage]:
        """Follow change tracking; see shared.crm.dynamics365.feed."""
        self._security.check()
        return self._feed.follow(cursor)

    def check_readable(self) -> None:
        """Ask for the app user's rights, unless that was done within a minute."""
        self._security.check(age=FRESH)

    # --- reading ---------------------------------------------------------------------------------------------------

    def read(self, record_id: str) -> Record:
        """Read one opportunity."""
        return self._read(self._by_id(record_id))

    def find(self, referral_id: str) -> Record | None:
        """Read by the alternate key on the referral identifier. What is no GUID is no referral's, so nobody has it."""
        if not _GUID.fullmatch(referral_id):
            return None
        try:
            return self._read(self._by_key(referral_id))
        except GoneError:
            return None

    def successor(self, record_id: str) -> str | None:
        """Follow masterid, where the platform merges rows of this table at all."""
        return merges.survivor(self._api, self._entity.entity_set, record_id) if self._entity.merges else None

    def qualified_to(self, record_id: str) -> str | None:
        """Look for the opportunity that came of the lead, the oldest if a person made more of them."""
        only = {"$filter": f"_originatingleadid_value eq {record_id}", "$select": "opportunityid", "$top": "1"}
        rows = self._api.rows("opportunities", {**only, "$orderby": "createdon"})
        return text_at(rows[0], "opportunityid").lower() if rows else None

    def _read(self, path: str) -> Record:
        self._security.check()
        seen_at = self._clock.now()
        return self._record(self._api.get(path, {"$select": self._select}), seen_at)

    def related(self, record_id: str) -> RelatedRows:
        """Read the customer's account and contact, and the owner; one call for each that is set."""
        row = self._optional.attempt(lambda: self._with_long_texts(record_id))
        columns = self._record(row, self._clock.now()).columns
        account_id = columns.get("parentaccountid") or columns.get("customerid")
        account = mapped_row(self._api, "accounts", account_id, self._field_map.account, more="_primarycontactid_value")
        contact_id = columns.get("parentcontactid") or (account or {}).get("_primarycontactid_value")
        if account is None and not contact_id:
            contact_id = columns.get("customerid")
        contact = mapped_row(self._api, "contacts", contact_id, self._field_map.contact)
        owner = mapped_row(self._api, "systemusers", columns.get("ownerid"), self._field_map.owner)
        own = self._field_map.columns
        long = (own.audit, own.notes_for_microsoft, own.referral_identifier)
        texts = (str(row.get(name) or "") if name else "" for name in long)
        return RelatedRows(account, contact, owner, *texts, switched_on=bool(row.get(own.sync)))

    def _with_long_texts(self, record_id: str) -> Json:
        """Read a record with the columns that are too long to be read every time."""
        own = self._field_map.columns
        notes = self._optional.there(own.notes_for_microsoft)
        select = ",".join([self._select, own.audit, *([notes] if notes else [])])
        return self._api.get(self._by_id(record_id), {"$select": select})

    def beside(self, record_ids: Sequence[str]) -> Mapping[str, str]:
        """Read account, contact and owner of several."""
        return beside.marks(self._api, self._field_map, [each for each in record_ids if self.owns(each)])

    def beside_edited(self, since: datetime) -> Sequence[str]:
        """Ask which accounts and contacts of opportunities were written."""
        return beside.edited(self._api, self._field_map, since)

    def involved(self, record_id: str, *, colleagues: bool, contacts: bool) -> Involved:
        """Read the opportunity's connections."""
        return connections.involved(self._api, self._field_map, record_id, colleagues=colleagues, contacts=contacts)

    def person(self, owner_id: str) -> Columns | None:
        """Read a user; a team is none."""
        return mapped_row(self._api, "systemusers", owner_id, self._field_map.owner)

    def audit_text(self, record_id: str) -> str:
        """Read the Audit column, which is too long to be read with every record."""
        column = self._field_map.columns.audit
        return str(self._api.get(self._by_id(record_id), {"$select": column}).get(column) or "")

    def _record(self, row: Json, seen_at: datetime) -> Record:
        columns: dict[str, object] = {}
        for column in self._read_columns:
            value = row.get(self._read_name(column))
            columns[column] = self._keys.key(column, str(value)) if column in LOOK_UPS and value else value
        etag = row.get("@odata.etag")
        digits = self._digits.of(columns.get(CURRENCY))
        version = str(etag) if etag else None
        return Record(text_at(row, self._entity.id_column).lower(), version, columns, seen_at, digits)

    def describe(self) -> Description:
        """Read the definitions of the record's table, account, contact and systemuser, and the rights to read them."""
        found = metadata.describe(self._api.get, self._field_map.file)
        named = (each for _, each in self._field_map.file.owner_rules.named())
        found = replace(found, missing_owners=self._owners.missing(named))
        return metadata.without_right(found, dict(self._security.unreadable()))

    # --- writing ---------------------------------------------------------------------------------------------------

    def look_around(self, referral_id: str, around: Around) -> Found:  # noqa: ARG002 - the write is guarded by the key
        """Look for the account, and for people who were not asked for within the hour."""
        self._security.check()
        return self._looking.look(around)

    def create(self, referral_id: str, columns: Columns, around: Around, found: Found) -> Record:
        """Upsert by the alternate key, with If-None-Match so that an existing record is never overwritten."""
        self._security.check()
        own = {self._field_map.columns.referral_identifier, "statecode"}  # the key is in the address; state is implied
        content = self._content({name: value for name, value in columns.items() if name not in own})
        content |= creation.bindings(self._api, around, found)
        headers = {"If-None-Match": "*"}
        try:
            row = self._write(self._by_key(referral_id), content, headers)
        except VersionMismatch as error:
            raise _exists() from error
        except DuplicateKey as error:
            if self.find(referral_id):
                raise _exists() from error
            raise
        except GoneError as error:
            raise missing_reference() from error
        return self._record(row, self._clock.now())

    def wait_until_guard_holds(self, record: Record) -> bool:  # noqa: ARG002 - every edit makes a version
        """Wait for nothing: an eTag changes with every edit."""
        return False

    def update(self, record: Record, columns: Columns, stage: StageChange | None = None) -> Record:
        """PATCH under If-Match, then move the state: open states by PATCH, won and lost by their actions."""
        self._security.check()
        written = record
        try:
            for step in self._steps(columns, stage):
                written = step(written)
        except CosellError as cause:
            if written is record:
                raise
            raise PartlyWritten(written, cause) from cause
        return written

    def _steps(self, columns: Columns, stage: StageChange | None) -> Iterator[Callable[[Record], Record]]:
        """Yield the requests of an update in their order."""
        closes = stage is not None and stage.after in TERMINAL and self._entity.has_closing_actions
        opened = stage is not None and stage.before in TERMINAL
        content = self._content({**columns, **(stage.columns if stage and not closes and not opened else {})})
        if stage and opened:
            # A closed row takes nothing but its own reopening.
            opening = self._field_map.status_columns(Stage.ACTIVE) if closes else stage.columns
            yield lambda record: self._patch(record, opening)
        if content:
            yield lambda record: self._patch(record, content)
        if stage and closes:
            # The closing actions know no If-Match: what no PATCH has guarded is compared by reading.
            yield lambda record: self._close(record, stage, guarded=bool(content) or opened)

    def _patch(self, record: Record, content: Mapping[str, object]) -> Record:
        headers = {"If-Match": record.version or "*"}
        try:
            row = self._write(self._by_id(record.id), content, headers)
        except DuplicateKey as error:
            identifier = content.get(self._field_map.columns.referral_identifier)
            if identifier and self.find(str(identifier)):
                raise _exists() from error
            raise
        except GoneError:
            self.read(record.id)  # Raises GoneError when it is the record itself that is gone.
            raise missing_reference() from None
        return self._record(row, self._clock.now())

    def _write(self, path: str, content: Columns, headers: Mapping[str, str]) -> Json:
        def patch() -> Json:
            there = self._optional.content(content)
            return self._api.write("PATCH", path, there, select=self._select, headers=headers)

        return self._optional.attempt(patch)

    def _check_closable(self, record: Record, stage: StageChange) -> None:
        """Compare the version by reading; closed alike already is fine."""
        if record.version is None:
            return
        held = self.read(record.id)
        if held.version != record.version and held.columns.get("statecode") != stage.columns.get("statecode"):
            raise VersionMismatch("the record changed in Dynamics 365")

    def _close(self, record: Record, stage: StageChange, *, guarded: bool) -> Record:
        """Win or lose the opportunity; a closed state cannot be written by PATCH (0x80100005)."""
        if not guarded:
            self._check_closable(record, stage)
        action = "WinOpportunity" if stage.after is Stage.WON else "LoseOpportunity"
        activity = closing_activity(stage, self._by_id(record.id), self._clock.now())
        content = {"Status": stage.columns["statuscode"], "OpportunityClose": activity}
        try:
            self._api.send("POST", self._api.address(action), content=content)
        except DataError as error:
            closed = is_already_closed(error) and self.read(record.id).columns.get("statecode")
            if closed != stage.columns.get("statecode"):
                raise
        return replace(record, version=None, columns={**record.columns, **stage.columns})

    # --- addresses and content -------------------------------------------------------------------------------------

    def _read_name(self, column: str) -> str:
        """Return the name a look-up column is read by."""
        return f"_{column}_value" if column in LOOK_UPS or column in self._entity.parents else column

    def _content(self, columns: Columns) -> dict[str, object]:
        content: dict[str, object] = {}
        for column, value in columns.items():
            if column in LOOK_UPS:
                content[f"{column}@odata.bind"] = self._keys.address(column, str(value)) if value else None
            else:
                content[column] = value
        return content

    def _by_id(self, record_id: str) -> str:
        if not _GUID.fullmatch(record_id):
            raise GoneError("there is no such record in Dynamics 365")
        return f"{self._entity.entity_set}({record_id.lower()})"

    def _by_key(self, referral_id: str) -> str:
        identifier = self._field_map.columns.referral_identifier
        return f"{self._entity.entity_set}({identifier}='{referral_id.lower()}')"


def _exists() -> AlreadyExists:
    return AlreadyExists("a record carries this referral id")
