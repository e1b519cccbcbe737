"""Fights: automation that answers each of our writes with another one, and would never come to rest.

Who takes the same value back three times fights for it; that costs nothing more than a look now and then. A value that
changes again at once each time that it is written has to rest before it is written again, and ever longer: the last
word of a person who saves often arrives soon after it, and automation that answers each write is answered ever more
rarely.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from shared.deal import Value, mark_of
from shared.link import Link, Repeat, Restless
from shared.merge import Change, Difference, Plan, Stays
from shared.messages.reasons import Reason

FIGHT = 3
"""How often a value is written again after the other side took it back; then the field is held and shown."""

FIGHT_WINDOW = timedelta(hours=24)
"""A repeat that comes later than this is news, not a fight."""

FORGIVEN = timedelta(hours=48)
"""What went round is tried anew after this time: longer than between two looks at a deal that waits for a person."""

DRIFT = 20
"""How often a field is written in a row, each time soon after the last and whatever its value; then it has to rest."""

ROUNDS = 5
"""How often a deal is paused, or its identifier given back, in such a row."""

SOON = timedelta(minutes=10)
"""What follows a write within this time may be the answer to it."""

REST = timedelta(minutes=5)
"""How long a value has to stay as it is after such a row; twice as long each time that it changes again at once."""

LONGEST_REST = timedelta(hours=24)
"""The most that it has to rest; so long after its last write it is written though it never rests."""

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
        sides = (change.new, change.old) if to_crm else (change.old, change.new)
        if repeat and repeat.digest == digest(change) and repeat.count >= FIGHT and now - repeat.at <= FIGHT_WINDOW:
            fought.append(Difference(change.name, *sides, reason, Stays.HELD))
            return False
        return is_calm(change.name, *sides)

    def is_calm(name: str, referral: Value, record: Value) -> bool:
        if rests_until(link, name, seen(referral, record), now) is None:
            return True
        fought.append(Difference(name, referral, record, Reason.KEEPS_CHANGING, Stays.WAITING))
        return False

    to_crm = tuple(each for each in plan.to_crm if worth_writing(each, Reason.REVERSED_BY_CRM, to_crm=True))
    to_partner_center = tuple(
        each for each in plan.to_partner_center if worth_writing(each, Reason.REVERSED_BY_PARTNER_CENTER, to_crm=False)
    )
    # One that goes back and forth agrees every other time, and is no more at rest for it.
    apart = {each.name for each in (*plan.to_crm, *plan.to_partner_center)} | {each.name for each in plan.differences}
    for name in sorted((link.restless.keys() & plan.base.keys()) - apart):
        is_calm(name, plan.base[name], plan.base[name])
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


# --- what has to rest ------------------------------------------------------------------------------------------------


def rests_until(link: Link, name: str, mark: str, now: datetime) -> datetime | None:
    """Return until when a field is not written whose sides hold what `mark` says; None when it may be.

    A row of quick writes begins it; then every change that is seen begins the rest anew.
    """
    row = [each for each in _lanes(link, name) if each.row >= DRIFT and now - each.at <= FORGIVEN]
    if not row:
        return None
    last, known = max(each.at for each in row), link.restless.get(name)
    if known is None and now - last > SOON:
        return None
    since = known.since if known and known.mark == mark else now
    rest = min(REST * 2.0 ** min(max(each.row for each in row) - DRIFT, 20), LONGEST_REST)
    until = min(since + rest, last + LONGEST_REST)
    return until if now < until else None


def restless(plan: Plan, link: Link, now: datetime) -> dict[str, Restless]:
    """Return what the link remembers of the fields that have to rest after this plan was carried out."""
    apart = {each.name: each for each in plan.differences}
    remembered = {name: each for name, each in link.restless.items() if name in apart}
    for name, each in apart.items():
        mark = seen(each.referral, each.record)
        if each.reason is Reason.KEEPS_CHANGING and (name not in remembered or remembered[name].mark != mark):
            remembered[name] = Restless(mark, now)
    return remembered


def looked_at_again(link: Link, names: Iterable[str], now: datetime) -> datetime | None:
    """Return when the first of these fields, as the link remembers them, will have rested."""
    known = ((name, link.restless[name].mark) for name in names)
    return min(filter(None, (rests_until(link, name, mark, now) for name, mark in known)), default=None)


def seen(referral: Value, record: Value) -> str:
    """Return a mark of what both sides hold in a field, without the values."""
    return mark_of(referral, record)


# --- what is remembered ----------------------------------------------------------------------------------------------


def repeats(plan: Plan, link: Link, now: datetime) -> dict[str, Repeat]:
    """Return the link's memory of repeated writes after this plan was carried out.

    Each direction of a field remembers its last write: where both sides insist, the write that takes a value back
    stands between two that are the same. A side that changes its own value back and forth begins anew each time.
    """
    remembered = {name: each for name, each in link.repeats.items() if now - each.at <= _kept(each)}
    rested = link.restless.keys() - {each.name for each in plan.differences}
    written = dict[str, Repeat]()
    for changes, to_crm in ((plan.to_crm, True), (plan.to_partner_center, False)):
        for change in changes:
            key = lane(change.name, to_crm=to_crm)
            written[key] = _again(remembered.get(key), digest(change), now, DRIFT, goes_on=change.name in rested)
    for key in (lane(name, to_crm=to_crm) for name in rested for to_crm in (True, False)):
        if (each := remembered.get(key)) and each.row >= DRIFT:  # Nothing was left to write: it agrees for now.
            remembered[key] = replace(each, at=now, row=each.row + 1)
    return {**remembered, **written}


def once_more(link: Link, what: str, now: datetime) -> dict[str, Repeat]:
    """Return the link's memory after something else than a field was done once more, such as a pause."""
    return {**link.repeats, what: _again(link.repeats.get(what), "", now, _LIMITS[what])}


def goes_round(link: Link, what: str, now: datetime) -> bool:
    """Whether something else than a field was done again and again, each time soon after the last."""
    repeat = link.repeats.get(what)
    return repeat is not None and repeat.row >= _LIMITS[what] and now - repeat.at <= SOON


def _again(earlier: Repeat | None, mark: str, now: datetime, limit: int, *, goes_on: bool = False) -> Repeat:
    if earlier is None:
        return Repeat(mark, 1, now)
    ago = now - earlier.at
    count = earlier.count + 1 if earlier.digest == mark and ago <= FIGHT_WINDOW else 1
    if goes_on or ago <= SOON:
        return Repeat(mark, count, now, earlier.row + 1)
    # What went round is tried twice more, not all over again.
    return Repeat(mark, count, now, limit - 1 if earlier.row >= limit and ago <= FORGIVEN else 1)


def _kept(repeat: Repeat) -> timedelta:
    return FORGIVEN if repeat.row >= DRIFT else FIGHT_WINDOW


def _lanes(link: Link, name: str) -> list[Repeat]:
    found = (link.repeats.get(lane(name, to_crm=to_crm)) for to_crm in (True, False))
    return [each for each in found if each]


def lane(name: str, *, to_crm: bool) -> str:
    """Return the key under which a link remembers the last write of a field in one direction."""
    return f"{name} to {'CRM' if to_crm else 'Partner Center'}"


def digest(change: Change) -> str:
    """Return a mark by which the same write is known again, without its values."""
    return mark_of(change.name, change.old, change.new)
