"""Looks at every record and every referral, and yields what would happen to each deal. Writes nothing.

Both sides are read as streams of pages. What is kept of a referral is an entry of the index, of a record a digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import TypeVar

from shared.crm.port import Record
from shared.deal import NAME
from shared.decide.deal import Deal, RecordSeen
from shared.decide.decisions import Decision
from shared.errors import DataError, GoneError, RetriableError, StaleError
from shared.lifecycle import TERMINAL, Stage
from shared.link import LinkState
from shared.mapping.pairing import Score
from shared.mapping.traits import record_traits, with_customer
from shared.sync.observe import seen_record
from shared.sync.task import Task
from tools.admin.adopt.forecast import UNSURE, Kind, Row, look, look_at_referral, row_of
from tools.admin.adopt.index import ReferralIndex
from tools.admin.adopt.refused import Refusals

WORKERS = 4
"""How many deals are looked at side by side: enough to hide the network, few enough for Partner Center's patience."""

BEGINNING = datetime(2015, 1, 1, tzinfo=UTC)
"""Before the first referral of anybody."""

_BATCH = 64
_ATTEMPTS = 5
_PAUSE = 5.0
"""Seconds to wait when a service names none."""

_GLYPHS = frozenset("✓✔✗✘✖")
"""What Microsoft's connector puts in front of a name."""

T = TypeVar("T")
R = TypeVar("R")

Looked = tuple[Task, Deal, Decision, Score]
"""What was decided about a deal, by the task of its table."""

Tell = Callable[[str, int], None]
"""Is told what is being read, and how many of it were."""


def survey(task: Task, tell: Tell = lambda _what, _count: None) -> Iterator[Row]:
    """Yield every deal's row. Raises the fatal family; a deal that cannot be looked at is a row that says so."""
    yield from _Survey(task, tell).rows()


class _Survey:
    def __init__(self, task: Task, tell: Tell) -> None:
        self._task = task
        self._tell = tell
        self._index = ReferralIndex(task.field_map)
        self._refused = Refusals.of(task)
        self._tied: set[int] = set()
        """Digests of the records and referrals that are tied."""
        self._carried: set[int] = set()
        self._twice: set[int] = set()
        """Digests of the identifiers that a record carries, and that several do."""
        self._proposed: dict[str, str] = {}
        """By referral, the record that it was proposed for."""

    def rows(self) -> Iterator[Row]:
        self._read_links()
        self._read_identifiers()
        self._read_referrals()
        for number, row in enumerate(side_by_side(self._row, self._records()), 1):
            self._tell("deals", number)
            yield self._claimed(row)
        unpaired = (each for each in self._index.all() if each[0] not in self._proposed)
        yield from side_by_side(self._row_of_referral, unpaired)

    # --- what is there ---------------------------------------------------------------------------------------------

    def _read_links(self) -> None:
        for link in self._task.links.all():
            if link.state is not LinkState.IGNORED:
                self._tied.add(hash(link.referral_id))
                if link.record:
                    self._tied.add(hash(link.record.deal))

    def _read_identifiers(self) -> None:
        for number, record in enumerate(self._records(), 1):
            self._tell("records", number)
            if record.identifier and record.qualifies and not self._is_tied(record):
                mark = hash(record.identifier)
                (self._twice if mark in self._carried else self._carried).add(mark)

    def _read_referrals(self) -> None:
        for number, referral in enumerate(self._task.partner_center.changed_since(BEGINNING), 1):
            self._tell("referrals", number)
            taken = hash(referral.id) in self._tied or hash(referral.id) in self._carried
            if not taken and self._task.organization.owns(referral):
                self._index.add(referral)

    def _records(self) -> Iterator[RecordSeen]:
        """Return every record once; a CRM may hand a large table over in several passes."""
        seen: set[int] = set()
        for record in _all(self._task):
            if (mark := hash(record.id)) not in seen:
                seen.add(mark)
                yield seen_record(self._task, record)

    def _is_tied(self, record: RecordSeen) -> bool:
        return hash(record.key.deal) in self._tied

    # --- one deal --------------------------------------------------------------------------------------------------

    def _row(self, record: RecordSeen) -> Row:
        if self._is_tied(record):
            return self._bare(record, Kind.LINKED)
        if record.identifier and record.qualifies and hash(record.identifier) in self._twice:
            note = "several records carry this identifier: leave it on one, and clear it on the others"
            return self._bare(record, Kind.COPY, note)
        row = _patiently(self._task, partial(self._decided, record), self._bare(record, Kind.PROBLEM))
        return replace(row, notes=(*row.notes, *self._left_behind(record))) if row.listed else row

    def _left_behind(self, record: RecordSeen) -> Iterator[str]:
        """Yield what another connector left in the record, and what becomes of it."""
        column = self._task.field_map.rows[NAME].pair.column
        if str((record.columns or {}).get(column) or "").lstrip()[:1] in _GLYPHS:
            yield "the sign of a connector stands in its name: it stays, and is ignored when names are compared"

    def _bare(self, record: RecordSeen, kind: Kind, *notes: str) -> Row:
        task, name = self._task, str(record.fields.get(NAME) or "")
        return Row(task.name, record.key.table, kind, record.key.id, record.identifier or "", name, notes=notes)

    def _decided(self, record: RecordSeen) -> Looked:
        match = None if record.identifier or not record.qualifies else self._match(record)
        referral_id, score = match or ("", UNSURE)
        try:
            looked = look(self._task, record, referral_id)
        except StaleError:  # It was written since its page was read.
            now = seen_record(self._task, self._task.records.read(record.key.id))
            looked = look(self._task, now, referral_id)
        return (self._task, *looked, score)

    def _match(self, record: RecordSeen) -> tuple[str, Score] | None:
        traits = record_traits(record.key.id, record.fields)
        if not self._index.has_candidates(traits):
            return None
        account = self._task.records.related(record.key.id).account
        return self._index.match(
            with_customer(self._task.field_map, traits, account), self._refused.referrals_of(record.key)
        )

    def _claimed(self, row: Row) -> Row:
        """Return a row, which says so when its referral was proposed for another record as well."""
        if not row.referral_id or not row.record_id or row.kind is Kind.COPY:
            self._proposed.setdefault(row.referral_id, row.record_id)
            return row
        first = self._proposed.setdefault(row.referral_id, row.record_id)
        return row if first == row.record_id else replace(row, notes=(*row.notes, f"also proposed for {first}"))

    def _row_of_referral(self, found: tuple[str, Stage]) -> Row:
        referral_id, stage = found
        task = self._task
        row = Row(task.name, task.field_map.table, Kind.PROBLEM, referral_id=referral_id)
        if stage in TERMINAL:
            return replace(row, kind=Kind.CLOSED, notes=("it ended, and has no record: the app leaves it alone",))
        return _patiently(task, lambda: (*look_at_referral(task, referral_id), UNSURE), row)


def _all(task: Task) -> Iterator[Record]:
    cursor: str | None = None
    while True:
        found, following = False, None
        for page in task.records.changes(cursor):
            found = found or bool(page.records)
            yield from page.records
            following = page.cursor
        if not found or following is None or following == cursor:
            return
        cursor = following


def _patiently(task: Task, look_at: Callable[[], Looked], failed: Row) -> Row:
    """Return a deal's row, or `failed` with the reason. Raises the fatal family."""
    for remaining in reversed(range(_ATTEMPTS)):
        try:
            return row_of(*look_at())
        except DataError as error:
            return replace(failed, notes=tuple(f"{each.field}: {each.rule}. {each.remedy}" for each in error.problems))
        except GoneError:
            return replace(failed, notes=("it was deleted while it was looked at",))
        except (RetriableError, StaleError) as error:
            if not remaining:
                return replace(failed, notes=(f"it could not be looked at: {type(error).__name__}",))
            task.clock.sleep(getattr(error, "retry_after", None) or _PAUSE)
    raise AssertionError("every attempt returns or raises")


def side_by_side(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yield what `work` makes of each item, in their order; memory does not grow with their number.

    Whoever stops early waits for what has begun, and for nothing else.
    """
    remaining = iter(items)
    pool = ThreadPoolExecutor(WORKERS, "adopt")
    try:
        while batch := list(islice(remaining, _BATCH)):
            yield from pool.map(work, batch)
    finally:
        pool.shutdown(cancel_futures=True)
