"""What the sync needs from a CRM, with pre- and postconditions. Dynamics 365 and Salesforce implement it alike.

Columns travel as plain JSON values by logical name. Look-up columns that the mapping names (currency) carry their
natural key (the ISO code) instead of the CRM's internal id, in both directions. A client serves the one table that its
field map names, opportunities or leads: which table a record is of is known, and never read from its id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from shared.crm.around import Around, Columns, Found
from shared.errors import CosellError
from shared.lifecycle import Stage
from shared.mapping.check.tables import Description

if TYPE_CHECKING:
    from shared.mapping.field_map import FieldMap


@dataclass(frozen=True)
class Record:
    """A record as it was read. `version` is opaque and changes with every write; None when it is not known."""

    id: str
    version: str | None
    columns: Columns
    seen_at: datetime
    """Our clock when it was certainly in this state or newer: before a read was sent, after a write answered."""
    digits: Mapping[str, int] = field(default_factory=dict)
    """By column, how many digits the CRM keeps of an amount in this record, where they are fewer than the mapping's."""


@dataclass(frozen=True)
class RelatedRows:
    """What a new referral needs besides the record: the customer's account and contact, and the record's owner.

    An absent row is None.
    """

    account: Columns | None
    contact: Columns | None
    owner: Columns | None
    audit: str = ""
    """What the record's Audit column holds."""
    notes_for_microsoft: str = ""
    """What the record's column Notes for Microsoft holds, where the mapping names one."""
    identifier: str = ""
    """The referral identifier that the record holds now."""
    switched_on: bool = field(default=True, kw_only=True)
    """Whether its Sync is on now."""


@dataclass(frozen=True)
class Involved:
    """Who works on a record besides its owner, who may be among them, and whom of the customer's it is tied to."""

    colleagues: tuple[Columns, ...] = ()
    """Users of the record's sales team."""
    contacts: tuple[Columns, ...] = ()
    """The customer's people; in the order in which they are to be named."""


@dataclass(frozen=True)
class ChangePage:
    """A stretch of the change feed. Only the last page of a pass carries the cursor for the next pass."""

    records: tuple[Record, ...]
    deleted_ids: tuple[str, ...]
    cursor: str | None


@dataclass(frozen=True)
class StageChange:
    """A move of the record's state: where from, where to, and the columns that show it.

    `value` and `reason` are for a CRM that keeps more about an end: what was won, and why it was lost.
    """

    before: Stage
    after: Stage
    columns: Columns
    value: object = None
    reason: str = ""


class PartlyWritten(CosellError):
    """An update that takes several requests stopped behind the first of them.

    `record` is the record as it is since, with its version; `cause` is why it went no further, an error of any family.
    What `cause` means is to be done with `record` in hand: without its version the next guarded write would fail.
    """

    def __init__(self, record: Record, cause: CosellError) -> None:
        super().__init__(str(cause))
        self.record = record
        self.cause = cause
        self.family = cause.family
        self.with_remote(cause.code, cause.correlation_id)


class Turns(Protocol):
    """One worker at a time, across all instances: for creating what the CRM itself would create twice."""

    def turn(self, name: str, since: datetime) -> AbstractContextManager[None]:
        """Take the turn `name` until the block ends.

        Raises Deferred when another worker has it, or had it after `since`, our time from before we looked whether
        there is anything to create. A block that ends with an unknown outcome keeps the turn until its lease is over.
        """
        ...


class Connection(Protocol):
    """One CRM under the app's identity: its sign-in, limits and API, shared by the clients of its tables."""

    def records(self, field_map: FieldMap, turns: Turns) -> Records:
        """Return the client of the table that the mapping names. Raises MappingError for one that it does not know."""
        ...


class Records(Protocol):
    """One table of a CRM.

    A mapped column that the app's user may not read is never taken for an empty one: the methods raise AccessDenied or
    SchemaMismatch, at first use and at most an hour after a right was taken away. Every method may raise the retriable
    and fatal families. Writes raise DataError when the CRM refuses the content (validation, the customer's own logic),
    with the CRM's words in it.
    """

    name: str
    """`dynamics365` or `salesforce`."""

    owner_column: str
    """The record's column with its owner's id."""

    closed_rows_are_read_only: bool
    """Whether a won or lost record refuses every write but reopening."""

    def expect(self, cursor: str | None) -> None:
        """Say that `changes(cursor)` follows shortly, so that it may be asked along with another table's. No call."""
        ...

    def changes(self, cursor: str | None) -> Iterator[ChangePage]:
        """Return what changed since `cursor`, each record once in its newest state; None reads everything.

        A record that is neither switched on nor tied to a referral may be left out. Raises CursorExpired when the CRM
        no longer knows the cursor.
        """
        ...

    def check_readable(self) -> None:
        """Make sure that a column that looks empty is empty, and not hidden from the app's user or masked.

        To be called before an empty value is passed on; costs a call only where a CRM hides by silence, and only when
        it was not asked within a minute. Raises AccessDenied or SchemaMismatch.
        """
        ...

    def owns(self, record_id: str) -> bool:
        """Whether the text is shaped like the id of one of these records. No call.

        It may be another table's all the same (Dynamics 365: every id is a GUID): only `read` tells whose it is.
        """
        ...

    def read(self, record_id: str) -> Record:
        """Return the record. Raises GoneError when it does not exist."""
        ...

    def find(self, referral_id: str) -> Record | None:
        """Return the record that carries the referral identifier, if there is one."""
        ...

    def audit_text(self, record_id: str) -> str:
        """Return what the record's Audit column holds. Raises GoneError."""
        ...

    def successor(self, record_id: str) -> str | None:
        """Return the id of the record that a merged one lives on in; None when it was not merged.

        No call where the CRM cannot merge records of this table.
        """
        ...

    def qualified_to(self, record_id: str) -> str | None:
        """Return the id of the opportunity that a qualified lead lives on as; None when none was made of it.

        Only leads are asked for.
        """
        ...

    def related(self, record_id: str) -> RelatedRows:
        """Return the rows around a record that a new referral needs. Raises GoneError."""
        ...

    def beside(self, record_ids: Sequence[str]) -> Mapping[str, str]:
        """Return marks of what is mapped of the rows that `related` would bring, by record: new when that changed.

        Of opportunities only, at most `shared.crm.beside.MOST`. One call; a record that is gone has no mark.
        """
        ...

    def beside_edited(self, since: datetime) -> Sequence[str]:
        """Return the open opportunities with a referral whose account or contact was edited since; perhaps more.

        Whoever needs to know holds their marks (`beside`) against earlier ones. One call, unless there are very many.
        """
        ...

    def involved(self, record_id: str, *, colleagues: bool, contacts: bool) -> Involved:
        """Return the sales team's users and the customer's people of an opportunity, of the kinds that are asked for.

        One call. Raises SchemaMismatch or AccessDenied where the CRM has no such teams, or does not show them.
        """
        ...

    def person(self, owner_id: str) -> Columns | None:
        """Return what a new referral would need of a user; None for a team, and for nobody."""
        ...

    def describe(self) -> Description:
        """Return what the CRM says about the tables that the mapping file names: an administrator's question.

        Raises SchemaMismatch when a table does not exist.
        """
        ...

    def look_around(self, referral_id: str, around: Around) -> Found:
        """Return what the CRM has already of what a new record is to hang on.

        One call, and one more for people that were not asked for within the hour. Raises AlreadyExists where a record
        with the referral id is met on the way.
        """
        ...

    def create(self, referral_id: str, columns: Columns, around: Around, found: Found) -> Record:
        """Create the record for a referral, once: raises AlreadyExists when a record carries the referral id.

        It hangs on what `look_around` found. An account and a contact that were not found are created; concurrent
        calls with the same `match` yield one account, or Deferred for all but one. The contact becomes the record's.
        A lead hangs on neither.
        """
        ...

    def wait_until_guard_holds(self, record: Record) -> bool:
        """Return once an update guarded by `record.version` is sure to notice every later edit. No call.

        Where a guard needs time for that, it is waited for before the first write of a plan, not between two of them.
        Returns whether time passed.
        """
        ...

    def update(self, record: Record, columns: Columns, stage: StageChange | None = None) -> Record:
        """Write columns, then move the state, provided the record still has `record.version`.

        A version of None writes unconditionally, but never creates. Returns the record with the version the write
        produced (None when the CRM does not tell) and the written columns merged in. Raises VersionMismatch or
        GoneError; PartlyWritten when something was written and the rest was not, any other error when nothing was.
        """
        ...
