"""`updated` and `deleted`: which records changed within a window. Seconds do not count.

Source: getUpdated() and getDeleted() of the SOAP API guide, and the REST resources of the same names.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.exchange import Answer, Call
from tools.simulators.salesforce.fields import SObjectType
from tools.simulators.salesforce.values import wire_datetime

UPDATED_DAYS, DELETED_DAYS = 30, 15


@dataclass(frozen=True)
class Replication:
    """The replication resources of one object type."""

    call: Call
    sobject: SObjectType

    def updated(self) -> Answer:
        """GET updated: ids of records whose SystemModstamp lies in the window."""
        start, end = self._window(UPDATED_DAYS)
        ids = [record.id for record in self.call.org.live(self.sobject.name) if start <= record.stamp < end]
        return Answer(200, {"ids": ids, "latestDateCovered": self._covered(end)})

    def deleted(self) -> Answer:
        """GET deleted: ids of records that were deleted in the window and have not come back."""
        start, end = self._window(DELETED_DAYS)
        earliest = self._earliest()
        if start < earliest.replace(second=0):
            detail = "start date is before the earliest date of the delete log"
            raise RefusedError(Rule.REPLICATION_DATE, detail=detail)
        live = {record.id for record in self.call.org.live(self.sobject.name)}
        gone = [
            {"id": grave.id, "deletedDate": wire_datetime(grave.at)}
            for grave in self.call.org.store.deletions
            if grave.sobject == self.sobject.name and start <= grave.at < end and grave.id not in live
        ]
        document = {"deletedRecords": gone, "earliestDateAvailable": wire_datetime(earliest)}
        return Answer(200, document | {"latestDateCovered": self._covered(end)})

    def _earliest(self) -> datetime:
        oldest = self.call.org.stamp() - timedelta(days=DELETED_DAYS)
        purged = self.call.org.store.deletions_since
        return max(oldest, purged) if purged else oldest

    def _covered(self, end: datetime) -> str:
        """Nothing is covered beyond now, nor beyond the start of a transaction that is still open."""
        org = self.call.org
        limit = org.now() - org.quirks.coverage_lag
        pending = [row.stamp for row in org.store.all_newest(self.sobject.name) if row.committed > org.now()]
        return wire_datetime(min([end, limit, *pending]).replace(second=0, microsecond=0))

    def _window(self, days: int) -> tuple[datetime, datetime]:
        if not self.sobject.replicateable:
            raise RefusedError(Rule.NO_RESOURCE)
        start, end = self._moment("start"), self._moment("end")
        if start >= end:
            detail = "endDate must be at least one minute greater than startDate"
            raise RefusedError(Rule.REPLICATION_DATE, detail=detail)
        if start < self.call.org.now() - timedelta(days=days, minutes=1):
            detail = f"startDate cannot be more than {days} days ago"
            raise RefusedError(Rule.REPLICATION_DATE, detail=detail)
        return start, end

    def _moment(self, name: str) -> datetime:
        given = self.call.args.get(name, "")
        try:
            moment = datetime.fromisoformat(given)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise RefusedError(Rule.REPLICATION_DATE, detail=f"{name} is not a date and time with a zone: '{given}'")
        return moment.astimezone(UTC).replace(second=0, microsecond=0)
