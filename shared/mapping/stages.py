"""Where a referral says that the deal stands."""

from __future__ import annotations

from shared.lifecycle import Stage, referral_stage
from shared.mapping.rows import Document
from shared.referral_kind import invited_by, kind_of


def stage_of(body: Document) -> Stage:
    """Return the stage of a referral's JSON; an invitation is one that another organization sent us, or a lead."""
    inviter = invited_by(body)
    invited = (bool(inviter) and inviter != body.get("organizationId")) or kind_of(body).is_lead
    return referral_stage(_text(body.get("status")), _text(body.get("substatus")), invited=invited)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
