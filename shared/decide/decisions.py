"""Everything that may be done with a deal: a closed set, each decision with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.deal import HELP, RecordKey, Value
from shared.deal_registration import DealRegistration, Form
from shared.decide.deal import RecordSeen, ReferralSeen, Sharing
from shared.link import Closing, Link
from shared.merge import Change, Plan
from shared.messages.reasons import Reason
from shared.microsoft import MicrosoftsHalf
from shared.problems import Problem


@dataclass(frozen=True)
class Known:
    """Nothing is to be done: both sides are as we left them."""

    reason: str


@dataclass(frozen=True)
class Ignore:
    """The referral gets no record, or the record no referral; the reason is kept where there is something to keep."""

    reason: Reason
    record: RecordKey | None = None


@dataclass(frozen=True)
class NotOurs:
    """The row belongs to another organization, or to none that we can see."""


@dataclass(frozen=True)
class Wait:
    """Another worker of ours is creating this deal at this moment."""


@dataclass(frozen=True)
class Pause:
    """The seller switched the sync off."""


@dataclass(frozen=True)
class Stop:
    """A person paused the deal: nothing travels until a person resumes it."""


@dataclass(frozen=True)
class Unlink:
    """The two sides are taken apart and keep what they hold; with `again` the record is shared anew afterwards."""

    link: Link
    again: bool = False


@dataclass(frozen=True)
class Orphan:
    """One side is gone; nothing is recreated or deleted."""

    reason: Reason


@dataclass(frozen=True)
class Rekey:
    """The record lives on in another one: the link follows."""

    link: Link
    to: RecordKey


@dataclass(frozen=True)
class Qualify:
    """The lead was qualified: that accepts the referral, and the link goes on with the lead's opportunity."""

    link: Link
    to: RecordKey


@dataclass(frozen=True)
class ReleaseCopy:
    """The seller switched a refused copy's sync off; when it is on again, the copy is shared as a new deal."""

    record: RecordKey


@dataclass(frozen=True)
class RefuseCopy:
    """The record is a copy of a shared one: the record says so, and nothing else is touched."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class HoldForPerson:
    """Nothing is written to either side until a person has put the problems right."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Adopt:
    """An existing record and an existing referral become one deal: the same as agreeing, on an unknown base."""

    agree: Agree
    claims: bool = False
    """Whether a person ordered it: then the referral's CRM ID names this record, whatever it named before."""


@dataclass(frozen=True)
class CreateRecord:
    """The referral becomes a record."""

    referral: ReferralSeen
    microsoft: MicrosoftsHalf | None = None
    """Microsoft's half, when it was read along."""


@dataclass(frozen=True)
class CreateReferral:
    """The record becomes a referral."""

    record: RecordSeen
    sharing: Sharing


@dataclass(frozen=True)
class Agree:
    """The linked sides are brought into agreement by a plan."""

    link: Link
    referral: ReferralSeen
    record: RecordSeen
    plan: Plan
    problems: tuple[Problem, ...] = ()
    """Why values of single fields stay behind, for a person to put right."""
    ties: bool = False
    """Whether the record is to be given the referral's identity: it never had it, or somebody cleared it."""
    microsoft: MicrosoftsHalf | None = None
    """Microsoft's half, when it was read along."""
    registration: DealRegistration | None = None
    """What our referral tells of the win's registration, when the mapping asks and the referral was read."""

    @property
    def told(self) -> tuple[Change, ...]:
        """What the record's columns do not show yet of Microsoft's half; the merge knows nothing of it."""
        shown = self.link.microsoft.told if self.link.microsoft else {}
        now = self.microsoft.told if self.microsoft else {}
        return tuple(
            Change(name, shown.get(name), value, Reason.TOLD_BY_MICROSOFT)
            for name, value in now.items()
            if name not in shown or shown[name] != value
        )


@dataclass(frozen=True)
class AskMicrosoft:
    """Help was chosen on a deal that was shared without: Microsoft is invited, once, and the rest travels.

    `agree` is what is done should Microsoft not be asked; its plan has the help among the differences.
    """

    agree: Agree

    @property
    def help(self) -> Value:
        """The code of the help that is asked for."""
        return self.agree.record.fields[HELP]


@dataclass(frozen=True)
class FollowOwner:
    """The record has another owner: our team on the referral follows, and the rest as `agree` says."""

    agree: Agree


@dataclass(frozen=True)
class Register:
    """The win is registered with Microsoft, once, or what was registered is corrected; and the rest as `agree` says."""

    agree: Agree
    form: Form

    @property
    def corrects(self) -> DealRegistration | None:
        """The registration that the form corrects; None where there is none yet."""
        return self.agree.registration


@dataclass(frozen=True)
class FollowCustomer:
    """The record's account or contact was edited: what Partner Center takes of it follows, the rest as `agree` says.

    `mark` is what they are known by from now on.
    """

    agree: Agree
    mark: str


@dataclass(frozen=True)
class AwaitUndo:
    """The referral is closed when the window is over; until then `agree` brings everything else into agreement."""

    agree: Agree
    closing: Closing
    until: datetime


Decision = (
    Known
    | Ignore
    | NotOurs
    | Wait
    | Pause
    | Stop
    | Unlink
    | Orphan
    | Rekey
    | Qualify
    | ReleaseCopy
    | RefuseCopy
    | HoldForPerson
    | Adopt
    | CreateRecord
    | CreateReferral
    | Agree
    | AskMicrosoft
    | AwaitUndo
    | FollowOwner
    | FollowCustomer
    | Register
)


def agreement(decision: Decision) -> Agree | None:
    """Return how a decision brings two sides into agreement, whatever it does besides; None for one that does not."""
    match decision:
        case Agree():
            return decision
        case Adopt() | AskMicrosoft() | AwaitUndo() | FollowOwner() | FollowCustomer() | Register():
            return decision.agree
    return None
