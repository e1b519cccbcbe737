"""Fights: automation that answers each of our writes with another one, and would never come to rest.

Who takes the same value back three times fights for it. Who answers every write at once with yet another value fights
itself, or us; by their pace they are told from people. Neither costs anything more than a look now and then.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from shared.link import Link, Repeat
from shared.merge import Change, Difference, Plan, Stays
from shared.messages.reasons import Reason

FIGHT = 3
"""How often a value is written again after the other side took it back; then the field is held and shown."""

FIGHT_WINDOW = timedelta(hours=24)
"""A repeat that comes later than this is news, not a fight."""

FORGIVEN = timedelta(hours=48)
"""What went round is tried anew after this time: longer than between two looks at a deal that waits for a person."""

DRIFT = 20
"""How often a field is written in a row, each time soon after the last and whatever its value; then it is held."""

ROUNDS = 5
"""How often a deal is paused, or its identifier given back, in such a row."""

SOON = timedelta(minutes=10)
"""What follows a write within this time may be the answer to it."""

SHOWS = 60
"""How often, in such a row, a record is written for its Audit and status alone."""

PAUSE, TIE, SHOW, HELD = "pause", "identifier to CRM", "audit to CRM", "held"
"""What else than fields goes round, as a link remembers it."""

_LIMITS = {PAUSE: ROUNDS, TIE: ROUNDS, SHOW: SHOWS, HELD: ROUNDS}


def without_fights(plan: Plan, link: Link, now: datetime) -> Plan:
    """Return the plan without the writes that automation on the other side answers with a new one every time."""
    if not link.repeats:
        return plan
    fought: list[Difference] = []

    def worth_writing(change: Change, reason: Reason, *, to_crm: bool) -> bool:
        repeat = link.repeats.get(lane(change.name, to_crm=to_crm))
        if repeat is None or now - repeat.at > FIGHT_WINDOW:
            return True
        if repeat.digest != digest(change) or repeat.count < FIGHT:
            if not drifts(repeat, now):
                return True
            reason = Reason.KEEPS_CHANGING
        referral, record = (change.new, change.old) if to_crm else (change.old, change.new)
        fought.append(Difference(change.name, referral, record, reason, Stays.HELD))
        return False

    to_crm = tuple(each for each in plan.to_crm if worth_writing(each, Reason.REVERSED_BY_CRM, to_crm=True))
    to_partner_center = tuple(
        each for each in plan.to_partner_center if worth_writing(each, Reason.REVERSED_BY_PARTNER_CENTER, to_crm=False)
    )
    # One that goes back and forth agrees every other time, and is no more at rest for it.
    written = {each.name for each in (*plan.to_crm, *plan.to_partner_center)}
    restless = [name for name in plan.base if name not in written and _is_restless(link, name, now)]
    fought += [
        Difference(name, plan.base[name], plan.base[name], Reason.KEEPS_CHANGING, Stays.HELD) for name in restless
    ]
    if not fought:
        return plan
    names = {each.name for each in fought}
    base = {name: value for name, value in plan.base.items() if name not in names}
    base |= {name: link.base[name] for name in names if name in link.base}
    return replace(
        plan,
        to_crm=to_crm,
        to_partner_center=to_partner_center,
        differences=(*plan.differences, *fought),
        base=base,
    )


def repeats(plan: Plan, link: Link, now: datetime) -> dict[str, Repeat]:
    """Return the link's memory of repeated writes after this plan was carried out.

    Each direction of a field remembers its last write: where both sides insist, the write that takes a value back
    stands between two that are the same. A side that changes its own value back and forth begins anew each time.
    """
    remembered = {name: each for name, each in link.repeats.items() if now - each.at <= FIGHT_WINDOW}
    for changes, to_crm in ((plan.to_crm, True), (plan.to_partner_center, False)):
        for change in changes:
            key = lane(change.name, to_crm=to_crm)
            remembered[key] = _again(remembered.get(key), digest(change), now, FIGHT_WINDOW)
    return remembered


def once_more(link: Link, what: str, now: datetime) -> dict[str, Repeat]:
    """Return the link's memory after something else than a field was done once more, such as a pause."""
    earlier = link.repeats.get(what)
    again = _again(earlier, "", now, SOON)
    if earlier and earlier.row >= _LIMITS[what] and SOON < now - earlier.at <= FORGIVEN:
        again = replace(again, row=_LIMITS[what] - 1)  # What went round is tried twice more, not all over again.
    return {**link.repeats, what: again}


def goes_round(link: Link, what: str, now: datetime) -> bool:
    """Whether something else than a field was done again and again, each time soon after the last."""
    repeat = link.repeats.get(what)
    return repeat is not None and repeat.row >= _LIMITS[what] and now - repeat.at <= SOON


def _is_restless(link: Link, name: str, now: datetime) -> bool:
    known = (link.repeats.get(lane(name, to_crm=to_crm)) for to_crm in (True, False))
    return any(each is not None and drifts(each, now) for each in known)


def drifts(repeat: Repeat, now: datetime) -> bool:
    """Whether a field was written again and again, whatever its value, each time soon after the last."""
    return repeat.row >= DRIFT and now - repeat.at <= SOON


def _again(earlier: Repeat | None, mark: str, now: datetime, rest: timedelta) -> Repeat:
    count = earlier.count + 1 if earlier and earlier.digest == mark else 1
    # One that went round goes on where it was, a write at a time, until it has rested.
    goes_on = earlier is not None and now - earlier.at <= (SOON if earlier.row < DRIFT else rest)
    return Repeat(mark, count, now, row=earlier.row + 1 if earlier and goes_on else 1)


def lane(name: str, *, to_crm: bool) -> str:
    """Return the key under which a link remembers the last write of a field in one direction."""
    return f"{name} to {'CRM' if to_crm else 'Partner Center'}"


def digest(change: Change) -> str:
    """Return a mark by which the same write is known again, without its values."""
    return hashlib.sha256(repr((change.name, change.old, change.new)).encode()).hexdigest()[:12]
