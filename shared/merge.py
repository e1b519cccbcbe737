"""plan(): the three-way decision, field by field. Pure, and the only place where it is decided who wins.

An *update* is a difference from the base, never a timestamp; a *conflict* needs both sides changed, otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from shared.deal import HELP, STATUS, Fields, Value, is_part
from shared.messages.reasons import Reason


class Policy(StrEnum):
    """Who wins when both sides changed a field to different values."""

    CRM = "crm"
    PARTNER_CENTER = "partner_center"
    HOLD = "hold"


class Stays(StrEnum):
    """What it means that a field stays different."""

    KEPT = "kept"
    """The mapping's rules intend it: nobody has to do anything."""
    ASKED = "asked"
    """Somebody asked for something that is not on the other side and is not going to be."""
    HELD = "held"
    """Both sides differ until a person makes them equal."""
    DECIDE = "decide"
    """A person must decide before the deal can end well."""
    WAITING = "waiting"
    """It travels later, without anybody's doing."""


@dataclass(frozen=True)
class Hold:
    """Why a field is not written to either side while the sides differ."""

    stays: Stays
    reason: Reason


@dataclass(frozen=True)
class Rule:
    """How one field may travel.

    `to_crm` and `to_partner_center` say whether an *update* may be written to that side. `never_unset` is a yes/no
    field that never returns to no. `never_clear_crm` means that an empty value in Partner Center never clears the CRM.
    `fit` returns the value as the CRM column can hold it (cut or rounded). `remapped` says that the field's row in the
    mapping file changed since the sides last agreed: what the CRM holds may have been cut or left out by the old row.
    `crm_may_say_nothing`: an empty value in the CRM differs from none, and clears none.
    """

    name: str
    to_crm: bool
    to_partner_center: bool
    conflict: Policy
    never_unset: bool = False
    never_clear_crm: bool = False
    remapped: bool = False
    hold: Hold | None = None
    fit: Callable[[Value], Value] = field(default=lambda value: value, compare=False)
    crm_may_say_nothing: bool = False

    def holds(self, planned: Value, held: Value) -> bool:
        """Whether what the CRM holds is the planned value, as its column can hold it."""
        return self.fit(planned) == held or (self.crm_may_say_nothing and _empty(held))


@dataclass(frozen=True)
class Change:
    """One field to write on one side: what it held, what it gets, why, and a losing value if there was one."""

    name: str
    old: Value
    new: Value
    reason: Reason


@dataclass(frozen=True)
class Difference:
    """A field that stays different on the two sides, and why."""

    name: str
    referral: Value
    record: Value
    reason: Reason
    stays: Stays = Stays.ASKED


@dataclass(frozen=True)
class Plan:
    """What brings one deal into agreement; `base` is the base once every write has answered.

    `adopted` are fields that changed alike on both sides since the base: nothing to write, but part of the audit.
    """

    to_crm: tuple[Change, ...]
    to_partner_center: tuple[Change, ...]
    adopted: tuple[Change, ...]
    differences: tuple[Difference, ...]
    base: Fields

    @property
    def writes(self) -> bool:
        """Whether anything is to be written to either side."""
        return bool(self.to_crm or self.to_partner_center)


@dataclass(frozen=True)
class _Outcome:
    """A decision about one field; exactly one of the three shapes below is filled."""

    to_crm: Change | None = None
    to_partner_center: Change | None = None
    difference: Difference | None = None


_AGREED = _Outcome()


@dataclass(frozen=True)
class Closed:
    """Which sides have ended. A `referral` that has accepts no change; a `locked` record takes none but its status."""

    referral: bool = False
    record: bool = False
    locked: bool = False


_OPEN = Closed()


def plan(base: Fields | None, referral: Fields, record: Fields, rules: Iterable[Rule], closed: Closed = _OPEN) -> Plan:
    """Decide every field of one deal.

    `base` holds the values last seen equal on both sides, in the referral's form; None, or a missing field, means
    unknown: equal values are adopted, unequal ones go by policy, nothing is ever cleared, and nothing is written while
    either side is closed: old deals stay as they are. Edits that a closed side cannot take are shown as differences.
    """
    known = base or {}
    to_crm, to_partner_center, adopted, differences = [], [], [], []
    agreed = dict(known)
    for rule in rules:
        outcome = _outcome(rule, known, referral[rule.name], record[rule.name], closed)
        if outcome.difference:
            differences.append(outcome.difference)
            continue
        if outcome.to_crm:
            to_crm.append(outcome.to_crm)
        if outcome.to_partner_center:
            to_partner_center.append(outcome.to_partner_center)
        agreed[rule.name] = _agreed_value(rule, referral[rule.name], record[rule.name], outcome)
        if outcome is _AGREED and rule.name in known and agreed[rule.name] != known[rule.name]:
            adopted.append(Change(rule.name, known[rule.name], agreed[rule.name], Reason.SAME_ON_BOTH_SIDES))
    return Plan(tuple(to_crm), tuple(to_partner_center), tuple(adopted), tuple(differences), agreed)


def _outcome(rule: Rule, base: Fields, referral: Value, record: Value, closed: Closed) -> _Outcome:
    """Return the decision about one field, or a difference where a closed side must not be written, or refuses it."""
    outcome = _decide(rule, base, referral, record, closed=closed.referral)
    if outcome.difference or outcome is _AGREED or rule.name == STATUS:
        return outcome
    if rule.name not in base and (closed.referral or closed.record):
        return _differ(rule, referral, record, Reason.HISTORICAL, Stays.KEPT if base else Stays.ASKED)
    if outcome.to_crm and closed.locked:
        over = _empty(referral) and not rule.to_partner_center  # What Partner Center alone tells is over.
        return _differ(rule, referral, record, Reason.RECORD_CLOSED, Stays.KEPT if over else Stays.ASKED)
    return outcome


def _agreed_value(rule: Rule, referral: Value, record: Value, outcome: _Outcome) -> Value:
    if outcome.to_partner_center:
        return outcome.to_partner_center.new
    if rule.never_clear_crm and _empty(referral):
        return outcome.to_crm.new if outcome.to_crm else record
    return referral


def _decide(rule: Rule, base: Fields, referral: Value, record: Value, *, closed: bool) -> _Outcome:
    if _is_frozen_edit(rule, base.get(rule.name), referral, record):
        return _Outcome(to_crm=Change(rule.name, record, rule.fit(base[rule.name]), Reason.FROZEN))
    if rule.holds(referral, record):
        return _AGREED
    if rule.never_clear_crm and _empty(referral) and record == rule.fit(base.get(rule.name, record)):
        return _AGREED  # Partner Center has nothing to say, and nobody typed anything.
    if rule.hold:
        return _differ(rule, referral, record, rule.hold.reason, rule.hold.stays)
    if rule.never_unset:
        return _one_way(rule, referral, record, closed=closed)
    if rule.name not in base:
        return _first_meeting(rule, referral, record, closed=closed)
    referral_changed = referral != base[rule.name] and not (rule.never_clear_crm and _empty(referral))
    record_changed = record != rule.fit(base[rule.name])
    if not record_changed:
        return _towards_crm(rule, referral, record, Reason.CHANGED_IN_PARTNER_CENTER)
    if not referral_changed:
        return _send(rule, referral, record, Reason.CHANGED_IN_CRM, wholes=(base[rule.name],), closed=closed)
    return _conflict(rule, referral, record, _BOTH, closed=closed, base=base[rule.name])


def _one_way(rule: Rule, referral: Value, record: Value, *, closed: bool) -> _Outcome:
    if referral is True:
        return _towards_crm(rule, referral, record, Reason.CANNOT_BE_WITHDRAWN)
    if closed or not rule.to_partner_center:
        return _blocked(rule, referral, record, closed=closed)
    return _Outcome(to_partner_center=Change(rule.name, referral, record, Reason.SWITCHED_ON_IN_CRM))


def _first_meeting(rule: Rule, referral: Value, record: Value, *, closed: bool) -> _Outcome:
    if rule.remapped and is_part(record, referral):
        return _towards_crm(rule, referral, record, Reason.REMAPPED_CRM_PARTIAL)
    if _empty(record):
        reason = Reason.REMAPPED_CRM_EMPTY if rule.remapped else Reason.DIFFERED_CRM_EMPTY
        return _towards_crm(rule, referral, record, reason)
    if _empty(referral) and rule.to_partner_center and not closed:
        reason = Reason.REMAPPED_PARTNER_CENTER_EMPTY if rule.remapped else Reason.DIFFERED_PARTNER_CENTER_EMPTY
        return _Outcome(to_partner_center=Change(rule.name, referral, record, reason))
    if _empty(referral):
        return _blocked(rule, referral, record, closed=closed)
    return _conflict(rule, referral, record, _REMAPPED if rule.remapped else _FIRST, closed=closed)


@dataclass(frozen=True)
class _Conflict:
    """The reasons for each way in which a conflict may end."""

    crm_wins: Reason
    partner_center_wins: Reason
    held: Reason


_BOTH = _Conflict(Reason.BOTH_CHANGED_CRM_WINS, Reason.BOTH_CHANGED_PARTNER_CENTER_WINS, Reason.BOTH_CHANGED_HELD)
_FIRST = _Conflict(Reason.DIFFERED_CRM_WINS, Reason.DIFFERED_PARTNER_CENTER_WINS, Reason.DIFFERED_HELD)
_REMAPPED = _Conflict(Reason.REMAPPED_CRM_WINS, Reason.REMAPPED_PARTNER_CENTER_WINS, Reason.DIFFERED_HELD)


def _conflict(
    rule: Rule, referral: Value, record: Value, reasons: _Conflict, *, closed: bool, base: Value = None
) -> _Outcome:
    if rule.conflict is Policy.HOLD:
        return _differ(rule, referral, record, reasons.held, Stays.HELD)
    crm_wins = rule.conflict is Policy.CRM and rule.to_partner_center and not closed
    if crm_wins or not rule.to_crm or (rule.never_clear_crm and _empty(referral)):
        return _send(rule, referral, record, reasons.crm_wins, wholes=(referral, base), closed=closed)
    return _Outcome(to_crm=Change(rule.name, record, rule.fit(referral), reasons.partner_center_wins))


def _towards_crm(rule: Rule, referral: Value, record: Value, reason: Reason) -> _Outcome:
    if not rule.to_crm:
        return _differ(rule, referral, record, Reason.NOT_SENT_TO_CRM, Stays.KEPT)
    return _Outcome(to_crm=Change(rule.name, record, rule.fit(referral), reason))


def _send(
    rule: Rule, referral: Value, record: Value, reason: Reason, *, wholes: tuple[Value, ...], closed: bool
) -> _Outcome:
    """Write the record's value to Partner Center, unless that is not allowed or would cut off what the CRM lacks."""
    if closed or not rule.to_partner_center:
        return _blocked(rule, referral, record, closed=closed)
    # A rounded number is still that number; a text or list that was cut is only a part of it.
    if any(rule.fit(whole) != whole and not isinstance(whole, Decimal) for whole in wholes):
        return _differ(rule, referral, record, Reason.CRM_HOLDS_A_PART, Stays.ASKED)
    return _Outcome(to_partner_center=Change(rule.name, referral, record, reason))


def _blocked(rule: Rule, referral: Value, record: Value, *, closed: bool) -> _Outcome:
    """Say why the record's value does not reach Partner Center."""
    if closed:
        return _differ(rule, referral, record, Reason.REFERRAL_CLOSED, Stays.ASKED)
    if rule.name == HELP:
        return _differ(rule, referral, record, Reason.HELP_NOT_ASKED, Stays.ASKED)
    return _differ(rule, referral, record, Reason.NOT_SENT_TO_PARTNER_CENTER, Stays.KEPT)


def _differ(rule: Rule, referral: Value, record: Value, reason: Reason, stays: Stays) -> _Outcome:
    return _Outcome(difference=Difference(rule.name, referral, record, reason, stays))


def _is_frozen_edit(rule: Rule, submitted: Value, referral: Value, record: Value) -> bool:
    """Whether the CRM lost, or changed, what was submitted once and is taken by Partner Center no more.

    Our own half need not repeat it, so an empty value there says nothing.
    """
    if not rule.never_clear_crm or rule.to_partner_center or _empty(submitted) or record == rule.fit(submitted):
        return False
    untouched = _empty(referral) or referral == submitted
    return untouched and (_empty(record) or rule.name == HELP)


def _empty(value: Value) -> bool:
    return value is None or value is False or value == ()
