"""A record's new owner takes the first one's place on our team of the referral.

Partner Center takes the list as a whole: everybody whom we did not put there stays as he is (referrals API: replace
/team). Whom we put there is known by a mark of the mail address.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from shared.decide.deal import Deal, ReferralSeen
from shared.decide.decisions import FollowOwner
from shared.errors import DataError, VersionMismatch
from shared.ledger import audit
from shared.partner_center.new_referral import lacking, our_member
from shared.sync.outcome import Outcome
from shared.sync.perform.agree import reach
from shared.sync.perform.written import Written
from shared.sync.task import Task


def follow_owner(task: Task, deal: Deal, decision: FollowOwner, written: Written) -> Outcome:
    """Write the team, then bring the rest into agreement.

    An owner whom Partner Center would not take, or does not, holds nothing up: the audit says so. Raises StaleError
    when the referral changed since it was observed, and the families.
    """
    link, owner = decision.agree.link, decision.agree.record.owner
    person = task.records.person(owner)
    wanted = our_member(task.field_map, person) if person else {}
    referral, text, own = decision.agree.referral, "", ""
    if not wanted:
        text = task.choices.messages.text("team.nobody")
    elif parts := lacking(task.field_map, wanted):
        text = task.choices.messages.text("team.lacking", parts=parts)
    else:
        referral, text, own = _written(task, decision, wanted)
    entry = audit.entry(task.stamp(), link.referral_id, audit.TO_PARTNER_CENTER, text)
    task.audit.add(link.referral_id, entry)
    written.shown = True  # The record's Audit column shows it, whatever else there is to write.
    link = replace(
        link,
        owner=owner,
        owner_mark=own or link.owner_mark,
        referral_changed_at=referral.changed_at or link.referral_changed_at,
        recent_audit=audit.extended(link.recent_audit, [entry]),
    )
    return reach(task, deal, replace(decision.agree, link=link, referral=referral), written)


def _written(task: Task, decision: FollowOwner, wanted: Mapping[str, object]) -> tuple[ReferralSeen, str, str]:
    """Write the team; returns the referral as it is then, what was done, and the new member's mark."""
    messages, seen = task.choices.messages, decision.agree.referral
    body = seen.body
    if body is None:
        now = task.partner_center.read(seen.id)
        if now.version != seen.version:
            raise VersionMismatch("the referral changed in Partner Center")
        body = now.body
    held = body.get("team")
    team = [each for each in held if isinstance(each, Mapping)] if isinstance(held, list) else []
    own = mark(wanted["email"])
    left = decision.agree.link.owner_mark
    kept = [each for each in team if mark(each.get("email")) not in (left, own)]
    same = next((each for each in team if mark(each.get("email")) == own), {})
    value = [{**same, **wanted}, *kept]
    try:
        answer = task.partner_center.update(
            seen.id, [{"op": "replace", "path": "/team", "value": value}], str(seen.version)
        )
    except DataError as error:
        return seen, messages.text("team.refused", problem=str(error)), ""
    text = messages.text("team.follows", member=str(wanted["email"]))
    return replace(seen, version=answer.version, changed_at=answer.changed_at, body=answer.body), text, own


def mark(mail: object) -> str:
    """Return a mark of a mail address; empty for none."""
    text = str(mail or "").strip().casefold()
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else ""
