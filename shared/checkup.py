"""What was looked at, and how it stands: one judgement for the status page, its command and the doctor.

A finding is a key of the catalogue with its values, so that it can be kept: what costs a remote call is looked at by
the Reconciler, and the status page tells what that saw, and when.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.ledger.drawers import Drawer, document
from shared.messages import Messages


class Degree(StrEnum):
    """How a thing stands."""

    OK = "ok"
    NOTE = "note"
    """It is in order, and a person should know something about it."""
    LOOK = "look"
    """It works, and a person should do something about it."""
    WRONG = "wrong"
    """It must be put right, and no deal waits for it."""
    DOWN = "down"
    """It must be put right, and deals wait for it."""


WELL = frozenset({Degree.OK, Degree.NOTE})
"""Where nobody has to do anything."""

CRM_ADMIN, PARTNER_CENTER_ADMIN, AZURE_ADMIN = "crm_admin", "partner_center_admin", "azure_admin"
"""Who can put something right: keys of the catalogue's `words`."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. Its sentence is `check.<key>` of the catalogue, its remedy `remedy.<key>`.

    `said` is the sentence of one that is no catalogue's: an alert's, or a service's own words.
    """

    subject: str
    degree: Degree
    key: str
    values: Mapping[str, str] = field(default_factory=dict)
    who: str = AZURE_ADMIN
    said: str = ""

    def text(self, messages: Messages) -> str:
        """Return how it stands. Raises KeyError for a key or a value of another version's."""
        return self.said or messages.text(f"check.{self.key}", **self.values)

    def remedy(self, messages: Messages) -> str:
        """Return what to do; empty where nobody has to do anything. Raises KeyError as `text` does."""
        return "" if self.degree in WELL else messages.text(f"remedy.{self.key}", **self.values)


@dataclass(frozen=True)
class Seen:
    """A finding, and when the Reconciler saw it."""

    finding: Finding
    at: datetime


@dataclass(frozen=True)
class Round:
    """What the Reconciler saw last: its findings, when each CRM was last swept, and its last rounds, newest first.

    `looked_at` is when it last looked at what changes seldom.
    """

    seen: tuple[Seen, ...] = ()
    swept: Mapping[str, datetime] = field(default_factory=dict)
    rounds: tuple[datetime, ...] = ()
    looked_at: datetime | None = None


def tellable(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that this version has the words for: another one may have kept them."""
    return [each for each in findings if _can_be_told(each)]


def _can_be_told(finding: Finding) -> bool:
    try:
        finding.text(Messages())
        finding.remedy(Messages())
    except KeyError:
        return False
    return True


def _dump(kept: Round) -> object:
    return {
        "seen": [
            [each.at.isoformat(), finding.subject, finding.degree, finding.key, dict(finding.values), finding.who]
            for each in kept.seen
            for finding in [each.finding]
        ],
        "swept": {crm: at.isoformat() for crm, at in kept.swept.items()},
        "rounds": [at.isoformat() for at in kept.rounds],
        "looked_at": kept.looked_at.isoformat() if kept.looked_at else None,
    }


def _load(stored: object) -> Round:
    assert isinstance(stored, dict)  # noqa: S101 - written by `_dump`
    seen = [
        Seen(Finding(subject, Degree(degree), key, values, who), datetime.fromisoformat(at))
        for at, subject, degree, key, values, who in stored["seen"]
        if degree in set(Degree)
    ]
    looked_at = stored["looked_at"]
    return Round(
        tuple(each for each in seen if tellable([each.finding])),
        {crm: datetime.fromisoformat(at) for crm, at in stored["swept"].items()},
        tuple(map(datetime.fromisoformat, stored["rounds"])),
        datetime.fromisoformat(looked_at) if looked_at else None,
    )


LAST_ROUND: Drawer[Round] = document("round", "last", Round(), _dump, _load)
