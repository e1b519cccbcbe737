"""Dataverse's change tracking as a change feed (use-change-tracking-synchronize-data-external-systems)."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from shared.clock import Clock
from shared.crm.dynamics365.api import DataverseApi, Json, as_object, rows_of, text_at
from shared.crm.dynamics365.errors import is_cursor_expired
from shared.crm.port import ChangePage, Record
from shared.crm.together import Answered, Together
from shared.errors import CursorExpired, DataError, GoneError, ServiceUnavailable
from shared.http import Response

PAGE = 1000

MakeRecord = Callable[[Json, datetime], Record]

Feeds = Together[str, Response]
"""The delta links of several tables."""


class Feed:
    """Follows one table.

    The cursor is the delta link behind a fingerprint of the columns it selects: a link made for other columns would
    deliver rows in which the new ones look empty, so it counts as expired.
    """

    def __init__(
        self, api: DataverseApi, together: Feeds, entity_set: str, select: str, make: MakeRecord, clock: Clock
    ) -> None:
        self._api = api
        self._together = together
        self._entity_set = entity_set
        self._clock = clock
        self._start = api.address(entity_set, {"$select": select})
        self._fingerprint = hashlib.sha256(select.encode()).hexdigest()[:12]
        self._make = make

    def expect(self, cursor: str | None) -> None:
        """Say that the cursor is about to be followed. One that is none will be told by `follow`."""
        if cursor is not None:
            with contextlib.suppress(CursorExpired):
                self._together.expect(self._entity_set, self._delta_link(cursor))

    def follow(self, cursor: str | None) -> Iterator[ChangePage]:
        """Follow a delta link, or start change tracking with a full read. Raises CursorExpired."""
        url: str | None = self._start
        headers = {"Prefer": f"odata.track-changes,odata.maxpagesize={PAGE}"}
        if cursor is not None:
            url, headers = self._delta_link(cursor), {}
        known = self._along(url) if url and cursor is not None else None
        while url:
            seen_at = known.seen_at if known else self._clock.now()
            page = as_object(known.answer) if known else self._page(url, headers, following=cursor is not None)
            known = None
            delta = page.get("@odata.deltaLink")
            yield self._change_page(page, seen_at, f"{self._fingerprint} {delta}" if delta else None)
            url = self._next_link(page.get("@odata.nextLink"))

    def _along(self, url: str) -> Answered[Response] | None:
        """Return the answer to a delta link that was asked for along with another table's, or is to be."""
        return self._together.take(self._entity_set, url, self._api.read_each)

    def _delta_link(self, cursor: str) -> str:
        fingerprint, _, url = cursor.partition(" ")
        if fingerprint != self._fingerprint or not self._api.contains(url):
            raise CursorExpired("the change feed's link was made for other columns or another environment")
        return url

    def _page(self, url: str, headers: Mapping[str, str], *, following: bool) -> Json:
        try:
            answer = as_object(self._api.send("GET", url, headers=headers))
        except (DataError, GoneError, ServiceUnavailable) as error:
            if following and is_cursor_expired(error):
                raise CursorExpired("the change feed's token expired") from error
            raise
        if following:
            self._together.alone(self._entity_set)
        return answer

    def _change_page(self, page: Json, seen_at: datetime, cursor: str | None) -> ChangePage:
        rows = rows_of(page)
        deleted = tuple(text_at(row, "id").lower() for row in rows if row.get("reason") == "deleted")
        records = tuple(self._make(row, seen_at) for row in rows if row.get("reason") != "deleted")
        return ChangePage(records, deleted, cursor)

    def _next_link(self, link: object) -> str | None:
        if link is None:
            return None
        if not isinstance(link, str) or not self._api.contains(link):
            raise ServiceUnavailable("Dynamics 365 named a next page outside its environment")
        return link
