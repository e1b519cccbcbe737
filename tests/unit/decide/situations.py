"""Every situation in which a deal may be found, in plain words: nothing here is the product's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

OPEN_REFERRALS = ("invited", "own new", "active")
ENDED_REFERRALS = ("won", "lost", "declined", "expired")
OUR_REFERRALS = OPEN_REFERRALS + ENDED_REFERRALS
RECORDS = ("on hold", "open", "won", "lost")
LEADS = ("open lead", "qualified", "disqualified")


class Situation(NamedTuple):
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
    others (who registered it), also known (to the link), once asked (as the link alone knows)."""
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
    *("asked", "asked and corrected", "asked and spoilt", "asked of others", "asked of others, known", "once asked"),
)
KNOWN = ("invited and known", "declined", "took part unasked")
"""Of `microsoft`: what the link knows."""


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
            yield found_here._replace(record="gone", successor=successor)
        yield found_here._replace(record="gone", successor="merged into a free record", claimant="an ignored link")
        for record, sync, identifier, tied in product(
            RECORDS, ("on", "off", "excluded"), ("none", "this", "another", "malformed"), (True, False)
        ):
            seen = found_here._replace(record=record, sync=sync, identifier=identifier, tied=tied)
            yield seen
            if tied:
                yield seen._replace(toggled=True)
                for toggled in (True, False) if link == "paused" else ():
                    yield seen._replace(shows="a problem", toggled=toggled)
                    yield seen._replace(shows="a problem", toggled=toggled, read_only=False)
                for read_only in (True, False) if link != "linked" else ():
                    yield seen._replace(shows="something else", read_only=read_only)


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
                yield moved._replace(owner="another")
                yield moved._replace(customer="edited")
                yield moved._replace(customer="edited", owner="another")


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
            yield found_here._replace(carrier=carrier, neighbour=neighbour)
        for claimant, record, sync in product(CLAIMANTS, RECORDS, ("on", "off", "excluded")):
            yield found_here._replace(carrier="found", claimant=claimant, record=record, sync=sync)
        named = found_here._replace(names=True)
        for claimant, intent in product(CLAIMANTS, INTENTS):
            yield named._replace(claimant=claimant, intent=intent, record="gone")
            for record, sync, identifier in product(
                RECORDS, ("on", "off", "excluded"), ("none", "this", "another", "malformed")
            ):
                seen = named._replace(claimant=claimant, intent=intent, record=record, sync=sync, identifier=identifier)
                yield seen
                if intent == "abandoned":
                    yield seen._replace(complete=False)


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
                yield found_here._replace(complete=False)
                yield found_here._replace(legible=False)
                if link == "none":
                    yield found_here._replace(claimant="a merged deal")
                    yield found_here._replace(claimant="another alive")
            elif marks != "none":
                continue  # What else it holds is not looked at.
            for claimant, referral in product(CLAIMANTS, ("gone", "foreign", *OUR_REFERRALS)):
                yield found_here._replace(claimant=claimant, referral=referral)


def _leads() -> Iterator[Situation]:
    """The record is a lead, linked or not; what its own states do not touch is as for every other record."""
    for source, link, referral, record in product(SOURCES, TIED, ("gone", "foreign", *OUR_REFERRALS), LEADS):
        became = {"qualified": ("none", "an opportunity", "an opportunity of another deal")}
        merged = ("none", "merged into a free record", "merged into a deal") if record == "disqualified" else ("none",)
        for successor, sync, identifier in product(
            became.get(record, merged), ("on", "off", "excluded"), ("none", "this", "another")
        ):
            lead = Situation(source, link, referral, record=record, sync=sync, identifier=identifier, base="unknown")
            yield lead._replace(successor=successor)
    for referral, record, edited, window, read_only in product(
        OUR_REFERRALS, LEADS, ("nobody", "crm", "both"), ("none", "open", "over"), (True, False)
    ):
        lead = Situation("crm", "linked", referral, record=record, edited=edited, window=window, read_only=read_only)
        yield from (lead._replace(base=base) for base in _pasts(referral))
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
