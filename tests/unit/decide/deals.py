"""A deal made of a situation, and what is decided about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from shared.deadline import Deadline, DeadlineKind
from shared.deal import DEAL_VALUE, HELP, NOTES, STATUS, Fields, RecordKey, Value
from shared.deal_registration import DealRegistration, Form, RegistrationForm
from shared.decide import decide
from shared.decide.deal import (
    GONE,
    UNREAD,
    Absence,
    Copied,
    Deal,
    IntentState,
    Likely,
    Need,
    Policy,
    RecordSeen,
    ReferralSeen,
    Sharing,
    Surroundings,
)
from shared.decide.decisions import Decision
from shared.decide.fights import PAUSE, ROUNDS
from shared.lifecycle import Stage
from shared.link import Closing, Link, LinkState, Repeat
from shared.merge import Policy as Wins
from shared.merge import Rule
from shared.messages.reasons import Reason
from shared.microsoft import MicrosoftsHalf
from shared.problems import Problem, problem
from shared.status import Status, StatusKind
from tests.support.stand_ins import START
from tests.unit.decide.alike import alike_in
from tests.unit.decide.situations import KNOWN, Situation

REFERRAL = "0f6f6a2e-50f7-4a39-9a6c-6f0c6f6d5a11"
OTHER_REFERRAL = "5b0f2f0e-6a1d-4c1f-9a07-3f6f0c3b1d55"
RECORD = RecordKey("dynamics365", "opportunity", "record")
OTHER_RECORD = replace(RECORD, id="other")
WINDOW = timedelta(minutes=20)

STAGES = {
    "invited": Stage.ON_HOLD,
    "own new": Stage.ACTIVE,
    "active": Stage.ACTIVE,
    "won": Stage.WON,
    "lost": Stage.LOST,
    "declined": Stage.DECLINED,
    "expired": Stage.EXPIRED,
    "on hold": Stage.ON_HOLD,
    "open": Stage.ACTIVE,
    "open lead": Stage.ON_HOLD,
    "qualified": Stage.WON,
    "disqualified": Stage.LOST,
}
"""A referral's or a record's state in words, as the canonical stage."""


@dataclass(frozen=True)
class OneForm:
    """A form of one value."""

    now: str

    def wanted(self, columns: Mapping[str, object]) -> bool:  # noqa: ARG002 - a protocol
        """Whether the mapping's condition is met."""
        return "unwanted" not in self.now

    def fill(self, columns: Mapping[str, object], deal: Fields) -> Form:  # noqa: ARG002 - a protocol
        """Return the form as it stands on the record."""
        lacks = "incomplete" in self.now or "spoilt" in self.now
        return Form({"contract.term": self.now}, (UNFILLED,) if lacks else ())


@dataclass(frozen=True)
class FewFields:
    """A mapping of a few fields."""

    rules: tuple[Rule, ...] = (
        Rule(NOTES, to_crm=True, to_partner_center=True, conflict=Wins.CRM),
        Rule(DEAL_VALUE, to_crm=True, to_partner_center=True, conflict=Wins.CRM),
        Rule(HELP, to_crm=True, to_partner_center=False, conflict=Wins.PARTNER_CENTER, never_clear_crm=True),
    )
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    edits_wait: bool = True
    proposes_duplicates: bool = True
    close_reason_required: bool = False
    only_undecided: tuple[str, ...] = ()
    registration_form: RegistrationForm | None = None

    def refusal(self, name: str, new: Value, held: Value) -> Problem | None:  # noqa: ARG002 - a protocol
        """Return None: no value is known to be refused."""
        return None

    def rules_for(self, digits: Mapping[str, int], held: Fields) -> tuple[Rule, ...]:  # noqa: ARG002 - a protocol
        """Return the rules: no amount is rounded here."""
        return self.rules


FIELD_MAP = FewFields()


@alike_in("record neighbour registration")
def field_map_of(situation: Situation) -> FewFields:
    """Return the mapping of the record's table: a lead has no state in which edits wait for the invitation."""
    proposes = situation.neighbour != "alike and nobody asks"
    form = None if situation.registration == "off" else OneForm(situation.registration)
    return replace(FIELD_MAP, edits_wait=not situation.lead, proposes_duplicates=proposes, registration_form=form)


PAUSED, PROBLEM = Status(StatusKind.PAUSED, "⏸ Off"), Status(StatusKind.ATTENTION, "✖ Correct it")
LACKING = problem("customer.city_missing", "city")
LIKELY = Likely(OTHER_RECORD, "Contoso store analytics")
UNFILLED = problem("registration.missing", "contract_term", column="new_term")
ILLEGIBLE = problem("value.not_a_number", DEAL_VALUE, side="crm")


# --- a situation as a deal -------------------------------------------------------------------------------------------


@alike_in("window read_only")
def policy_of(situation: Situation) -> Policy:
    """Return the settings."""
    return Policy(timedelta() if situation.window == "none" else WINDOW, situation.read_only)


def piece(situation: Situation, need: Need) -> tuple[str, object]:
    """Return what reading a piece would bring, and the member of the deal that it fills."""
    name, read = PIECES[need]
    return name, read(situation)


def found(situation: Situation) -> Deal:
    """Return the deal as the worker finds it: with the side that was told of, and nothing else."""
    told, side = _told(situation), _side(situation)
    if told.starts_at == "referral":
        return replace(told, link=_link(situation), referral=side)  # type: ignore[arg-type] # it is a referral
    return replace(told, link=_link(situation), record=side)  # type: ignore[arg-type] # it is a record


@alike_in("source carrier neighbour customer")
def _told(situation: Situation) -> Deal:
    """Return what a message tells."""
    return Deal(
        START,
        "referral" if situation.source == "partner center" else "record",
        carrier=GONE if situation.carrier == "not looked for" else UNREAD,
        anyway=situation.neighbour == "alike and allowed",
        customer="mark" if situation.customer == "edited" else None,
    )


def _side(situation: Situation) -> ReferralSeen | RecordSeen | Absence:
    return _referral(situation) if situation.source == "partner center" else _record(situation)


def _link(situation: Situation) -> Link | None:
    if situation.link == "none":
        return None
    return _ignored(situation) if situation.link == "ignored" else _tying(situation)


@alike_in("source identifier")
def _ignored(situation: Situation) -> Link:
    # A record leads to an ignored link only when its referral named the record, which is to be another's here.
    other = situation.source == "crm" and situation.identifier in ("another", "malformed")
    named = RECORD if situation.source == "crm" else None
    return Link("dynamics365", OTHER_REFERRAL if other else REFERRAL, named, LinkState.IGNORED, etag="ignored")


@alike_in("link window record referral base help valued microsoft toggled shows registration")
def _tying(situation: Situation) -> Link:
    base: Fields = {}
    if situation.base != "unknown":
        submitted = ASKED if situation.help == "submitted" else None
        base = {NOTES: "agreed", DEAL_VALUE: _value(situation), HELP: submitted, STATUS: STAGES[situation.base]}
    rounds = {PAUSE: Repeat("", ROUNDS, START, row=ROUNDS)} if situation.toggled else {}
    status = PROBLEM if situation.shows == "a problem" else PAUSED if situation.link == "paused" else None
    due = situation.registration.startswith("due") and situation.base == "won"
    return Link(
        "dynamics365",
        REFERRAL,
        RECORD,
        LinkState(situation.link),
        base=base,
        closing=_closing(situation),
        repeats=rounds,
        status=status,
        microsoft=_half(situation) if situation.microsoft in KNOWN else None,
        etag="linked",
        owner="owner",
        unshown=situation.shows == "something else",
        registration=_registration_known(situation),
        deadline=Deadline(DeadlineKind.REGISTER, START, START) if due else None,
    )


def _closing(situation: Situation) -> Closing | None:
    """Return how long the seller's end waits already."""
    if situation.window == "none" or not situation.closed:
        return None
    wanted = Stage.WON if situation.record == "won" else Stage.LOST
    wanted = Stage.DECLINED if wanted is Stage.LOST and situation.referral == "invited" else wanted
    return Closing(wanted, START - (WINDOW / 2 if situation.window == "open" else WINDOW * 2))


def _registration_known(situation: Situation) -> DealRegistration | None:
    """Return what the link remembers: a registration of ours, but for one of others."""
    match situation.registration:
        case "known":
            return DealRegistration("ReviewPending", form="sent")
        case "once asked":
            return DealRegistration("ActionRequired", form="sent")
        case "asked" | "asked and corrected" | "asked and spoilt":
            sent = Form({"contract.term": "asked"}).digest
            return DealRegistration("ReviewPending", form=sent)
        case "asked of others, known":
            return DealRegistration("ReviewPending")
    return None


def _registration_told(situation: Situation) -> dict[str, object]:
    """Return what the referral tells of it."""
    if situation.registration.endswith("told"):
        return {"registrations": [{"status": "ReviewPending"}]}
    asked = situation.registration.startswith("asked")
    return {"registrationStatus": "ActionRequired", "registrations": [{}]} if asked else {}


@alike_in("referral edited valued wanted names registration")
def _referral(situation: Situation) -> ReferralSeen | Absence:
    if situation.referral == "gone":
        return GONE
    stage = STAGES.get(situation.referral, Stage.ACTIVE)
    return ReferralSeen(
        REFERRAL,
        {NOTES: _notes(situation, "partner center"), DEAL_VALUE: _value(situation), HELP: None, STATUS: stage},
        "1",
        stage,
        ours=situation.referral != "foreign",
        ignored=None if situation.wanted else Reason.UNACCEPTED_LEAD,
        names=RECORD if situation.names else None,
        names_any=situation.names,
        body=_registration_told(situation),
    )


@alike_in("referral edited valued wanted names registration remembered")
def _referral_or_memory(situation: Situation) -> ReferralSeen | Absence:
    """Return the referral, or what the link remembers of it, which has no row."""
    seen = _referral(situation)
    return replace(seen, body=None) if situation.remembered and isinstance(seen, ReferralSeen) else seen


def _record(situation: Situation) -> RecordSeen | Absence:
    return GONE if situation.record == "gone" else _here(situation)


RECORD_WORDS = "source link record identifier sync owner tied marks help legible edited valued"


@alike_in(RECORD_WORDS)
def _here(situation: Situation) -> RecordSeen:
    another = OTHER_REFERRAL if situation.source == "partner center" or situation.tied_by_link else REFERRAL
    identifiers = {"none": None, "this": REFERRAL, "another": another, "malformed": "see the other one"}
    stage = STAGES.get(situation.record, Stage.ACTIVE)
    return RecordSeen(
        RECORD,
        {NOTES: _notes(situation, "crm"), DEAL_VALUE: _value(situation), HELP: HELPS[situation.help], STATUS: stage},
        "1",
        START,
        qualifies=situation.sync == "on",
        switched_on=situation.sync != "off",
        owner="owner" if situation.owner == "the same" else "another owner",
        identifier=identifiers[situation.identifier],
        lead=situation.lead,
        tied=situation.tied,
        shows=StatusKind.SYNCHRONIZED if situation.marks == "status" else None,
        unreadable={} if situation.legible else {DEAL_VALUE: ILLEGIBLE},
        columns={},
    )


@alike_in(f"{RECORD_WORDS} remembered")
def _record_or_memory(situation: Situation) -> RecordSeen | Absence:
    """Return the record, or what the link remembers of it, which has no row."""
    seen = _record(situation)
    return replace(seen, columns=None) if situation.remembered and isinstance(seen, RecordSeen) else seen


@alike_in(f"{RECORD_WORDS} successor")
def _successor(situation: Situation) -> RecordSeen | Absence:
    if situation.successor == "merged into a deleted record":
        return GONE
    sync = {"merged into an unshared record": "off", "merged into an excluded record": "excluded"}
    return replace(_here(situation._replace(sync=sync.get(situation.successor, "on"))), key=OTHER_RECORD)


@alike_in(f"{RECORD_WORDS} claimant")
def _holding(situation: Situation) -> RecordSeen | Absence:
    """Return the record of the deal that has the other side."""
    if situation.claimant not in ("another alive", "a qualified lead"):
        return GONE
    qualified = situation.claimant == "a qualified lead"
    return replace(_here(situation._replace(record="qualified") if qualified else situation), key=OTHER_RECORD)


@alike_in("successor claimant source")
def _holder(situation: Situation) -> Link | None:
    if situation.successor in ("merged into a deal", "an opportunity of another deal"):
        return Link("dynamics365", OTHER_REFERRAL, OTHER_RECORD, etag="other")
    if situation.claimant == "none":
        return None
    if situation.claimant == "this deal":
        return Link("dynamics365", REFERRAL, RECORD, etag="meanwhile")
    if situation.claimant == "an ignored link":
        theirs = REFERRAL if situation.source == "crm" else OTHER_REFERRAL
        return Link("dynamics365", theirs, RECORD, LinkState.IGNORED, etag=theirs)
    if situation.source == "partner center":
        return Link("dynamics365", OTHER_REFERRAL, RECORD, etag="other")
    if situation.claimant == "a merged deal":
        return Link("dynamics365", REFERRAL, OTHER_RECORD, LinkState.ORPHANED, etag="merged")
    return Link("dynamics365", REFERRAL, OTHER_RECORD, etag="other")


@alike_in("complete marks")
def _sharing(situation: Situation) -> Sharing:
    return Sharing(() if situation.complete else (LACKING,), situation.marks == "audit", "rows")


@alike_in("neighbour")
def _around(situation: Situation) -> Surroundings:
    return Surroundings(None if situation.neighbour == "none" else LIKELY, "rows")


ASKED, CHOSEN = "ProofOfConceptOrDemo", "QuotesOrLicensing"
HELPS: Mapping[str, Value] = {"none": None, "submitted": ASKED, "chosen": CHOSEN}


@alike_in("microsoft")
def _half(situation: Situation) -> MicrosoftsHalf:
    stage = Stage.DECLINED if situation.microsoft == "declined" else Stage.ON_HOLD
    return MicrosoftsHalf("msft-row", stage, help=None if situation.microsoft == "took part unasked" else ASKED)


def _notes(situation: Situation, side: str) -> Value:
    return side if situation.edited in (side, "both") else "agreed"


def _value(situation: Situation) -> Value:
    return "42" if situation.valued else None


PIECES: Mapping[Need, tuple[str, Callable[[Situation], object]]] = {
    Need.REFERRAL: ("referral", _referral_or_memory),
    Need.REFERRAL_ITSELF: ("referral", _referral),
    Need.RECORD: ("record", _record_or_memory),
    Need.RECORD_ITSELF: ("record", _record),
    Need.INTENT: ("intent", lambda each: IntentState[each.intent.upper()]),
    Need.HOLDER: ("holder", _holder),
    Need.HOLDER_RECORD: ("holder_record", _holding),
    Need.SUCCESSOR: ("successor", lambda each: None if each.successor == "none" else OTHER_RECORD),
    Need.SUCCESSOR_RECORD: ("successor_record", _successor),
    Need.CARRIER: ("carrier", lambda each: _here(each) if each.carrier == "found" else None),
    Need.MICROSOFT: ("microsoft", lambda each: _half(each) if each.microsoft != "absent" else None),
    Need.COPY: ("copied", lambda each: Copied[each.copied.upper()]),
    Need.SHARING: ("sharing", _sharing),
    Need.AROUND: ("around", _around),
}
"""By need, the member of the deal that it fills, and how."""


# --- what is decided -------------------------------------------------------------------------------------------------

ITSELF = (Need.REFERRAL_ITSELF, Need.RECORD_ITSELF)
"""What is read although the link's memory of it is there."""


@dataclass(frozen=True)
class Step:
    """What is answered about a deal as far as it is known, and what was read before that.

    `further` has what is answered after one more piece. A decision depends on the deal alone, so what is known alike in
    many situations is decided about once.
    """

    deal: Deal
    answer: Decision | Need
    needs: tuple[Need, ...] = ()
    further: dict[int, Step] = field(default_factory=dict)


_FIRST: dict[tuple[int, ...], Step] = {}
"""By what is found, the mapping and the settings; each is one object as long as this module lives."""


def step_by_step(situation: Situation) -> tuple[Decision, tuple[Need, ...]]:
    """Decide as the worker does, reading what is needed; returns the decision and what was read for it."""
    field_map, policy = field_map_of(situation), policy_of(situation)
    begun = tuple(map(id, (field_map, policy, _told(situation), _link(situation), _side(situation))))
    if begun not in _FIRST:
        deal = found(situation)
        _FIRST[begun] = Step(deal, decide(deal, field_map, policy))
    step = _FIRST[begun]
    while isinstance(step.answer, Need):
        name, read = piece(situation, step.answer)
        if id(read) not in step.further:
            step.further[id(read)] = _further(situation, step, step.answer, {name: read})
        step = step.further[id(read)]
    return step.answer, step.needs


def _further(situation: Situation, step: Step, need: Need, read: dict[str, Any]) -> Step:
    (name,) = read
    assert getattr(step.deal, name) is UNREAD or need in ITSELF, f"{need} is known already: {situation}"
    assert need not in step.needs, f"{need} is read twice: {situation}"
    assert len(step.needs) < len(Need), f"it never ends: {situation}"
    deal = replace(step.deal, **read)
    return Step(deal, decide(deal, field_map_of(situation), policy_of(situation)), (*step.needs, need))
