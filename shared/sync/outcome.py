"""What was done with a deal."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What handling a message came to, for log lines and counts."""

    KNOWN = "known"
    """An echo, a duplicate, or a deal that rests: nothing was to be done."""
    AGREED = "agreed"
    AWAITS_UNDO = "awaits undo"
    LINKED = "linked"
    RECORD_CREATED = "record created"
    REFERRAL_CREATED = "referral created"
    IGNORED = "ignored"
    NOT_OURS = "not ours"
    PAUSED = "paused"
    UNLINKED = "unlinked"
    ORPHANED = "orphaned"
    REKEYED = "rekeyed"
    QUALIFIED = "qualified"
    COPY_REFUSED = "copy refused"
    COPY_RELEASED = "copy released"
    HELD_BACK = "held back"
    """A mass change waits for a person."""
    DRY_RUN = "dry run"
