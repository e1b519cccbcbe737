"""What has to be done by a certain day, and when people are reminded of it. Pure.

Sources: an invitation that nobody answers within 14 days expires (connectors FAQ; `expirationDateTime` of
referral-resources). A win is registered within 60 days; it has at least USD 25,000, and comes no sooner than 72 hours
after the referral was created (register-deals).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from shared.deal_registration import read_registration
from shared.lifecycle import Stage

INVITATION = timedelta(days=14)
"""How long an invitation waits when Partner Center does not say until when."""

SETTLED_FOR = timedelta(hours=72)
"""How old a referral must be when it is won, for the win to be registered."""

LEAST_VALUE = Decimal(25_000)
"""The least value of a win that can be registered, in USD."""

DAILY = timedelta(days=1)


class DeadlineKind(StrEnum):
    """What has to be done."""

    DECIDE = "decide"
    """Accept or decline the invitation."""
    REGISTER = "register"
    """Register the deal that was won."""


@dataclass(frozen=True)
class Deadline:
    """Until when something is to be done, and when people are reminded of it next."""

    kind: DeadlineKind
    until: datetime
    remind_at: datetime


@dataclass(frozen=True)
class Reminders:
    """How many days before a deadline people are reminded; how long a win may wait, and zero when nobody registers.

    A win is not asked to be registered within `settled_for` of its referral's creation, or below `least_value` USD.
    """

    days: tuple[int, ...] = (7, 3, 1)
    registration: timedelta = timedelta(days=60)
    settled_for: timedelta = SETTLED_FOR
    least_value: Decimal = LEAST_VALUE

    def next(self, until: datetime, now: datetime) -> datetime:
        """Return when people are reminded next; once it is over the deal is looked at every day."""
        moments = [until - timedelta(days=days) for days in self.days]
        later = [each for each in (*moments, until) if each > now]
        return min(later, default=now + DAILY)

    def presses(self, until: datetime, now: datetime) -> bool:
        """Whether the time of reminders has begun."""
        return now >= until - timedelta(days=max(self.days, default=0))


def decide_by(referral: Mapping[str, object]) -> datetime | None:
    """Return until when an invitation can be answered; None when the row tells neither that nor its age."""
    if until := _moment(referral.get("expirationDateTime")):
        return until
    created = created_at(referral)
    return created + INVITATION if created else None


def created_at(referral: Mapping[str, object] | None) -> datetime | None:
    """Return when a referral was created, by Partner Center's clock."""
    return _moment((referral or {}).get("createdDateTime"))


def deadline_of(
    held: Deadline | None,
    stage: Stage,
    referral: Mapping[str, object] | None,
    now: datetime,
    reminders: Reminders,
    *,
    was: Stage | None = None,
) -> Deadline | None:
    """Return what a deal of ours has to be looked at for by a certain day; None when nothing presses.

    `referral` is the row as it is now, None when it was not read: then what is `held` stays true as long as the stage
    does. `was` is the stage before; None for a deal that was met only now, whose win is history.
    """
    if stage is Stage.ON_HOLD:
        kind, until = DeadlineKind.DECIDE, _until(held, DeadlineKind.DECIDE)
        until = decide_by(referral) or until if referral is not None else until
    elif stage is Stage.WON:
        kind, until = DeadlineKind.REGISTER, _until(held, DeadlineKind.REGISTER)
        if until is None and was not in (None, Stage.WON) and reminders.registration:
            until = now + reminders.registration if can_be_registered(referral, now, reminders) else None
        if referral is not None and is_registered(referral):
            until = None
    else:
        return None
    return Deadline(kind, until, reminders.next(until, now)) if until else None


def can_be_registered(referral: Mapping[str, object] | None, now: datetime, reminders: Reminders) -> bool:
    """Whether a win may be registered, as far as its row tells: shared, old enough, and of enough value.

    A value in another currency than USD is not converted: a person knows better than a rate of ours.
    """
    if referral is None:
        return False
    created = created_at(referral)
    details = referral.get("details")
    details = details if isinstance(details, Mapping) else {}
    small = details.get("currency") == "USD" and _amount(details.get("dealValue")) < reminders.least_value
    young = created is not None and now - created < reminders.settled_for
    return referral.get("type") == "Shared" and not (small or young)


def is_registered(referral: Mapping[str, object]) -> bool:
    """Whether somebody has registered the deal."""
    return read_registration(referral) is not None


def _until(held: Deadline | None, kind: DeadlineKind) -> datetime | None:
    return held.until if held and held.kind is kind else None


def _moment(value: object) -> datetime | None:
    """Read one of Partner Center's timestamps; what cannot be read is no deadline."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _amount(value: object) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)
