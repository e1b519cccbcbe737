"""What the app would do to one record or referral that it has never looked at: its decision, as a person reads it.

The decision is `decide`'s own, on the pieces that the app itself would read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from shared.deal import HELP, NAME, Fields, Value, show
from shared.decide.deal import GONE, UNREAD, Absence, Deal, RecordSeen, ReferralSeen
from shared.decide.decisions import (
    Adopt,
    CreateRecord,
    CreateReferral,
    Decision,
    HoldForPerson,
    Ignore,
    NotOurs,
    RefuseCopy,
    ReleaseCopy,
    Wait,
)
from shared.errors import DataError
from shared.ledger import audit
from shared.lifecycle import Stage
from shared.mapping.pairing import Score
from shared.merge import Stays
from shared.messages.reasons import Reason
from shared.partner_center.new_referral import read_deal
from shared.problems import Problem
from shared.sync.binding import bind
from shared.sync.observe import Observer
from shared.sync.task import Task


class Kind(StrEnum):
    """What would happen to a deal."""

    LINK = "link"
    """Tied as it is: no value is written, only the identity, status and audit."""
    WRITE = "write"
    """Tied, and values are written."""
    DIFFERS = "differs"
    """Tied, and a difference is left to a person."""
    CREATE_REFERRAL = "create referral"
    CREATE_RECORD = "create record"
    CLOSED = "closed"
    """A side has ended: it is never touched."""
    UNDECIDED = "undecided"
    """An invitation that somebody has to accept or decline first."""
    COPY = "copy"
    """Another record carries the same identity."""
    NOT_SHARED = "not shared"
    """Sync is off, or the mapping's condition is not met."""
    PROBLEM = "problem"
    """A person has to put something right first."""
    LINKED = "linked"
    """It is tied already."""


TIES = frozenset({Kind.LINK, Kind.WRITE, Kind.DIFFERS})
PERFORMED = TIES | {Kind.CREATE_REFERRAL, Kind.CREATE_RECORD}
"""What `--apply` may do, once a person says yes."""

CRM, PARTNER_CENTER = "crm", "partner_center"
CRM_ID = "externalReferenceId"
_IDS = ("crm", "table", "record_id", "referral_id")

UNSURE = Score(0.0, ())
BY_IDENTIFIER = Score(1.0, ("the record carries the referral's identifier",))


@dataclass(frozen=True)
class Write:
    """One value that would be written, as a person reads it."""

    side: str
    field: str
    old: str
    new: str
    reason: str

    def __str__(self) -> str:
        place = "CRM" if self.side == CRM else "Partner Center"
        return f"{self.field} in {place}: {self.old} → {self.new} ({self.reason})"

    @property
    def digest(self) -> str:
        """A short digest of where what is written."""
        return _digest(self.side, self.field, self.new)[:8]


@dataclass(frozen=True)
class Row:
    """One deal of the forecast. `made_of` is a digest of what would be created."""

    crm: str
    table: str
    kind: Kind
    record_id: str = ""
    referral_id: str = ""
    name: str = ""
    score: Score = UNSURE
    writes: tuple[Write, ...] = ()
    notes: tuple[str, ...] = ()
    made_of: str = ""

    @property
    def decision(self) -> str:
        """What stands in the file for a person to confirm: yes where an identity ties the two sides."""
        return "yes" if self.kind in TIES and self.score.certain else ""

    @property
    def waits(self) -> bool:
        """Whether a person may decide something about it."""
        return self.kind in PERFORMED

    @property
    def listed(self) -> bool:
        """Whether it is worth a line. What is tied, nobody shares, or ended without a record is only counted."""
        alone = not (self.record_id and self.referral_id)
        return not (self.kind is Kind.LINKED or (self.kind in (Kind.NOT_SHARED, Kind.CLOSED) and alone))

    @property
    def check(self) -> str:
        """What holds a confirmed row to what was forecast: identities, and a digest of everything that is written.

        A letter comes first, or a spreadsheet would take some of them for numbers.
        """
        ids = {name: getattr(self, name) for name in _IDS}
        written = [] if self.made_of else sorted(f"w{each.digest}" for each in self.writes)
        parts = written or [f"m{self.made_of}"]
        return "-".join([identity_check(ids, self.kind), *parts])

    def within(self, check: str) -> bool:
        """Whether performing it now does what was confirmed, and nothing more: some of it may be done already."""
        whose, *parts = check.split("-")
        mine, *own = self.check.split("-")
        if whose != mine:
            return False
        return set(own) <= set(parts) or (self.kind in TIES and not self.writes)


def identity_check(ids: Mapping[str, str], kind: Kind) -> str:
    """Return the part of a row's check that says whose it is."""
    act = "tie" if kind in TIES else kind
    return f"c{_digest(*(ids[name] for name in _IDS), act)[:12]}"


def look(task: Task, record: RecordSeen, referral_id: str = "") -> tuple[Deal, Decision]:
    """Decide about a record; about its pair with a referral, where one is proposed. Raises the families.

    A pair that a person confirms counts as one that the referral's CRM ID names.
    """
    observer = Observer(task, trusting=False)
    if not referral_id or record.identifier == referral_id:
        return observer.decide(Deal(task.clock.now(), "record", record=record))
    referral = observer.read_referral(referral_id)
    if isinstance(referral, ReferralSeen):
        referral = replace(referral, names=record.key)
    deal = Deal(task.clock.now(), "referral", task.links.of_referral(referral_id), referral=referral, record=record)
    return observer.decide(deal)


def look_at_referral(task: Task, referral_id: str) -> tuple[Task, Deal, Decision]:
    """Decide about a referral for which no record was found; returns the task of its table. Raises the families."""
    seen = Observer(task, trusting=False).read_referral(referral_id)
    # What it may be a second record of is the survey's to propose, which has read every record.
    deal = Deal(task.clock.now(), "referral", referral=seen, carrier=UNREAD, anyway=True)
    bound, deal, _ = bind(task, deal, None)
    return (bound, *Observer(bound, trusting=False).decide(deal))


def row_of(task: Task, deal: Deal, decision: Decision, score: Score = UNSURE) -> Row:
    """Return a decision as a row. Raises the families: what a new referral lacks is read for it."""
    row = _identity(task, deal, score)
    match decision:
        case Adopt():
            return _tied(task, row, decision)
        case CreateReferral(record=record):
            return _shared(task, row, record)
        case CreateRecord(referral=referral):
            undecided = referral.stage is Stage.ON_HOLD
            made = _fields_digest(referral.fields)
            note = "the app makes its record, on hold, when it starts" if undecided else ""
            kind = Kind.UNDECIDED if undecided else Kind.CREATE_RECORD
            return replace(row, kind=kind, made_of=made, notes=(note,) if note else ())
        case HoldForPerson(problems) | RefuseCopy(problems):
            kind = Kind.COPY if isinstance(decision, RefuseCopy) else Kind.PROBLEM
            return replace(row, kind=kind, notes=tuple(map(_told, problems)))
        case Ignore(reason=reason):
            return replace(row, kind=_KINDS.get(reason, Kind.NOT_SHARED), notes=(task.choices.messages.reason(reason),))
        case ReleaseCopy():
            return replace(row, kind=Kind.COPY, notes=("a copy of a shared record, whose Sync is off",))
        case NotOurs():
            return replace(row, kind=Kind.NOT_SHARED, notes=("it belongs to another organization, or cannot be seen",))
        case Wait():
            return replace(row, kind=Kind.PROBLEM, notes=("the app is working on it at this moment",))
    return replace(row, kind=Kind.LINKED)


_KINDS = {
    Reason.CLOSED_BEFORE_SHARED: Kind.CLOSED,
    Reason.CLOSED_WHEN_FIRST_SEEN: Kind.CLOSED,
    Reason.RECORD_MISSING: Kind.PROBLEM,
}


def _identity(task: Task, deal: Deal, score: Score) -> Row:
    record = deal.record if isinstance(deal.record, RecordSeen) else deal.carrier
    row = Row(task.name, task.field_map.table, Kind.LINKED, score=score)
    if isinstance(record, RecordSeen):
        identifier = record.identifier or ""
        row = replace(row, record_id=record.key.id, name=_text(record.fields.get(NAME)), referral_id=identifier)
    if isinstance(deal.referral, ReferralSeen):
        row = replace(row, referral_id=deal.referral.id, name=row.name or _text(deal.referral.fields.get(NAME)))
    return replace(row, score=BY_IDENTIFIER) if _carries(record, row.referral_id) else row


def _carries(record: RecordSeen | Absence | None, referral_id: str) -> bool:
    return isinstance(record, RecordSeen) and bool(referral_id) and record.identifier == referral_id


def _tied(task: Task, row: Row, decision: Adopt) -> Row:
    agree, messages = decision.agree, task.choices.messages
    writes = tuple(_writes(task, decision))
    plan = agree.plan
    left = [each for each in plan.differences if each.stays in (Stays.HELD, Stays.DECIDE, Stays.ASKED)]
    told = [audit.describe_difference(messages, each) for each in plan.differences]
    notes = (*told, *map(_told, agree.problems))
    if agree.record.closed or agree.referral.closed:
        return replace(row, kind=Kind.CLOSED, notes=notes)
    if agree.referral.stage is Stage.ON_HOLD:
        return replace(row, kind=Kind.UNDECIDED, writes=writes, notes=notes)
    kind = Kind.WRITE if plan.writes else Kind.DIFFERS if left or agree.problems else Kind.LINK
    return replace(row, kind=kind, writes=writes, notes=notes)


def _writes(task: Task, decision: Adopt) -> Iterator[Write]:
    agree, messages = decision.agree, task.choices.messages
    for side, changes in ((CRM, agree.plan.to_crm), (PARTNER_CENTER, agree.plan.to_partner_center)):
        for each in changes:
            yield Write(side, each.name, show(each.old), show(each.new), messages.reason(each.reason))
    if not (agree.referral.names_any or agree.referral.closed):
        yield Write(PARTNER_CENTER, CRM_ID, show(None), agree.record.key.id, "so that the referral names its record")


def _shared(task: Task, row: Row, record: RecordSeen) -> Row:
    """Return a record that would become a referral, or what keeps it from that."""
    if record.unreadable:
        return replace(row, kind=Kind.PROBLEM, notes=tuple(map(_told, record.unreadable.values())))
    related = task.records.related(record.key.id)
    try:
        deal = read_deal(task.field_map, record.fields, related.account, related.contact, related.owner)
    except DataError as error:
        return replace(row, kind=Kind.PROBLEM, notes=tuple(map(_told, error.problems)))
    help_asked = deal.fields.get(HELP)
    note = f"Microsoft is invited: {show(help_asked)}" if deal.asks_for_help else "Microsoft is not invited"
    writes = tuple(
        Write(CRM, name, show(record.fields[name]), show(value), "so that the record holds what is sent")
        for name, value in deal.filled_in(record.fields).items()
    )
    return replace(row, kind=Kind.CREATE_REFERRAL, writes=writes, notes=(note,), made_of=_fields_digest(deal.fields))


def _told(each: Problem) -> str:
    return f"{each.field}: {each.rule}. {each.remedy}"


def _text(value: Value) -> str:
    return "" if value is None else show(value)


def _fields_digest(fields: Fields) -> str:
    return _digest(*(f"{name}={show(value)}" for name, value in sorted(fields.items())))[:12]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def record_of(task: Task, record_id: str) -> RecordSeen | None:
    """Read a record; None when it is gone. Raises the families."""
    found = Observer(task, trusting=False).read_record(record_id)
    return None if found is GONE or not isinstance(found, RecordSeen) else found
