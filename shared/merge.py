"""plan(): the three-way decision, field by field. Pure, and the only place where it is decided who wins.

An *update* is a difference from the base, never a timestamp; a *conflict* needs both sides changed, to different
values. Every decision carries its reason, because people read it in the audit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

from shared.deal import STATUS, Fields, Value


class Policy(StrEnum):
    """Who wins when both sides changed a field to different values."""

    CRM = "crm"
    PARTNER_CENTER = "partner_center"
    HOLD = "hold"


def _as_is(value: Value) -> Value:
    return value


@dataclass(frozen=True)
class Rule:
    """How one field may travel.

    `to_crm` and `to_partner_center` say whether an *update* may be written to that side. `never_unset` is a yes/no
    field that never returns to no. `never_clear_crm` means that an empty value in Partner Center never clears the CRM.
    `fit` returns the value as the CRM column can hold it (cut or rounded). `remapped` says that the field's row in the
    mapping file changed since the sides last agreed: what the CRM holds may have been cut or left out by the old row.
    """

    name: str
    to_crm: bool
    to_partner_center: bool
    conflict: Policy
    never_unset: bool = False
    never_clear_crm: bool = False
    remapped: bool = False
    fit: Callable[[Value], Value] = field(default=_as_is, compare=False)


@dataclass(frozen=True)
class Change:
    """One field to write on one side: what it held, what it gets, why, and a losing value if there was one."""

    name: str
    old: Value
    new: Value
    reason: str


@dataclass(frozen=True)
class Difference:
    """A field that stays different on the two sides, and why."""

    name: str
    referral: Value
    record: Value
    reason: str
    held: bool = False
    """True when a person must decide; False when the difference is only shown."""


@dataclass(frozen=True)
class Plan:
    """What brings one deal into agreement; `base` is the base once every write has answered.

    `adopted` are fields that changed alike on both sides since the base: nothing to write, but part of the history.
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


def plan(
    base: Fields | None,
    referral: Fields,
    record: Fields,
    rules: Iterable[Rule],
    *,
    referral_closed: bool = False,
    record_closed: bool = False,
) -> Plan:
    """Decide every field of one deal.

    `base` holds the values last seen equal on both sides, in the referral's form; None, or a missing field, means
    unknown: equal values are adopted, unequal ones go by policy, and nothing is ever cleared. `referral_closed` says
    that Partner Center accepts no more changes, so the record's edits are shown as differences instead; `record_closed`
    says the same of the CRM, but for the status.
    """
    known = base or {}
    to_crm, to_partner_center, adopted, differences = [], [], [], []
    agreed = dict(known)
    for rule in rules:
        outcome = _decide(rule, known, referral[rule.name], record[rule.name], closed=referral_closed)
        if outcome.to_crm and record_closed and rule.name != STATUS:
            outcome = _differ(rule, referral[rule.name], record[rule.name], _RECORD_CLOSED)
        if outcome.difference:
            differences.append(outcome.difference)
            continue
        if outcome.to_crm:
            to_crm.append(outcome.to_crm)
        if outcome.to_partner_center:
            to_partner_center.append(outcome.to_partner_center)
        agreed[rule.name] = _agreed_value(rule, referral[rule.name], record[rule.name], outcome)
        if outcome is _AGREED and rule.name in known and agreed[rule.name] != known[rule.name]:
            adopted.append(Change(rule.name, known[rule.name], agreed[rule.name], "the same on both sides"))
    return Plan(tuple(to_crm), tuple(to_partner_center), tuple(adopted), tuple(differences), agreed)


_REMAPPED = "the mapping's row for it changed"
_RECORD_CLOSED = "the record is closed in the CRM, which accepts no more changes"


def _agreed_value(rule: Rule, referral: Value, record: Value, outcome: _Outcome) -> Value:
    if outcome.to_partner_center:
        return outcome.to_partner_center.new
    if rule.never_clear_crm and _empty(referral):
        return record
    return referral


def _decide(rule: Rule, base: Fields, referral: Value, record: Value, *, closed: bool) -> _Outcome:
    if rule.fit(referral) == record:
        return _AGREED
    if rule.never_clear_crm and _empty(referral) and record == rule.fit(base.get(rule.name, record)):
        return _AGREED  # Partner Center has nothing to say, and nobody typed anything.
    if rule.never_unset:
        return _one_way(rule, referral, record, closed=closed)
    if rule.name not in base:
        return _first_meeting(rule, referral, record, closed=closed)
    referral_changed = referral != base[rule.name]
    record_changed = record != rule.fit(base[rule.name])
    if not record_changed:
        return _towards_crm(rule, referral, record, "changed in Partner Center")
    if not referral_changed:
        return _towards_partner_center(rule, base[rule.name], referral, record, closed=closed)
    return _conflict(rule, referral, record, closed=closed, base=base[rule.name])


def _one_way(rule: Rule, referral: Value, record: Value, *, closed: bool) -> _Outcome:
    if referral is True:
        return _towards_crm(rule, referral, record, "yes cannot be taken back in Partner Center")
    if closed or not rule.to_partner_center:
        return _differ(rule, referral, record, _blocked(closed=closed))
    return _Outcome(to_partner_center=Change(rule.name, referral, record, "switched on in the CRM"))


def _first_meeting(rule: Rule, referral: Value, record: Value, *, closed: bool) -> _Outcome:
    reason = _REMAPPED if rule.remapped else "the sides differed when they were linked"
    if rule.remapped and _is_part(record, referral):
        return _towards_crm(rule, referral, record, f"{reason}; the CRM held a part of it")
    if _empty(record):
        return _towards_crm(rule, referral, record, f"{reason}; the CRM was empty")
    if _empty(referral) and rule.to_partner_center and not closed:
        return _Outcome(to_partner_center=Change(rule.name, referral, record, f"{reason}; Partner Center was empty"))
    if _empty(referral):
        return _differ(rule, referral, record, reason)
    return _conflict(rule, referral, record, closed=closed, reason=reason)


def _conflict(
    rule: Rule,
    referral: Value,
    record: Value,
    *,
    closed: bool,
    reason: str = "both sides changed",
    base: Value = None,
) -> _Outcome:
    if rule.conflict is Policy.HOLD:
        return _differ(rule, referral, record, f"{reason}; a person decides by making both equal", held=True)
    crm_wins = rule.conflict is Policy.CRM and rule.to_partner_center and not closed
    keeps = rule.never_clear_crm and _empty(referral)
    if crm_wins or keeps or not rule.to_crm:
        return _send(rule, referral, record, f"{reason}; the CRM wins", wholes=(referral, base), closed=closed)
    return _Outcome(to_crm=Change(rule.name, record, rule.fit(referral), f"{reason}; Partner Center wins"))


def _towards_crm(rule: Rule, referral: Value, record: Value, reason: str) -> _Outcome:
    if not rule.to_crm:
        return _differ(rule, referral, record, "the mapping does not send this to the CRM after creation")
    return _Outcome(to_crm=Change(rule.name, record, rule.fit(referral), reason))


def _towards_partner_center(rule: Rule, base: Value, referral: Value, record: Value, *, closed: bool) -> _Outcome:
    return _send(rule, referral, record, "changed in the CRM", wholes=(base,), closed=closed)


def _send(
    rule: Rule, referral: Value, record: Value, reason: str, *, wholes: tuple[Value, ...], closed: bool
) -> _Outcome:
    """Write the record's value to Partner Center, unless that is not allowed or would cut off what the CRM lacks."""
    if closed or not rule.to_partner_center:
        return _differ(rule, referral, record, _blocked(closed=closed))
    # A rounded number is still that number; a text or list that was cut is only a part of it.
    if any(rule.fit(whole) != whole and not isinstance(whole, Decimal) for whole in wholes):
        return _differ(rule, referral, record, "the CRM column holds only a part; edit the whole in Partner Center")
    return _Outcome(to_partner_center=Change(rule.name, referral, record, reason))


def _differ(rule: Rule, referral: Value, record: Value, reason: str, *, held: bool = False) -> _Outcome:
    return _Outcome(difference=Difference(rule.name, referral, record, reason, held))


def _blocked(*, closed: bool) -> str:
    if closed:
        return "the referral is closed in Partner Center, which accepts no more changes"
    return "Partner Center does not accept this change after creation"


def _is_part(part: Value, whole: Value) -> bool:
    """Whether one value is the beginning of a text, a rounded number, or some members of a set."""
    if isinstance(part, str) and isinstance(whole, str):
        return whole.startswith(part)
    if isinstance(part, Decimal) and isinstance(whole, Decimal):
        return whole.quantize(part, ROUND_HALF_EVEN) == part
    return isinstance(part, tuple) and isinstance(whole, tuple) and set(part) < set(whole)


def _empty(value: Value) -> bool:
    return value is None or value is False or value == ()
