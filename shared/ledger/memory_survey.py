"""The survey in memory."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from shared.deal import RecordKey
from shared.ledger.model import AuditEntry
from shared.ledger.survey import LISTED, TEXT, Listed, Standing, Told, standing_of
from shared.link import Link
from shared.status import StatusKind


class MemorySurvey:
    """Implements Survey. Whoever stores a link or an audit entry tells it so."""

    def __init__(self, links: dict[str, Link], rows: dict[str, list[AuditEntry]]) -> None:
        self._links = links
        self._rows = rows
        self._ids: list[str] = []
        self._counts: Counter[Standing] = Counter()
        self._lists: defaultdict[Standing, list[str]] = defaultdict(list)
        self._told: list[tuple[datetime, str, str, RecordKey | None]] = []

    def counted(self, held: Link | None, link: Link) -> None:
        """Count and list a link as it stands now, in place of how it stood."""
        was, now = standing_of(held) if held else None, standing_of(link)
        if was is None:
            insort(self._ids, link.referral_id)
        elif was != now:
            self._counts[was] -= 1
            if was in LISTED:
                self._lists[was].remove(link.referral_id)
        if was != now:
            self._counts[now] += 1
            if now in LISTED:
                insort(self._lists[now], link.referral_id)

    def told(self, key: str, entry: AuditEntry, record: RecordKey | None) -> None:
        """Keep a pointer to a new audit entry."""
        insort(self._told, (entry.at, entry.id, key, record), key=lambda told: told[:3])

    def counts(self) -> Mapping[Standing, int]:
        """Return how many links stand how."""
        return {standing: self._counts[standing] for standing in Standing}

    def listed(self, standing: Standing, limit: int, after: str = "") -> Sequence[Listed]:
        """Return a page of a list."""
        return [self._listed(self._links[each]) for each in _page(self._lists[standing], limit, after)]

    def links(self, limit: int, after: str = "") -> Sequence[Link]:
        """Return a page of all links."""
        return [self._links[each] for each in _page(self._ids, limit, after)]

    def newest(self, limit: int) -> Sequence[Told]:
        """Return the newest audit entries."""
        return [self._shown(*each) for each in reversed(self._told[-limit:])]

    def fold(self) -> None:
        """Do nothing: the sum is kept."""

    def forget(self, before: datetime, limit: int) -> int:
        """Drop old entries with their pointers."""
        expired = self._told[: min(limit, sum(1 for each in self._told if each[0] < before))]
        del self._told[: len(expired)]
        for at, name, key, _ in expired:
            self._rows[key] = [each for each in self._rows[key] if (each.at, each.id) != (at, name)]
        return len(expired)

    def complete(self, after: str, limit: int) -> str:  # noqa: ARG002 - nothing is left
        """Do nothing: it was always complete."""
        return ""

    def _listed(self, link: Link) -> Listed:
        shown = link.status.text if link.status and link.status.kind is not StatusKind.SYNCHRONIZED else ""
        return Listed(link.referral_id, link.record, standing_of(link), shown)

    def _shown(self, at: datetime, name: str, key: str, record: RecordKey | None) -> Told:
        entry = next(each for each in self._rows[key] if (each.at, each.id) == (at, name))
        return Told(at, key, record, entry.direction, entry.text[:TEXT])


def _page(ids: list[str], limit: int, after: str) -> list[str]:
    start = bisect_right(ids, after)
    return ids[start : start + limit]
