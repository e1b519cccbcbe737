"""Salesforce's change feed: SOQL by SystemModstamp, from a cursor of our own (crm-apis B.6).

One query brings changed and deleted rows. It reaches back behind the cursor, because a long transaction's rows surface
late with an old stamp; what was delivered from that stretch before is remembered in the cursor and not delivered again.
The log of deletions is asked now and then for what left the recycle bin at once, which no query shows.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from shared.clock import Clock
from shared.crm.port import ChangePage, Record
from shared.crm.salesforce.api import JsonObject, Page, SalesforceApi, text_at
from shared.crm.together import Together
from shared.errors import CosellError, CursorExpired, ServiceUnavailable

OVERLAP = timedelta(minutes=10)
"""How late a row may surface behind its stamp: a transaction may run as long."""

SETTLE = timedelta(seconds=5)
"""How far the cursor stays behind Salesforce's clock: stamps are whole seconds, and servers differ a little."""

DELETIONS = timedelta(hours=1)
"""How often the log of deletions is asked; it keeps 15 days, of many deletions fewer."""

KNOWN = 2000
"""How many rows a cursor remembers, the newest. Beyond it rows come again, which costs no call: a known version."""

PAGES = 50
"""Pages of one pass. A longer backlog is handed over in several, so that no pass outlasts a function."""

MakeRecord = Callable[[JsonObject, datetime], Record]

Feeds = Together[str, Page]
"""The queries of several tables."""


@dataclass(frozen=True)
class Cursor:
    """How far the feed was followed.

    `columns` is a fingerprint of what is selected: rows remembered with other columns look unchanged. `since` and
    `deletions` are Salesforce's time; `known` are the marks of rows delivered from behind `since`. `after` is the last
    row of a backlog that was cut off.
    """

    columns: str
    since: datetime
    deletions: datetime
    known: tuple[str, ...] = ()
    after: tuple[str, str] | None = None

    def dump(self) -> str:
        """Return the cursor as text."""
        content = {
            "columns": self.columns,
            "since": literal(self.since),
            "deletions": literal(self.deletions),
            "known": " ".join(self.known),
            "after": self.after,
        }
        return json.dumps(content)

    @classmethod
    def load(cls, text: str, columns: str) -> Cursor:
        """Read what `dump` wrote. Raises CursorExpired when it is something else, or for other columns."""
        try:
            held = json.loads(text)
            since, deletions = moment(held["since"]), moment(held["deletions"])
            after = (str(held["after"][0]), str(held["after"][1])) if held["after"] else None
            cursor = cls(str(held["columns"]), since, deletions, tuple(held["known"].split()), after)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise CursorExpired("the stored cursor is not one of Salesforce's feed") from error
        if cursor.columns != columns:
            raise CursorExpired("the cursor was made for other columns")
        return cursor


class Feed:
    """Follows one table. `concerns` is the condition (SOQL) for a row to concern us at all."""

    def __init__(
        self, api: SalesforceApi, together: Feeds, table: str, concerns: str, make: MakeRecord, clock: Clock
    ) -> None:
        self._api = api
        self._together = together
        self._clock = clock
        self._table = table
        self._concerns = concerns
        self._make = make

    def expect(self, text: str | None, select: str) -> None:
        """Say that the cursor is about to be followed. One that is none will be told by `follow`."""
        if text is not None:
            with contextlib.suppress(CursorExpired):
                self._together.expect(self._table, self._soql(Cursor.load(text, self._columns(select)), select))

    def follow(self, text: str | None, select: str) -> Iterator[ChangePage]:
        """Return what changed since a cursor, with `select` read of each row. Raises CursorExpired."""
        columns = self._columns(select)
        held = Cursor.load(text, columns) if text else None
        page, seen_at = self._first(held, select)
        now = page.server_time()
        since = max(now - SETTLE, held.since) if held else now - SETTLE
        delivered = _Delivered(held, since - OVERLAP)
        following = Cursor(columns, since, held.deletions if held else now)
        for remaining in reversed(range(PAGES)):
            records, gone = self._sort(page, seen_at, delivered)
            if page.next and not remaining:
                yield ChangePage(records, gone, self._cut_off(held or following, page, delivered).dump())
                return
            if not page.next:
                logged, following = self._deletions(following, now) if held else ((), following)
                reached = replace(following, known=delivered.known())
                yield ChangePage(
                    records, (*gone, *logged), text if _is_idle(held, reached, delivered) else reached.dump()
                )
                return
            yield ChangePage(records, gone, None)
            seen_at = self._clock.now()
            page = self._api.more(page.next)

    def _columns(self, select: str) -> str:
        return hashlib.sha256(f"{select} {self._concerns}".encode()).hexdigest()[:12]

    def _first(self, held: Cursor | None, select: str) -> tuple[Page, datetime]:
        """Return the first page, and our clock before it was asked for, along with another table's perhaps."""
        soql = self._soql(held, select)
        if held and (along := self._together.take(self._table, soql, self._api.query_each)):
            return along.answer, along.seen_at
        seen_at = self._clock.now()
        # Before there is a cursor nothing was delivered that could be reported as deleted.
        page = self._api.query(soql, deleted=held is not None)
        if held:
            self._together.alone(self._table)
        return page, seen_at

    def _soql(self, held: Cursor | None, select: str) -> str:
        condition = self._concerns
        if held and held.after:
            stamp, row_id = held.after
            condition += f" AND (SystemModstamp > {stamp} OR (SystemModstamp = {stamp} AND Id > '{row_id}'))"
        elif held:
            condition += f" AND SystemModstamp >= {literal(held.since - OVERLAP)}"
        return f"SELECT {select} FROM {self._table} WHERE {condition} ORDER BY SystemModstamp, Id"  # noqa: S608

    def _sort(self, page: Page, seen_at: datetime, delivered: _Delivered) -> tuple[tuple[Record, ...], tuple[str, ...]]:
        """Return the records and the deleted ids of a page that were not delivered before."""
        records, gone = [], []
        for row in page.rows:
            record, deleted = self._make(row, seen_at), row.get("IsDeleted") is True
            if not delivered.is_new(record, moment(row.get("SystemModstamp")), deleted=deleted):
                continue
            if deleted:
                gone.append(record.id)
            else:
                records.append(record)
        return tuple(records), tuple(gone)

    def _cut_off(self, held: Cursor, page: Page, delivered: _Delivered) -> Cursor:
        """Return the cursor of a pass that ends before its rows do; `since` stays, so that nothing is skipped.

        A row that was edited since the query ran shows its new stamp, which lies beyond rows that are still to come. So
        the next pass begins behind the page's lowest stamp, the last in order of those that have it.
        """
        lowest = min(moment(row.get("SystemModstamp")) for row in page.rows)
        last = next(row for row in reversed(page.rows) if moment(row.get("SystemModstamp")) == lowest)
        after = (literal(lowest), text_at(last, "Id"))
        known = tuple(dict.fromkeys([*held.known, *delivered.known()]))[-KNOWN:]
        return replace(held, known=known, after=after)

    def _deletions(self, cursor: Cursor, now: datetime) -> tuple[tuple[str, ...], Cursor]:
        """Ask the log of deletions when it is due; how far it covers is Salesforce's word, and may lag by hours."""
        if now - cursor.deletions < DELETIONS:
            return (), cursor
        try:
            log = self._api.deleted(self._table, cursor.deletions, now)
        except CosellError as error:
            _raise_if_purged(error)
        rows = log.get("deletedRecords")
        ids = tuple(text_at(row, "id") for row in rows) if isinstance(rows, list) else ()
        return ids, replace(cursor, deletions=max(moment(log.get("latestDateCovered")), cursor.deletions))


def _is_idle(held: Cursor | None, reached: Cursor, delivered: _Delivered) -> bool:
    """Whether the cursor may stay as it is, so that a poll without changes stores nothing."""
    return (
        held is not None
        and not delivered.news
        and held.after is None
        and held.deletions == reached.deletions
        and reached.since - held.since < OVERLAP
    )


class _Delivered:
    """Which rows are new, and which must be remembered for the next pass: those from `start` on."""

    def __init__(self, held: Cursor | None, start: datetime) -> None:
        known = held.known if held else ()
        self._known = frozenset(known)
        self._start = start
        # A backlog goes on behind what was remembered, so that stays remembered.
        self._seen = deque(known if held and held.after else (), maxlen=KNOWN)
        self.news = False

    def is_new(self, record: Record, stamp: datetime, *, deleted: bool) -> bool:
        # By content as well: two transactions may leave the same stamp on a row.
        digest = hashlib.sha256(f"{record.id} {record.version} {deleted}".encode()).digest()
        mark = base64.urlsafe_b64encode(digest[:6]).decode()
        if stamp >= self._start:
            self._seen.append(mark)
        fresh = mark not in self._known
        self.news = self.news or fresh
        return fresh

    def known(self) -> tuple[str, ...]:
        return tuple(self._seen)


def moment(value: object) -> datetime:
    """Read one of Salesforce's times. Raises ServiceUnavailable."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ServiceUnavailable(f"Salesforce answered {value!r} where a time belongs") from error
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def literal(at: datetime) -> str:
    """Return a time as SOQL has it."""
    whole = at.astimezone(UTC).replace(tzinfo=None)
    return f"{whole.isoformat(timespec='milliseconds' if whole.microsecond else 'seconds')}Z"


def _raise_if_purged(error: CosellError) -> NoReturn:
    if error.code in ("INVALID_REPLICATION_DATE", "EXCEEDED_ID_LIMIT"):
        raise CursorExpired("Salesforce's log of deletions no longer reaches back to the cursor") from error
    raise error
