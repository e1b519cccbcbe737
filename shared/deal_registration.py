"""The registration of a won deal with Microsoft, as facts: what Partner Center tells of it, and the form for it. Pure.

Source: referral-resources (`registrations`, `registrationStatus`) and the connector's published swagger, which name the
members and the states. How long a state lasts, and which ends are final, is not documented.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from shared.deal import Fields
from shared.problems import Problem

FIELD = "deal_registration"
"""What problems of a registration as a whole are about."""

REVIEW_PENDING = "ReviewPending"
ACTION_REQUIRED = "ActionRequired"
APPROVED = "Approved"
PASSED = "Passed"
FAILED = "Failed"
CLOSED = "Closed"

STATES = (REVIEW_PENDING, ACTION_REQUIRED, APPROVED, PASSED, FAILED, CLOSED)
"""The states that the documentation names; any other text that Partner Center tells is kept as it is."""

_NOTHING = ("", "None")


@dataclass(frozen=True)
class DealRegistration:
    """What became of a registration when it was last read.

    `number` is its place among the referral's registrations, from 0. `form` is the digest of the form as we sent it
    last; empty for a registration that somebody else made. `shown` is what the record's column shows of it.
    """

    status: str
    reason: str = ""
    number: int = 0
    form: str = ""
    shown: str = ""


def read_registration(referral: Mapping[str, object]) -> DealRegistration | None:
    """Return what a referral tells of its registration, the newest of several; None when there is none.

    Older rows lack the list, and no page says that a row which has `registrationStatus` shows the list, too: either
    will do.
    """
    rows = referral.get("registrations")
    entries = rows if isinstance(rows, list) else []
    overall = _text(referral, "registrationStatus")
    if not entries and overall in _NOTHING:
        return None
    last = entries[-1] if entries and isinstance(entries[-1], Mapping) else {}
    own = _text(last, "status")
    status = next((each for each in (own, overall) if each not in _NOTHING), REVIEW_PENDING)
    known = next((each for each in STATES if each.casefold() == status.casefold()), status)
    return DealRegistration(known, _text(last, "statusReason"), max(len(entries) - 1, 0))


def _text(body: Mapping[str, object], name: str) -> str:
    value = body.get(name)
    return value.strip() if isinstance(value, str) else ""


@dataclass(frozen=True)
class Form:
    """A filled form: JSON values by their path in a registration, and what is wrong with it, field by field."""

    values: Mapping[str, object]
    problems: tuple[Problem, ...] = ()

    @property
    def digest(self) -> str:
        """A digest of the values: another one after any of them was changed."""
        return hashlib.sha256(json.dumps(dict(self.values), sort_keys=True).encode()).hexdigest()[:12]


class RegistrationForm(Protocol):
    """The form as the mapping file has it."""

    def wanted(self, columns: Mapping[str, object]) -> bool:
        """Whether the win of a record is to be registered: the file's condition is met."""
        ...

    def fill(self, columns: Mapping[str, object], deal: Fields) -> Form:
        """Return the form filled from a record's columns, the rest from what both sides agreed on."""
        ...
