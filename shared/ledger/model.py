"""What the app remembers of a deal besides its link: the audit, an unfinished intent, and what is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.deal import RecordKey
from shared.problems import Problem


@dataclass(frozen=True)
class AuditEntry:
    """One thing that happened to one deal.

    `id` is derived from the deal and the plan, so that a repeated commit is the same row. `changes` holds field,
    old and new value as text.
    """

    id: str
    at: datetime
    direction: str
    text: str
    changes: tuple[tuple[str, str, str], ...] = ()
    correlation_id: str = ""
    mapping_version: str = ""


@dataclass(frozen=True)
class Intent:
    """The intention to create a referral for a record, written down before the first POST.

    `since` is when it was first intended; `started_at` when the worker that holds it began. `referral_id` is our own
    half of the deal, once it is known to exist.
    """

    record: RecordKey
    since: datetime
    started_at: datetime
    owner: str
    referral_id: str | None = None
    unknown_since: datetime | None = None
    """When a POST was sent and never answered: none is sent until Partner Center's lists are certain to show it."""
    posted: Mapping[str, str] = field(default_factory=dict)
    """Marks of the values that the POST sends, by field: which side was edited since an interrupted creation."""
    etag: str | None = None


class DueKind(StrEnum):
    """Why a deal is on the agenda."""

    PARKED = "parked"
    """It could not be handled and is tried again."""
    UNDO = "undo"
    """It is about to be closed in Partner Center, for good."""
    HELD = "held"
    """It is part of a mass change that a person has to release."""
    DEADLINE = "deadline"
    """A person has to do something by a certain day (shared.deadline), and is reminded."""
    MICROSOFT = "microsoft"
    """Microsoft's half is to be looked at, since no event need tell of it."""


@dataclass(frozen=True)
class Due:
    """A deal that waits: for what, since when, until when, and the message that has it looked at again.

    `key` is the deal's key: the referral id, or the record's key while there is none. A parked deal says why it waits:
    the error's `family`, its `reason` in words, its `problems` when a person must act, and the number of `attempts`. A
    deadline says its kind as `reason`, and `until` when; `at` is the next reminder.
    """

    kind: DueKind
    key: str
    at: datetime
    since: datetime
    message: str
    family: str = ""
    reason: str = ""
    problems: tuple[Problem, ...] = ()
    attempts: int = 0
    record_version: str | None = None
    """The record's version after the failure was written on it: that change is our own echo.

    Empty when the version is not known; None when the record could not show the failure.
    """
    until: datetime | None = None
    beside: str = ""
    """The id of the opportunity whose account, contact or owner a person must put right; empty for anything else."""
    mark: str = ""
    """How the rows beside that opportunity were last seen (crm.port: `beside`); empty before they were."""
    etag: str | None = None
