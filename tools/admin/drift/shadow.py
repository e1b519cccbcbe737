"""What a dry run learned beside another product: what the app would have written, and what the other made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from shared.ledger.drawers import Drawers
from shared.ledger.model import DueKind
from shared.ledger.port import Agenda
from shared.messages import Messages
from shared.queue.message import DealMessage
from shared.sync.shadow import STEP, How, Settled, Shadow, Would, kind_of_shadows, shadow_drawer

GRACE = timedelta(hours=1)
"""For how long the other product may leave undone what the app would have done at once."""

HEADER = (
    *("crm", "table", "referral_id", "record_id", "kind", "expected"),
    *("field", "side", "held", "would_write", "became", "reason", "since", "settled"),
)


class Kind(StrEnum):
    """How the other product compares with what the app would have done."""

    SAME = "same"
    """It wrote what the app would have written."""
    WAITING = "waiting"
    """It has not written it yet, within the hour."""
    BEFORE = "from before"
    """It was so when the app looked first at a deal of long ago: the first run would write it, as `adopt` forecasts."""
    MISSED = "missed"
    """It has not written it, for longer than that."""
    REVERSED = "reversed"
    """It let the other side win: both hold what the app would have replaced."""
    OTHER = "other value"
    """Both sides hold a value that the app would not have written."""
    CARRIED = "carried"
    """It, or a person, made equal what the app would have kept different."""
    SET_ASIDE = "set aside"
    """The app would have asked a person first."""


EXPECTED = frozenset({Kind.SAME, Kind.WAITING, Kind.BEFORE})
_KINDS = {How.SAME: Kind.SAME, How.REVERSED: Kind.REVERSED, How.OTHER: Kind.OTHER, How.CARRIED: Kind.CARRIED}
_STEPS = {
    "CreateRecord": "the record is created",
    "CreateReferral": "the referral is created",
    "AskMicrosoft": "Microsoft is invited",
    "Register": "the win is registered",
}


@dataclass(frozen=True)
class Row:
    """One write that the app would have made, and how it was settled; values are as a person reads them."""

    crm: str
    table: str
    referral_id: str
    record_id: str
    kind: Kind
    field: str = ""
    side: str = ""
    held: str = ""
    would_write: str = ""
    became: str = ""
    reason: str = ""
    since: str = ""
    settled: str = ""

    @property
    def expected(self) -> bool:
        """Whether nobody has to look into it."""
        return self.kind in EXPECTED

    def data(self) -> dict[str, object]:
        """Return it for a program, in the order of the header."""
        return {name: getattr(self, name) for name in HEADER}

    @property
    def cells(self) -> Sequence[str]:
        """Return it for the terminal."""
        named = self.record_id, self.referral_id
        return (self.kind, *named, self.field, self.held, self.would_write, self.became, self.reason)


COLUMNS = ("kind", "record", "referral", "field", "held", "would write", "became", "why")
"""The headings of the cells."""


class Deals:
    """How many deals a dry run looked at, and in how many of them the other product did as the app would have."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, crm: str, rows: Sequence[Row]) -> None:
        """Count a deal with its rows."""
        self._counts[crm, "deals"] += 1
        self._counts[crm, "alike"] += all(row.expected for row in rows)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the counts by CRM."""
        return {crm: {name: self._counts[crm, name] for name in ("deals", "alike")} for crm, _ in self._counts}


def from_shadow(
    crm: str, drawers: Drawers, agenda: Agenda, messages: Messages, now: datetime
) -> Iterator[Sequence[Row]]:
    """Yield the rows of each deal of a CRM that a dry run looked at. No call to either side. Raises the families."""
    for _, shadow in drawers.all(partial(shadow_drawer, crm), kind_of_shadows(crm)):
        yield [*_open(crm, shadow, messages, now), *_closed(crm, shadow, messages)]
    for due in agenda.all(DueKind.PARKED):
        message = DealMessage.load(due.message)
        referral_id = message.referral_id or ("" if ":" in due.key else due.key)
        told = "; ".join(f"{each.field}: {each.rule}. {each.remedy}" for each in due.problems) or due.reason
        record_id, since = message.record_id or "", due.since.isoformat()
        yield [Row(crm, message.record_type or "", referral_id, record_id, Kind.SET_ASIDE, reason=told, since=since)]


def _open(crm: str, shadow: Shadow, messages: Messages, now: datetime) -> Iterator[Row]:
    for would in shadow.would:
        late = Kind.MISSED if now - would.since > GRACE else Kind.WAITING
        yield _row(crm, shadow, would, Kind.BEFORE if shadow.stood(would) else late, messages)


def _closed(crm: str, shadow: Shadow, messages: Messages) -> Iterator[Row]:
    for each in shadow.settled:
        yield _row(crm, shadow, each.would, _KINDS[each.how], messages, each)


def _row(crm: str, shadow: Shadow, would: Would, kind: Kind, messages: Messages, settled: Settled | None = None) -> Row:
    step = would.field == STEP
    return Row(
        crm,
        shadow.table,
        shadow.referral_id,
        shadow.record_id,
        kind,
        would.field,
        would.side,
        would.old,
        _STEPS.get(would.new, would.new) if step else would.new,
        "" if step or settled is None else settled.value,
        _why(would, messages),
        would.since.isoformat(),
        settled.at.isoformat() if settled else "",
    )


def _why(would: Would, messages: Messages) -> str:
    try:
        return messages.reason(would.reason) if would.reason else ""
    except KeyError:
        return would.reason  # Kept by another version, which had other words.
