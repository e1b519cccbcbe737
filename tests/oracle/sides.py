"""Whether a referral and a record say the same: the definitions of docs/SYNC.md, with no help of the product's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from tests.oracle.spelling import BY_NAME, FIELDS, Body, Field, Meaning, at, number, rounded

DYNAMICS, SALESFORCE = "dynamics365", "salesforce"

UNKNOWN = "(unknown)"
"""What the base holds of a field that it does not know."""


@dataclass(frozen=True)
class Apart:
    """A field of which the two sides do not say the same."""

    field: str
    there: object
    here: object

    def __str__(self) -> str:
        return f"{self.field}: Partner Center {self.there!r}, CRM {self.here!r}"


def undecided(referral: Body) -> bool:
    """Whether it is an invitation of somebody else's, or a lead, that nobody has decided."""
    if referral["status"] != "New":
        return False
    inviter = at(referral, "inviteContext.invitedBy.organizationId")
    if inviter:
        return bool(inviter != referral["organizationId"])
    return referral.get("type") == "Independent" and referral.get("qualification") == "Direct"


def stands(referral: Body) -> str:
    """Where the deal stands in Partner Center."""
    if referral["status"] == "Closed":
        return str(referral["substatus"]).casefold()
    return "on_hold" if undecided(referral) else "active"


def stands_here(record: Body, crm: str = DYNAMICS) -> str:
    """Where the deal stands in the CRM: on hold, open, won or lost."""
    if crm == DYNAMICS:
        state = {0: "open", 1: "won", 2: "lost"}[record["statecode"]]
        return "on_hold" if state == "open" and record["statuscode"] == 2 else state
    stage = str(record["StageName"])
    return {"Prospecting": "on_hold", "Closed Won": "won", "Closed Lost": "lost"}.get(stage, "open")


def same_stand(there: str, here: str) -> bool:
    """The table "Where a deal stands": on hold says something only of an undecided invitation."""
    if there == "on_hold":
        return here == "on_hold"
    if there == "active":
        return here in ("on_hold", "open")
    return here == ("won" if there == "won" else "lost")


def _meanings(referral: Body, record: Body, crm: str) -> Iterator[tuple[Field, Meaning, Meaning]]:
    side = 0 if crm == DYNAMICS else 1
    for field in FIELDS:
        there = field.there(at(referral, field.path))
        if field.name == "decide_by" and not undecided(referral):
            there = None
        here = field.here(record.get(field.columns[side]))
        yield field, here if field.kept[side] and there is None else there, here


def same(field: Field, there: Meaning, here: Meaning, crm: str = DYNAMICS, digits: int = 2) -> bool:
    """Whether a record says what Partner Center says, as far as its column can hold it."""
    if there == here:
        return True
    if isinstance(there, Decimal) and isinstance(here, Decimal):
        return here in rounded(there, digits)
    limit = field.limit[crm != DYNAMICS] if field.limit else None
    if limit and isinstance(there, str) and isinstance(here, str):
        return _units(there) > limit and there.startswith(here.rstrip(".\u2026")) and _units(here) > limit - 10
    if limit and isinstance(there, frozenset) and isinstance(here, frozenset):
        return here < there and len(", ".join(sorted(there))) > limit
    return False


def says_the_same(referral: Body, record: Body, name: str) -> bool:
    """Whether a referral and its record in Dynamics 365 hold the same in one field that nothing is special about."""
    field = BY_NAME[name]
    return same(field, field.there(at(referral, field.path)), field.here(record.get(field.columns[0])))


def apart(referral: Body, record: Body, crm: str = DYNAMICS, digits: int = 2) -> list[Apart]:
    """Return every field, the status too, of which a referral and its record do not say the same."""
    found = [
        Apart(field.name, there, here)
        for field, there, here in _meanings(referral, record, crm)
        if not same(field, there, here, crm, digits)
    ]
    there, here = stands(referral), stands_here(record, crm)
    return found if same_stand(there, here) else [*found, Apart("status", there, here)]


def false_base(referral: Body, record: Body, base: Mapping[str, Any], crm: str = DYNAMICS) -> list[Apart]:
    """Return every field of which the base does not say what Partner Center says (P7), of two sides that agree."""
    wanted = {field.name: there for field, there, _ in _meanings(referral, record, crm)}
    wanted["status"] = stands(referral)
    held = {name: plain(base.get(name, UNKNOWN)) for name in wanted}
    return [Apart(name, value, held[name]) for name, value in wanted.items() if held[name] != value]


def plain(value: Any) -> object:
    """Return a stored value as Python's own."""
    if isinstance(value, tuple):
        return frozenset(value)
    if isinstance(value, bool | date) or value is None:
        return value
    return number(value) if isinstance(value, Decimal) else str(value)


def may_wait(referral: Body) -> frozenset[str]:
    """Return the fields that a seller's edit of the record leaves different until the invitation is accepted."""
    if not undecided(referral):
        return frozenset()
    return frozenset(field.name for field in FIELDS if field.sent)


def told_by_microsoft(theirs: Body | None) -> str | None:
    """What Microsoft's row of the engagement answers, as the record shows it; None while there is no such row."""
    if theirs is None:
        return None
    reason = f" ({theirs['statusReason']})" if theirs.get("statusReason") else ""
    if theirs["status"] == "Closed":
        return f"{theirs['substatus']}{reason}"
    return "Invited" if theirs["status"] == "New" else "Accepted"


def _units(plain_text: str) -> int:
    return len(plain_text.encode("utf-16-le")) // 2
