"""Dynamics 365 Sales through the Dataverse Web API v9.2 (power-apps/developer/data-platform/webapi)."""

from __future__ import annotations

import hashlib
import re
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote, urlencode

from shared.clock import Clock
from shared.crm.dynamics365 import metadata as dataverse_metadata
from shared.crm.dynamics365.errors import is_already_closed, is_cursor_expired
from shared.crm.dynamics365.look_ups import LOOK_UPS, LookUp
from shared.crm.port import AccountWanted, ChangePage, Columns, Record, RelatedRows, StageChange
from shared.errors import (
    AlreadyExists,
    CursorExpired,
    DataError,
    GoneError,
    Problem,
    ServiceUnavailable,
    VersionMismatch,
)
from shared.http import Response, Service
from shared.lifecycle import TERMINAL, Stage
from shared.mapping.check.tables import Description
from shared.mapping.field_map import FieldMap, Row

API = "/api/data/v9.2/"
PAGE = 1000

_ACCOUNTS = uuid.UUID("6a3f0f9e-2f0a-5c0e-9d53-5d1d7f3f6b1a")
"""Namespace of the account ids that we choose, so that two workers creating one account create the same one."""

_HEADERS = {"OData-MaxVersion": "4.0", "OData-Version": "4.0"}


_PARENTS = ("parentaccountid", "customerid", "parentcontactid", "ownerid")
"""Look-ups that are only followed, to fill in a new referral; they travel as ids."""


class Dynamics365:
    """Implements Crm for opportunities."""

    name = "dynamics365"
    closed_rows_are_read_only = True

    def __init__(self, service: Service, url: str, mapping: FieldMap, clock: Clock) -> None:
        self._service = service
        self._base = url.rstrip("/") + API
        self._mapping = mapping
        self._clock = clock
        self._keys = _Keys(self)
        self._select = ",".join(_read_name(column) for column in (*mapping.record_columns, *_PARENTS))
        self._fingerprint = hashlib.sha256(self._select.encode()).hexdigest()[:12]

    def owns(self, record_id: str) -> bool:
        """Whether the text is a GUID."""
        return re.fullmatch(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", record_id) is not None

    # --- the change feed -------------------------------------------------------------------------------------------

    def changes(self, cursor: str | None) -> Iterator[ChangePage]:
        """Follow a delta link, or start change tracking with a full read (use-change-tracking...).

        The cursor is the delta link behind a fingerprint of the columns it selects: a link made for other columns
        would deliver rows in which the new ones look empty, so it counts as expired.
        """
        prefer = {"Prefer": f"odata.track-changes,odata.maxpagesize={PAGE}"}
        url: str | None
        if cursor is None:
            url, headers = self._url("opportunities", {"$select": self._select}), prefer
        else:
            fingerprint, _, url = cursor.partition(" ")
            headers = {}
            if fingerprint != self._fingerprint or not url.startswith(self._base):
                raise CursorExpired("the change feed's link was made for other columns or another environment")
        while url:
            seen_at = self._clock.now()
            page = self._feed_page(url, headers, following=cursor is not None)
            delta = page.get("@odata.deltaLink")
            yield self._change_page(page, seen_at, f"{self._fingerprint} {delta}" if delta else None)
            url = self._own_link(page.get("@odata.nextLink"))

    def _feed_page(self, url: str, headers: Mapping[str, str], *, following: bool) -> Mapping[str, object]:
        try:
            return _object(self._call("GET", url, headers=headers))
        except (DataError, GoneError, ServiceUnavailable) as error:
            if following and is_cursor_expired(error):
                raise CursorExpired("the change feed's token expired") from error
            raise

    def _change_page(self, page: Mapping[str, object], seen_at: datetime, cursor: str | None) -> ChangePage:
        rows = page.get("value")
        if not isinstance(rows, list):
            raise ServiceUnavailable("Dynamics 365 answered the change feed without rows")
        deleted = tuple(str(row["id"]).lower() for row in rows if row.get("reason") == "deleted")
        records = tuple(self._record(row, seen_at) for row in rows if row.get("reason") != "deleted")
        return ChangePage(records, deleted, cursor)

    def _own_link(self, link: object) -> str | None:
        if link is None:
            return None
        if not isinstance(link, str) or not link.startswith(self._base):
            raise ServiceUnavailable("Dynamics 365 named a next page outside its environment")
        return link

    # --- reading ---------------------------------------------------------------------------------------------------

    def read(self, record_id: str) -> Record:
        """Read one opportunity."""
        return self._read(f"opportunities({uuid.UUID(record_id)})")

    def find(self, referral_id: str) -> Record | None:
        """Read by the alternate key on the referral identifier."""
        try:
            return self._read(self._by_key(referral_id))
        except GoneError:
            return None

    def _read(self, path: str) -> Record:
        seen_at = self._clock.now()
        return self._record(_object(self._call("GET", self._url(path, {"$select": self._select}))), seen_at)

    def related(self, record_id: str) -> RelatedRows:
        """Read the customer's account and contact, and the owner; one call for each that is set."""
        columns = self.read(record_id).columns
        account_id = columns.get("parentaccountid") or columns.get("customerid")
        account = self._row("accounts", account_id, self._mapping.account, more="_primarycontactid_value")
        contact_id = columns.get("parentcontactid") or (account or {}).get("_primarycontactid_value")
        if account is None and not contact_id:
            contact_id = columns.get("customerid")
        contact = self._row("contacts", contact_id, self._mapping.contact)
        return RelatedRows(account, contact, self._row("systemusers", columns.get("ownerid"), self._mapping.owner))

    def _row(self, entity_set: str, row_id: object, rows: Iterable[Row], more: str = "") -> Columns | None:
        """Read the mapped columns of a row; None when there is none (an owner may also be a team)."""
        if not row_id:
            return None
        names = [name for row in rows for name in (row.pair.column, row.pair.fallback_column) if name]
        select = ",".join(dict.fromkeys([*names, *([more] if more else [])]))
        try:
            return _object(self._call("GET", self._url(f"{entity_set}({row_id})", {"$select": select})))
        except GoneError:
            return None

    def _record(self, row: Mapping[str, object], seen_at: datetime) -> Record:
        columns: dict[str, object] = {}
        for column in (*self._mapping.record_columns, *_PARENTS):
            value = row.get(_read_name(column))
            columns[column] = self._keys.key(column, str(value)) if column in LOOK_UPS and value else value
        etag = row.get("@odata.etag")
        return Record(str(row["opportunityid"]).lower(), str(etag) if etag else None, columns, seen_at)

    def describe(self) -> Description:
        """Read the definitions of opportunity, account, contact and systemuser."""
        return dataverse_metadata.describe(
            lambda path, query: _object(self._call("GET", self._url(path, query))), self._mapping.file
        )

    # --- writing ---------------------------------------------------------------------------------------------------

    def _account(self, match: Columns, columns: Columns) -> str:
        """Find the oldest account that equals `match`, or create one under an id that follows from `match`."""
        condition = " and ".join(f"{column} eq {_literal(value)}" for column, value in match.items())
        query = {"$select": "accountid", "$filter": condition, "$orderby": "createdon asc", "$top": "1"}
        found = _object(self._call("GET", self._url("accounts", query))).get("value")
        if isinstance(found, list) and found:
            return str(found[0]["accountid"])
        chosen = uuid.uuid5(_ACCOUNTS, repr(sorted((key, str(value).casefold()) for key, value in match.items())))
        content = {**{name: value for name, value in columns.items() if value is not None}, "accountid": str(chosen)}
        headers = {"Prefer": "return=representation"}
        try:
            row = _object(self._call("POST", self._url("accounts", {"$select": "accountid"}), headers, content))
        except (AlreadyExists, VersionMismatch):
            return str(chosen)  # Another worker was quicker.
        return str(row["accountid"])

    def create(self, referral_id: str, columns: Columns, account: AccountWanted) -> Record:
        """Upsert by the alternate key, with If-None-Match so that an existing record is never overwritten."""
        account_id = self._account(account.match, account.columns)
        own = {self._mapping.columns.referral_identifier, "statecode"}  # the key is in the address; state is implied
        content = self._content({name: value for name, value in columns.items() if name not in own})
        content["customerid_account@odata.bind"] = f"/accounts({account_id})"
        content["parentaccountid@odata.bind"] = f"/accounts({account_id})"
        headers = {"If-None-Match": "*", "Prefer": "return=representation"}
        url = self._url(self._by_key(referral_id), {"$select": self._select})
        try:
            row = _object(self._call("PATCH", url, headers, content))
        except VersionMismatch as error:
            raise AlreadyExists("a record carries this referral id") from error
        except GoneError as error:
            raise _missing_reference() from error
        return self._record(row, self._clock.now())

    def wait_until_guard_holds(self, record: Record) -> None:
        """Wait for nothing: an eTag changes with every edit."""

    def update(self, record: Record, columns: Columns, stage: StageChange | None = None) -> Record:
        """PATCH under If-Match, then move the state: open states by PATCH, won and lost by their actions."""
        closes = stage is not None and stage.after in TERMINAL
        opened = stage is not None and stage.before in TERMINAL
        if stage and opened:
            # A closed row takes nothing but its own reopening.
            record = self._patch(record, self._mapping.status_columns(Stage.ACTIVE) if closes else stage.columns)
        content = self._content({**columns, **(stage.columns if stage and not closes and not opened else {})})
        if content:
            record = self._patch(record, content)
        elif stage and closes and not opened:
            self._check_closable(record, stage)
        if stage and closes:
            self._close(record.id, stage)
            return replace(record, version=None, columns={**record.columns, **stage.columns})
        return record

    def _patch(self, record: Record, content: Mapping[str, object]) -> Record:
        headers = {"If-Match": record.version or "*", "Prefer": "return=representation"}
        url = self._url(f"opportunities({record.id})", {"$select": self._select})
        try:
            row = _object(self._call("PATCH", url, headers, content))
        except GoneError:
            self.read(record.id)  # Raises GoneError when it is the record itself that is gone.
            raise _missing_reference() from None
        return self._record(row, self._clock.now())

    def _check_closable(self, record: Record, stage: StageChange) -> None:
        """Compare the version by reading, as the closing actions know no If-Match; closed alike already is fine."""
        if record.version is None:
            return
        held = self.read(record.id)
        if held.version != record.version and held.columns.get("statecode") != stage.columns.get("statecode"):
            raise VersionMismatch("the record changed in Dynamics 365")

    def _close(self, record_id: str, stage: StageChange) -> None:
        """Win or lose the opportunity; a closed state cannot be written by PATCH (0x80100005)."""
        action = "WinOpportunity" if stage.after is Stage.WON else "LoseOpportunity"
        content = {
            "Status": stage.columns["statuscode"],
            "OpportunityClose": {
                "subject": f"{stage.after.capitalize()} in Partner Center",
                "opportunityid@odata.bind": f"/opportunities({record_id})",
            },
        }
        try:
            self._call("POST", self._base + action, content=content)
        except DataError as error:
            closed = is_already_closed(error) and self.read(record_id).columns.get("statecode")
            if closed != stage.columns.get("statecode"):
                raise

    # --- the wire --------------------------------------------------------------------------------------------------

    def _content(self, columns: Columns) -> dict[str, object]:
        content: dict[str, object] = {}
        for column, value in columns.items():
            if column in LOOK_UPS:
                content[f"{column}@odata.bind"] = self._keys.address(column, str(value)) if value else None
            else:
                content[column] = value
        return content

    def _by_key(self, referral_id: str) -> str:
        return f"opportunities({self._mapping.columns.referral_identifier}='{uuid.UUID(referral_id)}')"

    def _url(self, path: str, query: Mapping[str, str]) -> str:
        return f"{self._base}{path}?{urlencode(query, quote_via=quote, safe='$,')}"

    def _call(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, content: object = None
    ) -> Response:
        return self._service.call(method, url, headers={**_HEADERS, **(headers or {})}, content=content)

    def key_rows(self, look_up: LookUp) -> list[Mapping[str, object]]:
        """Return id and natural key of every row that a look-up may point to: a handful, read once per process."""
        query = {"$select": f"{look_up.id_column},{look_up.key_column}"}
        rows = _object(self._call("GET", self._url(look_up.entity_set, query))).get("value")
        return rows if isinstance(rows, list) else []


class _Keys:
    """The natural keys of look-ups (currencies), read when first needed and again when one is unknown."""

    def __init__(self, crm: Dynamics365) -> None:
        self._crm = crm
        self._by_id: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()

    def key(self, column: str, row_id: str) -> str:
        """Return the natural key of a row. Raises DataError when there is no such row."""
        found = self._find(column, lambda by_id: by_id.get(row_id.lower()))
        if found is None:
            raise DataError(Problem(column, "points to a row that cannot be read", "Check the app user's role."))
        return found

    def address(self, column: str, key: str) -> str:
        """Return the address of the row with a natural key. Raises DataError when the CRM has none."""
        found = self._find(column, lambda by_id: next((each for each, held in by_id.items() if held == key), None))
        if found is None:
            remedy = f"Add {key} to the CRM, or change it in Partner Center."
            raise DataError(Problem(column, f"{key} does not exist in Dynamics 365", remedy))
        return f"/{LOOK_UPS[column].entity_set}({found})"

    def _find(self, column: str, pick: Callable[[dict[str, str]], str | None]) -> str | None:
        with self._lock:
            held = self._by_id.get(column)
            found = pick(held) if held else None
            if found is None:
                look_up = LOOK_UPS[column]
                rows = self._crm.key_rows(look_up)
                held = {str(row[look_up.id_column]).lower(): str(row[look_up.key_column]) for row in rows}
                self._by_id[column] = held
                found = pick(held)
            return found


def _read_name(column: str) -> str:
    """Return the name a look-up column is read by."""
    return f"_{column}_value" if column in LOOK_UPS or column in _PARENTS else column


def _literal(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, (bool, int, float)):
        return str(value).lower()
    doubled = str(value).replace("'", "''")
    return f"'{doubled}'"


def _object(answer: Response) -> dict[str, object]:
    content = answer.json()
    if not isinstance(content, dict):
        raise ServiceUnavailable(f"Dynamics 365 answered {answer.status} without an object")
    return content


def _missing_reference() -> DataError:
    rule = "a row that it refers to (account, currency) was deleted in Dynamics 365"
    return DataError(Problem("record", rule, "It is tried again by itself."))
