"""The referral's state machine and how the CRM sees it.

A *stage* is the canonical value of the field `status`: what a referral's status and substatus mean for the deal, and
what the record's state means when held against it. Partner Center's transitions are documented on the pages
"referral-resources" and "create-a-referral"; that nothing changes after a terminal substatus is from "bulk-operations".
"""

from __future__ import annotations

from enum import StrEnum

from shared.merge import Hold, Policy, Rule, Stays
from shared.messages.reasons import Reason


class Stage(StrEnum):
    """Where a deal stands."""

    ON_HOLD = "on_hold"
    """An invitation that nobody has decided yet."""
    ACTIVE = "active"
    WON = "won"
    LOST = "lost"
    DECLINED = "declined"
    EXPIRED = "expired"
    ERROR = "error"


TERMINAL = frozenset({Stage.WON, Stage.LOST, Stage.DECLINED, Stage.EXPIRED, Stage.ERROR})
"""Stages after which Partner Center accepts no change at all."""

_LOST_FOR_CRM = TERMINAL - {Stage.WON}

_UNDER_WAY = frozenset({Stage.ON_HOLD, Stage.ACTIVE})

_WIRE = {
    Stage.ACTIVE: ("Active", "Accepted"),
    Stage.WON: ("Closed", "Won"),
    Stage.LOST: ("Closed", "Lost"),
    Stage.DECLINED: ("Closed", "Declined"),
}

_CLOSED = {
    "won": Stage.WON,
    "lost": Stage.LOST,
    "declined": Stage.DECLINED,
    "expired": Stage.EXPIRED,
    "error": Stage.ERROR,
}


def referral_stage(status: str | None, substatus: str | None, *, invited: bool) -> Stage:
    """Return the stage of a referral.

    `invited` says that another organization invited us; only then does New mean an undecided invitation. Our own
    deals are active from the start, whatever was posted. An unknown closed substatus counts as ERROR: closed is
    certain, and nothing may be written to it.
    """
    state = (status or "").casefold()
    if state == "closed":
        return _CLOSED.get((substatus or "").casefold(), Stage.ERROR)
    if state == "new" and invited:
        return Stage.ON_HOLD
    return Stage.ACTIVE


def align(record: Stage, referral: Stage, base: Stage | None = None, *, lead: bool = False) -> Stage:
    """Return what the record's state means while the referral is where it is.

    The CRM knows on hold, open, won and lost only. Lost is Declined while the invitation is undecided and Lost
    afterwards, and agrees with every other way a referral can end without being won. On hold means something only
    while the referral is an undecided invitation, or was one when the sides last agreed (`base`); for every other deal
    it is just an open record.

    A lead's own states say less: while it is not disqualified it agrees with an undecided and an accepted referral.
    """
    if lead and record not in _LOST_FOR_CRM:
        return next((each for each in (referral, base) if each in _UNDER_WAY), Stage.ACTIVE)
    if record is Stage.LOST:
        if referral in _LOST_FOR_CRM:
            return referral
        return Stage.DECLINED if referral is Stage.ON_HOLD else Stage.LOST
    if record is Stage.ON_HOLD and Stage.ON_HOLD not in {referral, base}:
        return Stage.ACTIVE
    return record


def crm_view(stage: Stage) -> Stage:
    """Return the one of on hold, active, won and lost that the CRM shows for a stage."""
    return Stage.LOST if stage in _LOST_FOR_CRM else stage


def wire_status(stage: Stage) -> tuple[str, str]:
    """Return the (status, substatus) pair to write for a stage; both always travel in one PATCH.

    Raises KeyError for stages that only Partner Center itself sets (expired, error) or that cannot be returned to.
    """
    return _WIRE[stage]


def status_rule(base: Stage | None, referral: Stage, record: Stage, *, lead: bool = False) -> Rule:
    """Return how the field `status` may travel between these two stages; `base` is the stage last agreed, if known.

    A terminal status that a person set in Partner Center wins over an open record; otherwise the seller decides. What
    cannot be taken back is left to a person unless both sides' histories are known: nothing is closed and no
    invitation is accepted on an unknown base. A `lead` cannot be won: a person has to qualify it.
    """
    policy = Policy.PARTNER_CENTER if referral in TERMINAL else Policy.CRM
    hold = _status_hold(base, referral, record)
    if lead and hold is None and referral is Stage.WON:
        hold = Hold(Stays.DECIDE, Reason.LEAD_WON)
    return Rule("status", to_crm=True, to_partner_center=record in _WIRE, conflict=policy, hold=hold)


def _status_hold(base: Stage | None, referral: Stage, record: Stage) -> Hold | None:
    """Return why a person has to decide between two stages, or None."""
    ends = {referral, record} & TERMINAL
    if base is None:
        return Hold(Stays.DECIDE, Reason.UNKNOWN_PAST) if ends or Stage.ON_HOLD in {referral, record} else None
    if referral in TERMINAL and record in TERMINAL:
        return Hold(Stays.DECIDE, Reason.OPPOSITE_ENDS)
    if referral in TERMINAL and referral is base:
        return Hold(Stays.ASKED, Reason.REOPENED_IN_CRM)
    if referral is Stage.EXPIRED and record is not base:
        return Hold(Stays.DECIDE, Reason.EXPIRED_BUT_MOVED)
    return None
