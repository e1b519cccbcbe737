"""Whether a record and a referral are one deal, from what their customers and their deals have in common. Pure.

A score is a proposal to a person, never a decision: nothing below an identity (score 1) is tied unasked. A deal needs
evidence of its own, its name or its value: a customer has many deals, and many of them end on the same day.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from shared.mapping.likeness import digits

PROPOSED = 0.5
"""From this score on a pair is shown to a person."""

CLOSE = 0.1
"""Another candidate within so much of the best one makes the pair ambiguous."""

_WORD = re.compile(r"\w+")
_DROPPED = str.maketrans("", "", ".'\u2019")

Mark = str | int
"""A comparable spelling, or a digest of it."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What is compared, in comparable spellings; empty where it is not known.

    `record_id` is the record's own id, or the one that the referral names as its CRM ID. `amount` is value and
    currency together: 1000 EUR are not 1000 USD. Only ever compared for equality, so that an index may hold digests.
    """

    record_id: Mark = ""
    duns: Mark = ""
    customer: Mark = ""
    postal_code: Mark = ""
    country: Mark = ""
    name: Mark = ""
    amount: Mark = ""
    closing: Mark = ""


@dataclass(frozen=True, slots=True)
class Score:
    """How sure it is that two sides are one deal, from 0 to 1, and why, the weightiest reason first."""

    points: float
    reasons: tuple[str, ...]

    @property
    def certain(self) -> bool:
        """Whether an identity says so, and nobody has to judge."""
        return self.points >= 1


@dataclass(frozen=True)
class _Evidence:
    trait: str
    same: float
    other: float
    words: str
    of_the_deal: bool = False


_EVIDENCE = (
    _Evidence("duns", 0.3, -0.4, "D-U-N-S number"),
    _Evidence("name", 0.3, 0.0, "deal name", of_the_deal=True),
    _Evidence("amount", 0.25, -0.05, "value and currency", of_the_deal=True),
    _Evidence("customer", 0.25, -0.2, "customer name"),
    _Evidence("postal_code", 0.15, -0.1, "postal code"),
    _Evidence("closing", 0.1, 0.0, "closing date"),
    _Evidence("country", 0.0, -0.3, "country"),
)
CUSTOMER = ("duns", "customer", "postal_code", "country")
"""The traits that tell whose deal it is."""

_HIGHEST = 0.99
"""However much agrees: only an identity is certain."""


def score(record: Traits, referral: Traits) -> Score:
    """Return how likely a record and a referral are one deal. The referral that names the record's id is certain."""
    if record.record_id and record.record_id == referral.record_id:
        return Score(1.0, ("the referral's CRM ID names the record",))
    if referral.record_id:
        return Score(0.0, ("the referral's CRM ID names another record",))
    points, found, of_the_deal = 0.0, [], False
    for each in _EVIDENCE:
        ours, theirs = getattr(record, each.trait), getattr(referral, each.trait)
        if not (ours and theirs):
            continue
        same = ours == theirs
        weight = each.same if same else each.other
        points += weight
        of_the_deal = of_the_deal or (same and each.of_the_deal)
        if weight:
            found.append((abs(weight), f"{'same' if same else 'other'} {each.words}"))
    reasons = tuple(words for _, words in sorted(found, key=lambda each: -each[0]))
    if not of_the_deal:
        return Score(0.0, reasons)
    return Score(round(min(max(points, 0.0), _HIGHEST), 2), reasons)


def best(scored: Iterable[tuple[str, Score]]) -> tuple[str, Score] | None:
    """Return the likeliest candidate that is worth proposing, saying so when another one is about as likely."""
    ranked = sorted(
        (each for each in scored if each[1].points >= PROPOSED), key=lambda each: (-each[1].points, each[0])
    )
    if not ranked:
        return None
    chosen, top = ranked[0]
    rivals = [name for name, other in ranked[1:] if top.points - other.points < CLOSE]
    if not rivals or top.certain:
        return chosen, top
    others = f"{len(rivals)} more are about as likely: {', '.join(rivals[:3])}"
    return chosen, Score(min(top.points, PROPOSED), (others, *top.reasons))


# --- comparable spellings --------------------------------------------------------------------------------------------


def plain(text: object) -> str:
    """Return a name without what people spell differently: case, width, accents, punctuation, a leading check mark."""
    folded = unicodedata.normalize("NFKD", str(text or "")).casefold().translate(_DROPPED)
    bare = "".join(each for each in folded if not unicodedata.combining(each))
    return unicodedata.normalize("NFC", " ".join(_WORD.findall(bare)))


def record_id(text: object) -> str:
    """Return a record's id in one spelling: GUIDs ignore case, and 18 characters of Salesforce are 15 and a check."""
    bare = str(text or "").strip().strip("{}")
    return bare[:15] if len(bare) in (15, 18) and bare.isalnum() else bare.lower()


def amount(value: object, currency: object) -> str:
    """Return value and currency as one text; empty for no value or zero, which many deals have in common."""
    if not isinstance(value, Decimal) or not value:
        return ""
    return f"{value.normalize():f} {str(currency or '').upper()}"


def day(value: object) -> str:
    """Return a day."""
    return value.isoformat() if isinstance(value, date) else ""


def duns_of(profile: object) -> str:
    """Return the D-U-N-S number of a referral's customerProfile: `ids` is an array of {profileType, id}."""
    ids = profile.get("ids") if isinstance(profile, Mapping) else None
    for each in ids if isinstance(ids, list) else [ids]:
        if isinstance(each, Mapping) and str(each.get("profileType")).casefold() == "duns":
            return digits(str(each.get("id") or ""))
    return ""
