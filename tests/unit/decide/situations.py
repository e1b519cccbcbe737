"""Every situation in which a deal may be found, in plain words, and a deal made of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import product
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

OPEN_REFERRALS = ("invited", "own new", "active")
ENDED_REFERRALS = ("won", "lost", "declined", "expired")
OUR_REFERRALS = OPEN_REFERRALS + ENDED_REFERRALS
RECORDS = ("on hold", "open", "won", "lost")
LEADS = ("open lead", "qualified", "disqualified")


@dataclass(frozen=True)
class Situation:
    """A deal as it is found. What a field names is true of the world, whether it is read or not."""

    source: str = "crm"
    """Who says that the deal changed, so which side is read first: partner center, crm."""
    link: str = "linked"
    """none, ignored, linked, paused, orphaned."""
    referral: str = "active"
    """gone, foreign, invited (New, and somebody invited us), own new, active, won, lost, declined, expired."""
    wanted: bool = True
    """Whether referrals of its kind become records."""
    names: bool = False
    """Whether the referral's CRM ID names the record."""
    record: str = "open"
    """gone, on hold, open, won, lost; or a lead: open, qualified, disqualified."""
    sync: str = "on"
    """on, off, excluded: by the mapping's condition."""
    identifier: str = "this"
    """The record's: none, this, another (referral than the link's), malformed."""
    tied: bool = True
    """Whether the record's Referral Link is filled."""
    marks: str = "none"
    """What else of ours an unlinked record holds: none, a status, an audit of values that travelled."""
    claimant: str = "none"
    """Which link has the other side: none, an ignored link, this deal (tied meanwhile), another alive, another gone,
    a qualified lead's; or of a record without identifier: a deal that was merged into it, and that went on elsewhere
    (another alive)."""
    successor: str = "none"
    """What became of a deleted record: none, merged into a free record, an unshared one, a deleted one, a deal; or of a
    qualified lead: an opportunity, one of another deal."""
    carrier: str = "not looked for"
    """The record with the referral's identifier: not looked for, none, found."""
    intent: str = "none"
    """Of sharing the record: none, fresh, abandoned."""
    copied: str = "unknown"
    """How it came to that: unknown, ours (we said why it is not shared), released (Sync was switched off since)."""
    neighbour: str = "none"
    """An open record of the customer that looks like the referral: none, alike, alike and allowed (by a person), alike
    and nobody asks (the mapping)."""
    complete: bool = True
    """Whether account, contact and owner have what a new referral needs."""
    legible: bool = True
    """Whether every value of a record that is to be shared can be read."""
    toggled: bool = False
    """Whether Sync was switched off and on again at each of our last writes."""
    shows: str = "its state"
    """What the record of a deal that rests shows: its state, a problem, or something else, as it could not be told."""
    help: str = "none"
    """What Microsoft was asked for: none, submitted (agreed by both), chosen (in the CRM, since)."""
    microsoft: str = "absent"
    """Microsoft's part: absent, invited (with a help code, and the link does not know), invited and known, declined (as
    the link knows), took part unasked (as the link knows)."""
    base: str = "active"
    """The stage last agreed; unknown: nothing is known of what was agreed."""
    owner: str = "the same"
    """Whose the record is: the same as before, another."""
    customer: str = "as before"
    """The record's account and contact: as before, or edited (as the CRM tells once an hour)."""
    edited: str = "nobody"
    """Who changed the notes since: nobody, crm, partner center, both."""
    valued: bool = True
    """Whether the deal has a value."""
    window: str = "none"
    """The undo window: none, open, over."""
    read_only: bool = True
    """Whether the CRM refuses to write to a closed record."""
    registration: str = "off"
    """The win's with Microsoft: off; history (not due); due, also unwanted (by the mapping's condition), incomplete
    (its form) or told; told (Partner Center shows it); known (the link alone knows). Or Microsoft asks for something:
    asked (of ours), asked and corrected (its form, since), asked and spoilt (its form lacks something now), asked of
    others (who registered it), once asked (as the link alone knows)."""
    remembered: bool = False
    """Whether the link's memory stands for the other side."""

    @property
    def ended(self) -> bool:
        """Whether the referral is closed."""
        return self.referral in ENDED_REFERRALS

    @property
    def closed(self) -> bool:
        """Whether the record is won or lost, or no lead any more."""
        return self.record in ("won", "lost", "qualified", "disqualified")

    @property
    def lead(self) -> bool:
        """Whether the record is a lead."""
        return self.record in LEADS

    @property
    def tied_by_link(self) -> bool:
        """Whether a link ties the two sides."""
        return self.link in ("linked", "paused", "orphaned")


REGISTRATIONS = (
    *("off", "history", "due", "due and unwanted", "due and incomplete", "due and told", "told", "known"),
    *("asked", "asked and corrected", "asked and spoilt", "asked of others", "once asked"),
)


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


ITSELF = (Need.REFERRAL_ITSELF, Need.RECORD_ITSELF)
"""What is read although the link's memory of it is there."""


# --- a situation as a deal -------------------------------------------------------------------------------------------


def policy_of(situation: Situation) -> Policy:
    """Return the settings."""
    return Policy(timedelta() if situation.window == "none" else WINDOW, situation.read_only)


def whole(situation: Situation) -> dict[Need, Mapping[str, object]]:
    """Return what reading each piece would bring."""
    holder = _holder(situation)
    alive = situation.claimant in ("another alive", "a qualified lead")
    holding = _here(replace(situation, record="qualified") if situation.claimant == "a qualified lead" else situation)
    return {
        Need.REFERRAL: {"referral": _from_memory(situation, _referral(situation), "body")},
        Need.REFERRAL_ITSELF: {"referral": _referral(situation)},
        Need.RECORD: {"record": _from_memory(situation, _record(situation), "columns")},
        Need.RECORD_ITSELF: {"record": _record(situation)},
        Need.INTENT: {"intent": IntentState[situation.intent.upper()]},
        Need.HOLDER: {"holder": holder},
        Need.HOLDER_RECORD: {"holder_record": replace(holding, key=OTHER_RECORD) if alive else GONE},
        Need.SUCCESSOR: {"successor": None if situation.successor == "none" else OTHER_RECORD},
        Need.SUCCESSOR_RECORD: {"successor_record": _successor(situation)},
        Need.CARRIER: {"carrier": _here(situation) if situation.carrier == "found" else None},
        Need.MICROSOFT: {"microsoft": _half(situation) if situation.microsoft != "absent" else None},
        Need.COPY: {"copied": Copied[situation.copied.upper()]},
        Need.SHARING: {
            "sharing": Sharing(() if situation.complete else (LACKING,), situation.marks == "audit", "rows")
        },
        Need.AROUND: {"around": Surroundings(None if situation.neighbour == "none" else LIKELY, "rows")},
    }


def found(situation: Situation) -> Deal:
    """Return the deal as the worker finds it: with the side that was told of, and nothing else."""
    deal = Deal(
        START,
        "referral" if situation.source == "partner center" else "record",
        _link(situation),
        carrier=GONE if situation.carrier == "not looked for" else UNREAD,
        anyway=situation.neighbour == "alike and allowed",
        customer="mark" if situation.customer == "edited" else None,
    )
    if situation.source == "partner center":
        return replace(deal, referral=_referral(situation))
    return replace(deal, record=_record(situation))


def step_by_step(situation: Situation) -> tuple[Decision, list[Need]]:
    """Decide as the worker does, reading what is needed; returns the decision and what was read for it."""
    deal, pieces, needs = found(situation), whole(situation), list[Need]()
    while isinstance(decision := decide(deal, field_map_of(situation), policy_of(situation)), Need):
        (name,) = pieces[decision]
        assert getattr(deal, name) is UNREAD or decision in ITSELF, f"{decision} is known already: {situation}"
        assert decision not in needs, f"{decision} is read twice: {situation}"
        assert len(needs) < len(Need), f"it never ends: {situation}"
        needs.append(decision)
        deal = replace(deal, **pieces[decision])  # type: ignore[arg-type]
    return decision, needs


def _link(situation: Situation) -> Link | None:
    if situation.link == "none":
        return None
    if situation.link == "ignored":
        # A record leads to an ignored link only when its referral named the record, which is to be another's here.
        other = situation.source == "crm" and situation.identifier in ("another", "malformed")
        named = RECORD if situation.source == "crm" else None
        return Link("dynamics365", OTHER_REFERRAL if other else REFERRAL, named, LinkState.IGNORED, etag="ignored")
    closing = None
    if situation.window != "none" and situation.closed:
        wanted = Stage.WON if situation.record == "won" else Stage.LOST
        wanted = Stage.DECLINED if wanted is Stage.LOST and situation.referral == "invited" else wanted
        closing = Closing(wanted, START - (WINDOW / 2 if situation.window == "open" else WINDOW * 2))
    base: Fields = {}
    if situation.base != "unknown":
        submitted = ASKED if situation.help == "submitted" else None
        base = {NOTES: "agreed", DEAL_VALUE: _value(situation), HELP: submitted, STATUS: STAGES[situation.base]}
    state, half = LinkState(situation.link), _half(situation) if situation.microsoft in KNOWN else None
    rounds = {PAUSE: Repeat("", ROUNDS, START, row=ROUNDS)} if situation.toggled else {}
    status = PROBLEM if situation.shows == "a problem" else PAUSED if situation.link == "paused" else None
    link = Link("dynamics365", REFERRAL, RECORD, state, base=base, closing=closing, repeats=rounds, status=status)
    link = replace(link, microsoft=half, etag="linked", owner="owner", unshown=situation.shows == "something else")
    link = replace(link, registration=_registration_known(situation))
    due = situation.registration.startswith("due") and situation.base == "won"
    return replace(link, deadline=Deadline(DeadlineKind.REGISTER, START, START) if due else None)


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
    return None


def _registration_told(situation: Situation) -> dict[str, object]:
    """Return what the referral tells of it."""
    if situation.registration.endswith("told"):
        return {"registrations": [{"status": "ReviewPending"}]}
    asked = situation.registration.startswith("asked")
    return {"registrationStatus": "ActionRequired", "registrations": [{}]} if asked else {}


def _from_memory(
    situation: Situation, side: ReferralSeen | RecordSeen | Absence, row: str
) -> ReferralSeen | RecordSeen | Absence:
    """Return a side as the link remembers it, without its row."""
    forgotten: dict[str, Any] = {row: None}
    return side if isinstance(side, Absence) or not situation.remembered else replace(side, **forgotten)


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


def _record(situation: Situation) -> RecordSeen | Absence:
    return GONE if situation.record == "gone" else _here(situation)


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


def _successor(situation: Situation) -> RecordSeen | Absence:
    if situation.successor == "merged into a deleted record":
        return GONE
    sync = {"merged into an unshared record": "off", "merged into an excluded record": "excluded"}
    return replace(_here(replace(situation, sync=sync.get(situation.successor, "on"))), key=OTHER_RECORD)


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


ASKED, CHOSEN = "ProofOfConceptOrDemo", "QuotesOrLicensing"
HELPS: Mapping[str, Value] = {"none": None, "submitted": ASKED, "chosen": CHOSEN}
KNOWN = ("invited and known", "declined", "took part unasked")


def _half(situation: Situation) -> MicrosoftsHalf:
    stage = Stage.DECLINED if situation.microsoft == "declined" else Stage.ON_HOLD
    return MicrosoftsHalf("msft-row", stage, help=None if situation.microsoft == "took part unasked" else ASKED)


def _notes(situation: Situation, side: str) -> Value:
    return side if situation.edited in (side, "both") else "agreed"


def _value(situation: Situation) -> Value:
    return "42" if situation.valued else None


# --- all of them -----------------------------------------------------------------------------------------------------


def situations() -> Iterator[Situation]:
    """Yield every combination; a piece that does not exist, or is never looked at, is not varied."""
    yield from _tied()
    yield from _stages()
    yield from _helps()
    yield from _adopted_helps()
    yield from _partner_center_first()
    yield from _crm_first()
    yield from _leads()
    yield from _registrations()


SOURCES = ("partner center", "crm")
TIED = ("linked", "paused", "orphaned")
SUCCESSORS = (
    "none",
    *(f"merged into {each}" for each in ("a free record", "an unshared record", "an excluded record")),
    *(f"merged into {each}" for each in ("a deleted record", "a deal")),
)


def _tied() -> Iterator[Situation]:
    """Whose is it, and does it exist: deals with a link."""
    for source, link, referral in product(SOURCES, TIED, ("gone", "foreign", *OUR_REFERRALS)):
        found_here = Situation(source, link, referral, base="unknown")
        for successor in SUCCESSORS:
            yield replace(found_here, record="gone", successor=successor)
        yield replace(found_here, record="gone", successor="merged into a free record", claimant="an ignored link")
        for record, sync, identifier, tied in product(
            RECORDS, ("on", "off", "excluded"), ("none", "this", "another", "malformed"), (True, False)
        ):
            seen = replace(found_here, record=record, sync=sync, identifier=identifier, tied=tied)
            yield seen
            if tied:
                yield replace(seen, toggled=True)
                for toggled in (True, False) if link == "paused" else ():
                    yield replace(seen, shows="a problem", toggled=toggled)
                    yield replace(seen, shows="a problem", toggled=toggled, read_only=False)
                for read_only in (True, False) if link != "linked" else ():
                    yield replace(seen, shows="something else", read_only=read_only)


def _stages() -> Iterator[Situation]:
    """Who moved it, and may it travel: deals with a link, both sides of which are there."""
    for link, referral, record in product(TIED, OUR_REFERRALS, RECORDS):
        for base, edited, window, read_only, valued in product(
            _pasts(referral),
            ("nobody", "crm", "partner center", "both"),
            ("none", "open", "over"),
            (True, False),
            (True, False),
        ):
            moved = Situation(
                "crm",
                link,
                referral,
                record=record,
                base=base,
                edited=edited,
                window=window,
                read_only=read_only,
                valued=valued,
            )
            yield moved
            if edited == "crm" and valued and read_only:
                yield replace(moved, owner="another")
                yield replace(moved, customer="edited")
                yield replace(moved, customer="edited", owner="another")


def _helps() -> Iterator[Situation]:
    """What was Microsoft asked for, and does it take part: deals with a link, both sides of which are there."""
    for link, referral, record, help_asked, microsoft in product(
        TIED, OUR_REFERRALS, RECORDS, ("none", "submitted", "chosen"), ("absent", "invited", *KNOWN)
    ):
        undecided = ("none", "open") if (help_asked, microsoft) == ("chosen", "absent") else ("none",)
        for base, window in product(_pasts(referral), undecided):
            yield Situation(
                "crm", link, referral, record=record, help=help_asked, microsoft=microsoft, base=base, window=window
            )


def _pasts(referral: str) -> tuple[str, ...]:
    """Return the stages that may have been agreed: Partner Center takes nothing back."""
    if referral == "invited":
        return ("unknown", "invited")
    if referral == "own new":
        return ("unknown", "active")
    return ("unknown", "invited", "active", *([referral] if referral in ENDED_REFERRALS else []))


def _adopted_helps() -> Iterator[Situation]:
    """What Microsoft was asked for, of deals that are tied by their identity: of their past nothing is known."""
    for source, referral, record, help_asked, microsoft in product(
        SOURCES, OUR_REFERRALS, RECORDS, ("none", "submitted", "chosen"), ("absent", "invited", "took part unasked")
    ):
        yield Situation(
            source,
            "none",
            referral,
            record=record,
            carrier="found" if source == "partner center" else "not looked for",
            help=help_asked,
            microsoft=microsoft,
            base="unknown",
        )


CLAIMANTS = ("none", "an ignored link", "this deal", "another alive", "another gone")
INTENTS = ("none", "fresh", "abandoned")
NEIGHBOURS = ("none", "alike", "alike and allowed", "alike and nobody asks")


def _partner_center_first() -> Iterator[Situation]:
    """Partner Center names a referral that nothing is tied to."""
    for link, referral, wanted in product(("none", "ignored"), ("gone", "foreign", *OUR_REFERRALS), (True, False)):
        found_here = Situation("partner center", link, referral, wanted, base="unknown", edited="both")
        for carrier, neighbour in product(("not looked for", "none"), NEIGHBOURS):
            yield replace(found_here, carrier=carrier, neighbour=neighbour)
        for claimant, record, sync in product(CLAIMANTS, RECORDS, ("on", "off", "excluded")):
            yield replace(found_here, carrier="found", claimant=claimant, record=record, sync=sync)
        named = replace(found_here, names=True)
        for claimant, intent in product(CLAIMANTS, INTENTS):
            yield replace(named, claimant=claimant, intent=intent, record="gone")
            for record, sync, identifier in product(
                RECORDS, ("on", "off", "excluded"), ("none", "this", "another", "malformed")
            ):
                seen = replace(named, claimant=claimant, intent=intent, record=record, sync=sync, identifier=identifier)
                yield seen
                if intent == "abandoned":
                    yield replace(seen, complete=False)


HELD = (
    (False, "none", "unknown"),
    *((True, "none", copied) for copied in ("unknown", "ours", "released")),
    *((False, marks, copied) for marks in ("status", "audit") for copied in ("unknown", "ours", "released")),
)
"""Whether the Referral Link is filled, what else of ours the record holds, and how it came to that."""


def _crm_first() -> Iterator[Situation]:
    """The CRM names a record that nothing is tied to."""
    for link, intent in product(("none", "ignored"), INTENTS):
        yield Situation("crm", link, record="gone", intent=intent, base="unknown")
        for record, sync, identifier, (tied, marks, copied) in product(
            RECORDS, ("on", "off", "excluded"), ("none", "this", "another", "malformed"), HELD
        ):
            found_here = Situation(
                "crm",
                link,
                record=record,
                sync=sync,
                identifier=identifier,
                tied=tied,
                marks=marks,
                copied=copied,
                intent=intent,
                base="unknown",
                edited="both",
            )
            if identifier == "none":
                yield replace(found_here, complete=False)
                yield replace(found_here, legible=False)
                if link == "none":
                    yield replace(found_here, claimant="a merged deal")
                    yield replace(found_here, claimant="another alive")
            elif marks != "none":
                continue  # What else it holds is not looked at.
            for claimant, referral in product(CLAIMANTS, ("gone", "foreign", *OUR_REFERRALS)):
                yield replace(found_here, claimant=claimant, referral=referral)


def _leads() -> Iterator[Situation]:
    """The record is a lead, linked or not; what its own states do not touch is as for every other record."""
    for source, link, referral, record in product(SOURCES, TIED, ("gone", "foreign", *OUR_REFERRALS), LEADS):
        became = {"qualified": ("none", "an opportunity", "an opportunity of another deal")}
        merged = ("none", "merged into a free record", "merged into a deal") if record == "disqualified" else ("none",)
        for successor, sync, identifier in product(
            became.get(record, merged), ("on", "off", "excluded"), ("none", "this", "another")
        ):
            lead = Situation(source, link, referral, record=record, sync=sync, identifier=identifier, base="unknown")
            yield replace(lead, successor=successor)
    for referral, record, edited, window, read_only in product(
        OUR_REFERRALS, LEADS, ("nobody", "crm", "both"), ("none", "open", "over"), (True, False)
    ):
        lead = Situation("crm", "linked", referral, record=record, edited=edited, window=window, read_only=read_only)
        yield from (replace(lead, base=base) for base in _pasts(referral))
    for record, sync, identifier, claimant in product(
        (*LEADS, "open"), ("on", "off"), ("none", "this"), ("none", "another alive", "a qualified lead")
    ):
        for referral, tied in product(OUR_REFERRALS, (True, False)):
            yield Situation(
                link="none",
                referral=referral,
                record=record,
                sync=sync,
                identifier=identifier,
                claimant=claimant,
                tied=tied,
                base="unknown",
                edited="both",
            )
    for referral, record in product(OUR_REFERRALS, LEADS):
        yield Situation("partner center", "none", referral, names=True, record=record, base="unknown", edited="both")


def _registrations() -> Iterator[Situation]:
    """What became of the win's registration: deals with a link, both sides of which are there."""
    for source, link, referral, record, registration in product(
        SOURCES, TIED, ("active", "won", "lost"), ("open", "won", "lost"), REGISTRATIONS[1:]
    ):
        for base, remembered, sync, read_only in product(_pasts(referral), (True, False), ("on", "off"), (True, False)):
            yield Situation(
                source,
                link,
                referral,
                record=record,
                base=base,
                sync=sync,
                registration=registration,
                remembered=remembered,
                read_only=read_only,
            )
