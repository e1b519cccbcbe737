"""A deal as far as it is known: the pieces that a decision may need, each read, unread, or gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final, Literal, Protocol

from shared.deal import STATUS, Fields, RecordKey, Value
from shared.deal_registration import RegistrationForm
from shared.lifecycle import TERMINAL, Stage
from shared.link import Link
from shared.merge import Rule
from shared.messages.reasons import Reason
from shared.microsoft import MicrosoftsHalf
from shared.orders import Order
from shared.problems import Problem
from shared.status import StatusKind


class Absence(Enum):
    """Why a piece of a deal is not here."""

    UNREAD = auto()
    GONE = auto()
    """It was looked for, and does not exist, or may not be seen."""


UNREAD: Final = Absence.UNREAD
GONE: Final = Absence.GONE


class Need(Enum):
    """A piece that must be read before anything can be decided."""

    REFERRAL = auto()
    RECORD = auto()
    INTENT = auto()
    """The unfinished intent of the record that the referral names."""
    HOLDER = auto()
    """The link that ties the other side already: of the named record, of the referral that a record names, or of the
    deal whose record was merged into one without identifier."""
    HOLDER_RECORD = auto()
    SUCCESSOR = auto()
    """The record that a merged one lives on in, or the opportunity that a lead was qualified to."""
    SUCCESSOR_RECORD = auto()
    CARRIER = auto()
    """The record that carries the referral's identifier."""
    MICROSOFT = auto()
    """Microsoft's half of the deal."""
    COPY = auto()
    """Whose the columns of ours are that the record holds without being linked."""
    SHARING = auto()
    """The rows around a record that a new referral needs."""
    AROUND = auto()
    """What the CRM has of what a referral's new record is to hang on."""
    REFERRAL_ITSELF = auto()
    """Our referral as Partner Center has it: the link's memory of it does not tell enough."""
    RECORD_ITSELF = auto()
    """The record as the CRM has it: the link's memory of it does not tell enough."""


@dataclass(frozen=True)
class ReferralSeen:
    """Our referral in canonical values, as it was read, or as the link remembers it."""

    id: str
    fields: Fields
    version: str | None
    stage: Stage
    changed_at: datetime | None = None
    engagement_id: str = ""
    ours: bool = True
    unreadable: Mapping[str, Problem] = field(default_factory=dict)
    """By field, why its value cannot be read."""
    ignored: Reason | None = None
    """Why a referral of its kind does not become a record."""
    names: RecordKey | None = None
    """The record that its CRM ID names, when this CRM could have such a record."""
    names_any: bool = False
    """Whether its CRM ID is filled at all."""
    body: Mapping[str, object] | None = field(default=None, repr=False)
    """The row as it was read; None when it was remembered."""

    @property
    def closed(self) -> bool:
        """Whether Partner Center accepts no more changes."""
        return self.stage in TERMINAL


@dataclass(frozen=True)
class RecordSeen:
    """The record in canonical values, as it was read, or as the link remembers it (then `columns` is None)."""

    key: RecordKey
    fields: Fields
    version: str | None
    seen_at: datetime
    qualifies: bool = True
    """Whether it is to be in Partner Center: Sync is on, and the mapping's condition is met."""
    switched_on: bool = True
    owner: str = ""
    """Its owner's id, where our team on the referral is to follow the owner; empty when it is not known."""
    identifier: str | None = None
    """The text in its identifier column, in Partner Center's spelling of its ids."""
    typed: str = ""
    """The same as it was typed, for people; empty where it was not read."""
    lead: bool = False
    """Whether it is a lead, which a person has yet to qualify."""
    tied: bool = False
    """Whether its referral link is filled: only this app does that, together with the identifier."""
    shows: StatusKind | None = None
    """The kind of its status, where that is one of our texts."""
    unreadable: Mapping[str, Problem] = field(default_factory=dict)
    """By field, why its value cannot be read."""
    digits: Mapping[str, int] = field(default_factory=dict)
    """By column, how many digits the CRM keeps of an amount, where they are fewer than the mapping's."""
    columns: Mapping[str, object] | None = field(default=None, repr=False)
    """The row as it was read; None when it was remembered."""

    @property
    def as_typed(self) -> str:
        """What its identifier column holds, as its seller reads it."""
        return self.typed or str(self.identifier)

    @property
    def marked(self) -> bool:
        """Whether its status is one of ours."""
        return self.shows is not None

    @property
    def stage(self) -> Stage:
        """Where the CRM says that the deal stands."""
        return Stage(str(self.fields[STATUS]))

    @property
    def closed(self) -> bool:
        """Whether it is won or lost; a lead, whether it is qualified or disqualified."""
        return self.stage in TERMINAL

    @property
    def qualified(self) -> bool:
        """Whether it is a lead that lives on as an opportunity."""
        return self.lead and self.stage is Stage.WON


class IntentState(Enum):
    """What is known of an intent to share a record."""

    NONE = auto()
    FRESH = auto()
    """A worker that may be alive holds it."""
    ABANDONED = auto()


class Copied(Enum):
    """How a record that is not linked came to what its columns of ours hold."""

    UNKNOWN = auto()
    """Nobody knows: it was copied from a shared record."""
    OURS = auto()
    """We wrote its status ourselves, to say why it is not shared."""
    RELEASED = auto()
    """The seller switched its Sync off since: on again, it is shared whatever it was copied from."""


@dataclass(frozen=True)
class Sharing:
    """What a new referral takes besides the record: the rows around it, and what Partner Center would refuse of it."""

    problems: tuple[Problem, ...] = ()
    travelled: bool = False
    """Whether its Audit column tells of values that travelled: those of the record that it was copied from."""
    rows: object = field(default=None, repr=False)
    """The rows themselves, for the one who performs."""


@dataclass(frozen=True)
class Likely:
    """The customer's open record that looks most like a referral, and has none itself."""

    record: RecordKey
    name: str


@dataclass(frozen=True)
class Surroundings:
    """What the CRM has of what a new record is to hang on."""

    likely: Likely | None = None
    rows: object = field(default=None, repr=False)
    """What it is, for the one who performs."""


@dataclass(frozen=True)
class Deal:
    """What is known of a deal."""

    now: datetime
    starts_at: Literal["referral", "record"]
    """Which side the message named."""
    link: Link | None = None
    referral: ReferralSeen | Absence = UNREAD
    record: RecordSeen | Absence = UNREAD
    intent: IntentState | Absence = UNREAD
    holder: Link | Absence | None = UNREAD
    holder_record: RecordSeen | Absence = UNREAD
    successor: RecordKey | Absence | None = UNREAD
    successor_record: RecordSeen | Absence = UNREAD
    carrier: RecordSeen | Absence | None = GONE
    """GONE unless a record with the referral's identifier is known to exist."""
    copied: Copied | Absence = UNREAD
    sharing: Sharing | Absence = UNREAD
    around: Surroundings | Absence = UNREAD
    microsoft: MicrosoftsHalf | Absence | None = UNREAD
    """Microsoft's half; None when it was looked for, and Microsoft takes no part. Unread, the link remembers it."""
    order: Order | None = None
    """What a person ordered."""
    ordered: RecordKey | None = None
    """The record that an order names."""
    customer: str | None = None
    """A mark of the record's account and contact, one of which was edited; None when nobody says so."""
    anyway: bool = False
    """Whether the referral becomes a record whatever deal it looks like: a person said so, or looks for such deals."""
    held: Mapping[str, Problem] = field(default_factory=dict)
    """By field, why a side just refused its value."""
    refused: Mapping[str, Problem] = field(default_factory=dict)
    """By field, why Partner Center would refuse what is planned."""

    @property
    def microsoft_read(self) -> MicrosoftsHalf | None:
        """Microsoft's half, when it was read along."""
        return self.microsoft if isinstance(self.microsoft, MicrosoftsHalf) else None

    @property
    def microsoft_known(self) -> MicrosoftsHalf | None:
        """Microsoft's half as it was read along, or else as the link remembers it."""
        return self.microsoft_read or (self.link.microsoft if self.link else None)


@dataclass(frozen=True)
class Policy:
    """The settings that decisions depend on."""

    close_delay: timedelta = timedelta()
    """How long Won, Lost and Declined wait before they are sent, since Partner Center takes nothing back."""
    closed_rows_are_read_only: bool = False
    """Whether the CRM refuses every write to a won or lost record."""


class FieldMap(Protocol):
    """What deciding needs of a compiled mapping."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """How each field may travel."""
        ...

    def rules_for(self, digits: Mapping[str, int], held: Fields) -> tuple[Rule, ...]:
        """Return the rules for a record that keeps so many digits of amounts, by column, and holds these values."""
        ...

    def refusal(self, name: str, new: Value, held: Value) -> Problem | None:
        """Return why Partner Center would refuse a new value in place of what it holds, where the mapping knows."""
        ...

    @property
    def edits_wait(self) -> bool:
        """Whether edits of an undecided invitation wait until it is accepted."""
        ...

    @property
    def only_undecided(self) -> Sequence[str]:
        """Fields of which Partner Center's value counts only while the invitation is undecided."""
        ...

    @property
    def proposes_duplicates(self) -> bool:
        """Whether a referral that looks like a deal of the CRM waits for a person, instead of becoming a second one."""
        ...

    @property
    def close_reason_required(self) -> bool:
        """Whether nothing is declined or lost without a reason."""
        ...

    @property
    def registration_form(self) -> RegistrationForm | None:
        """The form by which a win is registered with Microsoft; None where the app registers none."""
        ...

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """By field, a digest of what its value means on the two sides."""
        ...
